/* SPDX-License-Identifier: BSD-2-Clause */
/* bundles.h — makes PKCS#12 bundles in every way that programs have made them, for tests. */
#ifndef VPIV_TESTS_BUNDLES_H
#define VPIV_TESTS_BUNDLES_H

#include <openssl/x509.h>

#include "tools/p12.h"

enum bundle_kdf { KDF_PBKDF2, KDF_SCRYPT };
enum bundle_mac { MAC_CLASSIC, MAC_PBMAC1, MAC_NONE };

/* struct recipe — how a bundle is protected.  pbe: an old scheme's NID; 0 = PBES2 as follows, -1 = not at all. */
struct recipe {
    const char *name;
    int pbe;
    const char *cipher;      /* PBES2: "AES-256-CBC", "AES-128-GCM" */
    int prf;                 /* PBES2 with PBKDF2: NID of the HMAC; 0 = the default, not written */
    enum bundle_kdf kdf;
    enum bundle_mac mac;
    const char *digest;      /* of the MAC, and of PBMAC1's PRF */
    int mac_key;             /* PBMAC1: its key length; 0 = not written */
    int iterations;          /* 0 = 1000 */
    const char *password;    /* as the key derivation of RFC 7292 gets it */
    struct in bytes;         /* as PBES2 and PBMAC1 get it; {NULL} = password's bytes */
    const char *says;        /* PBES2: the cipher that is named, where it is not the one that is used */
    bool key_length;         /* PBKDF2: the length of the key is written */
};

/* Every way of protection, all with the password "Passw0rd". */
enum { BUNDLE_RECIPES = 27 };
extern const struct recipe bundle_recipes[BUNDLE_RECIPES];

/* What goes in.  id: localKeyID of each, 0 = none. */
struct ingredient {
    EVP_PKEY *key;           /* or NULL */
    X509 *cert;              /* or NULL */
    uint8_t key_id, cert_id;
    const char *name;        /* friendly name, or NULL */
    int other;               /* instead: a bag of this NID with nothing sensible in it */
};

/* bundle_make — the bundle's bytes; free with OPENSSL_free.  depth: so many bags of safe contents around each. */
size_t bundle_make(OSSL_LIB_CTX *lib, const struct recipe *recipe, const struct ingredient *list, size_t n,
                   size_t depth, uint8_t **bytes);

/* test_key — P-256.  test_cert — self-signed, valid from so many days before now for 30 days. */
EVP_PKEY *test_key(void);
X509 *test_cert(EVP_PKEY *key, int age);

#endif
