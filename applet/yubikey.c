/* SPDX-License-Identifier: BSD-2-Clause */
/* yubikey.c — Yubico's commands (persona yubikey): version, serial, metadata, set retries, reset, import, set
 * management key, attest, move; and the management application.  As Yubico documents them for firmware 5.7. */
#include "applet/attest.h"
#include "applet/command.h"
#include "applet/firmware.h"

#include <string.h>

sw_t cmd_version(struct piv *p, const struct apdu *c, struct out *rsp)
{
    (void)c;
    out_put(rsp, in_of(p->card->firmware, sizeof p->card->firmware));
    return SW_SUCCESS;
}

sw_t cmd_serial(struct piv *p, const struct apdu *c, struct out *rsp)
{
    (void)c;
    out_u32(rsp, p->card->serial);
    return SW_SUCCESS;
}

/* --- GET METADATA --------------------------------------------------------------------------------------- */

enum { TAG_ALGORITHM = 0x01, TAG_POLICY = 0x02, TAG_ORIGIN = 0x03, TAG_PUBLIC = 0x04, TAG_STANDARD = 0x05,
       TAG_RETRIES = 0x06, ALGORITHM_PIN = 0xFF };

static void put_pair(struct out *rsp, uint32_t tag, uint8_t first, uint8_t second)
{
    const uint8_t pair[] = { first, second };

    tlv_put(rsp, tag, in_of(pair, sizeof pair));
}

static sw_t pin_metadata(struct piv *p, enum pin which, struct out *rsp)
{
    struct tries tries;
    enum err e = p->env.tries_read(p->env.ctx, &tries);

    if (e != ERR_NONE)
        return sw_of(e);
    tlv_put_u8(rsp, TAG_ALGORITHM, ALGORITHM_PIN);
    tlv_put_u8(rsp, TAG_STANDARD, p->card->pin[which].standard);
    put_pair(rsp, TAG_RETRIES, tries.allowed[which], tries.left[which]);
    return SW_SUCCESS;
}

static sw_t management_metadata(struct piv *p, struct out *rsp)
{
    tlv_put_u8(rsp, TAG_ALGORITHM, p->card->management.alg);
    put_pair(rsp, TAG_POLICY, 0, p->card->management.touch_policy);
    tlv_put_u8(rsp, TAG_STANDARD, p->card->management.standard);
    return SW_SUCCESS;
}

sw_t cmd_metadata(struct piv *p, const struct apdu *c, struct out *rsp)
{
    enum { REF_PIN = 0x80, REF_PUK = 0x81 };
    const struct card_key *key;

    if (c->p2 == REF_PIN || c->p2 == REF_PUK)
        return pin_metadata(p, c->p2 == REF_PIN ? PIN_APPLICATION : PIN_PUK, rsp);
    if (c->p2 == KEYREF_MANAGEMENT)
        return management_metadata(p, rsp);
    key = card_key(p->card, c->p2);
    if (key == NULL)
        return SW_REFERENCE_NOT_FOUND;
    tlv_put_u8(rsp, TAG_ALGORITHM, key->alg);
    put_pair(rsp, TAG_POLICY, key->pin_policy, key->touch_policy);
    tlv_put_u8(rsp, TAG_ORIGIN, key->origin);
    tlv_put(rsp, TAG_PUBLIC, bytes_in(&key->public));
    return SW_SUCCESS;
}

/* --- changes: each makes a copy, changes that, and has it stored ---------------------------------------- */

static sw_t commit_or_free(struct piv *p, struct card *next, enum err e)
{
    if (e == ERR_NONE)
        return sw_of(piv_commit(p, next));
    card_free(next);
    return sw_of(e);
}

/* PIN and PUK become the factory ones: over the same card key, which the global PIN goes on to open, or over a new one
 * that opens nothing of old. */
static enum err factory_pins(struct piv *p, struct card *next, const struct secret *card_key)
{
    const struct seal global = next->pin[PIN_GLOBAL];
    const uint8_t log_n = next->pin[PIN_PUK].log_n;
    const struct secret *pins[PIN_COUNT] = { NULL };
    struct secret *pin = NULL, *puk = NULL;
    enum err e = factory_pin(&pin);

