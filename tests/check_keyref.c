/* SPDX-License-Identifier: BSD-2-Clause */
/* check_keyref.c — the table of key references, and where a certificate's key usage leads. */
#include <string.h>

#include <openssl/x509v3.h>

#include "tests/check_suites.h"
#include "tests/live.h"
#include "tests/vectors.h"

/* SP 800-73-5 Part 1, tables 3 and 5: a second copy of the rows that are not counted through. */
static const struct {
    uint8_t ref;
    uint32_t certificate;
    enum pin_policy policy;
    bool yubikey;
    const char *name;
} rows[] = {
    { 0x9A, 0x5FC105, PIN_POLICY_ONCE, false, "9A" },   { 0x9C, 0x5FC10A, PIN_POLICY_ALWAYS, false, "9c" },
    { 0x9D, 0x5FC10B, PIN_POLICY_ONCE, false, "9D" },   { 0x9E, 0x5FC101, PIN_POLICY_NEVER, false, "9e" },
    { 0xF9, 0x5FFF01, PIN_POLICY_NEVER, true, "F9" },   { 0x82, 0x5FC10D, PIN_POLICY_ONCE, false, "82" },
    { 0x8A, 0x5FC115, PIN_POLICY_ONCE, false, "8a" },   { 0x95, 0x5FC120, PIN_POLICY_ONCE, false, "95" },
};

START_TEST(rows_are_the_standards)
{
    const struct keyref *row = keyref_by_ref(rows[_i].ref);

    ck_assert(row != NULL && row->certificate == rows[_i].certificate && row->policy == rows[_i].policy);
    ck_assert_int_eq(row->yubikey, rows[_i].yubikey);
    ck_assert_ptr_eq(keyref_by_name(rows[_i].name), row);
    ck_assert_ptr_eq(keyref_by_certificate(rows[_i].certificate), row);
}
END_TEST

START_TEST(retired_keys_count_through)
{
    unsigned known = 0;

    for (uint8_t ref = 0x82; ref <= 0x95; ref++) {
        const struct keyref *row = keyref_by_ref(ref);
        char name[3];

        ck_assert(row != NULL && row->certificate == 0x5FC10Du + (ref - 0x82u) && row->policy == PIN_POLICY_ONCE);
        snprintf(name, sizeof name, "%02x", ref);
        ck_assert_str_eq(row->name, name);
    }
    for (unsigned ref = 0; ref < 0x100; ref++)
        known += keyref_by_ref((uint8_t)ref) != NULL;
    ck_assert_uint_eq(known, KEYREF_COUNT);
    ck_assert(keyref_by_name("9b") == NULL && keyref_by_certificate(0x5FC102) == NULL);
}
END_TEST

