/* SPDX-License-Identifier: BSD-2-Clause */
/* card.h — the persistent card in memory: identity, seals, keys, objects, chain.
 *
 * A card is a value.  Whoever changes one makes a copy, changes that, has it stored, and only then puts it in the
 * place of the old one: so a failure half way leaves everything as it was (piv_commit).
 * Tries are not here: they change with every VERIFY and live elsewhere (env.h).
 */
#ifndef VPIV_APPLET_CARD_H
#define VPIV_APPLET_CARD_H

#include "applet/env.h"
#include "applet/firmware.h"
#include "applet/keyref.h"
#include "applet/object.h"
#include "applet/persona.h"
#include "applet/seal.h"

/* struct bytes — owned memory. */
struct bytes {
    uint8_t *p;
    size_t n;
};

static inline struct in bytes_in(const struct bytes *b)
{
    return in_of(b->p, b->n);
}

enum err bytes_set(struct bytes *b, struct in value); /* replaces; ERR_MEMORY leaves b as it was */
void bytes_clear(struct bytes *b);

enum key_origin { ORIGIN_GENERATED = 1, ORIGIN_IMPORTED = 2 }; /* Yubico, metadata tag 03 */

struct card_key {
    uint8_t ref;            /* where it is now */
    uint32_t number;        /* its own, from 1, never given twice on a card: the seal is bound to it, not to `ref` */
    uint8_t alg;
    uint8_t pin_policy;     /* resolved: never PIN_POLICY_DEFAULT */
    uint8_t touch_policy;
    uint8_t origin;
    char *label;            /* friendly name from the bundle, UTF-8, or NULL */
    struct bytes public;    /* inside of 7F49: 81 modulus 82 exponent, or 86 point (SP 800-73-5 Part 2, 3.3.2) */
    struct bytes sealed;    /* seal.h, seal_key */
};

struct card_object {
    uint32_t tag;
    struct bytes value;     /* what stands inside 53; for 7E and 7F61 inside their own tag */
};

struct card_management {    /* key 9B */
    uint8_t alg;
    uint8_t touch_policy;
    bool standard;          /* it is known to be the factory value (Yubico, metadata tag 05) */
    struct bytes sealed;    /* seal_host */
};

enum { CARD_KEYS_MAX = KEYREF_COUNT, CARD_CHAIN_MAX = 32, CARD_OBJECTS_MAX = 96 };

struct card {
    uint8_t guid[16];       /* RFC 4122 version 4; kept over renewal and reset */
    uint32_t serial;        /* Yubico's; not 0 */
    bool test;              /* a throw-away card with a cheap seal: a system reader refuses it */
    const struct persona *persona;
    const struct atr *atr;  /* NULL = automatic */
    uint8_t firmware[3];    /* yubikey command set: a row of firmware.h */
    uint8_t pin_usage[2];   /* 5F2F of the discovery object (SP 800-73-5 Part 1, 3.3.2) */
    bool allow_rsa1024;     /* GENERATE of RSA-1024 outside the yubikey command set */

    uint8_t agreement[32];        /* X25519 public key to which private keys are sealed */
    struct bytes agreement_sealed;/* its private half, under the card key */
    struct seal pin[PIN_COUNT];   /* the card key, once under each PIN; log_n 0 = not set */
    struct card_management management;

    uint32_t next_number;
    size_t n_keys, n_objects, n_chain;
    struct card_key keys[CARD_KEYS_MAX];
    struct card_object objects[CARD_OBJECTS_MAX];
    struct bytes chain[CARD_CHAIN_MAX]; /* CA certificates, DER: not visible on the card */
};

/* struct card_plan — how a new card is made. */
struct card_plan {
    const struct persona *persona;
    const struct atr *atr;             /* NULL = automatic */
    const uint8_t *guid;               /* 16 bytes, or NULL = random */
    uint32_t serial;                   /* 0 = random */
    const struct firmware *firmware;   /* yubikey command set; NULL = the newest */
    bool test;
    uint8_t log_n;                     /* cost of the PIN seals: SEAL_LOG_N or SEAL_LOG_N_TEST */
    const struct secret *pin, *puk;    /* 8 bytes each: pin_from_text, puk_from_text */
    const struct secret *global;       /* the global PIN (key reference 00), or NULL = the card has none */
    uint8_t management_alg;
    const struct secret *management;   /* as long as management_alg wants */
    bool allow_rsa1024;                /* GENERATE makes RSA-1024 too */
    bool empty;                        /* no CHUID and no CCC: what Yubico's reset leaves */
};

/* card_new — a card with identity, CHUID, CCC and discovery object, without keys.  Owned: card_free. */
enum err card_new(const struct piv_env *env, const struct card_plan *plan, struct card **out) MUST_CHECK;
enum err card_copy(const struct card *card, struct card **out) MUST_CHECK;
void card_free(struct card *card);

/* The AID of the PIV card application with its version.  SP 800-73-5 Part 2, 3.1.1. */
extern const struct in piv_aid;

/* pin_from_text — 6 to 8 digits, padded with FF to the 8 bytes of the wire.  SP 800-73-5 Part 2, 2.4.3.
 * puk_from_text — 6 to 8 bytes, padded likewise (clients type the PUK on a keyboard).  ERR_DATA if not so. */
