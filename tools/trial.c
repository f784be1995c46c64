/* SPDX-License-Identifier: BSD-2-Clause */
/* trial.c — each imported key does its work once, through the same door that programs use. */
#include "tools/trial.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "applet/applet.h"

enum { TRIAL_TRIES = 10, TRIAL_DATA_MAX = 512 };

/* ---- a world in memory ---- */

static enum err world_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    return RAND_priv_bytes(p, (int)n) == 1 ? ERR_NONE : ERR_CRYPTO;
}

static uint64_t world_clock(void *ctx)
{
    struct timespec now;

    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum err world_store(void *ctx, const struct card *next)
{
    (void)ctx, (void)next;
    return ERR_NONE;
}

static enum err world_read(void *ctx, struct tries *now)
{
    *now = ((struct trial_world *)ctx)->tries;
    return ERR_NONE;
}

static enum err world_spend(void *ctx, enum pin which, uint8_t *left)
{
    struct trial_world *world = ctx;

    if (world->tries.left[which] == 0)
        return ERR_BLOCKED;
    *left = --world->tries.left[which];
    return ERR_NONE;
}

static enum err world_restore(void *ctx, enum pin which)
{
    struct trial_world *world = ctx;

    world->tries.left[which] = world->tries.allowed[which];
    return ERR_NONE;
}

static enum err world_write(void *ctx, const struct tries *next)
{
    ((struct trial_world *)ctx)->tries = *next;
    return ERR_NONE;
}

enum err trial_world_open(struct trial_world *world)
{
    *world = (struct trial_world){ .host = secret_new(HOST_SECRET_SIZE) };
    for (size_t i = 0; i < PIN_COUNT; i++)
        world->tries.left[i] = world->tries.allowed[i] = TRIAL_TRIES;
    return world->host == NULL ? ERR_MEMORY : world_random(world, world->host->p, world->host->n);
}

void trial_world_close(struct trial_world *world)
{
    secret_drop(&world->host);
}

struct piv_env trial_env(struct trial_world *world)
{
    return (struct piv_env){
        .ctx = world,
        .host = world->host,
        .random = world_random,
        .clock = world_clock,
        .store = world_store,
        .tries_read = world_read,
        .tries_spend = world_spend,
        .tries_restore = world_restore,
        .tries_write = world_write,
    };
}

enum err trial_blank(struct trial_world *world, const struct persona *persona, struct card **card)
{
    struct piv_env env = trial_env(world);
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    enum err e = factory_pin(&pin);

    if (e == ERR_NONE)
        e = factory_puk(&puk);
    if (e == ERR_NONE)
        e = factory_management(ALG_3DES, &management);
    if (e == ERR_NONE) {
        struct card_plan plan = {
            .persona = persona,
            .test = true,
            .log_n = SEAL_LOG_N_TEST,
            .pin = pin,
            .puk = puk,
            .management_alg = ALG_3DES,
            .management = management,
        };
        e = card_new(&env, &plan, card);
    }
    secret_free(management);
    secret_free(puk);
    secret_free(pin);
    return e;
}

/* ---- one GENERAL AUTHENTICATE ---- */

/* SP 800-73-5 Part 2, 3.2.4: tag 81 to sign, 85 to agree; the answer is in 82 either way. */
static bool ask(struct piv *piv, const struct slot *s, uint8_t tag, struct in data, struct out *answer)
{
    uint8_t body_room[TRIAL_DATA_MAX + 32], room[sizeof body_room + 16], response[TRIAL_DATA_MAX + 32];
    struct out body = out_of(body_room, sizeof body_room), cmd = out_of(room, sizeof room);
    struct out rsp = out_of(response, sizeof response);
    struct in at, value;
    size_t mark = tlv_begin(&body, 0x7C);

    tlv_put(&body, 0x82, in_of(NULL, 0));
    tlv_put(&body, tag, data);
    tlv_end(&body, mark);
    out_put(&cmd, in_of((const uint8_t[]){ 0x00, 0x87, s->key->alg->id, s->ref->ref, 0x00 }, 5));
    out_u16(&cmd, (uint16_t)body.n);
    out_put(&cmd, out_in(&body));
    out_u16(&cmd, 0);
    if (body.bad || cmd.bad)
        return false;
    piv_exchange(piv, out_in(&cmd), &rsp);
    if (rsp.n < 2 || rsp.p[rsp.n - 2] != 0x90 || rsp.p[rsp.n - 1] != 0x00)
        return false;
    at = in_of(rsp.p, rsp.n - 2);
    if (!tlv_get(&at, 0x7C, &value) || !tlv_get(&value, 0x82, &at))
        return false;
    out_put(answer, at);
    OPENSSL_cleanse(response, sizeof response);
    return !answer->bad;
}

/* RSA: the card computes with a whole block; raising its answer to the public exponent gives the block again. */
static bool try_rsa(struct piv *piv, const struct slot *s, EVP_PKEY *public)
{
    uint8_t block[TRIAL_DATA_MAX], answer_room[TRIAL_DATA_MAX], back[TRIAL_DATA_MAX];
    size_t n = s->key->alg->size, back_n = sizeof back;
    struct out answer = out_of(answer_room, sizeof answer_room);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public, NULL);
    bool right = false;

    if (ctx != NULL && RAND_bytes(block, (int)n) == 1) {
        block[0] = 0; /* below every modulus of that length */
        right = ask(piv, s, 0x81, in_of(block, n), &answer) && EVP_PKEY_encrypt_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
                EVP_PKEY_encrypt(ctx, back, &back_n, answer.p, answer.n) == 1 && back_n == n &&
                memcmp(back, block, n) == 0;
    }
    EVP_PKEY_CTX_free(ctx);
    return right;
}

