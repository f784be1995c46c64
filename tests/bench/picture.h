/* SPDX-License-Identifier: BSD-2-Clause */
/* picture.h — the samples as a drawing. */
#ifndef VPIV_TESTS_BENCH_PICTURE_H
#define VPIV_TESTS_BENCH_PICTURE_H

#include "tests/bench/samples.h"

/* picture_write — SVG: ratios with their quartiles on the left, times of all sides on the right. */
bool picture_write(const char *path, const struct samples *s);

#endif
