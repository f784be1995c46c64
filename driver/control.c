/* SPDX-License-Identifier: BSD-2-Clause */
/* control.c — TABLE of control codes, of features and of properties (PC/SC part 10; PCSC.md 6). */
#include "driver/control.h"

#include <reader.h>

enum {
    CODE_FEATURES_WINDOWS = 0x313520, /* CM_IOCTL_GET_FEATURE_REQUEST as Windows numbers it: ported clients */
    CODE_TLV_PROPERTIES = 0x42330012, /* the number hardware readers give it */
};

/* What GET_FEATURE_REQUEST lists.  A row of the keypad is a row here and one among the codes. */
static const struct {
    uint8_t feature;
    uint32_t code;
} features[] = {
    { FEATURE_GET_TLV_PROPERTIES, CODE_TLV_PROPERTIES },
};

/* What GET_TLV_PROPERTIES lists.  Without the first OpenSC takes the reader for one that knows short APDUs
 * only. */
static const struct {
    uint8_t property, size;
    uint32_t value;
} properties[] = {
    { PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, 4, 65536 },
    { PCSCv2_PART10_PROPERTY_bPPDUSupport, 1, 0 },
    { PCSCv2_PART10_PROPERTY_wLcdLayout, 2, 0 },
};

static void list_features(struct reader *r, struct in in, struct out *out)
{
    (void)r, (void)in;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        out_u8(out, features[i].feature);
        out_u8(out, 4);
        out_u32(out, features[i].code); /* big endian */
    }
}

static void list_properties(struct reader *r, struct in in, struct out *out)
{
    (void)r, (void)in;
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        out_u8(out, properties[i].property);
        out_u8(out, properties[i].size);
        for (unsigned n = 0; n < properties[i].size; n++)
            out_u8(out, (uint8_t)(properties[i].value >> (8 * n))); /* little endian, unlike the list above */
    }
}

static const struct {
    DWORD code;
    void (*run)(struct reader *, struct in, struct out *);
} codes[] = {
    { CM_IOCTL_GET_FEATURE_REQUEST, list_features },
    { CODE_FEATURES_WINDOWS, list_features },
    { CODE_TLV_PROPERTIES, list_properties },
};

enum err control_run(struct reader *r, DWORD code, struct in in, struct out *out)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].code != code)
            continue;
        codes[i].run(r, in, out);
        return out->bad ? ERR_FULL : ERR_NONE;
    }
    return ERR_NOT_FOUND;
}
