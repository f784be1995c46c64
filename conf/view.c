/* SPDX-License-Identifier: BSD-2-Clause */
/* view.c — a watch on the record's directory, and what was read since its last event. */
#include "conf/view.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "conf/file.h"

void view_open(struct tries_view *view, int *events)
{
    *view = (struct tries_view){ .events = events, .wd = -1 };
}

void view_close(struct tries_view *view)
{
    if (view->wd >= 0)
        (void)inotify_rm_watch(*view->events, view->wd); /* it may be gone already */
    view_open(view, NULL);
}

/* What it was does not matter: any event means to read again.  Anything but "none there" counts as one. */
static bool is_quiet(const struct tries_view *view)
{
    _Alignas(struct inotify_event) char buffer[4096];

    return read(*view->events, buffer, sizeof buffer) < 0 && errno == EAGAIN;
}

/* The directory of this name now; the one before may have been removed or exchanged. */
static bool follow(struct tries_view *view, struct state *state, const uint8_t guid[16])
{
    static const uint32_t changes = IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
                                    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    char path[sizeof "/proc/self/fd/" + 3 * sizeof(int)];
    int before = view->wd, fd;

    if (view->events == NULL || tries_directory(state, guid, &fd) != ERR_NONE)
        return false;
    if (*view->events < 0)
        *view->events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    view->wd = file_is_silent(path) ? -1 : inotify_add_watch(*view->events, path, changes);
    close(fd);
    if (before >= 0 && before != view->wd)
        (void)inotify_rm_watch(*view->events, before);
    return view->wd >= 0;
}

enum err view_read(struct tries_view *view, struct state *state, const uint8_t guid[16], struct tries_memory *memory,
                   struct tries *tries)
{
    bool followed;
    enum err e;

    if (view->known && is_quiet(view)) {
        *tries = view->tries;
        return ERR_NONE;
    }
    /* First the watch, then the look: a change that comes in between is told of. */
    followed = follow(view, state, guid);
    e = tries_peek(state, guid, memory, tries);
    view->known = followed && e == ERR_NONE;
    view->tries = *tries;
    return e;
}
