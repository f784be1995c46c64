/* SPDX-License-Identifier: BSD-2-Clause */
/* auth.c — GENERAL AUTHENTICATE: sign, decrypt and agree with private keys; the handshakes of 9B.
 * SP 800-73-5 Part 2, 3.2.4 and appendix A. */
#include "applet/command.h"

#include <string.h>

/* The dynamic authentication template 7C: its four elements, each at most once. */
enum element { WITNESS, CHALLENGE, RESPONSE, EXPONENTIATION, ELEMENT_COUNT };

static const uint8_t element_tags[ELEMENT_COUNT] = { 0x80, 0x81, 0x82, 0x85 };

struct template {
    bool has[ELEMENT_COUNT];
    struct in value[ELEMENT_COUNT];
};

static bool take_element(struct in *body, struct template *t)
{
    struct in value;
    uint32_t tag;

    if (!tlv_next(body, &tag, &value))
        return false;
    for (size_t i = 0; i < ELEMENT_COUNT; i++) {
        if (element_tags[i] != tag)
            continue;
        if (t->has[i])
            return false;
        t->has[i] = true;
        t->value[i] = value;
        return true;
    }
    return false;
}

static bool template_parse(struct in data, struct template *t)
{
    struct in body;

    *t = (struct template){ { false }, { { NULL, 0 } } };
    if (!tlv_get(&data, 0x7C, &body) || !in_end(&data))
        return false;
    while (!in_end(&body))
        if (!take_element(&body, t))
            return false;
    return true;
}

/* `e` is there without a value: what the host asks for. */
static bool asks(const struct template *t, enum element e)
{
    return t->has[e] && t->value[e].n == 0;
}

static bool gives(const struct template *t, enum element e)
{
    return t->has[e] && t->value[e].n > 0;
}

static bool only(const struct template *t, unsigned elements)
{
    for (size_t i = 0; i < ELEMENT_COUNT; i++)
        if (t->has[i] && (elements & 1U << i) == 0)
            return false;
    return true;
}

/* --- the finger ----------------------------------------------------------------------------------------- */

/* "Cached: a touch is not needed if the YubiKey had been touched in the last 15 seconds" (Yubico, PIN and touch
 * policies): touched for whichever key, and no matter what was reset in between. */
enum { TOUCH_LASTS_MS = 15000 };

static enum err finger(struct piv *p, uint8_t ref, uint8_t policy)
{
    enum err e;

    if (policy == TOUCH_POLICY_NEVER || p->env.touch == NULL)
        return ERR_NONE;
    if (policy == TOUCH_POLICY_CACHED && p->touched && p->env.clock(p->env.ctx) - p->touched_at < TOUCH_LASTS_MS)
        return ERR_NONE;
    e = p->env.touch(p->env.touch_ctx, ref);
    if (e == ERR_NONE) {
        p->touched = true;
        p->touched_at = p->env.clock(p->env.ctx);
    }
    return e;
}

/* --- 9B ------------------------------------------------------------------------------------------------- */

void handshake_drop(struct piv *p)
{
    p->handshake.kind = HANDSHAKE_NONE;
    OPENSSL_cleanse(p->handshake.nonce->p, p->handshake.nonce->n);
}

static enum err encrypt(struct piv *p, const struct alg *alg, const uint8_t *from, uint8_t to[BLOCK_MAX])
{
    struct secret *key = NULL;
    enum err e;

    if (p->env.vault != NULL)
        p->env.vault(p->env.ctx, true);
    e = card_open_management(&p->env, p->card, &key);
    if (e == ERR_NONE)
        e = cipher_block(p->env.lib, alg, key, from, to);
    secret_free(key);
    if (p->env.vault != NULL)
        p->env.vault(p->env.ctx, false);
    return e;
}

static void put_block(struct out *rsp, enum element e, const uint8_t *block, size_t n)
{
    size_t mark = tlv_begin(rsp, 0x7C);

    tlv_put(rsp, element_tags[e], in_of(block, n));
    tlv_end(rsp, mark);
}

/* Step 1 of either handshake: a random block goes out, in clear (challenge) or encrypted (witness). */
static sw_t begin(struct piv *p, const struct alg *alg, bool witness, struct out *rsp)
{
    uint8_t block[BLOCK_MAX], *nonce = p->handshake.nonce->p;
    enum err e;

    security_event(p, EVENT_HANDSHAKE_BEGUN);
    e = p->env.random(p->env.ctx, nonce, alg->block);
    if (e == ERR_NONE && witness)
        e = encrypt(p, alg, nonce, block);
    if (e != ERR_NONE)
        return sw_of(e);
    put_block(rsp, witness ? WITNESS : CHALLENGE, witness ? block : nonce, alg->block);
    p->handshake.kind = witness ? HANDSHAKE_WITNESS : HANDSHAKE_CHALLENGE;
    p->status |= STATUS_HANDSHAKE;
    return SW_SUCCESS;
}

