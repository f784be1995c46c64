/* SPDX-License-Identifier: BSD-2-Clause */
/* issue.c — how a card comes into the world: identity, first objects, factory values. */
#include "applet/card.h"

#include "applet/attest.h"

#include <string.h>

#include <openssl/crypto.h>

/* SP 800-73-5 Part 2, 3.1.1: the PIV Card Application's AID with its version. */
static const uint8_t aid_bytes[] = { 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00 };
const struct in piv_aid = { aid_bytes, sizeof aid_bytes };

static enum err pad(struct in text, bool digits, struct secret **out)
{
    struct secret *pin;
    bool ok = text.n >= 6 && text.n <= 8;

    for (size_t i = 0; i < text.n; i++)
        ok = ok && (digits ? text.p[i] >= '0' && text.p[i] <= '9' : text.p[i] != 0xFF);
    if (!ok)
        return ERR_DATA;
    pin = secret_new(8);
    if (pin == NULL)
        return ERR_MEMORY;
    memset(pin->p, 0xFF, pin->n);
    memcpy(pin->p, text.p, text.n);
    *out = pin;
    return ERR_NONE;
}

enum err pin_from_text(struct in text, struct secret **out)
{
    return pad(text, true, out);
}

enum err puk_from_text(struct in text, struct secret **out)
{
    return pad(text, false, out);
}

enum err factory_pin(struct secret **out)
{
    return pad(in_of("123456", 6), true, out);
}

enum err factory_puk(struct secret **out)
{
    return pad(in_of("12345678", 8), true, out);
}

enum err factory_management(uint8_t id, struct secret **out)
{
    const struct alg *alg = alg_by_id(id);
    struct secret *key;

    if (alg == NULL || alg->family != ALG_CIPHER)
        return ERR_UNSUPPORTED;
    key = secret_new(alg->size);
    if (key == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < key->n; i++)
        key->p[i] = (uint8_t)(i % 8 + 1);
    *out = key;
    return ERR_NONE;
}

bool pin_is_known(const struct card *card, enum pin which, struct in pin)
{
    static const char *const factory[PIN_COUNT] = { "123456\xFF\xFF", "12345678", "123456\xFF\xFF" };

    return card->persona->set == SET_YUBIKEY && pin.n == 8 && CRYPTO_memcmp(pin.p, factory[which], 8) == 0;
}

/* SP 800-73-5 Part 1, 3.1.2: FASC-N of a card that no agency issued (agency 9999), GUID, expiry; unsigned. */
static enum err put_chuid(struct card *card)
{
    static const uint8_t fascn[25] = { 0xD4, 0xE7, 0x39, 0xDA, 0x73, 0x9C, 0xED, 0x39, 0xCE, 0x73, 0x9D, 0x83, 0x68,
                                       0x58, 0x21, 0x08, 0x42, 0x10, 0x84, 0x21, 0xC8, 0x42, 0x10, 0xC3, 0xEB };
    uint8_t room[80];
    struct out chuid = out_of(room, sizeof room);

    tlv_put(&chuid, 0x30, in_of(fascn, sizeof fascn));
    tlv_put(&chuid, 0x34, in_of(card->guid, sizeof card->guid));
    tlv_put(&chuid, 0x35, in_of("20491231", 8));
    tlv_put(&chuid, 0x3E, in_of(NULL, 0));
    tlv_put(&chuid, 0xFE, in_of(NULL, 0));
    return chuid.bad ? ERR_FULL : card_put_object(card, OBJECT_CHUID, out_in(&chuid));
}

