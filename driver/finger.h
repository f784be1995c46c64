/* SPDX-License-Identifier: BSD-2-Clause */
/* finger.h — what a reader does when a key wants a touch: nothing, or wait for one under the eyes of its directory.
 *
 * The wait is in the client's own thread and inside one exchange of one reader, as with a real key, which answers
 * nothing else while it blinks.  It ends at a touch (conf/touch.h), when its time is over, when the card is no longer
 * there, and when the reader ends; it looks at the directory itself, since pcscd's event thread may be held up behind
 * this very exchange.
 */
#ifndef VPIV_DRIVER_FINGER_H
#define VPIV_DRIVER_FINGER_H

#include <stdatomic.h>

#include "conf/settings.h"

struct finger {
    const char *directory;      /* the reader's */
    bool (*there)(void *ctx);   /* the card that waits is in the reader still */
    void *ctx;
    atomic_bool waits, stopped;
};

/* finger_wait — on behalf of this key reference of the card under path `card`.  ERR_NONE: touched; ERR_SECURITY:
 * nobody did in time; ERR_ABSENT: the card or the reader is gone; ERR_STORE: nobody could see it wait. */
enum err finger_wait(struct finger *finger, const struct settings *settings, const char *card,
                     uint8_t ref) MUST_CHECK;

/* finger_stop — end the wait that runs, and every later one.  From any thread, without a lock. */
void finger_stop(struct finger *finger);

#endif
