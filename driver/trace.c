/* SPDX-License-Identifier: BSD-2-Clause */
/* trace.c — opens the entry `trace`, and writes its lines. */
#include "driver/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "applet/applet.h"
#include "driver/log.h"
#include "driver/mask.h"

#define HEADER "# vpiv-trace 1\n"

enum { WORDS = 256, ROOM = WORDS + 2 * (PIV_COMMAND_MAX + PIV_RESPONSE_MAX) };

struct trace {
    int fd;
    bool socket;
    dev_t dev; /* of the entry when it was opened */
    ino_t ino;
    char reader[16];
    bool wish;   /* the entry `unmask` is there, … */
    bool unmask; /* … and the card is a test card */
    struct mask mask;
    unsigned long lost;
    struct out line;
    uint8_t room[ROOM];
};

uint64_t trace_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- Opening ---- */

/* is_private — this process's own, and nobody else writes in it. */
static bool is_private(int directory)
{
    struct stat st;

    return fstat(directory, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 0022) == 0;
}

/* name_of — another name of an open file, which nobody can exchange for another meanwhile. */
static void name_of(int entry, char *name, size_t room)
{
    snprintf(name, room, "/proc/self/fd/%d", entry);
}

static int open_socket(int entry)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    name_of(entry, name.sun_path, sizeof name.sun_path);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&name, sizeof name) != 0) {
        close(fd);
        return -1; /* one that nobody serves any more, or not yet */
    }
    return fd;
}

/* is_trace — empty, or one already: a link may lead anywhere, to the card itself too. */
static bool is_trace(int fd)
{
    char head[sizeof HEADER - 1];
    ssize_t n = pread(fd, head, sizeof head, 0);

    return n == 0 || (n == (ssize_t)sizeof head && memcmp(head, HEADER, sizeof head) == 0);
}

static int open_file(int entry, bool private, const char *path)
{
    char name[32];
    int fd;

    if (!private) {
        log_line(LEVEL_ERROR, "reader %s: the entry `trace` must be a socket here: others may write in this directory",
                 path);
        return -1;
    }
    name_of(entry, name, sizeof name);
    fd = open(name, O_RDWR | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        log_line(LEVEL_ERROR, "reader %s: the entry `trace` cannot be written: %s", path, strerror(errno));
    } else if (!is_trace(fd)) {
        log_line(LEVEL_ERROR, "reader %s: the entry `trace` leads to a file that holds something else: nothing is "
                 "written to it", path);
        close(fd);
        fd = -1;
    }
    return fd;
}

static struct trace *begin(int entry, bool private, const char *path, const struct stat *st)
{
    bool is_socket = S_ISSOCK(st->st_mode);
    const char *slash = strrchr(path, '/');
    int fd = is_socket ? open_socket(entry) : S_ISREG(st->st_mode) ? open_file(entry, private, path) : -1;
    struct trace *t = fd < 0 ? NULL : calloc(1, sizeof *t);

    if (t == NULL) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    t->fd = fd;
    t->socket = is_socket;
    t->dev = st->st_dev;
    t->ino = st->st_ino;
    snprintf(t->reader, sizeof t->reader, "%.15s", slash != NULL && slash[1] != '\0' ? slash + 1 : "-");
    return t;
}

void trace_end(struct trace *t)
{
    if (t == NULL)
        return;
    close(t->fd);
    OPENSSL_cleanse(t, sizeof *t); /* an unmasked line may be left in it */
    free(t);
}

static bool write_line(struct trace *t, const void *line, size_t n)
{
    ssize_t done = t->socket ? send(t->fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(t->fd, line, n);

    return done == (ssize_t)n;
}

/* open_entry — the entry itself where others may put it there: a link of theirs could lead to a socket of root's. */
static int open_entry(int directory, bool private, struct stat *st)
{
    int fd = openat(directory, "trace", O_PATH | O_CLOEXEC | (private ? 0 : O_NOFOLLOW));

    if (fd >= 0 && fstat(fd, st) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

struct trace *trace_look(struct trace *t, const char *directory)
{
    int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool private = at >= 0 && is_private(at);
    struct stat st, other;
    int entry = at < 0 ? -1 : open_entry(at, private, &st);
    bool wish = entry >= 0 && fstatat(at, "unmask", &other, AT_SYMLINK_NOFOLLOW) == 0;

    if (t == NULL || entry < 0 || st.st_dev != t->dev || st.st_ino != t->ino || wish != t->wish) {
        t = entry >= 0 ? begin(entry, private, directory, &st) : NULL;
        if (t != NULL)
            t->wish = wish;
        if (t != NULL && (t->socket || st.st_size == 0) && !write_line(t, HEADER, strlen(HEADER)))
            t->lost++;
    }
    if (entry >= 0)
        close(entry);
    if (at >= 0)
        close(at);
    return t;
}

/* ---- Lines ---- */

static void put(struct out *line, const char *format, ...) PRINTF_LIKE(2, 3);
static void put(struct out *line, const char *format, ...)
{
    char words[WORDS];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    out_put(line, in_of(words, strlen(words)));
}

static struct out *start_line(struct trace *t, uint64_t time, const char *event)
{
    t->line = out_of(t->room, sizeof t->room);
    put(&t->line, "%llu.%06llu %s %s", (unsigned long long)(time / 1000000), (unsigned long long)(time % 1000000),
        t->reader, event);
    return &t->line;
}

/* end_line — what was lost before is told first. */
static void end_line(struct trace *t)
{
    char words[WORDS];
    uint64_t now = trace_clock();

    out_u8(&t->line, '\n');
    if (t->lost > 0) {
        int n = snprintf(words, sizeof words, "%llu.%06llu %s lost %lu\n", (unsigned long long)(now / 1000000),
                         (unsigned long long)(now % 1000000), t->reader, t->lost);
        if (n > 0 && write_line(t, words, (size_t)n))
            t->lost = 0;
    }
    if (t->line.bad || t->lost > 0 || !write_line(t, t->line.p, t->line.n))
        t->lost++;
}

void trace_card(struct trace *t, const struct card *card)
{
    if (t == NULL)
        return;
    t->mask = (struct mask){ .chained = false };
    t->unmask = card != NULL && card->test && t->wish;
    struct out *line = start_line(t, trace_clock(), card == NULL ? "none" : "card ");
    if (card != NULL) {
        put(line, "%s %s ", card->persona->name, card->test ? "test" : "own");
        mask_hex(in_of(card->guid, sizeof card->guid), line);
    }
    end_line(t);
}

void trace_power(struct trace *t, struct in atr)
{
    if (t == NULL)
        return;
    t->mask = (struct mask){ .chained = false };
    mask_hex(atr, start_line(t, trace_clock(), "power "));
    end_line(t);
}

void trace_off(struct trace *t)
{
    if (t == NULL)
        return;
    t->mask = (struct mask){ .chained = false };
    start_line(t, trace_clock(), "off");
    end_line(t);
}

void trace_apdu(struct trace *t, uint64_t began, struct in command, struct in answer)
{
    if (t == NULL)
        return;
    uint64_t now = trace_clock();
    struct out *line = start_line(t, began, "apdu ");
    put(line, "%llu ", (unsigned long long)(now > began ? now - began : 0));
    if (t->unmask)
        mask_nothing(command, answer, line);
    else
        mask_exchange(&t->mask, command, answer, line);
    end_line(t);
}

void trace_fault(struct trace *t, const char *words)
{
    if (t == NULL)
        return;
    put(start_line(t, trace_clock(), "fault "), "%s", words);
    end_line(t);
}
