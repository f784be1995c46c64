/* SPDX-License-Identifier: BSD-2-Clause */
/* ifdnull.h — the one thing in which the two bench drivers differ. */
#ifndef VPIV_TESTS_BENCH_IFDNULL_H
#define VPIV_TESTS_BENCH_IFDNULL_H

#include <stddef.h>

enum { NULL_READERS = 16 };

/* bench_answer — a reader's answer to a command, with its status word; its length.  ifdnull.c: 9000. */
size_t bench_answer(size_t reader, const unsigned char *command, size_t n, unsigned char *answer);

#endif
