/* SPDX-License-Identifier: BSD-2-Clause */
/* insert.c — `vpiv insert` and `vpiv eject`: where the entry `card` of a reader's directory leads.
 *
 * The card ejected last stays as the entry `ejected`: eject is one rename, and so is putting it back.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/cardfile.h"
#include "conf/settings.h"
#include "tools/insert.h"
#include "tools/plain.h"
#include "tools/notice.h"
#include "tools/system.h"

struct insert_options {
    unsigned reader;
};

static const struct option_row rows[] = {
    { "reader", 'r', OPTION_NUMBER, "N", offsetof(struct insert_options, reader), "number of the reader (0)",
      NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* struct reader — the directory of one reader, open. */
struct reader {
    unsigned number;
    char path[PATH_MAX];
    int fd;
};

static bool reader_path(struct cli *cli, const char *name, char path[PATH_MAX])
{
    if (snprintf(path, PATH_MAX, "%s/%s", cli->store.readers, name) < PATH_MAX)
        return true;
    cli_refuse(cli, "%s: the path is too long", cli->store.readers);
    return false;
}

static bool reader_open(struct cli *cli, unsigned number, struct reader *reader)
{
    char name[16];

    reader->number = number;
    reader->fd = -1;
    if (!cli_store(cli))
        return false;
    if (cli->store.readers[0] == '\0') {
        cli_refuse(cli, "there is no reader here: 'vpiv run' makes one, and the system's belong to --system");
        return false;
    }
    snprintf(name, sizeof name, "%u", number);
    if (!reader_path(cli, name, reader->path))
        return false;
    reader->fd = open(reader->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (reader->fd >= 0)
        return true;
    if (errno == ENOENT)
        cli_refuse(cli, "there is no reader %u: %s is missing", number, reader->path);
    else
        cli_refuse(cli, "reader %u: %s: %s", number, reader->path, strerror(errno));
    return false;
}

/* describe — the name of the card behind an entry of the reader. */
static void describe(const struct reader *reader, const char *entry, char name[NAME_MAX + 1])
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(reader->fd, entry, target, sizeof target - 1);

    if (n < 0)
        n = snprintf(target, sizeof target, "%s", entry);
    target[n] = '\0';
    store_card_name(target, name);
    plain_text(name);
}

static int store_failed(struct cli *cli, const struct reader *reader)
{
    return cli_refuse(cli, "reader %u: %s: %s", reader->number, reader->path, strerror(errno));
}

