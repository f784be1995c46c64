/* SPDX-License-Identifier: BSD-2-Clause */
/* alternate.c — a process for each side, a socket pair to it, and the order of turns. */
#include "tests/bench/alternate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM = 3, SIDES_MAX = 8 }; /* the first of each block find cold caches: not counted */

struct order {
    size_t row, n;
};

double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool read_all(int fd, void *p, size_t n)
{
    char *at = p;

    while (n > 0) {
        ssize_t m = read(fd, at, n);
        if (m <= 0)
            return false;
        at += m;
        n -= (size_t)m;
    }
    return true;
}

static bool write_all(int fd, const void *p, size_t n)
{
    return write(fd, p, n) == (ssize_t)n;
}

/* The side's process.  Its answer: one byte, and the times where that is not 0. */
static void serve(const struct side *side)
{
    static double us[BLOCK_MAX];
    bool open = side->open(side->where);
    struct order o;

    while (read_all(side->fd, &o, sizeof o)) {
        char done = o.n <= BLOCK_MAX && open && side->run(o.row, o.n < WARM ? o.n : WARM, us) &&
                    side->run(o.row, o.n, us);
        if (!write_all(side->fd, &done, 1) || (done && !write_all(side->fd, us, o.n * sizeof *us)))
            break;
    }
    exit(0);
}

bool side_start(struct side *side)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    fflush(NULL);
    side->pid = fork();
    if (side->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        side->fd = ends[1];
        serve(side);
    }
    close(ends[1]);
    side->fd = ends[0];
    return side->pid > 0;
}

bool side_ask(const struct side *side, size_t row, size_t n)
{
    const struct order o = { row, n };

    return write_all(side->fd, &o, sizeof o);
}

bool side_answer(const struct side *side, size_t n, double *us)
{
    char done;

    return read_all(side->fd, &done, 1) && done && read_all(side->fd, us, n * sizeof *us);
}

void side_stop(struct side *side)
{
    /* The end of file would not do: sides that were started later hold this end too. */
    if (side->pid > 0 && kill(side->pid, SIGTERM) == 0)
        waitpid(side->pid, NULL, 0);
    close(side->fd);
}

void alternate(const struct side *sides, size_t n_sides, size_t row, const char *name, size_t n, size_t blocks,
               double seconds)
{
    static double us[SIDES_MAX][BLOCK_MAX];
    bool can[SIDES_MAX];
    double end;

    /* One turn that does not count: keys are made and opened, and it is seen who can. */
    for (size_t i = 0; i < n_sides; i++)
        can[i] = side_ask(&sides[i], row, 1) && side_answer(&sides[i], 1, us[i]);
    end = now_us() + seconds * 1e6;
    for (size_t b = 0; b < blocks && (b == 0 || now_us() < end); b++) {
        for (size_t k = 0; k < n_sides; k++) {
            size_t i = b % 2 == 0 ? k : n_sides - 1 - k;
            can[i] = can[i] && side_ask(&sides[i], row, n) && side_answer(&sides[i], n, us[i]);
        }
        for (size_t i = 0; i < n_sides; i++) {
            if (!can[i])
                continue;
            printf("%s %s us", name, sides[i].name);
            for (size_t k = 0; k < n; k++)
                printf(" %.2f", us[i][k]);
            putchar('\n');
        }
    }
    fflush(stdout);
}
