/* SPDX-License-Identifier: BSD-2-Clause */
/* watch.h — wait for changes in a reader's directory and in the one its link leads to.
 *
 * It says where to look again, never what is there: the reader looks.  A directory that is missing is
 * waited for; where the kernel gives no events (limits, network file systems) the wait looks every
 * WATCH_BLIND_MS instead.
 */
#ifndef VPIV_DRIVER_WATCH_H
#define VPIV_DRIVER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "applet/err.h"

struct watch;

enum { WATCH_BLIND_MS = 250 };

enum watch_event {
    WATCH_TIMEOUT,  /* nothing happened */
    WATCH_LOOK,     /* look again: the state may be another */
    WATCH_REPLACED, /* one of the two entries went or came: another insertion, even if all looks the same */
    WATCH_STOPPED,
};

/* watch_new — for one directory and its entry `name`.  NULL: out of memory. */
struct watch *watch_new(const char *directory, const char *name) MUST_CHECK;
void watch_free(struct watch *watch);

/* watch_follow — watch the directory of this path and its last part too; NULL = the entry leads nowhere
 * else. Every call renews both watches, so that a directory made or replaced meanwhile is seen; look after
 * it, not before. */
void watch_follow(struct watch *watch, const char *path);

/* watch_drain — what has happened up to now, without waiting: never WATCH_STOPPED. */
enum watch_event watch_drain(struct watch *watch);

/* watch_descriptor — readable when there is something to drain, for who waits for other things too.  -1: no events are
 * to be had; look every WATCH_BLIND_MS. */
int watch_descriptor(const struct watch *watch);

/* watch_wait — until something happens, watch_stop is called, or watch_clock() reaches `deadline`. */
enum watch_event watch_wait(struct watch *watch, uint64_t deadline);

/* watch_stop — end the wait that runs, or else the next one.  At once, from any thread. */
void watch_stop(struct watch *watch);

/* watch_clock — milliseconds that only grow. */
uint64_t watch_clock(void);

#endif
