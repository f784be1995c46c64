/* SPDX-License-Identifier: BSD-2-Clause */
/* alg.h — the algorithms a card knows, one row each.  SP 800-78-5, table 9 (identifiers); Yubico's 16, E0, E1. */
#ifndef VPIV_APPLET_ALG_H
#define VPIV_APPLET_ALG_H

#include <openssl/evp.h>

#include "applet/tlv.h"

enum {
    ALG_3DES_OLD = 0x00, /* alias of 03 */
    ALG_3DES = 0x03,
    ALG_RSA3072 = 0x05,
    ALG_RSA1024 = 0x06,
    ALG_RSA2048 = 0x07,
    ALG_AES128 = 0x08,
    ALG_AES192 = 0x0A,
    ALG_AES256 = 0x0C,
    ALG_P256 = 0x11,
    ALG_P384 = 0x14,
    ALG_RSA4096 = 0x16,
    ALG_ED25519 = 0xE0,
    ALG_X25519 = 0xE1,
};

enum alg_family { ALG_CIPHER, ALG_RSA, ALG_EC, ALG_EDWARDS, ALG_MONTGOMERY };

struct alg {
    uint8_t id;
    enum alg_family family;
    const char *name;     /* what people and the card file read and write: "RSA2048", "P-256", "AES-192" */
    const char *evp;      /* OpenSSL's name of the cipher, group or key type */
    unsigned bits;
    size_t size;          /* bytes of a modulus, a field element, a raw public key, a cipher's key */
    size_t block;         /* ALG_CIPHER: bytes of a block; else 0 */
    bool announce;        /* beyond what every client assumes: SELECT must list it (PIV.md section 1) */
    bool weak;            /* taken on import with a warning, generated only where a setting allows */
};

#define ALG_COUNT 12
extern const struct alg algs[ALG_COUNT];

/* alg_by_id — the row, or NULL.  00 finds 3DES. */
const struct alg *alg_by_id(uint8_t id);

/* alg_by_name — the row, or NULL; letter case does not matter. */
const struct alg *alg_by_name(const char *name);

/* alg_of_key — the row that fits an asymmetric key, or NULL: a PIV card has no place for it. */
const struct alg *alg_of_key(const EVP_PKEY *key);

#endif
