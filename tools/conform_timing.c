/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_timing.c — measures answers of several kinds and compares their medians. */
#include <stdlib.h>
#include <time.h>

#include "tools/conform_judge.h"

/* What a busy machine may add: a third, and a fifth of a millisecond. */
enum { SLACK_NS = 200000 };

void timing_begin(struct timing *t)
{
    t->n = 0;
    t->ns = malloc(TIMING_MAX * sizeof *t->ns);
}

bool timing_play(struct judge *j, const char *script, struct timing *t)
{
    struct timespec a, b;

    clock_gettime(CLOCK_MONOTONIC, &a);
    bool good = play(j, script);
    clock_gettime(CLOCK_MONOTONIC, &b);
    if (good && t->ns != NULL && t->n < TIMING_MAX)
        t->ns[t->n++] = (uint32_t)((b.tv_sec - a.tv_sec) * 1000000000 + (b.tv_nsec - a.tv_nsec));
    return good;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t median(struct timing *t)
{
    if (t->ns == NULL || t->n == 0)
        return 0;
    qsort(t->ns, t->n, sizeof *t->ns, compare);
    return t->ns[t->n / 2];
}

bool timing_alike(struct judge *j, struct timing *t, unsigned n)
{
    uint32_t least = UINT32_MAX, most = 0;

    for (unsigned i = 0; i < n; i++) {
        uint32_t m = median(&t[i]);
        least = m < least ? m : least;
        most = m > most ? m : most;
        free(t[i].ns);
        t[i].ns = NULL;
    }
    if (most > least + least / 3 + SLACK_NS)
        return fail(j, "the time tells: medians from %u to %u µs", least / 1000, most / 1000);
    return true;
}