    if (e == ERR_NONE)
        e = factory_puk(&puk);
    if (e == ERR_NONE) {
        pins[PIN_APPLICATION] = pin;
        pins[PIN_PUK] = puk;
        e = card_key == NULL ? card_set_pins(&p->env, next, pins, log_n)
                             : card_seal_pins(&p->env, next, pins, log_n, card_key);
    }
    if (card_key != NULL)
        next->pin[PIN_GLOBAL] = global;
    secret_free(puk);
    secret_free(pin);
    return e;
}

/* SET PIN RETRIES: needs both the management key and the PIN; afterwards both are the factory's again.  The counts
 * come first: if the card cannot be stored they go back, and nothing has changed. */
sw_t cmd_set_retries(struct piv *p, const struct apdu *c, struct out *rsp)
{
    struct tries before, after;
    struct card *next = NULL;
    enum err e;
    sw_t sw;

    (void)rsp;
    if ((p->status & STATUS_PIN) == 0)
        return SW_SECURITY_STATUS;
    if (c->p1 == 0 || c->p2 == 0)
        return SW_WRONG_DATA;
    e = p->env.tries_read(p->env.ctx, &before);
    after = before;
    after.left[PIN_APPLICATION] = after.allowed[PIN_APPLICATION] = c->p1;
    after.left[PIN_PUK] = after.allowed[PIN_PUK] = c->p2;
    if (e == ERR_NONE)
        e = p->env.tries_write(p->env.ctx, &after);
    if (e != ERR_NONE)
        return sw_of(e);
    e = card_copy(p->card, &next);
    sw = commit_or_free(p, next, e == ERR_NONE ? factory_pins(p, next, p->card_key) : e);
    if (sw != SW_SUCCESS) {
        (void)!p->env.tries_write(p->env.ctx, &before);
        return sw;
    }
    p->remembered[PIN_APPLICATION] = p->remembered[PIN_PUK] = false;
    security_event(p, EVENT_PIN_FAILED);
    return SW_SUCCESS;
}

/* RESET keeps the card's identity, the attestation key and its certificate. */
static enum err make_factory(struct piv *p, struct card *next)
{
    struct secret *management = NULL;
    enum err e = factory_management(ALG_3DES, &management);

    for (size_t i = 0; i < KEYREF_COUNT; i++)
        if (keyrefs[i].ref != KEYREF_ATTESTATION && card_key(next, keyrefs[i].ref) != NULL && e == ERR_NONE)
            e = card_move_key(next, &keyrefs[i], NULL);
    for (size_t i = next->n_objects; i > 0; i--)
        if (next->objects[i - 1].tag != OBJECT_YK_ATTESTATION && e == ERR_NONE)
            e = card_put_object(next, next->objects[i - 1].tag, in_of(NULL, 0));
    if (e == ERR_NONE)
        e = factory_pins(p, next, NULL);
    next->pin_usage[0] = 0x40; /* the global PIN is gone with the card key */
    next->pin_usage[1] = 0x00;
    if (e == ERR_NONE)
        e = card_set_management(&p->env, next, ALG_3DES, TOUCH_POLICY_NEVER, management);
    secret_free(management);
    return e;
}

sw_t cmd_reset(struct piv *p, const struct apdu *c, struct out *rsp)
{
    static const struct tries fresh = { .left = { 3, 3 }, .allowed = { 3, 3 } };
    struct card *next = NULL;
    struct tries now;
    enum err e = p->env.tries_read(p->env.ctx, &now);
    sw_t sw;

    (void)c, (void)rsp;
    if (e != ERR_NONE)
        return sw_of(e);
    if (now.left[PIN_APPLICATION] != 0 || now.left[PIN_PUK] != 0)
        return SW_CONDITIONS;
    security_event(p, EVENT_DESELECT);
    security_event(p, EVENT_GLOBAL_FAILED);
    /* The card first: counts that are whole over keys that are still there would be guesses for nothing. */
    e = card_copy(p->card, &next);
    sw = commit_or_free(p, next, e == ERR_NONE ? make_factory(p, next) : e);
    return sw != SW_SUCCESS ? sw : sw_of(p->env.tries_write(p->env.ctx, &fresh));
}

