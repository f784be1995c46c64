/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_judge.h — what the judge knows while a row runs; for the files that play rows, not for those who call. */
#ifndef VPIV_TOOLS_CONFORM_JUDGE_H
#define VPIV_TOOLS_CONFORM_JUDGE_H

#include <openssl/x509.h>

#include "applet/alg.h"
#include "tools/conform.h"

enum {
    COMMAND_MAX = 80000,
    ANSWER_MAX = 1 << 17,
    VARS_MAX = 64,
    SLOTS_MAX = 25,
    SAVED_MAX = 8,
    WORDS_MAX = 12,
};

struct var {
    char name[16];
    uint8_t *p;
    size_t n;
};

/* struct slot — a key that the judge knows by the certificate in front of it. */
struct slot {
    uint8_t ref;
    uint8_t alg;   /* 0 = none, or of no known kind */
    bool replaced; /* the key behind it is one of this run */
    bool refused;  /* the card generates none there, which is an option */
    EVP_PKEY *pub;
};

struct saved {     /* an object as it was before a row */
    uint32_t tag;
    uint8_t *p;
    size_t n;
    bool there;
};

struct words {
    const char *word[WORDS_MAX];
    size_t n;
};

struct judge {
    struct wire *wire;
    struct terms terms;
    struct result *result;
    struct var vars[VARS_MAX];
    size_t n_vars;

    uint8_t *command, *answer;   /* COMMAND_MAX, ANSWER_MAX */
    struct in data;              /* of the last answer, without the status word */
    uint16_t sw;
    bool answered;               /* false: the reader refused */

    int pin_limit, puk_limit;    /* tries allowed */
    int pin_left;                /* by what the row was promised so far; -1 = not known */
    bool factory;                /* the caller's PIN, PUK and management key are the factory's */
    bool issued;                 /* there is a security object */
    bool secure;                 /* SELECT announces secure messaging (27, 2E) */
    bool extended;               /* it takes commands of extended length */
    bool puk_fixed;              /* CHANGE REFERENCE DATA does not change the PUK */
    const char *no_puk;          /* why rows that present the PUK do not apply, or NULL */
    int firmware;                /* of a YubiKey: 0507 for 5.7; 0 = it does not say */
    uint8_t usage;               /* first byte of the discovery object's PIN usage policy */
    bool leaked;                 /* a secret was seen in an answer: SEC-02 */
    uint64_t answers;            /* seen so far */

    struct slot slots[SLOTS_MAX];
    bool learned, personal, away;
    char broken_by[64];          /* what to say once a row has left the card so that it cannot be brought back */
    struct saved saved[SAVED_MAX];
    size_t n_saved;
    EVP_PKEY *issuer;            /* throw-away: signs the certificates of state P */
};

/* conform_bytes.c: the byte language. */
bool var_set(struct judge *j, const char *name, struct in value);
struct in var(const struct judge *j, const char *name);            /* empty where there is none */
void vars_clear(struct judge *j, size_t keep);
bool bytes_build(struct judge *j, const char *text, struct out *out);
bool bytes_match(struct judge *j, const char *pattern, struct in data);
struct words words_split(char *text);                              /* cuts text in place */

/* conform_send.c: one command, one answer. */
bool send_command(struct judge *j, struct in command);             /* sets data, sw, answered */
bool send_chain(struct judge *j, struct in command, size_t block);
bool send_fetch(struct judge *j, unsigned le);                     /* GET RESPONSE until nothing is pending */
void hex_masked(const struct judge *j, struct in bytes, size_t most, struct out *text);

/* conform_script.c: play a script.  False: it failed, and the result says why. */
bool play(struct judge *j, const char *script);
bool playf(struct judge *j, const char *format, ...) PRINTF_LIKE(2, 3);
bool fail(struct judge *j, const char *format, ...) PRINTF_LIKE(2, 3);
bool does_not_apply(struct judge *j, const char *reason);         /* found out on the way to the start; returns false */