enum err pin_from_text(struct in text, struct secret **out) MUST_CHECK;
enum err puk_from_text(struct in text, struct secret **out) MUST_CHECK;

/* The factory values that every developer knows: 123456, 12345678, 0102030405060708 three times. */
enum err factory_pin(struct secret **out) MUST_CHECK;
enum err factory_puk(struct secret **out) MUST_CHECK;
enum err factory_management(uint8_t alg, struct secret **out) MUST_CHECK;

/* pin_is_known — a YubiKey tells everyone that its PIN is still the factory's, and so its file may.  No other card
 * may hold a word about its PIN. */
bool pin_is_known(const struct card *card, enum pin which, struct in pin);

/* card_seal_pins — the card key under new PINs (NULL = the card has none of this kind); keys stay.
 * card_set_pins — a new card key and pair, sealed under new PINs.  Every key of policy
 * "once" or "always" that is on the card is lost by it.
 * card_set_management — a new 9B.  ERR_DATA: not a cipher, or not as long as its key. */
enum err card_seal_pins(const struct piv_env *env, struct card *card, const struct secret *const pins[PIN_COUNT],
                        uint8_t log_n, const struct secret *card_key) MUST_CHECK;
enum err card_set_pins(const struct piv_env *env, struct card *card, const struct secret *const pins[PIN_COUNT],
                       uint8_t log_n) MUST_CHECK;
enum err card_set_management(const struct piv_env *env, struct card *card, uint8_t alg, enum touch_policy touch,
                             const struct secret *key) MUST_CHECK;
enum err card_open_management(const struct piv_env *env, const struct card *card, struct secret **key) MUST_CHECK;

/* seal_card_key, open_card_key — a private key's encoding (key.h) in and out of key->sealed.  card_key: from
 * open_pin; NULL will do for a key whose policy is "never".  ERR_SECURITY: it is needed and not there. */
enum err seal_card_key(const struct piv_env *env, const struct card *card, struct card_key *key,
                       const struct secret *private) MUST_CHECK;
enum err open_card_key(const struct piv_env *env, const struct card *card, const struct card_key *key,
                       const struct secret *card_key, struct secret **private) MUST_CHECK;

/* card_key — the key behind a reference, or NULL; card_key_by_public — the key with this public key, or NULL. */
struct card_key *card_key(const struct card *card, uint8_t ref);
struct card_key *card_key_by_public(const struct card *card, struct in public);

/* card_put_key — seal `key` to the card and put it behind `ref`; a key that was there is gone.
 * Needs no PIN.  The certificate object is not touched.  ERR_UNSUPPORTED: no algorithm number for this key.
 * pin_policy, touch_policy: DEFAULT = what the key reference has.  label may be NULL. */
enum err card_put_key(const struct piv_env *env, struct card *card, const struct keyref *ref, const EVP_PKEY *key,
                      enum pin_policy pin_policy, enum touch_policy touch_policy, enum key_origin origin,
                      const char *label) MUST_CHECK;

/* card_move_key — from one reference to another that holds none; to = NULL deletes.  Its policies travel. */
enum err card_move_key(struct card *card, const struct keyref *from, const struct keyref *to) MUST_CHECK;

/* card_object — the stored value of a tag, or an empty cursor.  Does not compute: see card_read_object. */
struct in card_object(const struct card *card, uint32_t tag);

/* card_put_object — store; an empty value deletes.  ERR_FULL: larger than OBJECT_MAX, or the card is full. */
enum err card_put_object(struct card *card, uint32_t tag, struct in value) MUST_CHECK;

/* card_read_object — what GET DATA shows inside 53 (7E, 7F61: inside their own tag): the stored value, or one that
 * the card makes itself (discovery object, key history) and writes into scratch (CARD_SCRATCH bytes are enough).
 * value borrows from card or scratch.  ERR_NOT_FOUND: nothing there. */
enum { CARD_SCRATCH = 64 };
enum err card_read_object(const struct card *card, uint32_t tag, struct out *scratch, struct in *value) MUST_CHECK;

/* card_put_certificate — as a certificate object (70, 71, FE) of `ref`, gzip-compressed when DER is longer than
 * CERT_PLAIN_MAX (Yubico's tools stop reading at 3063 bytes). */
enum { CERT_PLAIN_MAX = 3052, CERT_INFLATED_MAX = 65536 };
enum err card_put_certificate(struct card *card, const struct keyref *ref, const X509 *cert) MUST_CHECK;

/* card_certificate — the certificate of `ref`, inflated where needed, or NULL (none, or what is there is not one).
 * Owned by the caller. */
X509 *card_certificate(const struct card *card, const struct keyref *ref);

/* card_add_chain — keep a CA certificate; one that is there already is not kept twice. */
enum err card_add_chain(struct card *card, const X509 *cert) MUST_CHECK;

/* card_announces — it holds a key whose algorithm SELECT must list. */
bool card_announces(const struct card *card);

/* card_atr — the ATR this card shows now (it depends on the algorithms of its keys unless the card names one). */
const struct atr *card_atr(const struct card *card);

#endif
