/* SPDX-License-Identifier: BSD-2-Clause */
/* alg.c — the table of algorithms. */
#include "applet/alg.h"

#include <string.h>
#include <strings.h>

/* SP 800-78-5, table 9; 16, E0 and E1 are Yubico's.  Columns: id, family, name, OpenSSL's name, bits, bytes, block,
 * announce, weak. */
const struct alg algs[ALG_COUNT] = {
    { ALG_3DES,    ALG_CIPHER,     "3DES",    "DES-EDE3-ECB", 168,  24,  8,  false, false },
    { ALG_AES128,  ALG_CIPHER,     "AES-128", "AES-128-ECB",  128,  16,  16, false, false },
    { ALG_AES192,  ALG_CIPHER,     "AES-192", "AES-192-ECB",  192,  24,  16, false, false },
    { ALG_AES256,  ALG_CIPHER,     "AES-256", "AES-256-ECB",  256,  32,  16, false, false },
    { ALG_RSA1024, ALG_RSA,        "RSA1024", "RSA",          1024, 128, 0,  false, true },
    { ALG_RSA2048, ALG_RSA,        "RSA2048", "RSA",          2048, 256, 0,  false, false },
    { ALG_RSA3072, ALG_RSA,        "RSA3072", "RSA",          3072, 384, 0,  false, false },
    { ALG_RSA4096, ALG_RSA,        "RSA4096", "RSA",          4096, 512, 0,  true,  false },
    { ALG_P256,    ALG_EC,         "P-256",   "prime256v1",   256,  32,  0,  false, false },
    { ALG_P384,    ALG_EC,         "P-384",   "secp384r1",    384,  48,  0,  false, false },
    { ALG_ED25519, ALG_EDWARDS,    "Ed25519", "ED25519",      256,  32,  0,  true,  false },
    { ALG_X25519,  ALG_MONTGOMERY, "X25519",  "X25519",       256,  32,  0,  true,  false },
};

const struct alg *alg_by_id(uint8_t id)
{
    if (id == ALG_3DES_OLD)
        id = ALG_3DES;
    for (size_t i = 0; i < ALG_COUNT; i++)
        if (algs[i].id == id)
            return &algs[i];
    return NULL;
}

const struct alg *alg_by_name(const char *name)
{
    for (size_t i = 0; i < ALG_COUNT; i++)
        if (strcasecmp(algs[i].name, name) == 0)
            return &algs[i];
    return NULL;
}

static bool fits(const struct alg *alg, const EVP_PKEY *key)
{
    char group[64];

    switch (alg->family) {
    case ALG_RSA:
        /* A key that its file marks "for PSS only" computes like any other: the host pads. */
        return (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) &&
               (unsigned)EVP_PKEY_get_bits(key) == alg->bits;
    case ALG_EC:
        return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
               strcmp(group, alg->evp) == 0;
    case ALG_EDWARDS:
    case ALG_MONTGOMERY:
        return EVP_PKEY_is_a(key, alg->evp);
    default:
        return false;
    }
}

const struct alg *alg_of_key(const EVP_PKEY *key)
{
    for (size_t i = 0; i < ALG_COUNT; i++)
        if (fits(&algs[i], key))
            return &algs[i];
    return NULL;
}