/* conform_words.c: functions and tests of the language. */
bool word_compute(struct judge *j, const struct words *w, struct out *out);
bool word_check(struct judge *j, const struct words *w);
bool tlv_at(struct in data, const char *path, struct in *value);   /* "7C/82" */

/* conform_crypto.c: what the host computes. */
bool random_bytes(struct out *out, size_t n);
size_t management_block(const struct judge *j);
bool management_crypt(struct judge *j, bool encrypt, struct in in, struct out *out);
EVP_PKEY *public_from_template(uint8_t alg, struct in inside);     /* inside of 7F49 */
bool verify_rsa(EVP_PKEY *pub, struct in block, struct in signature);
bool verify_pss(EVP_PKEY *pub, struct in digest, struct in signature);
bool verify_ec(EVP_PKEY *pub, struct in digest, struct in signature);
bool verify_edwards(EVP_PKEY *pub, struct in message, struct in signature);
bool rsa_raw(EVP_PKEY *pub, struct in in, struct out *out);
bool rsa_encrypt(EVP_PKEY *pub, bool oaep, struct in in, struct out *out);
bool pss_block(size_t size, struct in digest, struct out *out);
bool pkcs1_block(size_t size, struct in message, struct out *out);
bool point_of(const EVP_PKEY *pub, struct out *out);
bool agree(EVP_PKEY *own, EVP_PKEY *peer, struct out *out);
EVP_PKEY *curve_key(const EVP_PKEY *like);                         /* a new key on the same curve */

/* conform_state.c: keys and certificates of state P. */
void state_learn(struct judge *j);
struct slot *slot_of(struct judge *j, uint8_t ref);
bool state_personalise(struct judge *j);
bool state_key(struct judge *j, uint8_t ref, uint8_t alg);         /* GENERATE, certificate, PUT DATA */
void state_spoil(struct judge *j, uint8_t ref);
bool state_clear(struct judge *j);                                 /* no certificate without its key is left behind */
bool certificate_object(struct judge *j, EVP_PKEY *pub, const char *name, size_t padding, struct out *out);
X509 *certificate_read(struct judge *j, uint32_t tag);
uint32_t certificate_tag(uint8_t ref);

/* conform_start.c: the start words of a row. */
bool start_possible(struct judge *j, const struct row *row, struct result *result);
bool start_reach(struct judge *j, const struct row *row);
bool start_has(const struct row *row, const char *word);
size_t start_numbers(const struct row *row, const char *word, uint32_t *list, size_t cap); /* behind "word:" */

/* conform_back.c */
bool look_again(struct judge *j);
void bring_back(struct judge *j, const struct row *row);
void broken(struct judge *j, const struct row *row);

/* conform_timing.c: does the time of an answer tell which of several kinds of wrong it was? */
struct timing_kind {
    const char *before, *measured, *after; /* scripts; after may be NULL */
};
bool timing_alike(struct judge *j, const struct timing_kind *kinds, unsigned n, unsigned rounds);

/* conform_import.c: keys of the host. */
bool host_key(struct judge *j, uint8_t alg);  /* {parts}: what IMPORT takes; {public}: inside of 7F49 */
bool signs(struct judge *j, uint8_t alg, struct in public, struct in data, struct in signature);

/* conform_reader.c: rows of other groups that need a second client. */
bool other_client_sees_pin(struct judge *j);
bool other_client_reads(struct judge *j);  /* GET DATA of the discovery object; by the same client without a reader */

/* The groups, one file each. */
extern const struct row rows_rst[], rows_cla[], rows_len[], rows_sel[], rows_get[], rows_ver[], rows_crd[], rows_unb[],
    rows_gam[], rows_gas[], rows_put[], rows_gen[], rows_dat[], rows_opt[], rows_ctl[], rows_sm[], rows_sec[],
    rows_yk[], rows_p11[], rows_rdr[];

#endif
