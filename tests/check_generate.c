/* SPDX-License-Identifier: BSD-2-Clause */
/* check_generate.c — GENERATE ASYMMETRIC KEY PAIR, and IMPORT of Yubico's set beside it. */
#include <stdlib.h>
#include <string.h>

#include "applet/command.h"
#include "tests/check_suites.h"
#include "tests/live.h"
#include "tests/vectors.h"

static struct live l;

static void set_up(void)
{
    live_init(&l, "piv", ALG_3DES, 0);
}

static void set_up_yubikey(void)
{
    live_init(&l, "yubikey", ALG_3DES, 0);
}

static void tear_down(void)
{
    live_clear(&l);
}

/* GENERATE with `rest` (hexadecimal) after 80 01 alg. */
static sw_t generate(uint8_t ref, uint8_t alg, const char *rest)
{
    uint8_t bytes[64];
    struct out out = out_of(bytes, sizeof bytes);
    size_t mark = tlv_begin(&out, 0xAC);

    tlv_put_u8(&out, 0x80, alg);
    hex(rest, &out);
    tlv_end(&out, mark);
    return live_call(&l, 0x47, 0x00, ref, out_in(&out));
}

/* The public key that came back. */
static EVP_PKEY *answered(uint8_t alg)
{
    struct in body;
    EVP_PKEY *key;

    ck_assert(tlv_get(&l.data, 0x7F49, &body) && in_end(&l.data));
    key = key_public(NULL, alg_by_id(alg), body);
    ck_assert_ptr_nonnull(key);
    ck_assert_ptr_eq(alg_of_key(key), alg_by_id(alg));
    return key;
}

static bool verifies(EVP_PKEY *key, struct in hash, struct in signature)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, signature.p, signature.n, hash.p, hash.n) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

START_TEST(every_reference_makes_its_own_key)
{
    const struct keyref *ref = &keyrefs[_i];
    EVP_PKEY *first, *second;
    struct in result;

    if (ref->yubikey)
        return;
    answers(generate(ref->ref, ALG_P256, ""), SW_SECURITY_STATUS);
    live_verify(&l);
    answers(generate(ref->ref, ALG_P256, ""), SW_SECURITY_STATUS);
    ck_assert_ptr_null(card_key(piv_card(l.piv), ref->ref));
    live_admin(&l);
    answers(generate(ref->ref, ALG_P256, ""), SW_SUCCESS);
    first = answered(ALG_P256);
    ck_assert_uint_eq(card_key(piv_card(l.piv), ref->ref)->pin_policy, ref->policy);
    ck_assert_uint_eq(card_key(piv_card(l.piv), ref->ref)->origin, ORIGIN_GENERATED);
    live_verify(&l);
    answers(live_compute(&l, ALG_P256, ref->ref, 0x81, in_of("01234567", 8), &result), SW_SUCCESS);
    ck_assert(verifies(first, in_of("01234567", 8), result));
    answers(generate(ref->ref, ALG_P256, ""), SW_SUCCESS);
    second = answered(ALG_P256);
    live_verify(&l);
    answers(live_compute(&l, ALG_P256, ref->ref, 0x81, in_of("01234567", 8), &result), SW_SUCCESS);
    ck_assert(verifies(second, in_of("01234567", 8), result) && !verifies(first, in_of("01234567", 8), result));
    EVP_PKEY_free(second);
    EVP_PKEY_free(first);
}
END_TEST

START_TEST(other_references_are_refused_before_rights)
{
    for (unsigned ref = 0; ref < 0x100; ref++) {
        const struct keyref *row = keyref_by_ref((uint8_t)ref);

        if (row == NULL || row->yubikey)
            answers(generate((uint8_t)ref, ALG_P256, ""), SW_WRONG_P1P2);
    }
    for (unsigned p1 = 1; p1 < 0x100; p1++)
        answers(live_call(&l, 0x47, (uint8_t)p1, 0x9A, in_of("\xAC\x03\x80\x01\x11", 5)), SW_WRONG_P1P2);
}
END_TEST

START_TEST(every_algorithm)
{
    static const uint8_t made[] = { ALG_P256, ALG_P384, ALG_ED25519, ALG_X25519, ALG_RSA2048 };

    live_admin(&l);
    for (size_t i = 0; i < sizeof made; i++) {
        EVP_PKEY *key;

        answers(generate(0x9D, made[i], ""), SW_SUCCESS);
        key = answered(made[i]);
        EVP_PKEY_free(key);
    }
    for (unsigned alg = 0; alg < 0x100; alg++) {
        const struct alg *row = alg_by_id((uint8_t)alg);

        if (row == NULL || row->family == ALG_CIPHER || alg == ALG_RSA1024)
            answers(generate(0x9D, (uint8_t)alg, ""), SW_WRONG_DATA);
    }
    ck_assert_uint_eq(card_key(piv_card(l.piv), 0x9D)->alg, ALG_RSA2048);
}
END_TEST

