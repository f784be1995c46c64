/* SPDX-License-Identifier: BSD-2-Clause */
/* attest.c — attestation certificates. */
#include "applet/attest.h"

#include <stdio.h>

#include <openssl/x509v3.h>

/* A card has no calendar: like the real ones, all attestations share one period. */
static const char not_before[] = "20200101000000Z", not_after[] = "20511231235959Z";

/* Yubico's extensions: 1.3.6.1.4.1.41482.3.3 firmware, .7 serial number, .8 policies, .9 form factor. */
static bool add_extension(X509 *cert, const char *oid, struct in value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    bool ok = object != NULL && octets != NULL && ASN1_OCTET_STRING_set(octets, value.p, (int)value.n) == 1;

    if (ok)
        extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, octets);
    ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(object);
    return ok;
}

static bool add_serial(X509 *cert, uint32_t serial)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    unsigned char *der = NULL;
    int n = number != NULL && ASN1_INTEGER_set_uint64(number, serial) == 1 ? i2d_ASN1_INTEGER(number, &der) : 0;
    bool ok = n > 0 && add_extension(cert, "1.3.6.1.4.1.41482.3.7", in_of(der, (size_t)n));

    OPENSSL_free(der);
    ASN1_INTEGER_free(number);
    return ok;
}

static bool add_facts(X509 *cert, const struct card *card, const struct card_key *key)
{
    static const uint8_t form_factor = 0x01; /* as the management application says: a keychain */
    const uint8_t policies[] = { key->pin_policy, key->touch_policy };

    return add_extension(cert, "1.3.6.1.4.1.41482.3.3", in_of(card->firmware, sizeof card->firmware)) &&
           add_serial(cert, card->serial) &&
           add_extension(cert, "1.3.6.1.4.1.41482.3.8", in_of(policies, sizeof policies)) &&
           add_extension(cert, "1.3.6.1.4.1.41482.3.9", in_of(&form_factor, 1));
}

/* Version 3, a random serial number, the common period, `subject`, and the public key. */
static X509 *blank(const struct piv_env *env, const char *subject, EVP_PKEY *public)
{
    X509 *cert = X509_new_ex(env->lib, NULL);
    X509_NAME *name = X509_NAME_new();
    uint8_t room[8] = { 0 };
    uint32_t number = 0;
    struct in random = in_of(room, sizeof room);
    bool ok = cert != NULL && name != NULL && public != NULL &&
              env->random(env->ctx, room, sizeof room) == ERR_NONE && in_u32(&random, &number) &&
              X509_set_version(cert, X509_VERSION_3) == 1 &&
              ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), (uint64_t)number + 1) == 1 &&
              ASN1_TIME_set_string(X509_getm_notBefore(cert), not_before) == 1 &&
              ASN1_TIME_set_string(X509_getm_notAfter(cert), not_after) == 1 &&
              X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, (const unsigned char *)subject, -1, -1,
                                         0) == 1 &&
              X509_set_subject_name(cert, name) == 1 && X509_set_pubkey(cert, public) == 1;

    X509_NAME_free(name);
    if (ok)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool add_ca(X509 *cert)
{
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return ok;
}

enum err attest_make_issuer(const struct piv_env *env, struct card *card)
{
    const struct keyref *ref = keyref_by_ref(KEYREF_ATTESTATION);
    EVP_PKEY *pkey = NULL;
    X509 *cert = NULL;
    enum err e = key_generate(env->lib, alg_by_id(ALG_P256), &pkey);

    if (e == ERR_NONE) {
        cert = blank(env, "vpiv virtual PIV attestation (not Yubico)", pkey);
        if (cert == NULL || X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1 || !add_ca(cert) ||
            X509_sign(cert, pkey, EVP_sha256()) == 0)
            e = ERR_CRYPTO;
    }
    if (e == ERR_NONE)
        e = card_put_key(env, card, ref, pkey, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT, ORIGIN_GENERATED, NULL);
    if (e == ERR_NONE)
        e = card_put_certificate(card, ref, cert);
    X509_free(cert);
    EVP_PKEY_free(pkey);
    return e;
}

enum err attest_key(const struct piv_env *env, const struct card *card, const struct card_key *key,
                    struct key *issuer, struct out *der)
{
    EVP_PKEY *public = key_public(env->lib, alg_by_id(key->alg), bytes_in(&key->public));
    X509 *own = card_certificate(card, keyref_by_ref(KEYREF_ATTESTATION)), *cert;
    unsigned char *bytes = NULL;
    char subject[64];
    enum err e = ERR_CRYPTO;
    int n;

    snprintf(subject, sizeof subject, "YubiKey PIV Attestation %s", keyref_by_ref(key->ref)->name);
    cert = blank(env, subject, public);
    if (own == NULL)
        e = ERR_NOT_FOUND;
    else if (cert != NULL && X509_set_issuer_name(cert, X509_get_subject_name(own)) == 1 && add_facts(cert, card, key))
        e = key_sign_certificate(issuer, cert);
    if (e == ERR_NONE) {
        n = i2d_X509(cert, &bytes);
        if (n > 0)
            out_put(der, in_of(bytes, (size_t)n));
        e = n <= 0 ? ERR_CRYPTO : der->bad ? ERR_FULL : ERR_NONE;
    }
    OPENSSL_free(bytes);
    X509_free(cert);
    X509_free(own);
    EVP_PKEY_free(public);
    return e;
}
