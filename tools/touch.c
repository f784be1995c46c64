/* SPDX-License-Identifier: BSD-2-Clause */
/* touch.c — `vpiv touch`: the finger on a reader, for an operation that waits for it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/touch.h"
#include "tools/pick.h"

struct touch_options {
    unsigned reader, wait;
};

static const struct option_row rows[] = {
    { "reader", 'r', OPTION_NUMBER, "N", offsetof(struct touch_options, reader), "number of the reader (0)", NULL },
    { "wait", 'w', OPTION_NUMBER, "SECONDS", offsetof(struct touch_options, wait),
      "how long to wait for an operation that wants it (0)", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

static bool find_reader(struct cli *cli, unsigned number, char directory[PATH_MAX])
{
    struct stat st;

    if (!cli_store(cli))
        return false;
    if (cli->store.readers[0] == '\0')
        cli_refuse(cli, "there is no reader here: 'vpiv run' makes one, and the system's belong to --system");
    else if (!reader_entry(&cli->store, number, "", directory))
        cli_refuse(cli, "%s: the path is too long", cli->store.readers);
    else if (stat(directory, &st) != 0)
        cli_refuse(cli, "reader %u: %s: %s", number, directory, strerror(errno));
    else
        return true;
    return false;
}

/* give — the touch, if somebody waits for one.  False: nobody does. */
static bool give(struct cli *cli, unsigned number, const char *directory)
{
    char key[TOUCH_KEY_MAX];
    bool felt;
    enum err e;

    if (!touch_asked(directory, key, &felt))
        return false;
    if (!felt) {
        cli_refuse(cli, "key %s waits in reader %u, which feels no touch: its settings say touch = \"never\"", key,
                   number);
        return true;
    }
    e = touch_give(directory);
    if (e == ERR_NONE)
        printf("key %s is touched\n", key);
    else if (e == ERR_STORE)
        cli_refuse(cli, "reader %u: %s: %s", number, directory, strerror(errno));
    return e != ERR_NOT_FOUND;
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* await — until something has come into the directory.  False: the time is over, or there are no events to be had. */
static bool await(int events, long deadline)
{
    struct pollfd p = { events, POLLIN, 0 };
    char buffer[4096];
    long left = deadline - now_ms();

    if (events < 0 || left <= 0 || poll(&p, 1, (int)left) <= 0)
        return false;
    return read(events, buffer, sizeof buffer) > 0;
}

int verb_touch(struct cli *cli, int argc, char **argv)
{
    struct touch_options options = { 0, 0 };
    char directory[PATH_MAX];
    int events = -1;

    if (!cli_options(cli, rows, &options, &argc, &argv) || !find_reader(cli, options.reader, directory))
        return cli->status;
    if (options.wait > 86400)
        return cli_usage(cli, "--wait: at most 86400 seconds, a day");
    long deadline = now_ms() + (long)options.wait * 1000;
    if (options.wait > 0) { /* before the first look, so that nothing comes in between */
        events = inotify_init1(IN_CLOEXEC);
        if (events < 0 || inotify_add_watch(events, directory, IN_MOVED_TO | IN_ONLYDIR) < 0)
            cli_warn(cli, "no file events for %s: %s", directory, strerror(errno));
    }
    bool done = give(cli, options.reader, directory);
    while (!done && await(events, deadline))
        done = give(cli, options.reader, directory);
    if (events >= 0)
        close(events);
    if (!done)
        cli_refuse(cli, "nothing in reader %u waits for a touch", options.reader);
    return cli->status;
}
