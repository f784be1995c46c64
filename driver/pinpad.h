/* SPDX-License-Identifier: BSD-2-Clause */
/* pinpad.h — the keypad of a reader: whoever is connected to the socket in its directory (conf/keypad.h).
 *
 * There is no thread: the client's own waits, for a keypad in the socket's queue, for its answer, for the time to be
 * over, for the card to go, or for pinpad_wake.  The reader's lock is never held meanwhile.  The card is watched here
 * too: pcscd's event thread may stand behind the very call that waits.
 */
#ifndef VPIV_DRIVER_PINPAD_H
#define VPIV_DRIVER_PINPAD_H

#include "applet/secret.h"
#include "conf/keypad.h"

struct pinpad;

/* pinpad_new — for the reader's directory.  It is not there before pinpad_set says so.  NULL: out of memory. */
struct pinpad *pinpad_new(const char *directory) MUST_CHECK;
void pinpad_free(struct pinpad *pad);

/* pinpad_set — the reader has one, or not; makes the socket where it is missing.  The event thread's. */
void pinpad_set(struct pinpad *pad, bool there);
bool pinpad_there(const struct pinpad *pad);

/* pinpad_wake — end the question that is asked now: the reader ends.  From any thread. */
void pinpad_wake(struct pinpad *pad);

/* struct pinpad_card — the card whose PIN is asked for: its file, and whether it is still there. */
struct pinpad_card {
    const char *path;
    bool (*there)(void *ctx);
    void *ctx;
};

/* struct pinpad_call — one conversation with one keypad, from begin to end. */
struct pinpad_call {
    struct pinpad *pad;
    struct pinpad_card card;
    struct watch *watch; /* of the card */
    int listener, keypad;
    bool answered;
};

enum pinpad_answer {
    PINPAD_ENTERED,
    PINPAD_CANCELLED,
    PINPAD_TIMEOUT,
    PINPAD_WOKEN,  /* or the card is gone */
    PINPAD_FAILED, /* no memory */
};

/* pinpad_begin — wakes up to here do not count.  False: no memory; end it all the same. */
bool pinpad_begin(struct pinpad *pad, const struct pinpad_card *card, struct pinpad_call *call) MUST_CHECK;

/* pinpad_ask — wait for the answer; *digits: owned by the caller, with PINPAD_ENTERED alone.  Their number is the
 * caller's to check. */
enum pinpad_answer pinpad_ask(struct pinpad_call *call, const struct keypad_question *question,
                              struct secret **digits) MUST_CHECK;

/* pinpad_end — tell the keypad what came of it, and hang up. */
void pinpad_end(struct pinpad_call *call, sw_t sw);

#endif
