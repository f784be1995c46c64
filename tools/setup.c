/* SPDX-License-Identifier: BSD-2-Clause */
/* setup.c — `vpiv setup`: group, directories, host secret and pcscd's configuration of the system's readers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"
#include "tools/pick.h"
#include "tools/system.h"

enum { READERS_DECLARED_MAX = 255 };

struct setup_options {
    unsigned readers;
    bool restart, remove;
};

static const struct option_row rows[] = {
    { "readers", 'n', OPTION_NUMBER, "N", offsetof(struct setup_options, readers),
      "have at least so many readers (1, or those that are there)", NULL },
    { "restart", 0, OPTION_FLAG, NULL, offsetof(struct setup_options, restart), "restart pcscd where it must be",
      NULL },
    { "remove", 0, OPTION_FLAG, NULL, offsetof(struct setup_options, remove),
      "take the readers away from pcscd; cards stay", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

static bool failed(struct cli *cli, const char *path)
{
    cli_refuse(cli, "%s: %s%s", path, strerror(errno), geteuid() == 0 ? "" : " (setup is for root)");
    return false;
}

/* ---- Group and directories ---- */

/* make_group — of the machine, for its own store alone: another prefix is not worth a group. */
static bool make_group(struct cli *cli)
{
    char groupadd[] = "groupadd", system[] = "--system", vpiv[] = "vpiv";
    char *const argv[] = { groupadd, system, vpiv, NULL };

    if (group_vpiv() != (gid_t)FILE_NO_GROUP || strcmp(VPIV_STATEDIR, "/var/lib/vpiv") != 0)
        return true;
    if (!system_run(cli, argv))
        return false;
    printf("group vpiv: made; who is in it may manage the system's cards\n");
    return true;
}

static bool make_one(struct cli *cli, const char *path)
{
    struct why why = { "" };
    struct stat st;
    bool new = stat(path, &st) != 0;
    enum err e = make_directories(path, true, &why);

    if (e != ERR_NONE)
        return cli_fail(cli, e, &why), false;
    if (new)
        printf("%s: made\n", path);
    return true;
}

/* make_reader — its directory, from where the host secret is two up; DESIGN.md 2. */
static bool make_reader(struct cli *cli, unsigned number)
{
    char path[PATH_MAX];

    if (!reader_entry(&cli->store, number, "", path) || !make_one(cli, path))
        return cli->status == CLI_DONE ? failed(cli, cli->store.readers) : false;
    if (!reader_entry(&cli->store, number, "state", path))
        return failed(cli, cli->store.readers);
    return symlink("../..", path) == 0 || errno == EEXIST || failed(cli, path);
}

static bool make_store(struct cli *cli, unsigned readers)
{
    static const char tries[] = VPIV_STATEDIR "/tries";

    if (!make_one(cli, VPIV_STATEDIR) || !make_one(cli, cli->store.cards) || !make_one(cli, tries) ||
        !make_one(cli, cli->store.readers) || !cli_state(cli, true))
        return false;
    for (unsigned i = 0; i < readers; i++)
        if (!make_reader(cli, i))
            return false;
    return true;
}

/* ---- pcscd's configuration ---- */

/* fits_parser — pcscd's configuration takes these characters and no others, quoted or not (configfile.l). */
static bool fits_parser(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789=/-._@:";

    return path[strspn(path, plain)] == '\0';
}

static const char head[] =
    "# pcscd's configuration of the vpiv readers: see libifdvpiv(8).  'vpiv setup' adds readers to it.\n"
    "# This file must go before the library does: pcscd serves no reader at all while a LIBPATH is missing.\n"
    "# The colon stays at the end of DEVICENAME: without it pcscd would not start while the directory is missing.\n";

/* keep — copy what is declared, a library of ours by its path of today.  Who is declared is marked. */
static void keep(const struct cli *cli, FILE *old, FILE *new, bool declared[READERS_DECLARED_MAX])
{
    size_t n = strlen(cli->store.readers), room = 0;
    char *line = NULL;

    while (getline(&line, &room, old) > 0) {
        char value[PATH_MAX];
        unsigned number;
        bool ours = sscanf(line, " LIBPATH %4095s", value) == 1 && strstr(value, "/libifdvpiv.so") != NULL;

        if (sscanf(line, " DEVICENAME %4095s", value) == 1 && strncmp(value, cli->store.readers, n) == 0 &&
            sscanf(value + n, "/%u:", &number) == 1 && number < READERS_DECLARED_MAX)
            declared[number] = true;
        if (ours)
            fprintf(new, "LIBPATH %s\n", VPIV_DRIVER);
        else
            fputs(line, new);
    }
    free(line);
}

