/* SPDX-License-Identifier: BSD-2-Clause */
/* ifdnull.h — the one thing in which the two bench drivers differ. */
#ifndef VPIV_TESTS_BENCH_IFDNULL_H
#define VPIV_TESTS_BENCH_IFDNULL_H

#include <stddef.h>

/* bench_answer — the answer to a command, with its status word; its length.  ifdnull.c: 9000. */
size_t bench_answer(const unsigned char *command, size_t n, unsigned char *answer);

#endif
