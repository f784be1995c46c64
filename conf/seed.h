/* SPDX-License-Identifier: BSD-2-Clause */
/* seed.h — random numbers that are not: the same seed gives the same GUIDs, serial numbers and challenges.
 *
 * For test cards alone, which is why the seed lies beside the host secret of a run's own: with it everybody knows what
 * comes next, also the nonces and keys of what the card seals.  Keys that OpenSSL generates and the signatures it makes
 * stay random.
 */
#ifndef VPIV_CONF_SEED_H
#define VPIV_CONF_SEED_H

#include <stdbool.h>

#include <openssl/types.h>

#include "applet/err.h"

enum { SEED_MAX = 64 }; /* bytes of the text that people give */

struct seed {
    bool set;
    uint8_t key[32];
    uint64_t count;
};

/* seed_read — the entry `seed` of the state directory `dir`, a text of 1 to SEED_MAX bytes; none is fine. */
enum err seed_read(int dir, OSSL_LIB_CTX *lib, struct seed *seed) MUST_CHECK;

/* seed_start — from the beginning, of the stream that belongs to these bytes (a GUID). */
enum err seed_start(struct seed *seed, OSSL_LIB_CTX *lib, const uint8_t *name, size_t n) MUST_CHECK;

/* seed_bytes — the next n bytes. */
enum err seed_bytes(struct seed *seed, OSSL_LIB_CTX *lib, uint8_t *p, size_t n) MUST_CHECK;

#endif