/* Step 2.  What was sent is used up, whatever comes of it.  The finger is asked for here and once: step 1 is what
 * OpenSC draws random numbers with, and a wrong answer needs none. */
static sw_t finish(struct piv *p, const struct alg *alg, bool mutual, const struct template *t, struct out *rsp)
{
    const uint8_t *nonce = p->before_it.nonce->p;
    struct in proof = t->value[mutual ? WITNESS : RESPONSE], challenge = t->value[CHALLENGE];
    uint8_t expected[BLOCK_MAX];
    enum err e = ERR_NONE;
    bool right;

    if (proof.n != alg->block || (mutual && challenge.n != alg->block))
        return SW_WRONG_DATA;
    if (mutual)
        memcpy(expected, nonce, alg->block);
    else
        e = encrypt(p, alg, nonce, expected);
    right = e == ERR_NONE && CRYPTO_memcmp(expected, proof.p, alg->block) == 0;
    if (right) {
        e = finger(p, KEYREF_MANAGEMENT, p->card->management.touch_policy);
        right = e == ERR_NONE;
    }
    if (right && mutual) {
        e = encrypt(p, alg, challenge.p, expected);
        right = e == ERR_NONE;
        put_block(rsp, RESPONSE, expected, alg->block);
    }
    OPENSSL_cleanse(expected, sizeof expected);
    if (!right)
        return e == ERR_NONE ? SW_SECURITY_STATUS : sw_of(e);
    p->status |= STATUS_ADMIN;
    return SW_SUCCESS;
}

static sw_t authenticate_management(struct piv *p, const struct apdu *c, struct out *rsp)
{
    enum { W = 1 << WITNESS, C = 1 << CHALLENGE, R = 1 << RESPONSE };
    const struct alg *alg = alg_by_id(p->card->management.alg);
    bool same = c->p1 == alg->id || (c->p1 == ALG_3DES_OLD && alg->id == ALG_3DES);
    struct template t;
    bool parsed = template_parse(c->data, &t), mutual;

    /* OpenSC draws random numbers with "81 00" under algorithm 00, whatever the key. */
    if (!same && !(parsed && c->p1 == ALG_3DES_OLD && asks(&t, CHALLENGE) && only(&t, C)))
        return piv_set(p) == SET_PIV ? SW_WRONG_P1P2 : SW_WRONG_DATA;
    if (!parsed)
        return SW_WRONG_DATA;
    if (asks(&t, WITNESS) && only(&t, W))
        return begin(p, alg, true, rsp);
    if (asks(&t, CHALLENGE) && only(&t, C))
        return begin(p, alg, false, rsp);
    mutual = gives(&t, WITNESS) && gives(&t, CHALLENGE) && !gives(&t, RESPONSE) && only(&t, W | C | R);
    if (!mutual && !(gives(&t, RESPONSE) && only(&t, R)))
        return SW_WRONG_DATA;
    /* No reflection: an answer counts only in the scheme in which its question was asked. */
    if (p->before_it.kind != (mutual ? HANDSHAKE_WITNESS : HANDSHAKE_CHALLENGE)) {
        security_event(p, EVENT_HANDSHAKE_FAILED);
        return SW_SECURITY_STATUS;
    }
    return finish(p, alg, mutual, &t, rsp);
}

enum err piv_authenticate_management(struct piv *p, struct in key)
{
    struct secret *own = NULL;
    enum err e = card_open_management(&p->env, p->card, &own);

    if (e == ERR_NONE && !secret_equal(own, key))
        e = ERR_WRONG;
    secret_free(own);
    security_event(p, EVENT_HANDSHAKE_BEGUN);
    if (e == ERR_NONE)
        p->status |= STATUS_ADMIN;
    return e;
}

/* --- private keys --------------------------------------------------------------------------------------- */

static struct opened *opened_of(struct piv *p, uint32_t number)
{
    for (size_t i = 0; i < CARD_KEYS_MAX; i++)
        if (p->opened[i].number == number)
            return &p->opened[i];
    return NULL;
}

static void close_key(struct opened *o)
{
    key_close(o->key);
    *o = (struct opened){ 0, false, NULL };
}

void keys_drop(struct piv *p)
{
    for (size_t i = 0; i < CARD_KEYS_MAX; i++)
        close_key(&p->opened[i]);
    secret_drop(&p->card_key);
    secret_drop(&p->session);
    for (size_t i = 0; i < PIN_COUNT; i++)
        p->remembered[i] = false;
    OPENSSL_cleanse(p->remembers, sizeof p->remembers);
}