static bool try_ecdsa(struct piv *piv, const struct slot *s, EVP_PKEY *public)
{
    uint8_t hash[64], answer_room[TRIAL_DATA_MAX];
    size_t n = s->key->alg->size;
    struct out answer = out_of(answer_room, sizeof answer_room);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public, NULL);
    bool right = ctx != NULL && RAND_bytes(hash, (int)n) == 1 && ask(piv, s, 0x81, in_of(hash, n), &answer) &&
                 EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, answer.p, answer.n, hash, n) == 1;

    EVP_PKEY_CTX_free(ctx);
    return right;
}

static bool try_eddsa(struct piv *piv, const struct slot *s, EVP_PKEY *public)
{
    uint8_t message[64], answer_room[TRIAL_DATA_MAX];
    struct out answer = out_of(answer_room, sizeof answer_room);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool right = ctx != NULL && RAND_bytes(message, sizeof message) == 1 &&
                 ask(piv, s, 0x81, in_of(message, sizeof message), &answer) &&
                 EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public) == 1 &&
                 EVP_DigestVerify(ctx, answer.p, answer.n, message, sizeof message) == 1;

    EVP_MD_CTX_free(ctx);
    return right;
}

/* Another key pair of the same kind. */
static EVP_PKEY *partner_of(EVP_PKEY *public)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public, NULL);
    EVP_PKEY *partner = NULL;

    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_keygen(ctx, &partner) != 1)
        partner = NULL;
    EVP_PKEY_CTX_free(ctx);
    return partner;
}

static bool try_agreement(struct piv *piv, const struct slot *s, EVP_PKEY *public)
{
    uint8_t answer_room[TRIAL_DATA_MAX], ours[TRIAL_DATA_MAX], *point = NULL;
    struct out answer = out_of(answer_room, sizeof answer_room);
    EVP_PKEY *partner = partner_of(public);
    EVP_PKEY_CTX *ctx = partner == NULL ? NULL : EVP_PKEY_CTX_new(partner, NULL);
    size_t n = partner == NULL ? 0 : EVP_PKEY_get1_encoded_public_key(partner, &point), ours_n = sizeof ours;
    bool right = ctx != NULL && n > 0 && ask(piv, s, 0x85, in_of(point, n), &answer) &&
                 EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, public) == 1 &&
                 EVP_PKEY_derive(ctx, ours, &ours_n) == 1 && in_equal(out_in(&answer), in_of(ours, ours_n));

    OPENSSL_free(point);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(partner);
    return right;
}

