/* SPDX-License-Identifier: BSD-2-Clause */
/* object.c — the table of data objects, GET DATA and PUT DATA. */
#include "applet/object.h"

#include <string.h>

#include "applet/command.h"
#include "applet/security.h"

#define ALWAYS READ_ALWAYS
#define PIN READ_PIN

/* SP 800-73-5 Part 1, table 3; minimum capacities: its appendix A.  A range is one row: its names count from 1. */
const struct object objects[OBJECT_COUNT] = {
/*    first     last      container name                                          read    c-less cert   yk     cap. */
    { 0x5FC107, 0x5FC107, 0xDB00, "Card Capability Container",                    ALWAYS, false, false, false, 170 },
    { 0x5FC102, 0x5FC102, 0x3000, "Card Holder Unique Identifier",                ALWAYS, true,  false, false, 2881 },
    { 0x5FC105, 0x5FC105, 0x0101, "X.509 Certificate for PIV Authentication",     ALWAYS, false, true,  false, 1857 },
    { 0x5FC103, 0x5FC103, 0x6010, "Cardholder Fingerprints",                      PIN,    false, false, false, 4006 },
    { 0x5FC106, 0x5FC106, 0x9000, "Security Object",                              ALWAYS, false, false, false, 1336 },
    { 0x5FC108, 0x5FC108, 0x6030, "Cardholder Facial Image",                      PIN,    false, false, false, 12710 },
    { 0x5FC101, 0x5FC101, 0x0500, "X.509 Certificate for Card Authentication",    ALWAYS, true,  true,  false, 1857 },
    { 0x5FC10A, 0x5FC10A, 0x0100, "X.509 Certificate for Digital Signature",      ALWAYS, false, true,  false, 1857 },
    { 0x5FC10B, 0x5FC10B, 0x0102, "X.509 Certificate for Key Management",         ALWAYS, false, true,  false, 1857 },
    { 0x5FC109, 0x5FC109, 0x3001, "Printed Information",                          PIN,    false, false, false, 245 },
    { 0x7E,     0x7E,     0x6050, "Discovery Object",                             ALWAYS, true,  false, false, 19 },
    { 0x5FC10C, 0x5FC10C, 0x6060, "Key History Object",                           ALWAYS, false, false, false, 128 },
    { 0x5FC10D, 0x5FC120, 0x1001, "Retired X.509 Certificate for Key Management", ALWAYS, false, true,  false, 1895 },
    { 0x5FC121, 0x5FC121, 0x1015, "Cardholder Iris Images",                       PIN,    false, false, false, 7106 },
    { 0x7F61,   0x7F61,   0x1016, "Biometric Information Templates Group",        ALWAYS, true,  false, false, 65 },
    { 0x5FC122, 0x5FC122, 0x1017, "Secure Messaging Certificate Signer",          ALWAYS, true,  false, false, 2471 },
    { 0x5FC123, 0x5FC123, 0x1018, "Pairing Code Reference Data Container",        PIN,    false, false, false, 12 },
    { 0x5FFF00, 0x5FFF00, 0,      "Yubico Administrative Data",                   ALWAYS, false, false, true,  3052 },
    { 0x5FFF01, 0x5FFF01, 0,      "Yubico Attestation Certificate",               ALWAYS, false, true,  true,  3052 },
    { 0x5FFF02, 0x5FFF0F, 0,      "Yubico Vendor Object",                         ALWAYS, false, false, true,  3052 },
    { 0x5FFF10, 0x5FFF1F, 0,      "Yubico Key Container Map and Roots",           ALWAYS, false, false, true,  3052 },
};

#undef ALWAYS
#undef PIN

const struct object *object_by_tag(uint32_t tag)
{
    for (size_t i = 0; i < OBJECT_COUNT; i++)
        if (tag >= objects[i].first && tag <= objects[i].last)
            return &objects[i];
    return NULL;
}

/* The row, if this card's command set has it. */
static const struct object *object_of(const struct piv *p, uint32_t tag)
{
    const struct object *o = object_by_tag(tag);

    return o != NULL && (!o->yubikey || piv_set(p) == SET_YUBIKEY) ? o : NULL;
}

