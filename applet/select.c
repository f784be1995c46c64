/* SPDX-License-Identifier: BSD-2-Clause */
/* select.c — SELECT: which application, and what it says of itself.  SP 800-73-5 Part 2, 3.1.1. */
#include "applet/command.h"

/* Any right-truncated form of the AID, down to the RID that real clients send alone. */
enum { RID_SIZE = 5 };

static bool is_piv_aid(struct in aid)
{
    struct in full = piv_aid, prefix;

    return aid.n >= RID_SIZE && in_take(&full, aid.n, &prefix) && in_equal(aid, prefix);
}

/* One AC for each algorithm: 80 holds one identifier, 06 the byte 00 (table 4). */
static void put_algorithms(struct out *rsp)
{
    for (size_t i = 0; i < ALG_COUNT; i++) {
        size_t mark;

        if (algs[i].family == ALG_CIPHER)
            continue;
        mark = tlv_begin(rsp, 0xAC);
        tlv_put_u8(rsp, 0x80, algs[i].id);
        tlv_put_u8(rsp, 0x06, 0x00);
        tlv_end(rsp, mark);
    }
}

/* The application property template.  A YubiKey gives the AID without its RID, and no label. */
static void put_property_template(const struct piv *p, struct out *rsp)
{
    static const char label[] = "vpiv virtual PIV card";
    struct in pix = piv_aid, rid = { NULL, 0 };
    bool yubikey = piv_set(p) == SET_YUBIKEY, ok = in_take(&pix, RID_SIZE, &rid);
    size_t template = tlv_begin(rsp, 0x61), mark;

    tlv_put(rsp, 0x4F, ok && yubikey ? pix : piv_aid);
    mark = tlv_begin(rsp, 0x79);
    tlv_put(rsp, 0x4F, rid);
    tlv_end(rsp, mark);
    if (!yubikey)
        tlv_put(rsp, 0x50, in_of(label, sizeof label - 1));
    if (!yubikey && card_announces(p->card))
        put_algorithms(rsp);
    tlv_end(rsp, template);
}

/* piv: a foreign AID costs nothing, and PIV selected again changes nothing.  yubikey: both cost the PIN. */
static sw_t select_piv(struct piv *p, const struct apdu *c, struct out *rsp, bool data)
{
    bool yubikey = piv_set(p) == SET_YUBIKEY;

    if (!is_piv_aid(c->data)) {
        if (yubikey) {
            security_event(p, EVENT_DESELECT);
            if ((piv_features(p) & FEATURE_STAY) == 0)
                p->application = APPLICATION_NONE;
        }
        return SW_NOT_FOUND;
    }
    if (yubikey)
        security_event(p, p->application == APPLICATION_PIV ? EVENT_RESELECT : EVENT_DESELECT);
    p->application = APPLICATION_PIV;
    if (data)
        put_property_template(p, rsp);
    return SW_SUCCESS;
}

/* Yubico's management application: a text that ends in the firmware's version. */
static sw_t select_management(struct piv *p, struct out *rsp)
{
    static const char text[] = "Virtual mgr - FW version ";
    const struct firmware *firmware = firmware_by_version(p->card->firmware);

    security_event(p, EVENT_DESELECT);
    p->application = APPLICATION_MANAGEMENT;
    out_put(rsp, in_of(text, sizeof text - 1));
    if (firmware != NULL)
        for (const char *s = firmware->name; *s != '\0'; s++)
            out_u8(rsp, (uint8_t)*s);
    return SW_SUCCESS;
}

/* The OTP application, of which there is no more than whom to ask for the serial number: its answer is the firmware,
 * the programming sequence and the touch level, both 0 for "nothing configured". */
static sw_t select_otp(struct piv *p, struct out *rsp)
{
    static const uint8_t nothing[3] = { 0 };

    security_event(p, EVENT_DESELECT);
    p->application = APPLICATION_OTP;
    out_put(rsp, in_of(p->card->firmware, sizeof p->card->firmware));
    out_put(rsp, in_of(nothing, sizeof nothing));
    return SW_SUCCESS;
}

static bool is_otp_aid(struct in aid)
{
    static const uint8_t otp[] = { 0xA0, 0x00, 0x00, 0x05, 0x27, 0x20, 0x01, 0x01 };

    return in_equal(aid, in_of(otp, sizeof otp)) || in_equal(aid, in_of(otp, sizeof otp - 1));
}

sw_t cmd_select(struct piv *p, const struct apdu *c, struct out *rsp)
{
    enum { BY_FILE = 0x00, BY_NAME = 0x04, NO_DATA = 0x0C };
    static const uint8_t management[] = { 0xA0, 0x00, 0x00, 0x05, 0x27, 0x47, 0x11, 0x17 };
    bool yubikey = piv_set(p) == SET_YUBIKEY;

    /* GnuPG looks for a YubiKey's management application only where the master file is an unknown instruction. */
    if (c->p1 == BY_FILE)
        return yubikey ? SW_INS_NOT_SUPPORTED : SW_NOT_FOUND;
    if (c->p1 != BY_NAME || (c->p2 != 0x00 && c->p2 != NO_DATA))
        return SW_WRONG_P1P2;
    if (in_end(&c->data))
        return SW_NOT_FOUND;
    if (yubikey && in_equal(c->data, in_of(management, sizeof management)))
        return select_management(p, rsp);
    if (yubikey && (piv_features(p) & FEATURE_OTP) != 0 && is_otp_aid(c->data))
        return select_otp(p, rsp);
    return select_piv(p, c, rsp, c->p2 != NO_DATA);
}
