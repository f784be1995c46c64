/* SPDX-License-Identifier: BSD-2-Clause */
/* vectors.h — one fixed key for each asymmetric algorithm, and what public test vectors say of it. */
#ifndef VPIV_TESTS_VECTORS_H
#define VPIV_TESTS_VECTORS_H

#include "applet/alg.h"

struct vector {
    uint8_t alg;
    const char *source;
    const char *private[2]; /* hexadecimal: RSA the two primes; others the one private number */
    const char *public;     /* point or raw public key, or NULL */
    const char *input;      /* message (Ed25519), or the other side's point (agreement), or NULL */
    const char *output;     /* signature or shared secret, or NULL */
};

/* The first row of an algorithm is its key of the tests. */
#define VECTOR_COUNT 15
extern const struct vector vectors[VECTOR_COUNT];

/* vector_key — the key of row v as OpenSSL has it, made without the code under test.  Owned by the caller. */
EVP_PKEY *vector_key(const struct vector *v);

/* known_key — of the first row of this algorithm. */
EVP_PKEY *known_key(uint8_t alg);

/* known_parts — the same key as Yubico's IMPORT sends it: 01 to 05, or 06, 07, 08. */
struct in known_parts(uint8_t alg, struct out *room);

#endif