static bool try_key(struct piv *piv, const struct slot *s, EVP_PKEY *public)
{
    bool signs = s->ref->ref == KEYREF_AUTHENTICATION || s->ref->ref == KEYREF_SIGNATURE ||
                 s->ref->ref == KEYREF_CARD_AUTHENTICATION;

    switch (s->key->alg->family) {
    case ALG_RSA:
        return try_rsa(piv, s, public);
    case ALG_EC:
        return signs ? try_ecdsa(piv, s, public) : try_agreement(piv, s, public);
    case ALG_EDWARDS:
        return try_eddsa(piv, s, public);
    case ALG_MONTGOMERY:
        return try_agreement(piv, s, public);
    default:
        return false;
    }
}

/* ---- all of them ---- */

static enum err try_slot(struct piv *piv, const struct secret *pin, const struct slot *s, struct why *why)
{
    X509 *cert = card_certificate(piv_card(piv), s->ref);
    EVP_PKEY *public = cert == NULL ? NULL : p12_public(NULL, cert);
    uint8_t left;
    enum err e = piv_verify(piv, PIN_APPLICATION, secret_in(pin), &left); /* 9C wants it before each use */

    if (e == ERR_NONE && (public == NULL || !try_key(piv, s, public)))
        e = why_set(why, ERR_MISMATCH, "%s: its key (%s) does not work with its certificate in slot %s: key or "
                    "certificate is damaged", s->bundle->path, s->key->kind, s->ref->name);
    EVP_PKEY_free(public);
    X509_free(cert);
    ERR_clear_error();
    return e;
}

enum err trial_card(const struct piv_env *env, const struct card *card, const struct secret *pin,
                    const struct slots *slots, struct why *why)
{
    struct trial_world world;
    struct card *copy = NULL;
    struct piv *piv = NULL;
    enum err e = trial_world_open(&world);

    if (e == ERR_NONE)
        e = card_copy(card, &copy);
    if (e == ERR_NONE) {
        struct piv_env mine = trial_env(&world);

        mine.host = env->host; /* what the card was sealed under */
        mine.lib = env->lib;
        piv = piv_new(&mine, copy);
        e = piv == NULL || piv_power(piv) == NULL ? ERR_MEMORY : ERR_NONE;
    }
    for (size_t i = 0; i < slots->n && e == ERR_NONE; i++)
        e = try_slot(piv, pin, &slots->of[i], why);
    piv_free(piv);
    trial_world_close(&world);
    return e;
}

enum err trial_keys(const struct bundles *bundles, enum pin_policy policy, struct why *why)
{
    struct slots_wish wish = { .pin_policy = policy, .now = time(NULL) };
    struct slots *slots = OPENSSL_zalloc(sizeof *slots);
    struct trial_world world;
    struct secret *pin = NULL;
    struct card *card = NULL;
    enum err e = trial_world_open(&world);

    if (slots == NULL)
        e = ERR_MEMORY;
    if (e == ERR_NONE)
        e = factory_pin(&pin);
    if (e == ERR_NONE)
        e = trial_blank(&world, &personas[0], &card);
    if (e == ERR_NONE) {
        struct piv_env env = trial_env(&world);

        e = slots_fill(&env, card, bundles, &wish, slots, why);
        if (e == ERR_NONE)
            e = trial_card(&env, card, pin, slots, why);
    }
    card_free(card);
    secret_free(pin);
    trial_world_close(&world);
    OPENSSL_free(slots);
    return e;
}