/* occupied — is there an entry `card`?  It need not lead anywhere. */
static bool occupied(const struct reader *reader)
{
    struct stat st;

    return fstatat(reader->fd, "card", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* same_file — do both names lead to one file? */
static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* in_other_reader — one card is in one reader: two drivers would count its tries against each other. */
static bool in_other_reader(struct cli *cli, const struct reader *reader, const char *path)
{
    DIR *dir = opendir(cli->store.readers);
    const struct dirent *d;
    bool found = false;

    while (dir != NULL && !found && (d = readdir(dir)) != NULL) {
        char entry[PATH_MAX + NAME_MAX + 8];
        char *end;
        unsigned long n = strtoul(d->d_name, &end, 10);

        if (end == d->d_name || *end != '\0' || n == reader->number)
            continue;
        snprintf(entry, sizeof entry, "%s/%s/card", cli->store.readers, d->d_name);
        found = same_file(entry, path);
        if (found)
            cli_refuse(cli, "%s is in reader %lu: 'vpiv eject -r %lu' first", path, n, n);
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

/* is_system — a reader under the built-in state directory: it refuses test cards. */
static bool is_system(const struct reader *reader)
{
    char path[PATH_MAX], top[PATH_MAX];
    size_t n;

    if (realpath(reader->path, path) == NULL || realpath(VPIV_STATEDIR, top) == NULL)
        return false;
    n = strlen(top);
    return strncmp(path, top, n) == 0 && path[n] == '/';
}

/* fits_name — pcscd reads a reader's name once: a card of another persona is met under the wrong one. */
static enum err fits_name(struct cli *cli, const struct reader *reader, const struct card *card,
                          struct why *why)
{
    struct settings settings;
    const struct persona *persona;
    char path[PATH_MAX + 16];
    enum err e;

    settings_default(&settings);
    snprintf(path, sizeof path, "%s/settings", reader->path);
    e = settings_read(path, &settings, why);
    if (e != ERR_NONE)
        return e;
    persona = persona_by_name(settings.persona);
    if (persona != NULL && strcmp(persona->reader, card->persona->reader) != 0)
        cli_warn(cli, "reader %u is called '%s', a card of persona %s is expected in '%s'", reader->number,
                 persona->reader, card->persona->name, card->persona->reader);
    return ERR_NONE;
}

/* fits — open the card as the reader will: with the host secret and the tries that the reader has. */
static bool fits(struct cli *cli, const struct reader *reader, const char *path)
{
    struct state *state = NULL;
    struct cardfile *file = NULL;
    struct card *card = NULL;
    struct why why = { "" };
    struct stat st;
    char directory[PATH_MAX + 16];
    enum err e;

    /* Without a link of its own a reader stands in the system's layout, STATE/readers/N. */
    snprintf(directory, sizeof directory, "%s/%s", reader->path,
             fstatat(reader->fd, "state", &st, AT_SYMLINK_NOFOLLOW) == 0 ? "state" : "../..");
    if (!secret_heap())
        return cli_refuse(cli, "there is no protected memory for secrets"), false;
    e = state_open(directory, false, false, NULL, &state, &why);
    if (e == ERR_NONE)
        e = cardfile_open(path, state, &file, &card, &why);
    if (e == ERR_NONE && card->test && is_system(reader))
        e = why_set(&why, ERR_SECURITY, "%s is a test card: a reader of the system refuses it", path);
    if (e == ERR_NONE)
        e = fits_name(cli, reader, card, &why);
    card_free(card);
    cardfile_close(file);
    state_close(state);
    if (e != ERR_NONE)
        cli_fail(cli, e, &why);
    return e == ERR_NONE;
}

/* keep_ejected — what is in the reader now becomes what was ejected last. */
static bool keep_ejected(const struct reader *reader)
{
    return renameat(reader->fd, "card", reader->fd, "ejected") == 0 || errno == ENOENT;
}

/* inserted — the entry is there, or not; a reader that was declared after pcscd had started is not known to it.
 * Of the system's pcscd that is known for sure, and said in any case: system_hint. */
static void inserted(struct cli *cli, const struct reader *reader, struct notice *notice, bool done)
{
    if (!notice_end(notice, done) && done && !(cli->store.system && system_pcscd() == PCSCD_STALE))
        cli_warn(cli, "pcscd has not noticed it within a second: reader %u may be newer than pcscd, which has to be "
                 "restarted then", reader->number);
}

/* put_link — the link is whole before it has the name that the driver looks at. */
static int put_link(struct cli *cli, const struct reader *reader, const char *path)
{
    char temporary[32];

    snprintf(temporary, sizeof temporary, ".card.%ld", (long)getpid());
    if (symlinkat(path, reader->fd, temporary) != 0)
        return store_failed(cli, reader);
    if (!keep_ejected(reader) || renameat(reader->fd, temporary, reader->fd, "card") != 0) {
        store_failed(cli, reader);
        unlinkat(reader->fd, temporary, 0);
        return cli->status;
    }
    return CLI_DONE;
}

/* put — the link, and then no earlier than programs see the card. */
static int put(struct cli *cli, const struct reader *reader, const char *path)
{
    struct notice *notice = notice_begin(true);
    int status = put_link(cli, reader, path);

    inserted(cli, reader, notice, status == CLI_DONE);
    return status;
}

static int insert_named(struct cli *cli, const struct reader *reader, const char *name)
{
    char path[PATH_MAX], real[PATH_MAX], now[PATH_MAX + 16];
    struct why why = { "" };
    enum err e = store_card_path(&cli->store, name, path, &why);

    if (e != ERR_NONE)
        return cli_fail(cli, e, &why);
    if (realpath(path, real) == NULL)
        return cli_refuse(cli, "%s: %s", path, errno == ENOENT ? "there is no such card" : strerror(errno));
    snprintf(now, sizeof now, "%s/card", reader->path);
    if (same_file(now, real))
        return CLI_DONE; /* it is in there already */
    if (in_other_reader(cli, reader, real) || !fits(cli, reader, real))
        return cli->status;
    return put(cli, reader, real);
}

static int insert_again(struct cli *cli, const struct reader *reader)
{
    char path[PATH_MAX + 16], real[PATH_MAX];
    struct notice *notice;
    struct stat st;
    bool done;

    if (occupied(reader))
        return cli_refuse(cli, "reader %u has a card in it already", reader->number);
    if (fstatat(reader->fd, "ejected", &st, AT_SYMLINK_NOFOLLOW) != 0)
        return cli_refuse(cli, "no card was ejected from reader %u: say which one to insert", reader->number);
    snprintf(path, sizeof path, "%s/ejected", reader->path);
    if (realpath(path, real) == NULL)
        return cli_refuse(cli, "the card ejected last from reader %u is gone: say which one to insert",
                          reader->number);
    if (in_other_reader(cli, reader, real) || !fits(cli, reader, real))
        return cli->status;
    notice = notice_begin(true);
    done = renameat(reader->fd, "ejected", reader->fd, "card") == 0;
    if (!done)
        store_failed(cli, reader);
    inserted(cli, reader, notice, done);
    return done ? CLI_DONE : cli->status;
}

bool insert_somewhere(struct cli *cli, const char *path, unsigned *number)
{
    char real[PATH_MAX], name[16];
    struct reader reader;
    struct stat st;
    bool done = false, go_on = cli->store.readers[0] != '\0' && realpath(path, real) != NULL;

    for (*number = 0; go_on && !done; *number += !done) {
        snprintf(name, sizeof name, "%u", *number);
        go_on = reader_path(cli, name, reader.path) && stat(reader.path, &st) == 0 &&
                reader_open(cli, *number, &reader);
        if (!go_on)
            break;
        if (!occupied(&reader)) {
            go_on = !in_other_reader(cli, &reader, real) && fits(cli, &reader, real);
            done = go_on && put(cli, &reader, real) == CLI_DONE;
        }
        close(reader.fd);
    }
    if (done && cli->store.system)
        system_hint(cli);
    return done;
}

int verb_insert(struct cli *cli, int argc, char **argv)
{
    struct insert_options options = { 0 };
    struct reader reader;
    char name[NAME_MAX + 1];
    int status;

    if (!cli_options(cli, rows, &options, &argc, &argv) || !reader_open(cli, options.reader, &reader))
        return cli->status;
    status = argc > 0 ? insert_named(cli, &reader, argv[0]) : insert_again(cli, &reader);
    if (status == CLI_DONE) {
        describe(&reader, "card", name);
        printf("%s is in reader %u\n", name, reader.number);
        if (cli->store.system)
            system_hint(cli);
    }
    close(reader.fd);
    return status;
}

static int eject(struct cli *cli, const struct reader *reader)
{
    char name[NAME_MAX + 1];
    struct notice *notice;
    bool done;

    if (!occupied(reader))
        return cli_refuse(cli, "there is no card in reader %u", reader->number);
    describe(reader, "card", name);
    notice = notice_begin(false);
    done = renameat(reader->fd, "card", reader->fd, "ejected") == 0;
    if (!done)
        store_failed(cli, reader);
    (void)notice_end(notice, done);
    if (done)
        printf("%s is out of reader %u\n", name, reader->number);
    return cli->status;
}

int verb_eject(struct cli *cli, int argc, char **argv)
{
    struct insert_options options = { 0 };
    struct reader reader;
    int status;

    if (!cli_options(cli, rows, &options, &argc, &argv) || !reader_open(cli, options.reader, &reader))
        return cli->status;
    status = eject(cli, &reader);
    close(reader.fd);
    return status;
}
