/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_timing.c — measures answers of several kinds in turn and compares their medians. */
#include <stdlib.h>
#include <time.h>

#include "tools/conform_judge.h"

/* What a busy machine may add: a third, and a fifth of a millisecond.  A difference that is really there shows in
 * every attempt. */
enum { KINDS_MAX = 3, ATTEMPTS = 3, SLACK_NS = 200000 };

static bool measure(struct judge *j, const char *script, uint32_t *ns)
{
    struct timespec a, b;

    clock_gettime(CLOCK_MONOTONIC, &a);
    bool good = play(j, script);
    clock_gettime(CLOCK_MONOTONIC, &b);
    *ns = (uint32_t)((b.tv_sec - a.tv_sec) * 1000000000 + (b.tv_nsec - a.tv_nsec));
    return good;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* One attempt: every kind once a round, so that what the machine does besides hits all alike. */
static bool attempt(struct judge *j, const struct timing_kind *kinds, unsigned n, unsigned rounds, uint32_t *ns,
                    uint32_t *least, uint32_t *most)
{
    for (unsigned i = 0; i < rounds; i++)
        for (unsigned k = 0; k < n; k++)
            if (!play(j, kinds[k].before) || !measure(j, kinds[k].measured, &ns[k * rounds + i]) ||
                !play(j, kinds[k].after))
                return false;
    *least = UINT32_MAX;
    *most = 0;
    for (unsigned k = 0; k < n; k++) {
        uint32_t *mine = ns + k * rounds, median;
        qsort(mine, rounds, sizeof *mine, compare);
        median = mine[rounds / 2];
        *least = median < *least ? median : *least;
        *most = median > *most ? median : *most;
    }
    return true;
}

bool timing_alike(struct judge *j, const struct timing_kind *kinds, unsigned n, unsigned rounds)
{
    uint32_t *ns = n > KINDS_MAX ? NULL : calloc((size_t)n * rounds, sizeof *ns), least = 0, most = 0;
    bool good = ns != NULL, alike = false;

    for (unsigned i = 0; good && !alike && i < ATTEMPTS; i++) {
        good = attempt(j, kinds, n, rounds, ns, &least, &most);
        alike = good && most <= least + least / 3 + SLACK_NS;
    }
    free(ns);
    return good && (alike || fail(j, "the time tells: medians from %u to %u µs", least / 1000, most / 1000));
}
