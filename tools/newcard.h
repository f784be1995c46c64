/* SPDX-License-Identifier: BSD-2-Clause */
/* newcard.h — how a new card is asked for and made, for `vpiv new` and `vpiv import` alike. */
#ifndef VPIV_TOOLS_NEWCARD_H
#define VPIV_TOOLS_NEWCARD_H

#include "applet/card.h"
#include "tools/vpiv.h"

/* struct newcard_options — as they stand on the command line; NULL and 0: not given. */
struct newcard_options {
    const char *persona, *atr, *guid, *firmware;
    const char *pin, *puk, *management; /* specs for cli_secret */
    const char *global;                 /* the same, of a global PIN: the card has none without it */
    const char *algorithm;              /* of the management key */
    unsigned pin_tries, puk_tries;
    unsigned serial;                    /* Yubico's serial number */
    bool allow_rsa1024;                 /* GENERATE may make RSA-1024 */
    bool factory;                       /* PIN, PUK and management key as every developer knows them */
};

/* struct newcard — a card on its way; what was drawn at random is shown once, after it is written. */
struct newcard {
    const struct persona *persona;
    const struct atr *atr;
    const struct alg *algorithm;
    const struct firmware *firmware;
    uint32_t serial;
    bool allow_rsa1024;
    bool has_guid;
    uint8_t guid[16];
    struct tries tries;
    struct secret *pin, *puk, *management;  /* as the card takes them */
    struct secret *global;                  /* NULL: no global PIN */
    bool random_puk, random_management;
};

/* newcard_plan — everything that needs no secret: options over the store's settings, checked.
 * newcard_secrets — asks for the PIN and the rest, or draws it.  Both tell why they fail.
 * newcard_make — the card itself, in memory; its PIN seals cost next to nothing yet, so that it can be tried. */
bool newcard_plan(struct cli *cli, const struct newcard_options *options, struct newcard *plan) MUST_CHECK;
bool newcard_secrets(struct cli *cli, const struct newcard_options *options, const char *name, struct newcard *plan)
    MUST_CHECK;
enum err newcard_make(const struct piv_env *env, const struct newcard *plan, struct card **card) MUST_CHECK;
void newcard_clear(struct newcard *plan);

/* newcard_write — the card under its name, with seals that withstand guessing, in directories that are made where they
 * are missing. */
enum err newcard_write(struct cli *cli, const char *path, struct card *card, const struct newcard *plan,
                       struct why *why) MUST_CHECK;

/* newcard_show — what people must keep; newcard_json — the same into `object`. */
void newcard_show(const struct newcard *plan);
void newcard_json(const struct newcard *plan, json_t *object);

/* ask_pin — 6 to 8 digits, for the wire; ask_puk — 6 to 8 characters; ask_management — hex digits,
 * as many as the algorithm wants. */
bool ask_pin(struct cli *cli, const struct ask *ask, struct secret **pin) MUST_CHECK;
bool ask_puk(struct cli *cli, const struct ask *ask, struct secret **puk) MUST_CHECK;
bool ask_management(struct cli *cli, const struct ask *ask, const struct alg *alg, struct secret **key) MUST_CHECK;

#endif
