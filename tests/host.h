/* SPDX-License-Identifier: BSD-2-Clause */
/* host.h — a host for tests: a scratch directory with state, cards and one card file in it.  One at a time; whatever
 * fails here fails the test. */
#ifndef VPIV_TESTS_HOST_H
#define VPIV_TESTS_HOST_H

#include "conf/cardfile.h"
#include "tests/cards.h"

struct host {
    char scratch[SCRATCH_MAX];
    char directory[SCRATCH_MAX + 16]; /* state */
    char cards[SCRATCH_MAX + 16];
    char path[SCRATCH_MAX + 32];      /* of the card */
    struct state *state;
    struct card *made;                /* what was written there */
    struct why why;                   /* of the last host_open */
};
extern struct host host;

/* 3 of 3 for PIN and PUK. */
extern const struct tries three;

/* host_private, host_shared, host_remove — fixtures. */
void host_private(void);
void host_shared(void);
void host_remove(void);

/* host_open — any card file; host_must_open — the card; host_try — the same, and closed again. */
enum err host_open(const char *which, struct cardfile **file, struct card **card);
void host_must_open(struct cardfile **file, struct card **card);
enum err host_try(void);

enum err host_store(struct cardfile *file, const struct card *card);
uint64_t host_generation(void);            /* of the card's file */
int host_entries(void);                    /* files beside the card, itself included */
unsigned host_mode(const char *which);
uint8_t host_pin_left(struct cardfile *file);

#endif