static void add(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension = value == NULL ? NULL : X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    if (value == NULL)
        return;
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *certificate(uint8_t alg, const char *usage, const char *purposes)
{
    EVP_PKEY *key = known_key(alg), *signer = known_key(ALG_P256);
    X509 *cert = X509_new();

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    ck_assert_int_eq(X509_set_pubkey(cert, key), 1);
    add(cert, NID_key_usage, usage);
    add(cert, NID_ext_key_usage, purposes);
    ck_assert_int_gt(X509_sign(cert, signer, EVP_sha256()), 0);
    EVP_PKEY_free(signer);
    EVP_PKEY_free(key);
    return cert;
}

/* FIPS 201-3, 4.2.2, and what common certificates say. */
static const struct {
    uint8_t alg;
    const char *usage, *purposes;
    uint8_t ref, second, third; /* where it goes; where when that is taken; when that is, too */
} certificates[] = {
    { ALG_P256, "digitalSignature", "2.16.840.1.101.3.6.8", 0x9E, 0x9A, 0x9C },
    { ALG_P256, NULL, "2.16.840.1.101.3.6.8", 0x9E, 0x9A, 0x9C },
    { ALG_X25519, "digitalSignature", "clientAuth", 0x9D, 0x9A, 0x9C },
    { ALG_X25519, NULL, NULL, 0x9D, 0x9A, 0x9C },
    { ALG_RSA2048, "keyEncipherment", "emailProtection", 0x9D, 0x82, 0x83 },
    { ALG_P256, "keyAgreement", NULL, 0x9D, 0x82, 0x83 },
    { ALG_P256, "digitalSignature", "clientAuth", 0x9A, 0x9C, 0x82 },
    { ALG_P256, "digitalSignature", "1.3.6.1.4.1.311.20.2.2", 0x9A, 0x9C, 0x82 },
    { ALG_RSA2048, "digitalSignature,keyEncipherment", "clientAuth,emailProtection", 0x9A, 0x9C, 0x9D },
    { ALG_RSA2048, "digitalSignature,nonRepudiation", "clientAuth", 0x9A, 0x9C, 0x82 },
    { ALG_RSA2048, "digitalSignature,nonRepudiation", NULL, 0x9C, 0x9A, 0x82 },
    { ALG_RSA2048, "nonRepudiation", NULL, 0x9C, 0x82, 0x83 },
    { ALG_RSA2048, "digitalSignature", "emailProtection", 0x9C, 0x9A, 0x82 },
    { ALG_RSA2048, "digitalSignature", NULL, 0x9A, 0x9C, 0x82 },
    { ALG_RSA2048, "digitalSignature,keyEncipherment", NULL, 0x9A, 0x9C, 0x9D },
    { ALG_RSA2048, NULL, "serverAuth", 0x9A, 0x9C, 0x9D },
    { ALG_RSA2048, NULL, NULL, 0x9A, 0x9C, 0x9D },
    { ALG_RSA2048, "keyCertSign,cRLSign", NULL, 0x9A, 0x82, 0x83 },
};

struct places {
    uint8_t taken[KEYREF_COUNT];
    size_t n;
};

static bool is_taken(void *ctx, const struct keyref *row)
{
    const struct places *places = ctx;

    return memchr(places->taken, row->ref, places->n) != NULL;
}

START_TEST(key_usage_decides_and_full_places_are_passed_by)
{
    X509 *cert = certificate(certificates[_i].alg, certificates[_i].usage, certificates[_i].purposes);
    const uint8_t wanted[] = { certificates[_i].ref, certificates[_i].second, certificates[_i].third };
    struct places places = { .n = 0 };
    const char *reason = NULL;
    const struct keyref *row = keyref_for_cert(cert, NULL, NULL, &reason);

    ck_assert(row != NULL && row->ref == wanted[0] && reason != NULL);
    for (size_t i = 0; i < 3; i++) {
        reason = NULL;
        row = keyref_for_cert(cert, is_taken, &places, &reason);
        ck_assert_msg(row != NULL && row->ref == wanted[i] && reason != NULL, "place %zu of %s / %s: %s", i,
                      certificates[_i].usage, certificates[_i].purposes, row == NULL ? "none" : row->name);
        places.taken[places.n++] = row->ref;
    }
    /* Fill up: never F9, never one twice, in the end none. */
    while ((row = keyref_for_cert(cert, is_taken, &places, &reason)) != NULL) {
        ck_assert(row->ref != 0xF9 && !is_taken(&places, row));
        places.taken[places.n++] = row->ref;
    }
    ck_assert_uint_ge(places.n, 21);
    X509_free(cert);
}
END_TEST

Suite *suite_keyref(void)
{
    Suite *suite = suite_create("keyref");
    TCase *table = tcase_create("table"), *places = tcase_create("places");

    tcase_add_loop_test(table, rows_are_the_standards, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(table, retired_keys_count_through);
    suite_add_tcase(suite, table);
    tcase_add_loop_test(places, key_usage_decides_and_full_places_are_passed_by, 0,
                        sizeof certificates / sizeof certificates[0]);
    suite_add_tcase(suite, places);
    return suite;
}
