/* SPDX-License-Identifier: BSD-2-Clause */
/* watch.c — inotify on two directories, an eventfd to be stopped by, and poll. */
#include "driver/watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "conf/file.h"
#include "driver/log.h"

/* A file replaced by rename has another inode, so only a watch on its directory lives on.  IN_ATTRIB:
 * somebody gave a refused card the owner or mode that it needs. */
#define ENTRY_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_ATTRIB)
#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

/* struct place — one directory.  While it is missing its nearest ancestor is watched for the part that is. */
struct place {
    char directory[PATH_MAX]; /* "" = not in use */
    char name[NAME_MAX + 1];  /* the entry that matters */
    char awaited[NAME_MAX + 1]; /* the part that is missing, or "" when the directory itself is watched */
    int wd;                   /* -1 = none */
    bool any;                 /* every entry matters */
};

enum { PLACE_READER, PLACE_CARD, PLACE_COUNT };

struct watch {
    struct place places[PLACE_COUNT];
    int events;               /* inotify, -1 = the kernel has none for us */
    int wake;                 /* eventfd, -1 likewise */
    atomic_bool stop;         /* sticky, and right without an eventfd too */
    bool blind;               /* a place whose changes we are not told of */
    bool told;                /* and that has been logged */
};

uint64_t watch_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct watch *watch_new(const char *directory, const char *name)
{
    struct watch *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    struct place *reader = &w->places[PLACE_READER];
    strncpy(reader->directory, directory, sizeof reader->directory - 1);
    strncpy(reader->name, name, sizeof reader->name - 1);
    reader->any = true;
    reader->wd = w->places[PLACE_CARD].wd = -1;
    w->events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return w;
}

void watch_free(struct watch *w)
{
    if (w == NULL)
        return;
    if (w->events >= 0)
        close(w->events);
    if (w->wake >= 0)
        close(w->wake);
    free(w);
}

/* parent_of — cut the last part off `path` and give it in `part`; false at the root. */
static bool parent_of(char path[PATH_MAX], char part[NAME_MAX + 1])
{
    char *slash = strrchr(path, '/');

    if (slash == NULL || slash[1] == '\0')
        return false;
    strncpy(part, slash + 1, NAME_MAX);
    part[NAME_MAX] = '\0';
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

/* place_add — watch the directory, or the nearest ancestor that there is.  False: no events from here. */
static bool place_add(struct watch *w, struct place *p)
{
    char path[PATH_MAX];

    memcpy(path, p->directory, sizeof path);
    p->awaited[0] = '\0';
    do {
        /* The same directory again keeps its number; so both places may well have the same one. */
        p->wd = inotify_add_watch(w->events, path, ENTRY_EVENTS | SELF_EVENTS | IN_ONLYDIR);
        if (p->wd >= 0)
            return !file_is_silent(path);
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES && errno != ELOOP && errno != ENAMETOOLONG)
            return false;
    } while (parent_of(path, p->awaited));
    return false;
}

/* place_arm — as place_add, and again when the missing part came between the look and the watch. */
static bool place_arm(struct watch *w, struct place *p)
{
    char found[NAME_MAX + 1];
    int before = p->wd;
    bool ok = place_add(w, p);

    while (ok && p->awaited[0] != '\0') {
        memcpy(found, p->awaited, sizeof found);
        ok = place_add(w, p);
        if (strcmp(found, p->awaited) == 0)
            break;
    }
    const struct place *other = &w->places[p == &w->places[PLACE_READER] ? PLACE_CARD : PLACE_READER];
    if (before >= 0 && before != p->wd && before != other->wd)
        (void)inotify_rm_watch(w->events, before); /* it may be gone already */
    return ok;
}

