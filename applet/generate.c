/* SPDX-License-Identifier: BSD-2-Clause */
/* generate.c — GENERATE ASYMMETRIC KEY PAIR.  SP 800-73-5 Part 2, 3.3.2. */
#include "applet/command.h"

/* The control reference template AC, with Yubico's AA and AB, which the standard does not have and no client of the
 * standard sends. */
struct request {
    const struct alg *alg;
    uint8_t pin_policy, touch_policy;
};

static bool take_u8(struct in *body, uint32_t tag, uint8_t *value)
{
    struct in element;

    return tlv_get(body, tag, &element) && in_u8(&element, value) && in_end(&element);
}

/* In either order: ykman sends the PIN's first, ykcs11 the touch's. */
bool policies_parse(struct in *body, uint8_t *pin_policy, uint8_t *touch_policy)
{
    enum { TAG_PIN = 0xAA, TAG_TOUCH = 0xAB };
    bool pin = false, touch = false;
    struct in value;
    uint32_t tag;

    *pin_policy = PIN_POLICY_DEFAULT;
    *touch_policy = TOUCH_POLICY_DEFAULT;
    while (!in_end(body)) {
        if (!tlv_next(body, &tag, &value) || (tag == TAG_PIN ? pin : tag == TAG_TOUCH ? touch : true) ||
            !in_u8(&value, tag == TAG_PIN ? pin_policy : touch_policy) || !in_end(&value))
            return false;
        pin |= tag == TAG_PIN;
        touch |= tag == TAG_TOUCH;
    }
    return *pin_policy <= PIN_POLICY_ALWAYS && *touch_policy <= TOUCH_POLICY_CACHED;
}

static bool request_parse(struct in data, struct request *r)
{
    static const uint8_t f4[] = { 0x01, 0x00, 0x01 };
    struct in body, exponent;
    uint8_t id;

    if (!tlv_get(&data, 0xAC, &body) || !in_end(&data) || !take_u8(&body, 0x80, &id))
        return false;
    r->alg = alg_by_id(id);
    if (r->alg == NULL || r->alg->family == ALG_CIPHER)
        return false;
    if (tlv_get(&body, 0x81, &exponent) && !in_equal(exponent, in_of(f4, sizeof f4)))
        return false;
    return policies_parse(&body, &r->pin_policy, &r->touch_policy);
}

/* RSA-1024 only where a setting allows it, or as YubiKeys do; a YubiKey's larger ones from firmware 5.7 on.  F9 has to
 * sign. */
bool generate_has(const struct piv *p, const struct alg *alg, uint8_t ref)
{
    bool large = alg->announce || alg->id == ALG_RSA3072;

    if (alg->family == ALG_CIPHER || (alg->family == ALG_MONTGOMERY && ref == KEYREF_ATTESTATION))
        return false;
    if (piv_set(p) == SET_YUBIKEY)
        return !large || (piv_features(p) & FEATURE_LARGE) != 0;
    return !alg->weak || p->card->allow_rsa1024;
}

/* P2: the key. */
bool generate_names(const struct piv *p, const struct apdu *c)
{
    const struct keyref *row = keyref_by_ref(c->p2);

    return row != NULL && (!row->yubikey || piv_set(p) == SET_YUBIKEY);
}

static enum err generate(struct piv *p, const struct keyref *ref, const struct request *r, struct card **next)
{
    EVP_PKEY *pkey = NULL;
    struct card *made = NULL;
    enum err e;

    if (p->env.vault != NULL)
        p->env.vault(p->env.ctx, true);
    e = key_generate(p->env.lib, r->alg, &pkey);
    if (e == ERR_NONE)
        e = card_copy(p->card, &made);
    if (e == ERR_NONE)
        e = card_put_key(&p->env, made, ref, pkey, r->pin_policy, r->touch_policy, ORIGIN_GENERATED, NULL);
    EVP_PKEY_free(pkey);
    if (p->env.vault != NULL)
        p->env.vault(p->env.ctx, false);
    if (e != ERR_NONE)
        card_free(made);
    else
        *next = made;
    return e;
}

sw_t cmd_generate(struct piv *p, const struct apdu *c, struct out *rsp)
{
    const struct keyref *ref = keyref_by_ref(c->p2);
    struct request r;
    struct card *next = NULL;
    enum err e;

    if (!request_parse(c->data, &r))
        return SW_WRONG_DATA;
    if (!generate_has(p, r.alg, c->p2))
        return SW_WRONG_DATA;
    e = generate(p, ref, &r, &next);
    if (e == ERR_NONE)
        e = piv_commit(p, next);
    if (e != ERR_NONE)
        return sw_of(e);
    tlv_put(rsp, 0x7F49, bytes_in(&card_key(p->card, c->p2)->public));
    return SW_SUCCESS;
}
