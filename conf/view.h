/* SPDX-License-Identifier: BSD-2-Clause */
/* view.h — the tries record for those who only look, and look often: not read again while the kernel tells of no
 * change in its directory.
 *
 * Nothing is compared on the strength of a view: a guess is spent under the lock, on what the files hold then.
 */
#ifndef VPIV_CONF_VIEW_H
#define VPIV_CONF_VIEW_H

#include "conf/tries.h"

struct tries_view {
    int *events;         /* inotify(7), its owner's to close: -1 until it is needed.  NULL: read each time */
    int wd;              /* the watch on the directory, -1 = none */
    bool known;          /* `tries` was read after the last change */
    struct tries tries;
};

/* view_open — without a look.  events: for one view at a time.  view_close — end the watch, and read each time. */
void view_open(struct tries_view *view, int *events);
void view_close(struct tries_view *view);

/* view_read — as tries_peek.  A change by anybody is seen from the moment on when his call returns: its event is
 * there by then.  (Not seen: a write through a mapping, and a directory above exchanged for another.) */
enum err view_read(struct tries_view *view, struct state *state, const uint8_t guid[16], struct tries_memory *memory,
                   struct tries *tries) MUST_CHECK;

#endif
