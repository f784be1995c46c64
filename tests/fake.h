/* SPDX-License-Identifier: BSD-2-Clause */
/* fake.h — a world in memory for the applet: seeded random bytes, a clock that only tests move, storage that
 * remembers what it was given, and a failure at any step one likes.
 *
 *   struct fake fake;
 *   fake_init(&fake, 1);                      // every run with this seed sees the same bytes
 *   card_new(&fake.env, &plan, &card);
 *   fake_clear(&fake);
 *
 * Failure at step N: each call that may fail (random, store, tries_*, touch) is one step.  Count a run without
 * failure in `steps`, then repeat it with fail_at = 1 … steps.
 */
#ifndef VPIV_TESTS_FAKE_H
#define VPIV_TESTS_FAKE_H

#include "applet/card.h"

struct fake {
    struct piv_env env;      /* ctx is this struct: do not copy a fake */
    uint64_t seed;
    uint64_t now;            /* milliseconds; clock() returns it and adds tick */
    uint64_t tick;
    struct tries tries;      /* 3 of 3 for PIN and PUK at first */
    struct card *stored;     /* a copy of what was stored last, or NULL */
    unsigned stores;         /* successful calls of store … */
    unsigned spends;         /* … and of tries_spend */
    unsigned touches;        /* calls of touch … */
    uint8_t touched_for;     /* … and the key reference of the last one */
    bool finger;             /* touch finds a finger */
    bool inside;             /* … of the vault; it is an error to enter twice, or to leave without */
    bool full;               /* the vault takes nobody: nothing in it may be kept */
    unsigned entries;        /* how often the vault was entered */

    unsigned steps;          /* steps taken so far */
    unsigned fail_at;        /* 0 = none; counted from 1 */
    bool fail_on;            /* every later step fails as well */
    enum err fail_with;      /* ERR_STORE at first */
};

void fake_init(struct fake *fake, uint64_t seed);
void fake_clear(struct fake *fake);

#endif
