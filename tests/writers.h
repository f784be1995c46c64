/* SPDX-License-Identifier: BSD-2-Clause */
/* writers.h — many programs at one card: what they all share (writers.c) and the driver among them (writers_driver.c). */
#ifndef VPIV_TESTS_WRITERS_H
#define VPIV_TESTS_WRITERS_H

#include <stdatomic.h>

#include "tests/crash.h"

/* One counter for each role, all in one object: whoever adds to its own writes the others' as it has read them, so
 * that an update that is lost is seen in a counter that is behind. */
enum { ROLES = 10, COUNTED = OBJECT_CERT_RETIRED_FIRST, COUNTERS_SIZE = 4 * ROLES, LIMIT = 10 };

struct counters {
    uint32_t of[ROLES];
};

/* struct ledger — one role's own account, in memory that the parent shares. */
struct ledger {
    atomic_uint done;      /* changes acknowledged … */
    atomic_uint counted;   /* … of them, those of the counter */
    atomic_uint refused;   /* because another had been first */
    atomic_uint busy;      /* no lock within a second */
    atomic_uint looks;     /* the card was opened and read */
    atomic_uint kills;     /* of this role, in the middle of its work */
    atomic_uint removals, insertions;
    atomic_uint interrupted; /* sessions that a removal ended */
    atomic_uint longest_ms;  /* of one change or look */
    struct counters seen;    /* a driver: what it reads at the end */
    char verdict[300];       /* empty = all well */
};

/* What the drivers do, one after the other; all others end with PHASE_WORK. */
enum phase {
    PHASE_WORK,
    PHASE_QUIET,       /* the writers end */
    PHASE_STOP,        /* the clients of the drivers write no more */
    PHASE_AGREE,       /* each looks until it sees what is in the file */
    PHASE_ALONE,       /* one client alone makes ALONE_CHANGES */
    PHASE_AGREE_AGAIN,
    PHASE_END
};
enum { ALONE_CHANGES = 20 };

struct shared {
    char root[PATH_ROOM];
    atomic_int phase;
    atomic_int ready;      /* drivers that are through with it */
    unsigned alone;        /* the role of PHASE_ALONE */
    struct counters last;  /* what is on the card when all is quiet … */
    uint64_t generation;   /* … and the number of its writes */
    struct ledger of[ROLES];
};

extern struct shared *shared;

/* guilty — the first sentence counts.  Always false. */
bool guilty(struct ledger *ledger, const char *format, ...) PRINTF_LIKE(2, 3);

uint64_t clock_ms(void);
void took(struct ledger *ledger, uint64_t since);
void pause_ms(unsigned at_most); /* a random time */

bool counters_read(struct in value, struct counters *counters);
void counters_write(const struct counters *counters, uint8_t bytes[COUNTERS_SIZE]);

/* open_counted — the card as any program opens it, and its counters: none of them ever goes back. */
bool open_counted(struct rig *rig, struct ledger *ledger, struct counters *last, struct counters *now);

/* The roles: each the life of one process.  work_hasty — a writer that never rests.  work_driver — the driver and its
 * client at the reader's directory. */
void work_writer(unsigned role);
void work_hasty(unsigned role);
void work_victim(unsigned role);
void work_looker(unsigned role);
void work_driver(unsigned role, const char *directory);

#endif
