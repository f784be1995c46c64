/* SPDX-License-Identifier: BSD-2-Clause */
/* samples.h — what was measured: lines "ROW SIDE UNIT VALUE…", and what can be said about them. */
#ifndef VPIV_TESTS_BENCH_SAMPLES_H
#define VPIV_TESTS_BENCH_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One row on one side.  A block is a line; block i of each side of a row belongs to the same alternation. */
struct series {
    char row[48], side[16], unit[12];
    double *sorted;     /* all values */
    size_t n;
    double *medians;    /* of each block, in the order of time */
    double *slowest;    /* likewise */
    size_t n_blocks;
};

struct samples {
    struct series *series;
    size_t n;
};

/* samples_read — false: out of memory, or a line that is none. */
bool samples_read(FILE *f, struct samples *s);
void samples_free(struct samples *s);

/* samples_of — NULL: not measured. */
const struct series *samples_of(const struct samples *s, const char *row, const char *side);

/* quantile — of sorted values; 0.5 is the median. */
double quantile(const double *sorted, size_t n, double q);

/* ratio_of — block by block: the median ratio of a to b, and its quartiles, which tell how far to trust it.
 * ratio_of_slowest — of the slowest of a block: what a p99 is made of, but for bursts that hit a few blocks of one side
 * alone. */
struct ratio {
    double median, low, high;
};
struct ratio ratio_of(const struct series *a, const struct series *b);
struct ratio ratio_of_slowest(const struct series *a, const struct series *b);

#endif
