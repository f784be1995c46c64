/* SPDX-License-Identifier: BSD-2-Clause */
/* key.h — an opened private key, the only thing that computes with one; and the two encodings of a key.
 *
 * public:  the inside of 7F49: 81 modulus, 82 exponent; or 86 point or raw public key (SP 800-73-5 Part 2, 3.3.2)
 * private: TLV of big-endian numbers: RSA 01 p, 02 q, 03 dp, 04 dq, 05 qinv (as Yubico's IMPORT has them), 0D d;
 *          06 EC scalar, 07 Ed25519 seed, 08 X25519 scalar
 */
#ifndef VPIV_APPLET_KEY_H
#define VPIV_APPLET_KEY_H

#include <openssl/x509.h>

#include "applet/alg.h"
#include "applet/env.h"

enum { KEY_PUBLIC_MAX = 4 + 512 + 16 };

struct key;

/* key_encode_public, key_encode_private — of an OpenSSL key that alg_of_key knows. */
enum err key_encode_public(const EVP_PKEY *pkey, const struct alg *alg, struct out *public) MUST_CHECK;
enum err key_encode_private(const EVP_PKEY *pkey, const struct alg *alg, struct secret **private) MUST_CHECK;

/* key_public — the OpenSSL key of a public encoding, or NULL.  Owned by the caller. */
EVP_PKEY *key_public(OSSL_LIB_CTX *lib, const struct alg *alg, struct in public);

/* key_pair — the OpenSSL key of both encodings, or NULL.  Owned by the caller. */
EVP_PKEY *key_pair(OSSL_LIB_CTX *lib, const struct alg *alg, struct in public, struct in private);

/* key_open — make both encodings ready to compute with.  NULL key on failure. */
enum err key_open(OSSL_LIB_CTX *lib, const struct alg *alg, struct in public, struct in private, struct key **key)
    MUST_CHECK;
void key_close(struct key *key);

/* key_sign — RSA: the raw private operation on a block as long as the modulus (sign and decrypt are one; the host
 * pads).  EC: ECDSA over a hash of any length but 0 (leftmost bits count), DER.  Ed25519: over the message.
 * key_agree — EC: x coordinate with an uncompressed point; X25519: with 32 bytes.
 * ERR_DATA: wrong length, block not below the modulus, point not on the curve, all-zero secret, wrong family. */
enum err key_sign(struct key *key, struct in data, struct out *result) MUST_CHECK;
enum err key_agree(struct key *key, struct in point, struct out *result) MUST_CHECK;

/* key_generate — a new key pair (RSA: exponent 65537).  Owned by the caller: EVP_PKEY_free. */
enum err key_generate(OSSL_LIB_CTX *lib, const struct alg *alg, EVP_PKEY **pkey) MUST_CHECK;

/* key_from_import — take what Yubico's IMPORT sends for this algorithm (RSA: 01 to 05, exponent 65537; else 06, 07 or
 * 08) from the front, and check it: sizes, primes, the parts against each other, the scalar against the order. */
enum err key_from_import(OSSL_LIB_CTX *lib, const struct alg *alg, struct in *parts, EVP_PKEY **pkey) MUST_CHECK;

/* key_sign_certificate — sign a certificate that is complete but for its signature. */
enum err key_sign_certificate(struct key *key, X509 *cert) MUST_CHECK;

/* cipher_block — one block of a management key's cipher, ECB, encrypted. */
enum err cipher_block(OSSL_LIB_CTX *lib, const struct alg *alg, const struct secret *key, const uint8_t *from,
                      uint8_t *to) MUST_CHECK;

#endif
