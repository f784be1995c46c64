/* SPDX-License-Identifier: BSD-2-Clause */
/* import.h — PKCS#12 bundles onto cards, for other verbs than `vpiv import`. */
#ifndef VPIV_TOOLS_IMPORT_H
#define VPIV_TOOLS_IMPORT_H

#include "applet/card.h"

/* import_bundle — everything of the bundle `path` onto `card`, which is in memory and was made through `env`; each
 * key is tried first.  password: what was typed, maybe empty; NULL = empty.  On failure `why` says what is wrong with
 * the bundle, and the card is as it was. */
enum err import_bundle(const struct piv_env *env, struct card *card, const char *path, const struct secret *password,
                       struct why *why) MUST_CHECK;

#endif
