/* SPDX-License-Identifier: BSD-2-Clause */
/* cards.h — sample cards for tests, and a scratch directory to put them in.  Whatever fails here fails the test. */
#ifndef VPIV_TESTS_CARDS_H
#define VPIV_TESTS_CARDS_H

#include <limits.h>

#include "applet/card.h"

enum sample_key { SAMPLE_RSA, SAMPLE_EC };
enum sample_certificate { SAMPLE_LEAF, SAMPLE_ISSUER };

/* sample_key, sample_certificate — the leaf is of the RSA key (2048 bits), the issuer of the EC key (P-256). */
EVP_PKEY *sample_key(enum sample_key which);
X509 *sample_certificate(enum sample_certificate which);

/* factory_card — factory PINs and management key, a cheap seal, no key.  serial 0: random. */
struct card *factory_card(const struct piv_env *env, const char *persona, uint32_t serial);

/* sample_card — factory PINs, a cheap seal, RSA key and certificate in 9a, one issuer in the chain.
 * full_card — every field at an unusual value, a key in every slot, every data object, the longest chain. */
struct card *sample_card(const struct piv_env *env);
struct card *full_card(const struct piv_env *env);

bool same_card(const struct card *a, const struct card *b);

enum { SCRATCH_MAX = 256 };
void scratch_make(char path[SCRATCH_MAX]);
void scratch_remove(const char *path);

/* source_path — a file of the source tree. */
void source_path(const char *below, char path[PATH_MAX]);

void read_whole(const char *path, uint8_t **p, size_t *n);
void write_whole(const char *path, const void *p, size_t n);

#endif