/* 5C holds one object's tag as its *value*, one to three bytes. */
static bool take_tag_list(struct in *data, uint32_t *tag)
{
    struct in list;
    size_t n;
    uint8_t b;

    if (!tlv_get(data, 0x5C, &list) || list.n == 0 || list.n > 3)
        return false;
    n = list.n;
    for (*tag = 0; in_u8(&list, &b);)
        *tag = *tag << 8 | b;
    /* 00 7E is not another way to write 7E: it names no object. */
    if (n > 1 && *tag >> 8 * (n - 1) == 0)
        *tag = 0;
    return true;
}

/* SP 800-73-5 Part 2, 3.1.2. */
sw_t cmd_get_data(struct piv *p, const struct apdu *c, struct out *rsp)
{
    struct in body = c->data, value;
    uint8_t room[CARD_SCRATCH];
    struct out scratch = out_of(room, sizeof room);
    const struct object *o;
    uint32_t tag;
    enum err e;

    if (!take_tag_list(&body, &tag) || !in_end(&body))
        return SW_WRONG_DATA;
    o = object_of(p, tag);
    if (o == NULL)
        return SW_NOT_FOUND;
    /* Access before existence: to say "empty" before the PIN leaks (OpenSC knows cards by this fault). */
    if (o->read == READ_PIN && !security_pin(p))
        return SW_SECURITY_STATUS;
    e = card_read_object(p->card, tag, &scratch, &value);
    if (e != ERR_NONE)
        return sw_of(e);
    tlv_put(rsp, tag == OBJECT_DISCOVERY || tag == OBJECT_BIT_GROUP ? tag : 0x53, value);
    return SW_SUCCESS;
}

/* The discovery object sets the PIN usage policy.  SP 800-73-5 Part 1, 3.3.2: 40 = PIV PIN, 20 = global PIN; the
 * second byte says which is the primary one and is 00 without a global PIN. */
static enum err set_pin_usage(struct card *card, struct in value)
{
    struct in aid, usage;
    uint8_t satisfies, primary;

    if (!tlv_get(&value, 0x4F, &aid) || !in_equal(aid, piv_aid) || !tlv_get(&value, 0x5F2F, &usage) ||
        !in_end(&value) || !in_u8(&usage, &satisfies) || !in_u8(&usage, &primary) || !in_end(&usage))
        return ERR_DATA;
    if (satisfies == 0x40 && primary != 0x00)
        return ERR_DATA;
    /* No policy may name a PIN that the card does not have. */
    if (satisfies == 0x60 && ((primary != 0x10 && primary != 0x20) || card->pin[PIN_GLOBAL].log_n == 0))
        return ERR_DATA;
    if (satisfies != 0x40 && satisfies != 0x60)
        return ERR_DATA;
    card->pin_usage[0] = satisfies;
    card->pin_usage[1] = primary;
    return ERR_NONE;
}

static sw_t put(struct piv *p, uint32_t tag, struct in value)
{
    struct card *next;
    enum err e = card_copy(p->card, &next);

    if (e != ERR_NONE)
        return sw_of(e);
    e = tag == OBJECT_DISCOVERY ? set_pin_usage(next, value) : card_put_object(next, tag, value);
    if (e != ERR_NONE) {
        card_free(next);
        return sw_of(e);
    }
    return sw_of(piv_commit(p, next));
}

/* SP 800-73-5 Part 2, 3.3.1.  Contents are the issuer's: the card stores, it does not judge. */
sw_t cmd_put_data(struct piv *p, const struct apdu *c, struct out *rsp)
{
    bool yubikey = piv_set(p) == SET_YUBIKEY;
    struct in body = c->data, value;
    uint32_t tag;

    (void)rsp;
    if (tlv_get(&body, OBJECT_DISCOVERY, &value))
        tag = OBJECT_DISCOVERY;
    else if (tlv_get(&body, OBJECT_BIT_GROUP, &value))
        tag = OBJECT_BIT_GROUP;
    else if (!take_tag_list(&body, &tag) || !tlv_get(&body, 0x53, &value))
        return SW_WRONG_DATA;
    if (!in_end(&body))
        return SW_WRONG_DATA;
    if (object_of(p, tag) == NULL)
        return yubikey ? SW_NOT_FOUND : SW_FUNCTION_NOT_SUPPORTED;
    /* Without on-card comparison there is no group template; a YubiKey's discovery object is fixed. */
    if (tag == OBJECT_BIT_GROUP || (tag == OBJECT_DISCOVERY && yubikey))
        return SW_FUNCTION_NOT_SUPPORTED;
    return put(p, tag, value);
}
