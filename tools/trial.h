/* SPDX-License-Identifier: BSD-2-Clause */
/* trial.h — a card tried in memory before it is written: each imported key does its work once, and the certificate's
 * public key says whether the answer is right. */
#ifndef VPIV_TOOLS_TRIAL_H
#define VPIV_TOOLS_TRIAL_H

#include "tools/slots.h"

/* struct trial_world — a host of its own: nothing that is made in it works outside, nothing reaches a disk. */
struct trial_world {
    struct secret *host;
    struct tries tries;
};
enum err trial_world_open(struct trial_world *world) MUST_CHECK;
void trial_world_close(struct trial_world *world);
struct piv_env trial_env(struct trial_world *world);

/* trial_card — try the slots of a copy of `card`, which was made through `env`, with its PIN.
 * trial_keys — where the PIN is not known: the same keys on a throw-away card. */
enum err trial_card(const struct piv_env *env, const struct card *card, const struct secret *pin,
                    const struct slots *slots, struct why *why) MUST_CHECK;
enum err trial_keys(const struct bundles *bundles, enum pin_policy policy, struct why *why) MUST_CHECK;

/* trial_blank — a throw-away card with factory values, made in `world`.  Owned by the caller: card_free. */
enum err trial_blank(struct trial_world *world, const struct persona *persona, struct card **card) MUST_CHECK;

#endif
