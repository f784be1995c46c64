/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_applet.c — the wire to a card in this process: the applet on a store and tries that are memory. */
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "applet/applet.h"
#include "tools/conform.h"

enum { MARKS = 2, TRIES = 3 };

struct inside {
    struct piv_env env;
    struct secret *host;
    struct tries tries;
    struct piv *piv;
    uint8_t *answer;             /* PIV_RESPONSE_MAX */
    struct {
        struct card *card;       /* NULL = not set */
        struct tries tries;
    } marks[MARKS];
};

static enum err env_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    return RAND_bytes(p, (int)n) == 1 ? ERR_NONE : ERR_CRYPTO;
}

static uint64_t env_clock(void *ctx)
{
    struct timespec t;

    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static enum err env_store(void *ctx, const struct card *next)
{
    (void)ctx;
    (void)next;
    return ERR_NONE;
}

static enum err env_tries_read(void *ctx, struct tries *now)
{
    const struct inside *in = ctx;

    *now = in->tries;
    return ERR_NONE;
}

static enum err env_tries_spend(void *ctx, enum pin which, uint8_t *left)
{
    struct inside *in = ctx;

    if (in->tries.left[which] == 0)
        return ERR_BLOCKED;
    *left = --in->tries.left[which];
    return ERR_NONE;
}

static enum err env_tries_restore(void *ctx, enum pin which)
{
    struct inside *in = ctx;

    in->tries.left[which] = in->tries.allowed[which];
    return ERR_NONE;
}

static enum err env_tries_write(void *ctx, const struct tries *next)
{
    struct inside *in = ctx;

    in->tries = *next;
    return ERR_NONE;
}

static bool send(void *ctx, struct in command, struct out *answer)
{
    struct inside *in = ctx;
    struct out out = out_of(in->answer, PIV_RESPONSE_MAX);

    piv_exchange(in->piv, command, &out);
    out_put(answer, out_in(&out));
    return !answer->bad;
}

static bool reset(void *ctx, bool cold)
{
    struct inside *in = ctx;

    if (cold)
        piv_unpower(in->piv);
    return piv_power(in->piv) != NULL;
}

static struct in atr(void *ctx)
{
    const struct inside *in = ctx;
    const struct atr *a = card_atr(piv_card(in->piv));

    return in_of(a->bytes, a->n);
}

static bool mark(void *ctx, unsigned n)
{
    struct inside *in = ctx;
    struct card *copy = NULL;

    if (n >= MARKS || card_copy(piv_card(in->piv), &copy) != ERR_NONE)
        return false;
    card_free(in->marks[n].card);
    in->marks[n].card = copy;
    in->marks[n].tries = in->tries;
    return true;
}

static bool back(void *ctx, unsigned n)
{
    struct inside *in = ctx;
    struct card *copy = NULL;

    if (n >= MARKS || in->marks[n].card == NULL || card_copy(in->marks[n].card, &copy) != ERR_NONE)
        return false;
    piv_free(in->piv);
    in->tries = in->marks[n].tries;
    in->piv = piv_new(&in->env, copy);
    return in->piv != NULL && piv_power(in->piv) != NULL;
}

static enum err factory_card(const struct inside *in, const struct persona *persona, uint8_t alg, struct card **card)
{
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    enum err e = factory_pin(&pin);

    if (e == ERR_NONE)
        e = factory_puk(&puk);
    if (e == ERR_NONE)
        e = factory_management(alg, &management);
    struct card_plan plan = { .persona = persona, .test = true, .log_n = SEAL_LOG_N_TEST, .pin = pin, .puk = puk,
                              .management_alg = alg, .management = management };
    if (e == ERR_NONE)
        e = card_new(&in->env, &plan, card);
    secret_free(pin);
    secret_free(puk);
    secret_free(management);
    return e;
}

static enum err open_inside(struct inside *in, const char *persona, uint8_t alg)
{
    const struct persona *row = persona_by_name(persona);
    struct card *card = NULL;

    if (row == NULL)
        return ERR_NOT_FOUND;
    in->host = secret_new(HOST_SECRET_SIZE);
    in->answer = malloc(PIV_RESPONSE_MAX);
    if (in->host == NULL || in->answer == NULL || RAND_bytes(in->host->p, HOST_SECRET_SIZE) != 1)
        return ERR_MEMORY;
    in->env = (struct piv_env){
        .ctx = in, .host = in->host, .random = env_random, .clock = env_clock, .store = env_store,
        .tries_read = env_tries_read, .tries_spend = env_tries_spend, .tries_restore = env_tries_restore,
        .tries_write = env_tries_write,
    };
    for (size_t i = 0; i < PIN_COUNT; i++)
        in->tries.left[i] = in->tries.allowed[i] = i == PIN_GLOBAL ? 0 : TRIES;
    enum err e = factory_card(in, row, alg, &card);
    if (e != ERR_NONE)
        return e;
    in->piv = piv_new(&in->env, card);
    return in->piv != NULL && piv_power(in->piv) != NULL ? ERR_NONE : ERR_MEMORY;
}

bool wire_applet_open(struct wire *wire, const char *persona, uint8_t management_alg, struct why *why)
{
    struct inside *in = calloc(1, sizeof *in);

    *wire = (struct wire){ .ctx = in, .name = "applet", .send = send, .reset = reset, .atr = atr, .mark = mark,
                           .back = back };
    if (!secret_heap())
        return why_set(why, ERR_MEMORY, "there is no protected memory for secrets"), false;
    enum err e = in == NULL ? ERR_MEMORY : open_inside(in, persona, management_alg);
    if (e == ERR_NONE)
        return true;
    why_set(why, e, "a card of persona %s could not be made: %s", persona, err_sentence(e));
    return false;
}

void wire_applet_close(struct wire *wire)
{
    struct inside *in = wire->ctx;

    if (in == NULL)
        return;
    piv_free(in->piv);
    for (size_t i = 0; i < MARKS; i++)
        card_free(in->marks[i].card);
    secret_free(in->host);
    if (in->answer != NULL)
        OPENSSL_clear_free(in->answer, PIV_RESPONSE_MAX);
    free(in);
    wire->ctx = NULL;
}