START_TEST(rsa_1024_where_a_setting_allows_it)
{
    live_clear(&l);
    live_init(&l, "piv", ALG_3DES, LIVE_RSA1024);
    live_admin(&l);
    answers(generate(0x9A, ALG_RSA1024, "81 03 010001"), SW_SUCCESS);
    EVP_PKEY_free(answered(ALG_RSA1024));
}
END_TEST

static const struct {
    const char *rest;
    sw_t sw;
    uint8_t pin, touch;
} requests[] = {
    { "", SW_SUCCESS, 2, 1 },                       { "8103010001", SW_SUCCESS, 2, 1 },
    { "AA0100", SW_SUCCESS, 2, 1 },                 { "AA0101", SW_SUCCESS, 1, 1 },
    { "AA0102", SW_SUCCESS, 2, 1 },                 { "AA0103", SW_SUCCESS, 3, 1 },
    { "AB0100", SW_SUCCESS, 2, 1 },                 { "AB0101", SW_SUCCESS, 2, 1 },
    { "AB0102", SW_SUCCESS, 2, 2 },                 { "AB0103", SW_SUCCESS, 2, 3 },
    { "AA0103AB0102", SW_SUCCESS, 3, 2 },           { "8103010001AA0101AB0103", SW_SUCCESS, 1, 3 },
    { "810103", SW_WRONG_DATA, 0, 0 },              { "8103010002", SW_WRONG_DATA, 0, 0 },
    { "810400010001", SW_WRONG_DATA, 0, 0 },        { "8100", SW_WRONG_DATA, 0, 0 },
    { "AA0104", SW_WRONG_DATA, 0, 0 },              { "AA0105", SW_WRONG_DATA, 0, 0 },
    { "AA01FF", SW_WRONG_DATA, 0, 0 },              { "AB0104", SW_WRONG_DATA, 0, 0 },
    { "AA00", SW_WRONG_DATA, 0, 0 },                { "AA020102", SW_WRONG_DATA, 0, 0 },
    { "AB00", SW_WRONG_DATA, 0, 0 },                { "AB020101", SW_WRONG_DATA, 0, 0 },
    { "AA0102AA0102", SW_WRONG_DATA, 0, 0 },        { "AB0101AB0102", SW_WRONG_DATA, 0, 0 },
    { "AA00AB0101", SW_WRONG_DATA, 0, 0 },          { "AA020303AB0101", SW_WRONG_DATA, 0, 0 },
    { "AC0101", SW_WRONG_DATA, 0, 0 },              { "AA0102AB010100", SW_WRONG_DATA, 0, 0 },
    { "AB0102AA0103", SW_SUCCESS, 3, 2 },           { "AB0102AA0103AB0102", SW_WRONG_DATA, 0, 0 },
};

START_TEST(policies_are_obeyed_or_refused)
{
    const struct card_key *key;

    live_admin(&l);
    answers(generate(0x9A, ALG_P256, requests[_i].rest), requests[_i].sw);
    key = card_key(piv_card(l.piv), 0x9A);
    if (requests[_i].sw != SW_SUCCESS)
        ck_assert(key == NULL && l.fake.stores == 0);
    else
        ck_assert(key->pin_policy == requests[_i].pin && key->touch_policy == requests[_i].touch);
}
END_TEST

START_TEST(ill_formed_templates)
{
    static const char *const templates[] = { "", "AC", "AC00", "800111", "AC028000", "AC0480020011", "AC04800111",
                                             "AC0380011100", "AC02800111", "AD03800111", "AC03810111800111" };

    live_admin(&l);
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++) {
        uint8_t bytes[32];
        struct out room = out_of(bytes, sizeof bytes);

        answers(live_call(&l, 0x47, 0x00, 0x9A, hex(templates[i], &room)), SW_WRONG_DATA);
    }
    ck_assert_uint_eq(l.fake.stores, 0);
}
END_TEST

