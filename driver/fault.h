/* SPDX-License-Identifier: BSD-2-Clause */
/* fault.h — the tricks that a reader plays while the entry `faults` (conf/faults.h) is in its directory. */
#ifndef VPIV_DRIVER_FAULT_H
#define VPIV_DRIVER_FAULT_H

#include "applet/tlv.h"
#include "conf/faults.h"

struct tricks;

/* struct verdict — what is to happen at one exchange; all zero: nothing. */
struct verdict {
    unsigned delay;  /* milliseconds, before anything else */
    bool remove;     /* the card goes, and has heard nothing */
    bool mute;       /* the same, but it stays: nobody answers */
    sw_t sw;         /* this is answered, and the card has heard nothing; 0: it is asked */
    unsigned cut;    /* the power goes at this write */
    bool drop;       /* its answer is lost */
    char words[64];  /* for the trace; "" = nothing happens */
};

/* tricks_look — after a change in the reader's directory.  `tricks`, when they are the same as before; others, owned by
 * the caller, who frees the old ones; NULL: none.  A script with an error in it counts as none, and `why` says so. */
struct tricks *tricks_look(struct tricks *tricks, const char *directory, struct why *why) MUST_CHECK;
void tricks_free(struct tricks *tricks);

/* tricks_announce — they are played from now on: a shared lock on the script, which `vpiv fault` waits for, and for its
 * end.  tricks may be NULL. */
void tricks_announce(struct tricks *tricks);

/* tricks_judge — one more exchange begins.  now: watch_clock().
 * tricks_mute — nobody answers now.  tricks may be NULL. */
void tricks_judge(struct tricks *tricks, struct in command, uint64_t now, struct verdict *verdict);
bool tricks_mute(const struct tricks *tricks, uint64_t now);

#endif
