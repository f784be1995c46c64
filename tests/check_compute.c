/* SPDX-License-Identifier: BSD-2-Clause */
/* check_compute.c — GENERAL AUTHENTICATE of private keys: by reference, policy and template; the finger, the vault. */
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

static void put_key(uint8_t ref, uint8_t alg, enum pin_policy pin)
{
    EVP_PKEY *key = known_key(alg);

    live_put_key(&l, ref, key, pin, TOUCH_POLICY_DEFAULT);
    EVP_PKEY_free(key);
}

/* Each reference with its default policy and with each given one: without PIN, with a fresh one, with one that is not. */
START_TEST(every_key_by_its_policy)
{
    const struct keyref *ref = &keyrefs[_i];

    if (ref->yubikey)
        return;
    for (enum pin_policy given = PIN_POLICY_DEFAULT; given <= PIN_POLICY_ALWAYS; given++) {
        enum pin_policy policy = given == PIN_POLICY_DEFAULT ? ref->policy : given;
        sw_t without = policy == PIN_POLICY_NEVER ? SW_SUCCESS : SW_SECURITY_STATUS;
        sw_t stale = policy == PIN_POLICY_ALWAYS ? SW_SECURITY_STATUS : SW_SUCCESS;
        struct in result;

        put_key(ref->ref, ALG_P256, given);
        live_reset(&l);
        answers(live_compute(&l, ALG_P256, ref->ref, 0x81, in_of("hash", 4), &result), without);
        live_verify(&l);
        answers(live_compute(&l, ALG_P256, ref->ref, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
        answers(live_compute(&l, ALG_P256, ref->ref, 0x81, in_of("hash", 4), &result), stale);
        answers(live_tries(&l), SW_SUCCESS);
        answers(live_hex(&l, "0020FF80"), SW_SUCCESS);
        answers(live_compute(&l, ALG_P256, ref->ref, 0x81, in_of("hash", 4), &result), without);
    }
}
END_TEST

/* Every algorithm behind one reference, with every P1: only its own is right. */
static void check_p1(sw_t refused)
{
    static const uint8_t ids[] = { ALG_RSA1024, ALG_RSA2048, ALG_P256, ALG_P384, ALG_ED25519, ALG_X25519 };
    struct in result;

    live_verify(&l);
    for (size_t i = 0; i < sizeof ids; i++) {
        put_key(0x9D, ids[i], PIN_POLICY_DEFAULT);
        for (unsigned alg = 0; alg < 0x100; alg++)
            if (alg != ids[i])
                answers(live_compute(&l, (uint8_t)alg, 0x9D, 0x81, in_of("x", 1), &result), refused);
    }
    for (unsigned ref = 0; ref < 0x100; ref++)
        if (ref != 0x9D && ref != KEYREF_MANAGEMENT)
            answers(live_compute(&l, ALG_X25519, (uint8_t)ref, 0x81, in_of("x", 1), &result), refused);
    answers(live_tries(&l), SW_SUCCESS);
}

START_TEST(only_the_keys_own_algorithm)
{
    check_p1(SW_WRONG_P1P2);
}
END_TEST

START_TEST(only_the_keys_own_algorithm_yubikey)
{
    check_p1(SW_WRONG_DATA);
}
END_TEST

START_TEST(agreement_is_for_key_management)
{
    static const uint8_t refs[] = { 0x9A, 0x9C, 0x9D, 0x9E, 0x82, 0x95 };
    const struct vector *v = &vectors[8]; /* CAVP, P-256 */
    bool yubikey = _i == 1;

    if (yubikey) {
        live_clear(&l);
        live_init(&l, "yubikey", ALG_3DES, 0);
    }
    for (size_t i = 0; i < sizeof refs; i++) {
        EVP_PKEY *key = vector_key(v);
        uint8_t a[80], b[40];
        struct out point = out_of(a, sizeof a), secret = out_of(b, sizeof b);
        bool allowed = yubikey || refs[i] == 0x9D || refs[i] == 0x82 || refs[i] == 0x95;
        struct in result;

        live_put_key(&l, refs[i], key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
        EVP_PKEY_free(key);
        live_verify(&l);
        answers(live_compute(&l, ALG_P256, refs[i], 0x85, hex(v->input, &point), &result),
                allowed ? SW_SUCCESS : SW_WRONG_DATA);
        if (allowed)
            ck_assert(in_equal(result, hex(v->output, &secret)));
    }
}
END_TEST

/* The rule comes before the data: without the PIN every template is 6982, with it each is what it is. */
static const struct {
    const char *data;
    sw_t sw;
} templates[] = {
    { "7C06820081024142", SW_SUCCESS }, { "7C06810241428200", SW_SUCCESS },
    { "", SW_WRONG_DATA },               { "7C", SW_WRONG_DATA },
    { "7C00", SW_WRONG_DATA },           { "7D06820081024142", SW_WRONG_DATA },
    { "7C0481024142", SW_WRONG_DATA },   { "7C028200", SW_WRONG_DATA },
    { "7C0482008100", SW_WRONG_DATA },   { "7C0882008200810141", SW_WRONG_DATA },
    { "7C0882008101418200", SW_WRONG_DATA },     { "7C088200810141810142", SW_WRONG_DATA },
    { "7C0782008102414200", SW_WRONG_DATA },     { "7C0682008102414200", SW_WRONG_DATA },
    { "7C07820081024142", SW_WRONG_DATA },      { "7C06820081034142", SW_WRONG_DATA },
    { "7C088200810141850142", SW_WRONG_DATA },   { "7C088200800141810142", SW_WRONG_DATA },
    { "7C06820141810142", SW_WRONG_DATA },      { "7C06820085024142", SW_WRONG_DATA },
    { "7C06820083024142", SW_WRONG_DATA },      { "7C808200810241420000", SW_WRONG_DATA },
    { "7C06820080024142", SW_WRONG_DATA },
};

START_TEST(the_rule_comes_before_the_data)
{
    uint8_t bytes[32];
    struct out room = out_of(bytes, sizeof bytes);
    struct in data = hex(templates[_i].data, &room);

    put_key(0x9A, ALG_P256, PIN_POLICY_DEFAULT);
    answers(live_call(&l, 0x87, ALG_P256, 0x9A, data), SW_SECURITY_STATUS);
    live_verify(&l);
    answers(live_call(&l, 0x87, ALG_P256, 0x9A, data), templates[_i].sw);
}
END_TEST

/* One signature by this key reference: the status word, and whether the finger was asked for it. */
static sw_t sign_with(uint8_t ref, bool *asked)
{
    struct in result;
    unsigned before = l.fake.touches;
    sw_t sw = live_compute(&l, ALG_P256, ref, 0x81, in_of("hash", 4), &result);

    *asked = l.fake.touches != before;
    if (*asked)
        ck_assert_uint_eq(l.fake.touched_for, ref);
    return sw;
}

START_TEST(a_finger_is_asked_where_the_key_wants_one)
{
    EVP_PKEY *key = known_key(ALG_P256);
    bool asked;

    for (enum touch_policy touch = TOUCH_POLICY_NEVER; touch <= TOUCH_POLICY_CACHED; touch++) {
        bool wanted = touch != TOUCH_POLICY_NEVER;

        live_put_key(&l, 0x9E, key, PIN_POLICY_DEFAULT, touch);
        l.fake.finger = true;
        answers(sign_with(0x9E, &asked), SW_SUCCESS);
        ck_assert_int_eq(asked, wanted && touch != TOUCH_POLICY_CACHED); /* the touch of "always" lasts */
        l.fake.now += 15000;
        l.fake.finger = false;
        answers(sign_with(0x9E, &asked), wanted ? SW_SECURITY_STATUS : SW_SUCCESS);
        ck_assert_int_eq(asked, wanted);
        l.fake.now -= 15000;
    }
    l.piv->env.touch = NULL;
    l.fake.now += 15000;
    answers(sign_with(0x9E, &asked), SW_SUCCESS);
    EVP_PKEY_free(key);
}
END_TEST

/* YK-47, and what "the YubiKey had been touched" says beyond it: by whichever key, whatever was reset since. */
START_TEST(a_touch_lasts_fifteen_seconds)
{
    EVP_PKEY *key = known_key(ALG_P256);
    bool asked;

    live_put_key(&l, 0x9A, key, PIN_POLICY_NEVER, TOUCH_POLICY_ALWAYS);
    live_put_key(&l, 0x9D, key, PIN_POLICY_NEVER, TOUCH_POLICY_CACHED);
    live_put_key(&l, 0x9E, key, PIN_POLICY_NEVER, TOUCH_POLICY_CACHED);
    l.fake.tick = 0;
    l.fake.finger = false; /* a touch that did not come does not last */
    answers(sign_with(0x9E, &asked), SW_SECURITY_STATUS);
    l.fake.finger = true;
    answers(sign_with(0x9E, &asked), SW_SUCCESS);
    ck_assert(asked);
    l.fake.now += 14999;
    live_reset(&l);
    for (uint8_t ref = 0x9D; ref <= 0x9E; ref++) {
        answers(sign_with(ref, &asked), SW_SUCCESS);
        ck_assert(!asked); /* … and does not last longer for being used */
    }
    l.fake.now += 1;
    answers(sign_with(0x9E, &asked), SW_SUCCESS);
    ck_assert(asked);
    for (int i = 0; i < 2; i++) {
        answers(sign_with(0x9A, &asked), SW_SUCCESS);
        ck_assert(asked); /* "always" has no use for it */
    }
    EVP_PKEY_free(key);
}
END_TEST

/* A PIN that is missing, and data that are none, are refused without anybody having touched anything. */
START_TEST(no_finger_for_what_is_refused_anyway)
{
    EVP_PKEY *key = known_key(ALG_P256);
    bool asked;

    live_put_key(&l, 0x9A, key, PIN_POLICY_ONCE, TOUCH_POLICY_ALWAYS);
    answers(sign_with(0x9A, &asked), SW_SECURITY_STATUS);
    ck_assert(!asked);
    live_verify(&l);
    answers(live_hex(&l, "0087119A047C028200"), SW_WRONG_DATA);
    ck_assert_uint_eq(l.fake.touches, 0);
    answers(sign_with(0x9A, &asked), SW_SUCCESS);
    ck_assert(asked);
    EVP_PKEY_free(key);
}
END_TEST

/* Opening and first use leave copies behind: they happen in the vault, and a key opened outside it is not kept. */
START_TEST(keys_are_opened_in_the_vault)
{
    struct in result;

    put_key(0x9A, ALG_P256, PIN_POLICY_DEFAULT);
    live_verify(&l);
    for (int full = 0; full < 2; full++) {
        live_reset(&l);
        live_verify(&l);
        l.fake.full = full != 0;
        l.fake.entries = 0;
        for (unsigned use = 1; use < 4; use++) {
            answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
            ck_assert_uint_eq(l.fake.entries, full ? use : 1);
            ck_assert_int_eq(l.piv->opened[0].key != NULL, !full);
        }
        answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of(NULL, 0), &result), SW_WRONG_DATA);
        /* A change of the card closes no key that is still on it. */
        live_admin(&l);
        answers(live_put(&l, OBJECT_CHUID, in_of("x", 1)), SW_SUCCESS);
        ck_assert_int_eq(l.piv->opened[0].key != NULL, !full);
    }
}
END_TEST

/* A box that does not open is a damaged card: 6581, and nothing is lost by it. */
START_TEST(a_damaged_key_does_not_compute)
{
    struct in result;
    struct card_key *key;

    put_key(0x9A, ALG_P256, PIN_POLICY_DEFAULT);
    put_key(0x9E, ALG_P256, PIN_POLICY_DEFAULT);
    live_verify(&l);
    for (size_t i = 0; i < 2; i++) {
        key = card_key(piv_card(l.piv), i == 0 ? 0x9A : 0x9E);
        for (size_t at = 0; at < key->sealed.n; at++) {
            key->sealed.p[at] ^= 0x10;
            answers(live_compute(&l, ALG_P256, key->ref, 0x81, in_of("hash", 4), &result), SW_MEMORY_FAILURE);
            key->sealed.p[at] ^= 0x10;
        }
        answers(live_compute(&l, ALG_P256, key->ref, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    }
    answers(live_tries(&l), SW_SUCCESS);
}
END_TEST

Suite *suite_compute(void)
{
    Suite *suite = suite_create("compute");
    TCase *piv = tcase_create("piv"), *yubikey = tcase_create("yubikey");

    tcase_set_timeout(piv, 60);
    tcase_set_timeout(yubikey, 60);
    tcase_add_checked_fixture(piv, set_up, tear_down);
    tcase_add_loop_test(piv, every_key_by_its_policy, 0, KEYREF_COUNT);
    tcase_add_test(piv, only_the_keys_own_algorithm);
    tcase_add_loop_test(piv, agreement_is_for_key_management, 0, 2);
    tcase_add_loop_test(piv, the_rule_comes_before_the_data, 0, sizeof templates / sizeof templates[0]);
    tcase_add_test(piv, a_finger_is_asked_where_the_key_wants_one);
    tcase_add_test(piv, a_touch_lasts_fifteen_seconds);
    tcase_add_test(piv, no_finger_for_what_is_refused_anyway);
    tcase_add_test(piv, keys_are_opened_in_the_vault);
    tcase_add_test(piv, a_damaged_key_does_not_compute);
    suite_add_tcase(suite, piv);
    tcase_add_checked_fixture(yubikey, set_up_yubikey, tear_down);
    tcase_add_test(yubikey, only_the_keys_own_algorithm_yubikey);
    suite_add_tcase(suite, yubikey);
    return suite;
}