START_TEST(the_certificate_and_the_other_keys_stay)
{
    EVP_PKEY *key = known_key(ALG_P384);
    struct in value, result;

    live_put_key(&l, 0x9D, key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    EVP_PKEY_free(key);
    live_admin(&l);
    answers(live_put(&l, OBJECT_CERT_AUTHENTICATION, in_of("cert", 4)), SW_SUCCESS);
    answers(generate(0x9A, ALG_P256, ""), SW_SUCCESS);
    answers(generate(0x9A, ALG_ED25519, ""), SW_SUCCESS);
    answers(live_get(&l, OBJECT_CERT_AUTHENTICATION, &value), SW_SUCCESS);
    ck_assert(in_equal(value, in_of("cert", 4)));
    live_verify(&l);
    answers(live_compute(&l, ALG_P384, 0x9D, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_WRONG_P1P2);
}
END_TEST

/* An opened key whose reference holds another one now must not be used, nor stay in memory. */
START_TEST(a_replaced_key_is_closed)
{
    struct in result;

    live_admin(&l);
    live_verify(&l);
    for (int i = 0; i < 40; i++) {
        answers(generate(0x9A, ALG_P256, ""), SW_SUCCESS);
        answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    }
    ck_assert(l.piv->opened[0].key != NULL && l.piv->opened[1].key == NULL);
}
END_TEST

START_TEST(large_answers_come_in_pieces)
{
    answers((live_admin(&l), live_hex(&l, "0047009A05AC0380010700")), 0x610E);
    ck_assert_uint_eq(l.data.n, 256);
    answers(live_rest(&l, 0x05), SW_SUCCESS);
    EVP_PKEY_free(answered(ALG_RSA2048));
}
END_TEST

/* --- IMPORT ---------------------------------------------------------------------------------------------------------- */

static sw_t import(uint8_t ref, uint8_t alg, const char *rest)
{
    uint8_t bytes[2048];
    struct out out = out_of(bytes, sizeof bytes);

    known_parts(alg, &out);
    hex(rest, &out);
    return live_call(&l, 0xFE, alg, ref, out_in(&out));
}

START_TEST(every_algorithm_is_imported)
{
    static const uint8_t ids[] = { ALG_RSA1024, ALG_RSA2048, ALG_RSA3072, ALG_RSA4096,
                                   ALG_P256,    ALG_P384,    ALG_ED25519, ALG_X25519 };
    const struct alg *alg = alg_by_id(ids[_i]);
    EVP_PKEY *key = known_key(alg->id), *stored;
    const struct card_key *ck;

    answers(import(0x9A, alg->id, ""), SW_SECURITY_STATUS);
    live_admin(&l);
    answers(import(0x9A, alg->id, "AA0101AB0102"), SW_SUCCESS);
    ck = card_key(piv_card(l.piv), 0x9A);
    ck_assert(ck->origin == ORIGIN_IMPORTED && ck->alg == alg->id && ck->pin_policy == 1 && ck->touch_policy == 2);
    stored = key_public(NULL, alg, bytes_in(&ck->public));
    ck_assert_int_eq(EVP_PKEY_eq(key, stored), 1);
    answers(import(0x9A, alg->id, "AA0104"), SW_WRONG_DATA);
    answers(import(0x9A, alg->id, "00"), SW_WRONG_DATA);
    answers(import(0x9B, alg->id, ""), SW_WRONG_P1P2);
    answers(import(0x80, alg->id, ""), SW_WRONG_P1P2);
    EVP_PKEY_free(stored);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(import_knows_its_algorithms)
{
    live_admin(&l);
    for (unsigned alg = 0; alg < 0x100; alg++) {
        const struct alg *row = alg_by_id((uint8_t)alg);
        bool known = row != NULL && row->family != ALG_CIPHER;

        answers(live_call(&l, 0xFE, (uint8_t)alg, 0x9A, in_of("\x06\x00", 2)), known ? SW_WRONG_DATA : SW_WRONG_P1P2);
    }
}
END_TEST

Suite *suite_generate(void)
{
    Suite *suite = suite_create("generate");
    TCase *piv = tcase_create("piv"), *yubikey = tcase_create("import");

    tcase_set_timeout(piv, 120);
    tcase_set_timeout(yubikey, 120);
    tcase_add_checked_fixture(piv, set_up, tear_down);
    tcase_add_loop_test(piv, every_reference_makes_its_own_key, 0, KEYREF_COUNT);
    tcase_add_test(piv, other_references_are_refused_before_rights);
    tcase_add_test(piv, every_algorithm);
    tcase_add_test(piv, rsa_1024_where_a_setting_allows_it);
    tcase_add_loop_test(piv, policies_are_obeyed_or_refused, 0, sizeof requests / sizeof requests[0]);
    tcase_add_test(piv, ill_formed_templates);
    tcase_add_test(piv, the_certificate_and_the_other_keys_stay);
    tcase_add_test(piv, a_replaced_key_is_closed);
    tcase_add_test(piv, large_answers_come_in_pieces);
    suite_add_tcase(suite, piv);
    tcase_add_checked_fixture(yubikey, set_up_yubikey, tear_down);
    tcase_add_loop_test(yubikey, every_algorithm_is_imported, 0, 8);
    tcase_add_test(yubikey, import_knows_its_algorithms);
    suite_add_tcase(suite, yubikey);
    return suite;
}
