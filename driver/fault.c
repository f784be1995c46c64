/* SPDX-License-Identifier: BSD-2-Clause */
/* fault.c — TABLE of actions, and which of a script's rows one exchange meets. */
#include "driver/fault.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct tricks {
    struct stat file;         /* which script this is */
    int lock;                 /* on it; -1 = none */
    struct faults faults;
    unsigned long exchanges;
    unsigned long met[FAULTS_MAX]; /* exchanges that fit the conditions before nth and chance */
    uint64_t random;
    uint64_t mute_until;
};

/* ---- The script ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size
        && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

struct tricks *tricks_look(struct tricks *t, const char *directory, struct why *why)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/faults", directory);

    if (n < 0 || (size_t)n >= sizeof path || stat(path, &st) != 0)
        return NULL;
    if (t != NULL && same_file(&st, &t->file))
        return t;
    t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->file = st;
    t->lock = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (faults_read(path, &t->faults, why) != ERR_NONE)
        t->faults.n = 0; /* kept, so that the error is told once */
    t->random = t->faults.seed;
    return t;
}

void tricks_free(struct tricks *t)
{
    if (t != NULL && t->lock >= 0)
        close(t->lock);
    free(t);
}

void tricks_announce(struct tricks *t)
{
    struct flock shared = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

    if (t != NULL && t->lock >= 0)
        (void)fcntl(t->lock, F_OFD_SETLK, &shared);
}

/* ---- Which rows ---- */

/* draw — 0 to 99, the same each time for one seed (splitmix64). */
static unsigned draw(struct tricks *t)
{
    uint64_t z = t->random += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (unsigned)((z ^ z >> 31) % 100);
}

static bool fits(int wanted, uint8_t value)
{
    return wanted == FAULT_ANY || wanted == value;
}

static bool meets(struct tricks *t, size_t i, struct in command)
{
    const struct fault *row = &t->faults.rows[i];
    uint8_t cla, ins = 0, p1 = 0, p2 = 0;
    bool whole = in_u8(&command, &cla) && in_u8(&command, &ins) && in_u8(&command, &p1) && in_u8(&command, &p2);

    if (row->at != FAULT_ANY && (unsigned long)row->at != t->exchanges)
        return false;
    if ((row->ins != FAULT_ANY || row->p1 != FAULT_ANY || row->p2 != FAULT_ANY)
        && !(whole && fits(row->ins, ins) && fits(row->p1, p1) && fits(row->p2, p2)))
        return false;
    t->met[i]++;
    if (row->nth != FAULT_ANY && (unsigned long)row->nth != t->met[i])
        return false;
    return row->chance == FAULT_ANY || draw(t) < (unsigned)row->chance;
}

/* ---- What happens ---- */

static void act_sw(struct tricks *t, const struct fault *row, uint64_t now, struct verdict *v)
{
    (void)t, (void)now;
    v->sw = (sw_t)row->number;
}

static void act_delay(struct tricks *t, const struct fault *row, uint64_t now, struct verdict *v)
{
    (void)t, (void)now;
    v->delay += (unsigned)row->number;
}

static void act_drop(struct tricks *t, const struct fault *row, uint64_t now, struct verdict *v)
{
    (void)t, (void)row, (void)now;
    v->drop = true;
}

static void act_remove(struct tricks *t, const struct fault *row, uint64_t now, struct verdict *v)
{
    (void)t, (void)row, (void)now;
    v->remove = true;
}

static void act_mute(struct tricks *t, const struct fault *row, uint64_t now, struct verdict *v)
{
    t->mute_until = now + (uint64_t)row->number;
    v->mute = true;
}

static void act_cut(struct tricks *t, const struct fault *row, uint64_t now, struct verdict *v)
{
    (void)t, (void)now;
    v->cut = (unsigned)row->number;
}

static void (*const actions[FAULT_ACTIONS])(struct tricks *, const struct fault *, uint64_t, struct verdict *) = {
    [FAULT_SW] = act_sw,         [FAULT_DELAY] = act_delay, [FAULT_DROP] = act_drop,
    [FAULT_REMOVE] = act_remove, [FAULT_MUTE] = act_mute,   [FAULT_CUT] = act_cut,
};

void tricks_judge(struct tricks *t, struct in command, uint64_t now, struct verdict *v)
{
    *v = (struct verdict){ .mute = tricks_mute(t, now) };
    if (t == NULL)
        return;
    t->exchanges++;
    if (v->mute) {
        snprintf(v->words, sizeof v->words, "mute");
        return;
    }
    for (size_t i = 0; i < t->faults.n; i++) {
        const struct fault *row = &t->faults.rows[i];

        if (!meets(t, i, command))
            continue;
        actions[row->action](t, row, now, v);
        snprintf(v->words, sizeof v->words, row->action == FAULT_SW ? "row %zu: %s %X" : "row %zu: %s %d", i + 1,
                 fault_name(row->action), row->number);
    }
}

bool tricks_mute(const struct tricks *t, uint64_t now)
{
    return t != NULL && now < t->mute_until;
}