/* replace — pcscd reads every file there but those whose name begins with a dot, so it never sees half of one. */
static bool replace(struct cli *cli, const char *text, size_t n)
{
    static const char directory[] = VPIV_SYSCONFDIR "/reader.conf.d";
    char name[NAME_MAX + 1];
    int dir, fd = -1;
    bool done;

    if (mkdir(directory, 0755) != 0 && errno != EEXIST)
        return failed(cli, directory);
    dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return failed(cli, directory);
    done = file_temporary(dir, "vpiv", name, &fd) == ERR_NONE;
    if (done) {
        done = file_write(fd, in_of(text, n)) == ERR_NONE && fchmod(fd, 0644) == 0 && fsync(fd) == 0 &&
               renameat(dir, name, dir, "vpiv") == 0;
        if (!done)
            unlinkat(dir, name, 0);
        close(fd);
    }
    close(dir);
    return done || failed(cli, SYSTEM_READER_CONF);
}

static bool same_text(const char *path, const char *text, size_t n)
{
    FILE *f = fopen(path, "re");
    char *old = malloc(n + 1);
    bool same = f != NULL && old != NULL && fread(old, 1, n + 1, f) == n && memcmp(old, text, n) == 0;

    if (f != NULL)
        fclose(f);
    free(old);
    return same;
}

static bool declare(struct cli *cli, unsigned readers)
{
    bool declared[READERS_DECLARED_MAX] = { false }, done;
    char *text = NULL;
    size_t n = 0;
    FILE *old = fopen(SYSTEM_READER_CONF, "re"), *new = open_memstream(&text, &n);

    if (new == NULL)
        return cli_fail(cli, ERR_MEMORY, NULL), false;
    if (old != NULL)
        keep(cli, old, new, declared);
    else
        fputs(head, new);
    for (unsigned i = 0; i < readers; i++) {
        if (declared[i])
            continue;
        fprintf(new, "\nFRIENDLYNAME \"vpiv\"\nDEVICENAME %s/%u:\nLIBPATH %s\n", cli->store.readers, i, VPIV_DRIVER);
        printf("reader %u: declared in %s\n", i, SYSTEM_READER_CONF);
    }
    if (old != NULL)
        fclose(old);
    done = fclose(new) == 0 || (cli_fail(cli, ERR_MEMORY, NULL), false);
    if (done && !same_text(SYSTEM_READER_CONF, text, n))
        done = replace(cli, text, n);
    free(text);
    return done;
}

static int take_away(struct cli *cli)
{
    if (unlink(SYSTEM_READER_CONF) == 0)
        printf("%s: removed\n", SYSTEM_READER_CONF);
    else if (errno != ENOENT)
        return failed(cli, SYSTEM_READER_CONF), cli->status;
    printf("cards stay in %s\n", cli->store.cards);
    return CLI_DONE;
}

/* ---- pcscd ---- */

static int see_pcscd(struct cli *cli, bool restart)
{
    switch (system_pcscd()) {
    case PCSCD_NONE:
        printf("pcscd does not run; it will see all of it when it starts\n");
        return CLI_DONE;
    case PCSCD_CURRENT:
        printf("pcscd knows all of it\n");
        return CLI_DONE;
    case PCSCD_STALE:
        break;
    }
    if (!restart) {
        printf("pcscd must be restarted, for it reads its readers once: '%s setup --restart'\n", cli->program);
        return CLI_DONE;
    }
    if (!system_restart(cli))
        return cli->status;
    if (system_pcscd() == PCSCD_STALE)
        return cli_refuse(cli, "pcscd has been told to restart and has not");
    printf("pcscd: restarted\n");
    return CLI_DONE;
}

int verb_setup(struct cli *cli, int argc, char **argv)
{
    struct setup_options options = { .readers = 1 };

    if (!cli_options(cli, rows, &options, &argc, &argv))
        return cli->status;
    cli->where = WHERE_SYSTEM;
    if (!cli_store(cli))
        return cli->status;
    if (options.remove)
        return take_away(cli);
    if (options.readers < 1 || options.readers > READERS_DECLARED_MAX)
        return cli_usage(cli, "--readers: 1 to %d", READERS_DECLARED_MAX);
    if (!fits_parser(cli->store.readers) || !fits_parser(VPIV_DRIVER))
        return cli_refuse(cli, "%s, %s: pcscd's configuration cannot hold such a path", cli->store.readers,
                          VPIV_DRIVER);
    if (access(VPIV_DRIVER, F_OK) != 0)
        return failed(cli, VPIV_DRIVER), cli->status;
    umask(022);
    if (!make_group(cli) || !make_store(cli, options.readers) || !declare(cli, options.readers))
        return cli->status;
    return see_pcscd(cli, options.restart);
}
