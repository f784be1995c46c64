/* SPDX-License-Identifier: BSD-2-Clause */
/* keyref.h — the key references, one row each.  SP 800-73-5 Part 1, table 5; PIV.md section 6.1. */
#ifndef VPIV_APPLET_KEYREF_H
#define VPIV_APPLET_KEYREF_H

#include <openssl/x509.h>

#include "applet/alg.h"

enum {
    KEYREF_AUTHENTICATION = 0x9A,
    KEYREF_MANAGEMENT = 0x9B, /* symmetric: not a row of the table */
    KEYREF_SIGNATURE = 0x9C,
    KEYREF_KEY_MANAGEMENT = 0x9D,
    KEYREF_CARD_AUTHENTICATION = 0x9E,
    KEYREF_RETIRED_FIRST = 0x82,
    KEYREF_RETIRED_LAST = 0x95,
    KEYREF_ATTESTATION = 0xF9,
};

/* The numbers are Yubico's (metadata tag 02, IMPORT and GENERATE tag AA); 0 = the key reference's default. */
enum pin_policy { PIN_POLICY_DEFAULT, PIN_POLICY_NEVER, PIN_POLICY_ONCE, PIN_POLICY_ALWAYS };
enum touch_policy { TOUCH_POLICY_DEFAULT, TOUCH_POLICY_NEVER, TOUCH_POLICY_ALWAYS, TOUCH_POLICY_CACHED };

struct keyref {
    uint8_t ref;
    const char *name;       /* as people write it: "9a" … "95", "f9" */
    const char *use;        /* the standard's name of the key */
    uint32_t certificate;   /* tag of the data object with the key's certificate */
    enum pin_policy policy; /* default */
    bool yubikey;           /* only in the yubikey command set */
};

#define KEYREF_COUNT 25 /* 9A 9C 9D 9E, 82 to 95, F9 */
extern const struct keyref keyrefs[KEYREF_COUNT];

/* keyref_by_ref, keyref_by_name, keyref_by_certificate — the row, or NULL. */
const struct keyref *keyref_by_ref(uint8_t ref);
const struct keyref *keyref_by_name(const char *name);
const struct keyref *keyref_by_certificate(uint32_t tag);

/* keyref_for_cert — where a certificate and its key belong by key usage (DESIGN.md section 6).
 * taken(ctx, row) says that a place is not free; NULL = all are free.
 * reason: set to half a sentence that says why, never NULL.
 * Returns NULL when every place that fits is taken. */
const struct keyref *keyref_for_cert(const X509 *cert, bool (*taken)(void *ctx, const struct keyref *), void *ctx,
                                     const char **reason);

#endif
