/* SPDX-License-Identifier: BSD-2-Clause */
/* object.h — the data objects, one row each (a range of tags where the standard has one), and GET and PUT DATA.
 * SP 800-73-5 Part 1, table 3 and appendix A; PIV.md section 5.1. */
#ifndef VPIV_APPLET_OBJECT_H
#define VPIV_APPLET_OBJECT_H

#include "applet/tlv.h"

enum {
    OBJECT_DISCOVERY = 0x7E,
    OBJECT_BIT_GROUP = 0x7F61,
    OBJECT_CERT_CARD_AUTHENTICATION = 0x5FC101,
    OBJECT_CHUID = 0x5FC102,
    OBJECT_FINGERPRINTS = 0x5FC103,
    OBJECT_CERT_AUTHENTICATION = 0x5FC105,
    OBJECT_SECURITY = 0x5FC106,
    OBJECT_CCC = 0x5FC107,
    OBJECT_FACE = 0x5FC108,
    OBJECT_PRINTED = 0x5FC109,
    OBJECT_CERT_SIGNATURE = 0x5FC10A,
    OBJECT_CERT_KEY_MANAGEMENT = 0x5FC10B,
    OBJECT_KEY_HISTORY = 0x5FC10C,
    OBJECT_CERT_RETIRED_FIRST = 0x5FC10D,
    OBJECT_CERT_RETIRED_LAST = 0x5FC120,
    OBJECT_IRIS = 0x5FC121,
    OBJECT_SM_SIGNER = 0x5FC122,
    OBJECT_PAIRING_CODE = 0x5FC123,
    OBJECT_YK_FIRST = 0x5FFF00,
    OBJECT_YK_ATTESTATION = 0x5FFF01,
    OBJECT_YK_LAST = 0x5FFF1F,
};

enum object_read { READ_ALWAYS, READ_PIN };

struct object {
    uint32_t first, last;   /* tags; equal unless the row is a range */
    uint16_t container;     /* of `first`; 0 for Yubico's */
    const char *name;
    enum object_read read;  /* over the contact interface */
    bool contactless;       /* readable there without VCI */
    bool certificate;       /* 70, 71, FE inside */
    bool yubikey;           /* only in the yubikey command set */
    uint16_t capacity;      /* the standard's minimum; ours is OBJECT_MAX for each */
};

#define OBJECT_COUNT 21
extern const struct object objects[OBJECT_COUNT];

enum { OBJECT_MAX = 16384, OBJECTS_TOTAL_MAX = 262144 };

/* object_by_tag — the row that has this tag, or NULL. */
const struct object *object_by_tag(uint32_t tag);

#endif
