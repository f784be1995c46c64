/* SPDX-License-Identifier: BSD-2-Clause */
/* seal.h — how secrets lie on disk (DESIGN.md section 3).
 *
 *   card key (256 bits, random)   under scrypt(PIN ‖ host secret), and again under scrypt(PUK ‖ host secret)
 *   card pair (X25519)            its private half under the card key
 *   a private key                 to the card pair's public half: storing one needs no PIN, opening one does
 *   what works without a PIN      under the host secret alone (keys of policy "never", 9B)
 *
 * All with AES-256-GCM; the associated data bind each box to the card, to its purpose and to its key's policies, so
 * that nothing can be swapped, widened or moved to another card.
 */
#ifndef VPIV_APPLET_SEAL_H
#define VPIV_APPLET_SEAL_H

#include "applet/env.h"

enum {
    SEAL_SALT = 16,
    SEAL_NONCE = 12,
    SEAL_TAG = 16,
    SEAL_CARD_KEY = 32,
    SEAL_LOG_N = 15,      /* scrypt r=8 p=1: 100 ms, 32 MiB */
    SEAL_LOG_N_TEST = 4,  /* throw-away cards */
    SEAL_LOG_N_MAX = 20,
    SEAL_OVERHEAD_HOST = SEAL_NONCE + SEAL_TAG,
    SEAL_OVERHEAD_AGREED = 32 + SEAL_TAG,
};

/* struct seal — the card key under one PIN. */
struct seal {
    uint8_t log_n;           /* 0 = not set */
    bool standard;           /* it is known to be the factory value (Yubico, metadata tag 05) */
    uint8_t salt[SEAL_SALT];
    uint8_t nonce[SEAL_NONCE];
    uint8_t box[SEAL_CARD_KEY + SEAL_TAG];
};

/* seal_pin — put the card key under 8 bytes of PIN.  open_pin — get it back; ERR_WRONG: it is another PIN. */
enum err seal_pin(const struct piv_env *env, const uint8_t guid[16], enum pin which, const struct secret *pin,
                  const struct secret *card_key, uint8_t log_n, struct seal *seal) MUST_CHECK;
enum err open_pin(const struct piv_env *env, const uint8_t guid[16], enum pin which, struct in pin,
                  const struct seal *seal, struct secret **card_key) MUST_CHECK;

/* seal_agreed — to an X25519 public key; open_agreed — with the private half.  `about` is the associated data. */
enum err seal_agreed(const struct piv_env *env, const uint8_t to[32], struct in about, const struct secret *plain,
                     struct out *box) MUST_CHECK;
enum err open_agreed(const struct piv_env *env, const struct secret *with, struct in about, struct in box,
                     struct secret **plain) MUST_CHECK;

/* seal_under, open_under — under a 32-byte key (the card key, or a key drawn from the host secret). */
enum err seal_under(const struct piv_env *env, const struct secret *key, struct in about, const struct secret *plain,
                    struct out *box) MUST_CHECK;
enum err open_under(const struct piv_env *env, const struct secret *key, struct in about, struct in box,
                    struct secret **plain) MUST_CHECK;

/* seal_pair — a new X25519 pair from 32 random bytes. */
enum err seal_pair(const struct piv_env *env, struct secret **private, uint8_t public[32]) MUST_CHECK;

/* derive_host — a 32-byte key for one purpose from the host secret: HKDF-SHA-256, info = purpose ‖ guid.
 * Purposes in use: "key" and "file" and "tries" (each its own box, seal or record). */
enum err derive_host(const struct piv_env *env, const char *purpose, const uint8_t guid[16], struct secret **key)
    MUST_CHECK;

/* mac — HMAC-SHA-256 of two pieces, one after the other. */
enum err mac(OSSL_LIB_CTX *lib, struct in key, struct in a, struct in b, uint8_t out[32]) MUST_CHECK;

#endif
