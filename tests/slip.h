/* SPDX-License-Identifier: BSD-2-Clause */
/* slip.h — a tries record for tests, as a process that guesses PINs sees it.  One at a time; whatever fails here
 * fails the test. */
#ifndef VPIV_TESTS_SLIP_H
#define VPIV_TESTS_SLIP_H

#include "conf/record.h"
#include "conf/tries.h"
#include "tests/cards.h"

enum { SLIP_GENERATION = 7 };
extern const uint8_t slip_guid[16];
extern const struct tries slip_three; /* 3 of 3 for PIN and PUK: the record at first */

struct slip {
    char scratch[SCRATCH_MAX];                   /* the state directory */
    char directory[SCRATCH_MAX + 64];            /* tries/GUID */
    char files[RECORD_FILES][SCRATCH_MAX + 80];
    struct state *state;
    struct tries_memory memory;                  /* of this process */
};
extern struct slip slip;

/* Fixtures. */
void slip_make(void);
void slip_remove(void);

/* slip_load — what a host does for one look; slip_set_left — for one guess, with this many left for the PIN after it.
 */
enum err slip_load(struct tries *tries, uint64_t *generation);
enum err slip_set_left(uint8_t left);

/* Tries left for the PIN, by slip_load and by tries_peek; both must succeed. */
uint8_t slip_left(void);
uint8_t slip_peek(void);

#endif