/* P1: the algorithm, P2: the key. */
bool import_names(const struct piv *p, const struct apdu *c)
{
    const struct alg *alg = alg_by_id(c->p1);

    return keyref_by_ref(c->p2) != NULL && alg != NULL && generate_has(p, alg, c->p2);
}

/* IMPORT ASYMMETRIC KEY: the parts, then the policies. */
sw_t cmd_import(struct piv *p, const struct apdu *c, struct out *rsp)
{
    const struct keyref *ref = keyref_by_ref(c->p2);
    const struct alg *alg = alg_by_id(c->p1);
    struct in body = c->data;
    struct card *next = NULL;
    EVP_PKEY *pkey = NULL;
    uint8_t pin_policy, touch_policy;
    enum err e;

    (void)rsp;
    if (p->env.vault != NULL)
        p->env.vault(p->env.ctx, true);
    e = key_from_import(p->env.lib, alg, &body, &pkey);
    if (e == ERR_NONE && !policies_parse(&body, &pin_policy, &touch_policy))
        e = ERR_DATA;
    if (e == ERR_NONE)
        e = card_copy(p->card, &next);
    if (e == ERR_NONE)
        e = card_put_key(&p->env, next, ref, pkey, pin_policy, touch_policy, ORIGIN_IMPORTED, NULL);
    EVP_PKEY_free(pkey);
    if (p->env.vault != NULL)
        p->env.vault(p->env.ctx, false);
    return commit_or_free(p, next, e);
}

/* The four weak and twelve semi-weak keys of DES (FIPS 74, 3.6) are all the ways to let two of four bytes take turns,
 * in each half by its own name; the lowest bit of each is parity.  Parts that are equal are taken, as by a YubiKey. */
static bool is_weak_des(struct in part)
{
    static const uint8_t left[] = { 0x00, 0x1E, 0xE0, 0xFE }, right[] = { 0x00, 0x0E, 0xF0, 0xFE };
    uint8_t key[8], kinds[2] = { 0, 0 };

    for (size_t i = 0; i < sizeof key; i++) {
        bool known = false;

        if (!in_u8(&part, &key[i]))
            return false;
        for (uint8_t k = 0; k < sizeof left; k++) {
            if ((key[i] & 0xFE) != (i < 4 ? left : right)[k] || (i >= 2 && kinds[i % 2] != k))
                continue;
            kinds[i % 2] = k;
            known = true;
        }
        if (!known)
            return false;
    }
    return true;
}

static bool is_weak(const struct alg *alg, struct in key)
{
    struct in part;
    bool weak = false;

    while (alg->id == ALG_3DES && in_take(&key, 8, &part))
        weak |= is_weak_des(part);
    return weak;
}

/* P2: whether the key wants a touch.  FD is what Yubico's .NET SDK sends for "cached". */
enum { TOUCH_NEVER = 0xFF, TOUCH_ALWAYS = 0xFE, TOUCH_CACHED = 0xFD };

bool touch_names(const struct piv *p, const struct apdu *c)
{
    (void)p;
    return c->p2 >= TOUCH_CACHED;
}

static enum touch_policy touch_of(uint8_t p2)
{
    return p2 == TOUCH_NEVER ? TOUCH_POLICY_NEVER : p2 == TOUCH_ALWAYS ? TOUCH_POLICY_ALWAYS : TOUCH_POLICY_CACHED;
}

/* SET MANAGEMENT KEY: the data are algorithm, 9B, length, key. */
sw_t cmd_set_management(struct piv *p, const struct apdu *c, struct out *rsp)
{
    struct in body = c->data, value;
    const struct alg *alg;
    struct card *next = NULL;
    struct secret *key;
    uint8_t id;
    enum err e;

    (void)rsp;
    if (!in_u8(&body, &id) || !tlv_get(&body, KEYREF_MANAGEMENT, &value) || !in_end(&body))
        return SW_WRONG_DATA;
    alg = alg_by_id(id);
    if (alg == NULL || alg->family != ALG_CIPHER || value.n != alg->size || is_weak(alg, value) ||
        (alg->id != ALG_3DES && (piv_features(p) & FEATURE_AES) == 0))
        return SW_WRONG_DATA;
    key = secret_copy(value);
    e = key == NULL ? ERR_MEMORY : card_copy(p->card, &next);
    if (e == ERR_NONE)
        e = card_set_management(&p->env, next, alg->id, touch_of(c->p2), key);
    secret_free(key);
    return commit_or_free(p, next, e);
}

