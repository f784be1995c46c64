/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c — TABLE of control codes, of features and of properties (PC/SC part 10; PCSC.md 6). */
#include "driver/control.h"

#include <reader.h>

#include "driver/pinentry.h"
#include "driver/pinpad.h"

enum {
    CODE_FEATURES_WINDOWS = 0x313520, /* CM_IOCTL_GET_FEATURE_REQUEST as Windows numbers it: ported clients */
    CODE_VERIFY_PIN = 0x42330006,     /* these are the numbers hardware readers give them */
    CODE_MODIFY_PIN = 0x42330007,
    CODE_PIN_PROPERTIES = 0x4233000A,
    CODE_TLV_PROPERTIES = 0x42330012,
};

enum {
    DISPLAY = 0x0210,         /* two lines of sixteen: clients then leave the words to us */
    ENTRY_CONDITIONS = 0x03,  /* the last possible digit, the Enter key */
    PIN_LEAST = 6,            /* SP 800-73-5 Part 2, 2.4.3: PIN and PUK */
    PIN_MOST = 8,
};

/* What GET_FEATURE_REQUEST lists.  keypad: where there is one. */
static const struct {
    uint8_t feature;
    bool keypad;
    uint32_t code;
} features[] = {
    { FEATURE_VERIFY_PIN_DIRECT, true, CODE_VERIFY_PIN },
    { FEATURE_MODIFY_PIN_DIRECT, true, CODE_MODIFY_PIN },
    { FEATURE_IFD_PIN_PROPERTIES, true, CODE_PIN_PROPERTIES },
    { FEATURE_GET_TLV_PROPERTIES, false, CODE_TLV_PROPERTIES },
};

/* What GET_TLV_PROPERTIES lists.  Without the first OpenSC takes the reader for one that knows short APDUs
 * only. */
static const struct {
    uint8_t property, size;
    uint32_t value, with_keypad;
    bool keypad;
} properties[] = {
    { PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, 4, 65536, 65536, false },
    { PCSCv2_PART10_PROPERTY_bPPDUSupport, 1, 0, 0, false },
    { PCSCv2_PART10_PROPERTY_wLcdLayout, 2, 0, DISPLAY, false },
    { PCSCv2_PART10_PROPERTY_bEntryValidationCondition, 1, 0, ENTRY_CONDITIONS, true },
    { PCSCv2_PART10_PROPERTY_bTimeOut2, 1, 0, 0, true },
    { PCSCv2_PART10_PROPERTY_bMinPINSize, 1, 0, PIN_LEAST, true },
    { PCSCv2_PART10_PROPERTY_bMaxPINSize, 1, 0, PIN_MOST, true },
};

static bool keypad_of(struct reader *r)
{
    return pinpad_there(reader_pinpad(r));
}

static enum err list_features(struct reader *r, struct in in, struct out *out)
{
    bool keypad = keypad_of(r);

    (void)in;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        if (features[i].keypad && !keypad)
            continue;
        out_u8(out, features[i].feature);
        out_u8(out, 4);
        out_u32(out, features[i].code); /* big endian */
    }
    return ERR_NONE;
}

/* Little endian, unlike the list above. */
static void put_number(struct out *out, uint32_t value, unsigned size)
{
    for (unsigned n = 0; n < size; n++)
        out_u8(out, (uint8_t)(value >> (8 * n)));
}

static enum err list_properties(struct reader *r, struct in in, struct out *out)
{
    bool keypad = keypad_of(r);

    (void)in;
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        if (properties[i].keypad && !keypad)
            continue;
        out_u8(out, properties[i].property);
        out_u8(out, properties[i].size);
        put_number(out, keypad ? properties[i].with_keypad : properties[i].value, properties[i].size);
    }
    return ERR_NONE;
}

/* PIN_PROPERTIES_STRUCTURE: wLcdLayout, bEntryValidationCondition, bTimeOut2. */
static enum err pin_properties(struct reader *r, struct in in, struct out *out)
{
    (void)r, (void)in;
    put_number(out, DISPLAY, 2);
    out_u8(out, ENTRY_CONDITIONS);
    out_u8(out, 0); /* one time-out for an entry, not another one after its first digit */
    return ERR_NONE;
}

static const struct {
    DWORD code;
    bool keypad;
    enum err (*run)(struct reader *, struct in, struct out *);
} codes[] = {
    { CM_IOCTL_GET_FEATURE_REQUEST, false, list_features },
    { CODE_FEATURES_WINDOWS, false, list_features },
    { CODE_TLV_PROPERTIES, false, list_properties },
    { CODE_PIN_PROPERTIES, true, pin_properties },
    { CODE_VERIFY_PIN, true, pin_verify },
    { CODE_MODIFY_PIN, true, pin_modify },
};

enum err control_run(struct reader *r, DWORD code, struct in in, struct out *out)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].code != code || (codes[i].keypad && !keypad_of(r)))
            continue;
        enum err e = codes[i].run(r, in, out);
        return e == ERR_NONE && out->bad ? ERR_FULL : e;
    }
    return ERR_NOT_FOUND;
}