void watch_follow(struct watch *w, const char *path)
{
    struct place *card = &w->places[PLACE_CARD];
    bool seeing = w->events >= 0;

    card->directory[0] = '\0';
    if (path != NULL && strlen(path) < sizeof card->directory) {
        strcpy(card->directory, path);
        if (!parent_of(card->directory, card->name))
            card->directory[0] = '\0';
    }
    if (seeing && card->directory[0] == '\0' && card->wd >= 0) {
        if (card->wd != w->places[PLACE_READER].wd)
            (void)inotify_rm_watch(w->events, card->wd);
        card->wd = -1;
    }
    for (size_t i = 0; i < PLACE_COUNT && w->events >= 0; i++)
        if (w->places[i].directory[0] != '\0' && !place_arm(w, &w->places[i]))
            seeing = false;
    w->blind = !seeing;
    if (w->blind && !w->told) {
        log_line(LEVEL_INFO, "%s: no file events to be had here, looking each %d ms",
                 w->places[PLACE_READER].directory, WATCH_BLIND_MS);
        w->told = true;
    }
}

/* judge — what one event means to one place. */
static enum watch_event judge(const struct watch *w, const struct place *p, const struct inotify_event *event,
                              const char *name)
{
    /* Our own commit is a rename onto the card file's name: IN_MOVED_TO and nothing else, and the card's
     * stamp decides.  A link is never ours: every change of it is a hand. */
    bool hand = p == &w->places[PLACE_READER] && w->places[PLACE_CARD].directory[0] != '\0';
    uint32_t replaced = IN_CREATE | IN_DELETE | IN_MOVED_FROM | (hand ? IN_MOVED_TO : 0);

    if (p->wd != event->wd)
        return WATCH_TIMEOUT;
    if (event->len == 0)
        return WATCH_LOOK; /* the directory itself */
    if (p->awaited[0] != '\0')
        return strcmp(name, p->awaited) == 0 ? WATCH_LOOK : WATCH_TIMEOUT;
    if (strcmp(name, p->name) != 0)
        return p->any ? WATCH_LOOK : WATCH_TIMEOUT;
    return event->mask & replaced ? WATCH_REPLACED : WATCH_LOOK;
}

enum watch_event watch_drain(struct watch *w)
{
    _Alignas(struct inotify_event) char buffer[4096];
    enum watch_event sum = WATCH_TIMEOUT;
    ssize_t n;

    if (w->events < 0)
        return WATCH_TIMEOUT;
    while ((n = read(w->events, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR)) {
        for (ssize_t at = 0; at < n;) {
            struct inotify_event event;
            memcpy(&event, buffer + at, sizeof event);
            const char *name = buffer + at + sizeof event;
            at += (ssize_t)(sizeof event + event.len);
            if (event.mask & IN_Q_OVERFLOW && sum < WATCH_LOOK)
                sum = WATCH_LOOK;
            for (size_t i = 0; i < PLACE_COUNT; i++) {
                enum watch_event e = judge(w, &w->places[i], &event, name);
                if (e > sum)
                    sum = e;
            }
        }
    }
    return sum;
}

int watch_descriptor(const struct watch *w)
{
    return w->blind ? -1 : w->events;
}

enum watch_event watch_wait(struct watch *w, uint64_t deadline)
{
    struct pollfd fds[] = { { .fd = w->wake, .events = POLLIN }, { .fd = w->events, .events = POLLIN } };
    uint64_t count;

    for (;;) {
        /* Emptied first, then the flag: a write that comes in between wakes poll once for nothing. */
        if (w->wake >= 0 && read(w->wake, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
            return WATCH_STOPPED;
        if (atomic_exchange(&w->stop, false))
            return WATCH_STOPPED;
        enum watch_event event = watch_drain(w);
        if (event != WATCH_TIMEOUT)
            return event;
        uint64_t now = watch_clock();
        if (now >= deadline)
            return WATCH_TIMEOUT;
        uint64_t left = deadline - now;
        bool slice = (w->blind || w->wake < 0) && left > WATCH_BLIND_MS;
        int ms = slice ? WATCH_BLIND_MS : left > INT_MAX ? INT_MAX : (int)left;
        int ready = poll(fds, 2, ms);
        if (ready == 0 && w->blind)
            return slice ? WATCH_LOOK : WATCH_TIMEOUT;
    }
}

void watch_stop(struct watch *w)
{
    const uint64_t one = 1;

    atomic_store(&w->stop, true);
    if (w->wake >= 0 && write(w->wake, &one, sizeof one) < 0)
        return; /* full: it is readable, which is all that matters */
}
