/* SPDX-License-Identifier: BSD-2-Clause */
/* fault.c — `vpiv fault`: a script of tricks into a reader, and out of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/faults.h"
#include "tools/pick.h"

enum { TEXT_MAX = 65536 };

struct fault_options {
    struct out text; /* of -e, row by row */
    unsigned reader;
    bool off, check;
};

static bool take_row(struct cli *cli, void *into, const char *value)
{
    struct fault_options *o = into;

    out_put(&o->text, in_of(o->text.n == 0 ? "faults = ( {" : ",\n{", o->text.n == 0 ? 12 : 3));
    out_put(&o->text, in_of(value, strlen(value)));
    out_u8(&o->text, '}');
    if (o->text.bad)
        cli_usage(cli, "-e: too long");
    return !o->text.bad;
}

#define AT(member) offsetof(struct fault_options, member)
static const struct option_row rows[] = {
    { "reader", 'r', OPTION_NUMBER, "N", AT(reader), "number of the reader (0)", NULL },
    { "row", 'e', OPTION_CALL, "ROW", 0, "a script of this row, 'ins = 0xCB; sw = 0x6581'; may stand several times",
      take_row },
    { "off", 0, OPTION_FLAG, NULL, AT(off), "no tricks any more", NULL },
    { "check", 0, OPTION_FLAG, NULL, AT(check), "say what is wrong with a script, and do nothing else", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* read_script — a file, or "-"; its text is put into `text`. */
static bool read_script(struct cli *cli, const char *name, struct out *text)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    char piece[4096];
    size_t n;

    if (f == NULL)
        return cli_refuse(cli, "%s: %s", name, strerror(errno)), false;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        out_put(text, in_of(piece, n));
    bool bad = ferror(f) != 0;
    if (f != stdin)
        fclose(f);
    if (bad || text->bad)
        return cli_refuse(cli, "%s: %s", name, bad ? strerror(errno) : "too large for a script"), false;
    return true;
}

static int open_reader(struct cli *cli, unsigned number)
{
    char path[PATH_MAX];
    int fd = -1;

    if (!cli_store(cli))
        return -1;
    if (cli->store.readers[0] != '\0' && reader_entry(&cli->store, number, "", path))
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        cli_refuse(cli, "there is no reader %u here: 'vpiv run' makes one", number);
    return fd;
}

static bool pause_over(int tick)
{
    enum { TICK_NS = 1000000, PATIENCE = 500 };
    const struct timespec pause = { 0, TICK_NS };

    return tick >= PATIENCE || nanosleep(&pause, NULL) != 0;
}

/* wait_played — until the driver plays this script, or plays it no more: it holds a shared lock on it meanwhile.  Half
 * a second at most: where no pcscd runs nobody does. */
static void wait_played(struct cli *cli, int script, bool played)
{
    for (int tick = 0;; tick++) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        if (fcntl(script, F_OFD_GETLK, &lock) != 0 || (lock.l_type != F_UNLCK) == played)
            return;
        if (pause_over(tick)) {
            cli_warn(cli, played ? "no pcscd plays it yet" : "pcscd plays it still");
            return;
        }
    }
}

/* put_script — whole before it has the name that the driver looks at. */
static bool put_script(struct cli *cli, int reader, const struct out *text)
{
    char temporary[32];
    int fd;

    snprintf(temporary, sizeof temporary, ".faults.%ld", (long)getpid());
    fd = openat(reader, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    bool ok = fd >= 0 && write(fd, text->p, text->n) == (ssize_t)text->n
        && renameat(reader, temporary, reader, "faults") == 0;
    if (ok) {
        wait_played(cli, fd, true);
    } else {
        cli_refuse(cli, "the reader takes no script: %s", strerror(errno));
        unlinkat(reader, temporary, 0);
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool take_script(struct cli *cli, int reader, unsigned number)
{
    int fd = openat(reader, "faults", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool ok = unlinkat(reader, "faults", 0) == 0 || errno == ENOENT;

    if (!ok)
        cli_refuse(cli, "reader %u: %s", number, strerror(errno));
    if (ok && fd >= 0)
        wait_played(cli, fd, false);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool change(struct cli *cli, const struct fault_options *o)
{
    int reader = open_reader(cli, o->reader);
    bool ok = reader >= 0 && (o->off ? take_script(cli, reader, o->reader) : put_script(cli, reader, &o->text));

    if (reader >= 0)
        close(reader);
    return ok;
}

int verb_fault(struct cli *cli, int argc, char **argv)
{
    static const char end[] = " );\n";
    struct fault_options o = { .reader = 0 };
    const char *name = "-e";
    struct faults faults;
    struct why why = { "" };
    uint8_t *room = malloc(TEXT_MAX + 1);
    bool ok = room != NULL || (cli_fail(cli, ERR_MEMORY, NULL), false);

    o.text = out_of(room, ok ? TEXT_MAX : 0);
    ok = ok && cli_options(cli, rows, &o, &argc, &argv);
    if (ok && (argc > 0) + (o.text.n > 0) + o.off != 1)
        ok = (cli_usage(cli, "one of SCRIPT, -e and --off"), false);
    if (ok && o.text.n > 0)
        out_put(&o.text, in_of(end, sizeof end - 1));
    if (ok && argc > 0) {
        name = argv[0];
        ok = read_script(cli, name, &o.text);
    }
    if (ok && !o.off) {
        room[o.text.n] = '\0';
        enum err e = faults_parse(name, (const char *)room, &faults, &why);
        ok = e == ERR_NONE || (cli_fail(cli, e, &why), false);
    }
    if (ok && !o.check)
        ok = change(cli, &o);
    free(room);
    return ok ? CLI_DONE : cli->status;
}
