/* SPDX-License-Identifier: BSD-2-Clause */
/* fake.c — the piv_env of tests: deterministic, in memory, failing on demand. */
#include "tests/fake.h"

#include <stdlib.h>
#include <string.h>

static bool step_fails(struct fake *fake)
{
    fake->steps++;
    return fake->fail_at != 0 && (fake->steps == fake->fail_at || (fake->fail_on && fake->steps > fake->fail_at));
}

/* SplitMix64: one addition and three mixing steps; every seed is a good one. */
static uint8_t next_byte(struct fake *fake)
{
    uint64_t z = fake->seed += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (uint8_t)(z ^ z >> 31);
}

static enum err fake_random(void *ctx, uint8_t *p, size_t n)
{
    struct fake *fake = ctx;

    if (step_fails(fake))
        return fake->fail_with;
    for (size_t i = 0; i < n; i++)
        p[i] = next_byte(fake);
    return ERR_NONE;
}

static uint64_t fake_clock(void *ctx)
{
    struct fake *fake = ctx;
    uint64_t now = fake->now;

    fake->now += fake->tick;
    return now;
}

static enum err fake_store(void *ctx, const struct card *next)
{
    struct fake *fake = ctx;
    struct card *copy;
    enum err e;

    if (step_fails(fake))
        return fake->fail_with;
    e = card_copy(next, &copy);
    if (e != ERR_NONE)
        return e;
    card_free(fake->stored);
    fake->stored = copy;
    fake->stores++;
    return ERR_NONE;
}

static enum err fake_tries_read(void *ctx, struct tries *now)
{
    struct fake *fake = ctx;

    if (step_fails(fake))
        return fake->fail_with;
    *now = fake->tries;
    return ERR_NONE;
}

static enum err fake_tries_spend(void *ctx, enum pin which, uint8_t *left)
{
    struct fake *fake = ctx;

    if (step_fails(fake))
        return fake->fail_with;
    if (fake->tries.left[which] == 0)
        return ERR_BLOCKED;
    *left = --fake->tries.left[which];
    fake->spends++;
    return ERR_NONE;
}

static enum err fake_tries_restore(void *ctx, enum pin which)
{
    struct fake *fake = ctx;

    if (step_fails(fake))
        return fake->fail_with;
    fake->tries.left[which] = fake->tries.allowed[which];
    return ERR_NONE;
}

static enum err fake_tries_write(void *ctx, const struct tries *next)
{
    struct fake *fake = ctx;

    if (step_fails(fake))
        return fake->fail_with;
    fake->tries = *next;
    return ERR_NONE;
}

static enum err fake_touch(void *ctx, uint8_t ref)
{
    struct fake *fake = ctx;

    fake->touches++;
    fake->touched_for = ref;
    if (step_fails(fake))
        return fake->fail_with;
    return fake->finger ? ERR_NONE : ERR_SECURITY;
}

static bool fake_vault(void *ctx, bool inside)
{
    struct fake *fake = ctx;

    if (fake->inside == inside)
        abort();
    fake->inside = inside;
    fake->entries += inside;
    return !fake->full;
}

void fake_init(struct fake *fake, uint64_t seed)
{
    uint8_t host[HOST_SECRET_SIZE];

    memset(fake, 0, sizeof *fake);
    fake->seed = seed;
    fake->now = 1000;
    fake->tick = 1;
    fake->finger = true;
    fake->fail_with = ERR_STORE;
    fake->tries.left[PIN_APPLICATION] = fake->tries.allowed[PIN_APPLICATION] = 3;
    fake->tries.left[PIN_PUK] = fake->tries.allowed[PIN_PUK] = 3;
    for (size_t i = 0; i < sizeof host; i++)
        host[i] = next_byte(fake);
    fake->env = (struct piv_env){
        .ctx = fake,
        .host = secret_copy(in_of(host, sizeof host)),
        .random = fake_random,
        .clock = fake_clock,
        .store = fake_store,
        .tries_read = fake_tries_read,
        .tries_spend = fake_tries_spend,
        .tries_restore = fake_tries_restore,
        .tries_write = fake_tries_write,
        .vault = fake_vault,
        .touch_ctx = fake,
        .touch = fake_touch,
    };
}

void fake_clear(struct fake *fake)
{
    secret_free((struct secret *)(uintptr_t)fake->env.host);
    card_free(fake->stored);
    memset(fake, 0, sizeof *fake);
}
