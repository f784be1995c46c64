/* SPDX-License-Identifier: BSD-2-Clause */
/* keyref.c — the table of key references, and which of them a certificate belongs to. */
#include "applet/keyref.h"

#include <strings.h>

#include <openssl/x509v3.h>

#define RETIRED(ref, name, tag) { ref, name, "Retired Key Management", tag, PIN_POLICY_ONCE, false }

/* SP 800-73-5 Part 1, table 5 (references) and table 3 (certificates). */
const struct keyref keyrefs[KEYREF_COUNT] = {
    { 0x9A, "9a", "PIV Authentication", 0x5FC105, PIN_POLICY_ONCE, false },
    { 0x9C, "9c", "Digital Signature", 0x5FC10A, PIN_POLICY_ALWAYS, false },
    { 0x9D, "9d", "Key Management", 0x5FC10B, PIN_POLICY_ONCE, false },
    { 0x9E, "9e", "Card Authentication", 0x5FC101, PIN_POLICY_NEVER, false },
    RETIRED(0x82, "82", 0x5FC10D), RETIRED(0x83, "83", 0x5FC10E), RETIRED(0x84, "84", 0x5FC10F),
    RETIRED(0x85, "85", 0x5FC110), RETIRED(0x86, "86", 0x5FC111), RETIRED(0x87, "87", 0x5FC112),
    RETIRED(0x88, "88", 0x5FC113), RETIRED(0x89, "89", 0x5FC114), RETIRED(0x8A, "8a", 0x5FC115),
    RETIRED(0x8B, "8b", 0x5FC116), RETIRED(0x8C, "8c", 0x5FC117), RETIRED(0x8D, "8d", 0x5FC118),
    RETIRED(0x8E, "8e", 0x5FC119), RETIRED(0x8F, "8f", 0x5FC11A), RETIRED(0x90, "90", 0x5FC11B),
    RETIRED(0x91, "91", 0x5FC11C), RETIRED(0x92, "92", 0x5FC11D), RETIRED(0x93, "93", 0x5FC11E),
    RETIRED(0x94, "94", 0x5FC11F), RETIRED(0x95, "95", 0x5FC120),
    { 0xF9, "f9", "Attestation", 0x5FFF01, PIN_POLICY_NEVER, true },
};

const struct keyref *keyref_by_ref(uint8_t ref)
{
    for (size_t i = 0; i < KEYREF_COUNT; i++)
        if (keyrefs[i].ref == ref)
            return &keyrefs[i];
    return NULL;
}

const struct keyref *keyref_by_name(const char *name)
{
    for (size_t i = 0; i < KEYREF_COUNT; i++)
        if (strcasecmp(keyrefs[i].name, name) == 0)
            return &keyrefs[i];
    return NULL;
}

const struct keyref *keyref_by_certificate(uint32_t tag)
{
    for (size_t i = 0; i < KEYREF_COUNT; i++)
        if (keyrefs[i].certificate == tag)
            return &keyrefs[i];
    return NULL;
}

/* What a certificate says of its key. */
struct usage {
    bool said;                     /* it has a key usage extension */
    bool sign, commit, agree;      /* digitalSignature, nonRepudiation, keyEncipherment or keyAgreement */
    bool login, mail, card;        /* clientAuth or smart card logon, emailProtection, id-PIV-cardAuth */
};

static bool has_purpose(const X509 *cert, const char *oid)
{
    EXTENDED_KEY_USAGE *purposes = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    ASN1_OBJECT *wanted = OBJ_txt2obj(oid, 1);
    bool found = false;

    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++)
        found |= wanted != NULL && OBJ_cmp(sk_ASN1_OBJECT_value(purposes, i), wanted) == 0;
    ASN1_OBJECT_free(wanted);
    EXTENDED_KEY_USAGE_free(purposes);
    return found;
}

static struct usage usage_of(const X509 *cert)
{
    /* OpenSSL fills its cache of extensions on the first question, through a pointer that is not const. */
    uint32_t bits = X509_get_key_usage((X509 *)cert);
    struct usage u = { .said = bits != UINT32_MAX };

    u.sign = (bits & KU_DIGITAL_SIGNATURE) != 0;
    u.commit = (bits & KU_NON_REPUDIATION) != 0;
    u.agree = (bits & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT)) != 0;
    u.login = has_purpose(cert, "1.3.6.1.5.5.7.3.2") || has_purpose(cert, "1.3.6.1.4.1.311.20.2.2");
    u.mail = has_purpose(cert, "1.3.6.1.5.5.7.3.4");
    u.card = has_purpose(cert, "2.16.840.1.101.3.6.8");
    return u;
}

/* The first place that fits.  FIPS 201-3, 4.2.2; SP 800-73-5 Part 1, 3.1. */
static uint8_t first_choice(const X509 *cert, const struct usage *u, const char **reason)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);

    if (u->card) {
        *reason = "its extended key usage is PIV card authentication";
        return KEYREF_CARD_AUTHENTICATION;
    }
    if (key != NULL && EVP_PKEY_is_a(key, "X25519")) {
        *reason = "an X25519 key can only agree on keys";
        return KEYREF_KEY_MANAGEMENT;
    }
    if (u->said && !u->sign && !u->commit && u->agree) {
        *reason = "its key usage is encryption without signing";
        return KEYREF_KEY_MANAGEMENT;
    }
    if (u->sign && u->login) {
        *reason = "it may sign and is for logging in";
        return KEYREF_AUTHENTICATION;
    }
    if (u->said && u->commit) {
        *reason = "its key usage is non-repudiation";
        return KEYREF_SIGNATURE;
    }
    if (u->sign && u->mail) {
        *reason = "it may sign and is for mail";
        return KEYREF_SIGNATURE;
    }
    *reason = u->said && !u->sign ? "nothing fits: its key usage forbids signing and encryption"
                                  : "its key usage says nothing else";
    return KEYREF_AUTHENTICATION;
}

static bool allows(const struct usage *u, uint8_t ref)
{
    switch (ref) {
    case KEYREF_AUTHENTICATION:
        return u->sign;
    case KEYREF_SIGNATURE:
        return u->sign || u->commit;
    default:
        return u->agree;
    }
}

const struct keyref *keyref_for_cert(const X509 *cert, bool (*taken)(void *ctx, const struct keyref *), void *ctx,
                                     const char **reason)
{
    static const uint8_t next[] = { KEYREF_AUTHENTICATION, KEYREF_SIGNATURE, KEYREF_KEY_MANAGEMENT };
    struct usage u = usage_of(cert);
    const struct keyref *ref = keyref_by_ref(first_choice(cert, &u, reason));

    if (taken == NULL || !taken(ctx, ref))
        return ref;
    *reason = "the place that fits best is taken";
    for (size_t i = 0; i < sizeof next; i++) {
        ref = keyref_by_ref(next[i]);
        if (allows(&u, next[i]) && !taken(ctx, ref))
            return ref;
    }
    for (uint8_t retired = KEYREF_RETIRED_FIRST; retired <= KEYREF_RETIRED_LAST; retired++) {
        ref = keyref_by_ref(retired);
        if (!taken(ctx, ref))
            return ref;
    }
    return NULL;
}
