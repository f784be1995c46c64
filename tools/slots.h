/* SPDX-License-Identifier: BSD-2-Clause */
/* slots.h — which key of a bundle goes where on a card, and why (DESIGN.md 6); done to a card in memory. */
#ifndef VPIV_TOOLS_SLOTS_H
#define VPIV_TOOLS_SLOTS_H

#include "applet/card.h"
#include "tools/bundle.h"
#include "tools/certinfo.h"

enum slot_how { SLOT_NEW, SLOT_RENEWED, SLOT_SAME, SLOT_REPLACED };

struct slot {
    const struct bundle *bundle;
    const struct p12_key *key;
    const X509 *cert;              /* borrowed from the bundle */
    const struct keyref *ref;
    const char *reason;            /* half a sentence */
    enum slot_how how;
    const struct keyref *retired;  /* where the key-management key that was there went, or NULL */
    struct cert_remarks remarks;
};

struct slots {
    size_t n;
    struct slot of[CARD_KEYS_MAX];
    size_t n_chain;                 /* CA certificates of the keys' chains */
    const X509 *chain[CARD_CHAIN_MAX];
    size_t left_out;                /* certificates that belong to no key */
    bool changed;                   /* the card is another than before */
};

/* struct slots_wish — what people asked for. */
struct slots_wish {
    const struct keyref *ref;       /* -s, or NULL */
    enum pin_policy pin_policy;
    bool chain_slots;
    time_t now;                     /* for remarks */
};

/* slots_fill — put every key, certificate and chain of the bundles (each has passed bundle_check) into `card`.
 * On failure the card is half filled: give it a copy. */
enum err slots_fill(const struct piv_env *env, struct card *card, const struct bundles *bundles,
                    const struct slots_wish *wish, struct slots *slots, struct why *why) MUST_CHECK;

#endif
