/* SPDX-License-Identifier: BSD-2-Clause */
/* bars.h — the rows of the report by section, and what each promise is measured by. */
#ifndef VPIV_TESTS_BENCH_BARS_H
#define VPIV_TESTS_BENCH_BARS_H

#include "tests/bench/samples.h"

/* The rows as they are shown; `base` is the side that a row is compared with first. */
struct shown {
    const char *section, *row, *title, *base;
};

extern const struct shown shown[];
extern const size_t shown_count;

/* How a bar reads its rows.  Of several rows the worst counts. */
enum measure { RATIO, RATIO_P99, MEDIAN, P95, SCALING };

struct bar {
    const char *title;
    enum measure measure;
    const char *rows;      /* names, parted by blanks */
    const char *base;      /* of a ratio */
    double limit;
    const char *bound;     /* what it is that costs, where it is missed or near */
};

extern const struct bar bars[];
extern const size_t bars_count;

struct verdict {
    bool measured, met;
    double value;
    const char *row;       /* the worst; borrowed from the bar, up to the next blank */
    char note[160];        /* what belongs beside it */
};

struct verdict bar_judge(const struct bar *bar, const struct samples *s);

#endif