/* SP 800-73-5 Part 1, 3.1.1, and appendix A, table 8. */
static enum err put_ccc(const struct piv_env *env, struct card *card)
{
    static const uint8_t card_identifier[] = { 0xA0, 0x00, 0x00, 0x01, 0x16, 0xFF, 0x02 };
    static const struct {
        uint8_t tag, n, value;
    } rows[] = { { 0xF1, 1, 0x21 }, { 0xF2, 1, 0x21 }, { 0xF3, 0, 0 }, { 0xF4, 1, 0x00 }, { 0xF5, 1, 0x10 },
                 { 0xF6, 0, 0 },    { 0xF7, 0, 0 },    { 0xFA, 0, 0 }, { 0xFB, 0, 0 },    { 0xFC, 0, 0 },
                 { 0xFD, 0, 0 },    { 0xFE, 0, 0 } };
    uint8_t room[80], number[14];
    struct out ccc = out_of(room, sizeof room);
    size_t mark;
    enum err e = env->random(env->ctx, number, sizeof number);

    if (e != ERR_NONE)
        return e;
    mark = tlv_begin(&ccc, 0xF0);
    out_put(&ccc, in_of(card_identifier, sizeof card_identifier));
    out_put(&ccc, in_of(number, sizeof number));
    tlv_end(&ccc, mark);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        tlv_put(&ccc, rows[i].tag, in_of(&rows[i].value, rows[i].n));
    return ccc.bad ? ERR_FULL : card_put_object(card, OBJECT_CCC, out_in(&ccc));
}

static enum err make_identity(const struct piv_env *env, const struct card_plan *plan, struct card *card)
{
    enum err e = ERR_NONE;
    uint8_t room[4] = { 0 };
    struct in serial;

    if (plan->guid != NULL)
        memcpy(card->guid, plan->guid, sizeof card->guid);
    else if ((e = env->random(env->ctx, card->guid, sizeof card->guid)) == ERR_NONE) {
        card->guid[6] = (uint8_t)(0x40 | (card->guid[6] & 0x0F)); /* RFC 4122, 4.4: version 4 */
        card->guid[8] = (uint8_t)(0x80 | (card->guid[8] & 0x3F));
    }
    card->serial = plan->serial;
    while (e == ERR_NONE && card->serial == 0) {
        e = env->random(env->ctx, room, sizeof room);
        serial = in_of(room, sizeof room);
        if (e == ERR_NONE && !in_u32(&serial, &card->serial))
            e = ERR_DATA;
        card->serial &= 0x7FFFFFFF; /* clients print it as a signed number */
    }
    return e;
}

enum err card_new(const struct piv_env *env, const struct card_plan *plan, struct card **out)
{
    const struct secret *const pins[PIN_COUNT] = { plan->pin, plan->puk, plan->global };
    struct card *card = OPENSSL_zalloc(sizeof *card);
    enum err e;

    if (card == NULL)
        return ERR_MEMORY;
    card->test = plan->test;
    card->persona = plan->persona;
    card->atr = plan->atr;
    card->allow_rsa1024 = plan->allow_rsa1024;
    /* SP 800-73-5 Part 1, 3.3.2: the application PIN alone, or both with the application PIN as the primary one. */
    card->pin_usage[0] = plan->global == NULL ? 0x40 : 0x60;
    card->pin_usage[1] = plan->global == NULL ? 0x00 : 0x10;
    card->next_number = 1;
    if (plan->persona->set == SET_YUBIKEY) {
        const struct firmware *firmware = plan->firmware != NULL ? plan->firmware : &firmwares[FIRMWARE_COUNT - 1];

        memcpy(card->firmware, firmware->version, sizeof card->firmware);
    }
    if ((e = make_identity(env, plan, card)) != ERR_NONE ||
        (e = card_set_pins(env, card, pins, plan->log_n)) != ERR_NONE ||
        (e = card_set_management(env, card, plan->management_alg, TOUCH_POLICY_NEVER, plan->management)) != ERR_NONE ||
        (plan->persona->set == SET_YUBIKEY && (e = attest_make_issuer(env, card)) != ERR_NONE) ||
        (!plan->empty && ((e = put_chuid(card)) != ERR_NONE || (e = put_ccc(env, card)) != ERR_NONE))) {
        card_free(card);
        return e;
    }
    *out = card;
    return ERR_NONE;
}
