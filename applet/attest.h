/* SPDX-License-Identifier: BSD-2-Clause */
/* attest.h — attestation certificates: a key of F9 says that a key was generated on this card.
 * The issuer names itself virtual: nobody shall take it for Yubico's. */
#ifndef VPIV_APPLET_ATTEST_H
#define VPIV_APPLET_ATTEST_H

#include "applet/card.h"
#include "applet/key.h"

/* attest_make_issuer — a P-256 key behind F9 and its self-signed certificate in 5FFF01. */
enum err attest_make_issuer(const struct piv_env *env, struct card *card) MUST_CHECK;

/* attest_key — DER of the certificate for one key, signed by `issuer` (F9, opened).  Yubico, "PIV attestation". */
enum err attest_key(const struct piv_env *env, const struct card *card, const struct card_key *key,
                    struct key *issuer, struct out *der) MUST_CHECK;

#endif