/* ATTEST: only what was generated here. */
sw_t cmd_attest(struct piv *p, const struct apdu *c, struct out *rsp)
{
    const struct card_key *key = card_key(p->card, c->p1), *issuer = card_key(p->card, KEYREF_ATTESTATION);
    struct secret *private = NULL;
    struct key *opened = NULL;
    enum err e;

    if (c->p1 == KEYREF_ATTESTATION || key == NULL || key->origin != ORIGIN_GENERATED)
        return SW_WRONG_DATA;
    if (issuer == NULL)
        return SW_REFERENCE_NOT_FOUND;
    if (p->env.vault != NULL)
        p->env.vault(p->env.ctx, true);
    e = open_card_key(&p->env, p->card, issuer, NULL, &private);
    if (e == ERR_NONE)
        e = key_open(p->env.lib, alg_by_id(issuer->alg), bytes_in(&issuer->public), secret_in(private), &opened);
    if (e == ERR_NONE)
        e = attest_key(&p->env, p->card, key, opened, rsp);
    key_close(opened);
    secret_free(private);
    if (p->env.vault != NULL)
        p->env.vault(p->env.ctx, false);
    return e == ERR_NOT_FOUND ? SW_REFERENCE_NOT_FOUND : sw_of(e);
}

/* P1: to, or that the key is to be deleted; P2: from.  The attestation key may be deleted, not moved. */
enum { DELETE = 0xFF };

bool move_names(const struct piv *p, const struct apdu *c)
{
    const struct keyref *to = keyref_by_ref(c->p1), *from = keyref_by_ref(c->p2);

    (void)p;
    return from != NULL && (c->p1 == DELETE || (to != NULL && !to->yubikey && !from->yubikey));
}

/* MOVE KEY.  Certificates stay where they are. */
sw_t cmd_move(struct piv *p, const struct apdu *c, struct out *rsp)
{
    const struct keyref *to = c->p1 == DELETE ? NULL : keyref_by_ref(c->p1), *from = keyref_by_ref(c->p2);
    struct card *next = NULL;
    enum err e;

    (void)rsp;
    if (card_key(p->card, from->ref) == NULL)
        return SW_REFERENCE_NOT_FOUND;
    e = card_copy(p->card, &next);
    return commit_or_free(p, next, e == ERR_NONE ? card_move_key(next, from, to) : e);
}

/* --- the management application ------------------------------------------------------------------------- */

/* READ CONFIG: one length byte, then TLV.  PIV is the only capability of this key. */
sw_t cmd_read_config(struct piv *p, const struct apdu *c, struct out *rsp)
{
    enum { SUPPORTED = 0x01, SERIAL = 0x02, ENABLED = 0x03, FORM_FACTOR = 0x04, FIRMWARE = 0x05, LOCKED = 0x0A };
    static const uint8_t piv_only[] = { 0x00, 0x10 };
    uint8_t room[64], serial[4];
    struct out list = out_of(room, sizeof room), number = out_of(serial, sizeof serial);

    if (c->p1 != 0x00)
        return SW_OUT_OF_RANGE;
    out_u32(&number, p->card->serial);
    tlv_put(&list, SUPPORTED, in_of(piv_only, sizeof piv_only));
    tlv_put(&list, SERIAL, out_in(&number));
    tlv_put(&list, ENABLED, in_of(piv_only, sizeof piv_only));
    tlv_put_u8(&list, FORM_FACTOR, 0x01);
    tlv_put(&list, FIRMWARE, in_of(p->card->firmware, sizeof p->card->firmware));
    tlv_put_u8(&list, LOCKED, 0x00);
    out_u8(rsp, (uint8_t)list.n);
    out_put(rsp, out_in(&list));
    return SW_SUCCESS;
}

/* What this key does not let anyone change. */
sw_t cmd_refuse(struct piv *p, const struct apdu *c, struct out *rsp)
{
    (void)p, (void)c, (void)rsp;
    return SW_CONDITIONS;
}
