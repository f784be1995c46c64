/* SPDX-License-Identifier: BSD-2-Clause */
/* cut.c — counts writes, and loses them from one on. */
#include "driver/cut.h"

/* A write that is lost looks to the applet like a disk that fails; what it answers never reaches anybody. */
static bool lost(struct cut *c)
{
    if (c->at > 0 && --c->at == 0)
        c->fell = true;
    return c->fell;
}

static enum err cut_random(void *ctx, uint8_t *p, size_t n)
{
    const struct cut *c = ctx;

    return c->inner.random(c->inner.ctx, p, n);
}

static uint64_t cut_clock(void *ctx)
{
    const struct cut *c = ctx;

    return c->inner.clock(c->inner.ctx);
}

static enum err cut_store(void *ctx, const struct card *next)
{
    struct cut *c = ctx;

    return lost(c) ? ERR_STORE : c->inner.store(c->inner.ctx, next);
}

static enum err cut_tries_read(void *ctx, struct tries *now)
{
    const struct cut *c = ctx;

    return c->inner.tries_read(c->inner.ctx, now);
}

static enum err cut_tries_spend(void *ctx, enum pin which, uint8_t *left)
{
    struct cut *c = ctx;

    return lost(c) ? ERR_STORE : c->inner.tries_spend(c->inner.ctx, which, left);
}

static enum err cut_tries_restore(void *ctx, enum pin which)
{
    struct cut *c = ctx;

    return lost(c) ? ERR_STORE : c->inner.tries_restore(c->inner.ctx, which);
}

static enum err cut_tries_write(void *ctx, const struct tries *next)
{
    struct cut *c = ctx;

    return lost(c) ? ERR_STORE : c->inner.tries_write(c->inner.ctx, next);
}

struct piv_env cut_env(struct cut *c, const struct piv_env *inner)
{
    struct piv_env env = *inner;

    c->inner = *inner;
    env.ctx = c;
    env.random = cut_random;
    env.clock = cut_clock;
    env.store = cut_store;
    env.tries_read = cut_tries_read;
    env.tries_spend = cut_tries_spend;
    env.tries_restore = cut_tries_restore;
    env.tries_write = cut_tries_write;
    return env;
}
