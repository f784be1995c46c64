/* SPDX-License-Identifier: BSD-2-Clause */
/* firmware.h — which YubiKey a card of the yubikey command set is: what its firmware has and has not. */
#ifndef VPIV_APPLET_FIRMWARE_H
#define VPIV_APPLET_FIRMWARE_H

#include "applet/tlv.h"

enum feature {
    FEATURE_SERIAL = 1 << 0,   /* GET SERIAL */
    FEATURE_METADATA = 1 << 1, /* GET METADATA */
    FEATURE_AES = 1 << 2,      /* management key with AES */
    FEATURE_LARGE = 1 << 3,    /* RSA-3072, RSA-4096, Ed25519, X25519 */
    FEATURE_MOVE = 1 << 4,     /* MOVE KEY */
    FEATURE_STAY = 1 << 5,     /* PIV stays selected when SELECT finds nothing; the PIN is forgotten all the same */
    FEATURE_OTP = 1 << 6,      /* the OTP application is there, to be asked for the serial number */
};

struct firmware {
    uint8_t version[3];
    const char *name;
    unsigned features;
};

#define FIRMWARE_COUNT 3
extern const struct firmware firmwares[FIRMWARE_COUNT];

/* firmware_by_version — the row, or NULL.  firmware_by_name — of "5.7.1". */
const struct firmware *firmware_by_version(const uint8_t version[3]);
const struct firmware *firmware_by_name(const char *name);

#endif
