/* SPDX-License-Identifier: BSD-2-Clause */
/* p12.h — a PKCS#12 bundle (RFC 7292, RFC 9579): bytes in, keys and certificates out, or one sentence why not. */
#ifndef VPIV_TOOLS_P12_H
#define VPIV_TOOLS_P12_H

#include <openssl/provider.h>
#include <openssl/x509.h>

#include "applet/alg.h"
#include "applet/secret.h"

enum {
    P12_SIZE_MAX = 8 << 20,
    P12_BAGS_MAX = 2048,        /* of one file, all kinds together: Java's trust store has some 150 */
    P12_DEPTH_MAX = 8,          /* safe contents inside safe contents */
    P12_NAME_MAX = 120,         /* bytes of a friendly name that are kept */
    P12_ITERATIONS = 2000000,   /* one derivation; Firefox takes 600,000, Java refuses above 5,000,000 */
};

#define P12_NONE ((size_t)-1)

struct p12_key {
    EVP_PKEY *key;          /* NULL: of a kind that the library does not know either */
    const struct alg *alg;  /* NULL: a PIV card has no place for it */
    char kind[80];          /* "RSA 2048", "EC brainpoolP160r1", "ML-DSA-44" */
    char *name;             /* friendly name, UTF-8, or NULL */
    ASN1_OCTET_STRING *id;  /* localKeyID, or NULL */
    size_t cert;            /* its certificate among `certs`, or P12_NONE */
};

struct p12_cert {
    X509 *cert;
    char *name;
    ASN1_OCTET_STRING *id;
    bool leaf;              /* some key has the same public key */
};

struct p12 {
    OSSL_LIB_CTX *lib;
    size_t n_keys, n_certs;
    struct p12_key *keys;
    struct p12_cert *certs;
    size_t key_bags, cert_bags;   /* in the file; a key that is there twice counts twice */
    size_t crls, secrets, others; /* bags that were left out */
    bool protected;         /* it has a MAC and that was right */
    const char *password;   /* the form of the password that fitted, where it was not the usual one, or NULL */
};

/* struct p12_library — an OpenSSL context of our own with the default and the legacy provider (RC2, RC4, DES: half of
 * all bundles that people have); legacy is NULL where that provider is not installed. */
struct p12_library {
    OSSL_LIB_CTX *ctx;
    OSSL_PROVIDER *base, *legacy;
};
enum err p12_library_open(struct p12_library *library) MUST_CHECK;
void p12_library_close(struct p12_library *library);

/* p12_read — decode `file`.  `password` is what the user typed, as bytes; empty stands for "" and for none at all.
 * iterations: how many rounds of a key derivation are borne; twice that in all.
 * ERR_WRONG: the password, or a damaged file.  ERR_DATA: not a bundle, or malformed.  ERR_UNSUPPORTED: an algorithm
 * or a form that is not known.  ERR_FULL: over a limit.  A bundle without a key is not an error here. */
enum err p12_read(OSSL_LIB_CTX *lib, struct in file, const struct secret *password, unsigned long iterations,
                  struct p12 **out, struct why *why) MUST_CHECK;
void p12_free(struct p12 *p12);

/* p12_add_cert — a certificate from elsewhere (`--cert`), up-referenced; p12_pair — find each key's certificate. */
enum err p12_add_cert(struct p12 *p12, X509 *cert, const char *name) MUST_CHECK;
enum err p12_pair(struct p12 *p12) MUST_CHECK;

/* p12_public — the certificate's public key, as one that plain RSA operations take: keys that are marked for PSS or
 * OAEP alone are the same numbers.  NULL: not known.  Owned by the caller. */
EVP_PKEY *p12_public(OSSL_LIB_CTX *lib, const X509 *cert);

/* p12_key_kind — name a key for people. */
void p12_key_kind(const EVP_PKEY *key, char kind[80]);

/* p12_looks_like — what a file that is not PKCS#12 seems to be, with the way out; never NULL. */
const char *p12_looks_like(struct in file);

#endif
