/* SPDX-License-Identifier: BSD-2-Clause */
/* p12find.h — keys and certificates as people see them: their kind, and which belong together. */
#ifndef VPIV_TOOLS_P12FIND_H
#define VPIV_TOOLS_P12FIND_H

#include "tools/p12.h"

/* p12_private — the private key of a PKCS#8, as one for plain RSA operations where it is marked for PSS alone (the
 * same numbers; a card does not see the padding).  NULL: not of a kind that the library knows.  Owned. */
EVP_PKEY *p12_private(OSSL_LIB_CTX *lib, const PKCS8_PRIV_KEY_INFO *p8);

/* p12_is_multi_prime — an RSA key of more than two primes (RFC 8017, 3.2), for which PIV has no encoding. */
bool p12_is_multi_prime(const EVP_PKEY *key);

#endif
