/* SPDX-License-Identifier: BSD-2-Clause */
/* alternate.h — the sides of a comparison take turns, in blocks of a few milliseconds and in an order that reverses
 * each time: what the machine does beside falls on all of them alike.  Each side is a process of its own, because
 * libpcsclite serves one daemon for a process. */
#ifndef VPIV_TESTS_BENCH_ALTERNATE_H
#define VPIV_TESTS_BENCH_ALTERNATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct side {
    const char *name;
    const char *where;                                /* what `open` makes of it: a socket, a module, … */
    bool (*open)(const char *where);                  /* in the side's process, once */
    bool (*run)(size_t row, size_t n, double *us);    /* n times; false: this side cannot do this row */
    pid_t pid;
    int fd;
};

double now_us(void);

/* side_start — fork its process.  side_ask, side_answer — have it run a row; the times, or false for ever: it cannot.
 * side_stop — end it. */
bool side_start(struct side *side);
bool side_ask(const struct side *side, size_t row, size_t n);
bool side_answer(const struct side *side, size_t n, double *us);
void side_stop(struct side *side);

/* alternate — the row on every side that can do it, `blocks` times n, or until `seconds` are over.  One line of
 * stdout for each block: NAME SIDE us TIME…; line i of each side belongs to the same alternation. */
enum { BLOCK_MAX = 256 };
void alternate(const struct side *sides, size_t n_sides, size_t row, const char *name, size_t n, size_t blocks,
               double seconds);

#endif