/* Unseal a key into a free place.  There is one for each key that a card can hold. */
static enum err open_key(struct piv *p, const struct card_key *ck, struct opened **out)
{
    struct opened *o = opened_of(p, 0);
    struct secret *private = NULL;
    enum err e;

    if (o == NULL)
        return ERR_MEMORY;
    e = open_card_key(&p->env, p->card, ck, p->card_key, &private);
    if (e == ERR_NONE)
        e = key_open(p->env.lib, alg_by_id(ck->alg), bytes_in(&ck->public), secret_in(private), &o->key);
    secret_free(private);
    if (e != ERR_NONE) /* a box that does not open is a damaged card, not a wrong PIN */
        return e == ERR_WRONG ? ERR_MISMATCH : e;
    o->number = ck->number;
    *out = o;
    return ERR_NONE;
}

/* One operation.  Opening and first use happen in the vault: only they make copies that stay with the key. */
static enum err use_key(struct piv *p, const struct card_key *ck, bool agree, struct in data, struct out *result)
{
    struct opened *o = opened_of(p, ck->number);
    bool first = o == NULL || !o->used, keep = true;
    enum err e = ERR_NONE;

    if (first && p->env.vault != NULL)
        keep = p->env.vault(p->env.ctx, true);
    if (o == NULL)
        e = open_key(p, ck, &o);
    if (e == ERR_NONE) {
        e = agree ? key_agree(o->key, data, result) : key_sign(o->key, data, result);
        o->used = e == ERR_NONE || o->used;
        if (!o->used || !keep)
            close_key(o);
    }
    if (first && p->env.vault != NULL)
        p->env.vault(p->env.ctx, false);
    return e;
}

/* The key's PIN policy.  SP 800-73-5 Part 1, table 5. */
static sw_t policy_met(const struct piv *p, const struct card_key *ck)
{
    if (ck->pin_policy == PIN_POLICY_NEVER)
        return SW_SUCCESS;
    if (!security_pin(p))
        return SW_SECURITY_STATUS;
    if (ck->pin_policy == PIN_POLICY_ALWAYS && (p->before & STATUS_FRESH) == 0)
        return SW_SECURITY_STATUS;
    return SW_SUCCESS;
}

/* SP 800-73-5 Part 2, table 7: key agreement is for key management keys. */
static bool may_agree(const struct piv *p, uint8_t ref)
{
    return piv_set(p) == SET_YUBIKEY || ref == KEYREF_KEY_MANAGEMENT ||
           (ref >= KEYREF_RETIRED_FIRST && ref <= KEYREF_RETIRED_LAST);
}

static sw_t compute(struct piv *p, const struct card_key *ck, const struct template *t, struct out *rsp)
{
    enum { C = 1 << CHALLENGE, R = 1 << RESPONSE, X = 1 << EXPONENTIATION };
    bool sign = t->has[CHALLENGE] && only(t, C | R), agree = t->has[EXPONENTIATION] && only(t, X | R);
    size_t template, response;
    enum err e;

    if (!asks(t, RESPONSE) || !(sign || agree) || (agree && !may_agree(p, ck->ref)))
        return SW_WRONG_DATA;
    e = finger(p, ck->ref, ck->touch_policy);
    if (e != ERR_NONE)
        return sw_of(e);
    template = tlv_begin(rsp, 0x7C);
    response = tlv_begin(rsp, 0x82);
    e = use_key(p, ck, agree, t->value[agree ? EXPONENTIATION : CHALLENGE], rsp);
    tlv_end(rsp, response);
    tlv_end(rsp, template);
    return sw_of(e);
}

sw_t cmd_general_authenticate(struct piv *p, const struct apdu *c, struct out *rsp)
{
    sw_t wrong = piv_set(p) == SET_PIV ? SW_WRONG_P1P2 : SW_WRONG_DATA;
    const struct card_key *ck;
    const struct alg *alg;
    struct template t;
    sw_t sw;

    if (c->p2 == KEYREF_MANAGEMENT)
        return authenticate_management(p, c, rsp);
    ck = c->p2 == KEYREF_ATTESTATION ? NULL : card_key(p->card, c->p2);
    alg = alg_by_id(c->p1);
    if (ck == NULL || alg == NULL || alg->id != ck->alg)
        return wrong;
    sw = policy_met(p, ck);
    /* Whoever tries a private key has spent the fresh PIN, also in vain. */
    security_event(p, EVENT_KEY_USED);
    if (sw != SW_SUCCESS)
        return sw;
    if (!template_parse(c->data, &t))
        return SW_WRONG_DATA;
    return compute(p, ck, &t, rsp);
}
