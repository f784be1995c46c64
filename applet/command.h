/* SPDX-License-Identifier: BSD-2-Clause */
/* command.h — inside the applet: struct piv, and the handlers that the table of commands names. */
#ifndef VPIV_APPLET_COMMAND_H
#define VPIV_APPLET_COMMAND_H

#include "applet/apdu.h"
#include "applet/applet.h"
#include "applet/firmware.h"
#include "applet/key.h"
#include "applet/security.h"

enum {
    CHAIN_MAX = 20480,   /* a chain that grows beyond: 6700.  An object just over OBJECT_MAX still gets its 6A84. */
    PENDING_MAX = 20480, /* the longest answer: an object of OBJECT_MAX with its header */
    BLOCK_MAX = 16,      /* of a management key's cipher */
    INS_GET_RESPONSE = 0xC0,
};

/* What SELECT can choose.  A card of the piv command set has PIV alone, always selected. */
enum application { APPLICATION_NONE = 1, APPLICATION_PIV = 2, APPLICATION_MANAGEMENT = 4, APPLICATION_OTP = 8 };

/* A witness or challenge that waits for its answer.  SP 800-73-5 Part 2, appendix A. */
struct handshake {
    enum { HANDSHAKE_NONE, HANDSHAKE_CHALLENGE, HANDSHAKE_WITNESS } kind;
    struct secret *nonce; /* BLOCK_MAX bytes */
};

struct opened {
    uint32_t number; /* of the card_key; 0 = free */
    bool used;       /* its first operation is done: OpenSSL's caches are made */
    struct key *key;
};

struct piv {
    struct piv_env env;
    struct card *card;
    bool powered;
    enum application application;
    unsigned status;             /* enum status, as it is now */
    unsigned before;             /* … as it was when this command began: FRESH is asked here */

    struct secret *card_key;     /* while a PIN is verified */
    struct secret *session;      /* random; a verified PIN is remembered as its keyed hash under this alone */
    bool remembered[PIN_COUNT];
    uint8_t remembers[PIN_COUNT][32];
    struct opened opened[CARD_KEYS_MAX];

    struct handshake handshake;  /* STATUS_HANDSHAKE: what this command has sent */
    struct handshake before_it;  /* what the command before this one had sent: good for this one alone */

    struct secret *chain;        /* STATUS_CHAIN: made with the first chained command, CHAIN_MAX bytes */
    size_t chain_n;
    struct apdu chain_head;      /* INS, P1 and P2 that every block must repeat */

    bool touched;                /* a finger has been there, … */
    uint64_t touched_at;         /* … last at this time of the clock: it serves keys of policy "cached" for a while */

    uint8_t *pending;            /* STATUS_RESPONSE: PENDING_MAX bytes */
    size_t pending_at, pending_n;
};

static inline enum command_set piv_set(const struct piv *p)
{
    return p->card->persona->set;
}

/* piv_features — of the firmware that a yubikey card has. */
static inline unsigned piv_features(const struct piv *p)
{
    const struct firmware *firmware = firmware_by_version(p->card->firmware);

    return firmware == NULL ? 0 : firmware->features;
}

/* One for each status that has something behind it. */
void handshake_drop(struct piv *p);
void response_drop(struct piv *p);
void chain_drop(struct piv *p);
void keys_drop(struct piv *p);

/* command_admit — what is checked before any data is looked at, also on the first block of a chain: the instruction
 * is known, P1 and P2 are among its own, and its access rule is met as far as it does not depend on the data. */
sw_t command_admit(const struct piv *p, const struct apdu *c);

/* command_run — admit, then the handler.  rsp gets the data, without status word. */
sw_t command_run(struct piv *p, const struct apdu *c, struct out *rsp);

/* command_name — what people call an instruction, or NULL: no card of ours has it. */
const char *command_name(uint8_t ins);

/* generate_has — this card makes and imports keys of this algorithm under this key reference. */
bool generate_has(const struct piv *p, const struct alg *alg, uint8_t ref);

/* What P1 and P2 of a command may name, on this card: asked before its access rule. */
bool generate_names(const struct piv *p, const struct apdu *c);
bool import_names(const struct piv *p, const struct apdu *c);
bool touch_names(const struct piv *p, const struct apdu *c);
bool move_names(const struct piv *p, const struct apdu *c);

/* policies_parse — Yubico's AA (PIN policy) and AB (touch policy), each at most once, then the end. */
bool policies_parse(struct in *body, uint8_t *pin_policy, uint8_t *touch_policy) MUST_CHECK;

/* Handlers.  Each returns a status word; what it wrote counts only with SW_SUCCESS. */
sw_t cmd_select(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_get_data(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_put_data(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_verify(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_change_reference(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_reset_retry_counter(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_general_authenticate(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_generate(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_version(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_serial(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_metadata(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_set_retries(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_reset(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_import(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_set_management(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_attest(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_move(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_read_config(struct piv *p, const struct apdu *c, struct out *rsp);
sw_t cmd_refuse(struct piv *p, const struct apdu *c, struct out *rsp);

#endif
