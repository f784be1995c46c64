/* SPDX-License-Identifier: BSD-2-Clause */
/* bundle.h — PKCS#12 files to import: read, paired with certificates from elsewhere, and found good or not. */
#ifndef VPIV_TOOLS_BUNDLE_H
#define VPIV_TOOLS_BUNDLE_H

#include "tools/p12.h"

enum { BUNDLES_MAX = 64 };

struct bundle {
    const char *path;   /* borrowed: as people wrote it */
    struct p12 *p12;
};

struct bundles {
    size_t n;
    struct bundle of[BUNDLES_MAX];
};

/* bundle_read — the next bundle.  Errors are p12_read's, ERR_NOT_FOUND and ERR_STORE; `why` names the file.
 * bundle_add_certs — the certificates of a PEM or DER file, for keys that come without one. */
enum err bundle_read(struct bundles *bundles, OSSL_LIB_CTX *lib, const char *path, const struct secret *password,
                     unsigned long iterations, struct why *why) MUST_CHECK;
enum err bundle_add_certs(struct bundle *bundle, OSSL_LIB_CTX *lib, const char *path, struct why *why) MUST_CHECK;

/* bundle_check — there is a key, a card has a place for each, and each has its certificate; else why not. */
enum err bundle_check(const struct bundle *bundle, struct why *why) MUST_CHECK;
void bundles_clear(struct bundles *bundles);

#endif
