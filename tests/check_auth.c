/* SPDX-License-Identifier: BSD-2-Clause */
/* check_auth.c — GENERAL AUTHENTICATE of 9B: the handshakes of the management key. */
#include <stdlib.h>
#include <string.h>

#include "applet/command.h"
#include "tests/check_suites.h"
#include "tests/live.h"

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

static const uint8_t ciphers[] = { ALG_3DES, ALG_AES128, ALG_AES192, ALG_AES256 };
enum { CIPHERS = sizeof ciphers };

static void encrypt(const uint8_t *from, uint8_t *to)
{
    const struct alg *alg = alg_by_id(piv_card(l.piv)->management.alg);
    struct secret *key = NULL;

    ck_assert_int_eq(factory_management(alg->id, &key), ERR_NONE);
    ck_assert_int_eq(cipher_block(NULL, alg, key, from, to), ERR_NONE);
    secret_free(key);
}

/* Ask with 81 (challenge) or 80 (witness): the block that comes. */
static sw_t ask(uint8_t alg, uint8_t tag, struct in *block)
{
    const uint8_t data[] = { 0x7C, 0x02, tag, 0x00 };
    struct in body;

    if (live_call(&l, 0x87, alg, KEYREF_MANAGEMENT, in_of(data, sizeof data)) != SW_SUCCESS)
        return l.sw;
    ck_assert(tlv_get(&l.data, 0x7C, &body) && in_end(&l.data) && tlv_get(&body, tag, block) && in_end(&body));
    ck_assert_uint_eq(block->n, alg_by_id(piv_card(l.piv)->management.alg)->block);
    return l.sw;
}

/* Elements in the order given; tag 0 ends.  A value of NULL is an empty element. */
struct element {
    uint8_t tag;
    const uint8_t *value;
    size_t n;
};

static sw_t answer(uint8_t alg, const struct element *elements)
{
    uint8_t bytes[256];
    struct out out = out_of(bytes, sizeof bytes);
    size_t mark = tlv_begin(&out, 0x7C);

    for (; elements->tag != 0; elements++)
        tlv_put(&out, elements->tag, in_of(elements->value, elements->n));
    tlv_end(&out, mark);
    ck_assert(!out.bad);
    return live_call(&l, 0x87, alg, KEYREF_MANAGEMENT, out_in(&out));
}

static bool is_admin(void)
{
    return live_put(&l, OBJECT_SECURITY, in_of("x", 1)) == SW_SUCCESS;
}

static void set_up_cipher(int i)
{
    live_clear(&l);
    live_init(&l, "piv", ciphers[i], 0);
}

START_TEST(single_authentication)
{
    uint8_t alg = ciphers[_i], response[16];
    size_t n = alg_by_id(alg)->block;
    struct in challenge;

    set_up_cipher(_i);
    ck_assert(!is_admin());
    answers(ask(alg, 0x81, &challenge), SW_SUCCESS);
    encrypt(challenge.p, response);
    answers(answer(alg, (const struct element[]){ { 0x82, response, n }, { 0, NULL, 0 } }), SW_SUCCESS);
    ck_assert_uint_eq(l.data.n, 0);
    ck_assert(is_admin());
    /* Once more with the same answer: it has served.  A failed execution ends what the good one has brought. */
    answers(answer(alg, (const struct element[]){ { 0x82, response, n }, { 0, NULL, 0 } }), SW_SECURITY_STATUS);
    ck_assert(!is_admin());
    for (size_t bit = 0; bit < 8 * n; bit++) {
        answers(ask(alg, 0x81, &challenge), SW_SUCCESS);
        encrypt(challenge.p, response);
        response[bit / 8] ^= (uint8_t)(1U << bit % 8);
        answers(answer(alg, (const struct element[]){ { 0x82, response, n }, { 0, NULL, 0 } }), SW_SECURITY_STATUS);
        response[bit / 8] ^= (uint8_t)(1U << bit % 8);
        answers(answer(alg, (const struct element[]){ { 0x82, response, n }, { 0, NULL, 0 } }), SW_SECURITY_STATUS);
    }
    ck_assert(!is_admin());
}
END_TEST

/* Find the witness: the fake's generator is known, so the test draws the same bytes. */
static void decrypt_witness(const struct alg *alg, struct in witness, uint8_t *plain)
{
    struct secret *key = NULL;
    EVP_CIPHER *method = EVP_CIPHER_fetch(NULL, alg->evp, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    ck_assert_int_eq(factory_management(alg->id, &key), ERR_NONE);
    ck_assert(EVP_DecryptInit_ex2(ctx, method, key->p, NULL, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
    ck_assert(EVP_DecryptUpdate(ctx, plain, &n, witness.p, (int)witness.n) == 1 && n == (int)witness.n);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(method);
    secret_free(key);
}

START_TEST(mutual_authentication)
{
    const struct alg *alg = alg_by_id(ciphers[_i]);
    const uint8_t challenge[16] = { 8, 7, 6, 5, 4, 3, 2, 1, 1, 2, 3, 4, 5, 6, 7, 8 };
    uint8_t plain[16], expected[16];
    size_t n = alg->block;

    set_up_cipher(_i);
    encrypt(challenge, expected);
    for (int form = 0; form < 4; form++) {
        const struct element w = { 0x80, plain, n }, c = { 0x81, challenge, n };
        const struct element end = { 0, NULL, 0 }, r = { 0x82, NULL, 0 };
        const struct element forms[4][4] = {
            { w, c, end, end }, { c, w, end, end }, { w, c, r, end }, { r, c, w, end },
        };
        struct in witness, body, response;

        answers(ask(alg->id, 0x80, &witness), SW_SUCCESS);
        ck_assert(!is_admin()); /* another command: the witness is spent */
        answers(ask(alg->id, 0x80, &witness), SW_SUCCESS);
        decrypt_witness(alg, witness, plain);
        answers(answer(alg->id, forms[form]), SW_SUCCESS);
        ck_assert(tlv_get(&l.data, 0x7C, &body) && tlv_get(&body, 0x82, &response) && in_end(&body));
        ck_assert(in_equal(response, in_of(expected, n)));
        ck_assert(is_admin());
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        struct in witness;

        answers(ask(alg->id, 0x80, &witness), SW_SUCCESS);
        decrypt_witness(alg, witness, plain);
        plain[bit / 8] ^= (uint8_t)(1U << bit % 8);
        answers(answer(alg->id, (const struct element[]){ { 0x80, plain, n }, { 0x81, challenge, n }, { 0, NULL, 0 } }),
                SW_SECURITY_STATUS);
        ck_assert(!is_admin());
    }
}
END_TEST

/* Lengths that are not a block; elements that do not belong together.  Nobody becomes administrator. */
START_TEST(ill_formed_answers)
{
    static const size_t wrong[] = { 1, 7, 9, 15, 16, 17, 32 };
    static const struct element sets[][5] = {
        { { 0, NULL, 0 } },                                                            /* nothing at all */
        { { 0x80, NULL, 0 }, { 0x81, NULL, 0 }, { 0, NULL, 0 } },                      /* asks for both */
        { { 0x82, NULL, 0 }, { 0, NULL, 0 } },
        { { 0x82, NULL, 0 }, { 0x81, (const uint8_t *)"01234567", 8 }, { 0, NULL, 0 } }, /* internal authentication */
        { { 0x81, (const uint8_t *)"01234567", 8 }, { 0, NULL, 0 } },
        { { 0x80, (const uint8_t *)"01234567", 8 }, { 0, NULL, 0 } },
        { { 0x80, (const uint8_t *)"01234567", 8 }, { 0x81, NULL, 0 }, { 0, NULL, 0 } },
        { { 0x85, (const uint8_t *)"01234567", 8 }, { 0, NULL, 0 } },
        { { 0x85, NULL, 0 }, { 0, NULL, 0 } },
        { { 0x81, NULL, 0 }, { 0x85, NULL, 0 }, { 0, NULL, 0 } },
        { { 0x81, NULL, 0 }, { 0x81, NULL, 0 }, { 0, NULL, 0 } },                      /* twice */
        { { 0x83, NULL, 0 }, { 0, NULL, 0 } },                                         /* unknown */
    };
    uint8_t zeros[32] = { 0 };
    struct in block;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        answers(ask(ALG_3DES, 0x81, &block), SW_SUCCESS);
        answers(answer(ALG_3DES, (const struct element[]){ { 0x82, zeros, wrong[i] }, { 0, NULL, 0 } }), SW_WRONG_DATA);
        answers(ask(ALG_3DES, 0x80, &block), SW_SUCCESS);
        answers(answer(ALG_3DES, (const struct element[]){ { 0x80, zeros, wrong[i] }, { 0x81, zeros, 8 }, { 0, NULL, 0 } }),
                SW_WRONG_DATA);
        answers(ask(ALG_3DES, 0x80, &block), SW_SUCCESS);
        answers(answer(ALG_3DES, (const struct element[]){ { 0x80, zeros, 8 }, { 0x81, zeros, wrong[i] }, { 0, NULL, 0 } }),
                SW_WRONG_DATA);
    }
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        answers(ask(ALG_3DES, 0x81, &block), SW_SUCCESS);
        answers(answer(ALG_3DES, sets[i]), SW_WRONG_DATA);
    }
    ck_assert(!is_admin());
}
END_TEST

START_TEST(no_reflection_and_no_second_use)
{
    uint8_t plain[16], sent[16];
    struct in block;

    /* A witness handed back as a response; a challenge answered as a witness. */
    answers(ask(ALG_3DES, 0x80, &block), SW_SUCCESS);
    memcpy(sent, block.p, 8);
    answers(answer(ALG_3DES, (const struct element[]){ { 0x82, sent, 8 }, { 0, NULL, 0 } }), SW_SECURITY_STATUS);
    answers(ask(ALG_3DES, 0x81, &block), SW_SUCCESS);
    memcpy(sent, block.p, 8);
    answers(answer(ALG_3DES, (const struct element[]){ { 0x80, sent, 8 }, { 0x81, sent, 8 }, { 0, NULL, 0 } }),
            SW_SECURITY_STATUS);
    /* Any command between question and answer. */
    answers(ask(ALG_3DES, 0x81, &block), SW_SUCCESS);
    encrypt(block.p, plain);
    answers(live_tries(&l), 0x63C3);
    answers(answer(ALG_3DES, (const struct element[]){ { 0x82, plain, 8 }, { 0, NULL, 0 } }), SW_SECURITY_STATUS);
    /* … but GET RESPONSE is none. */
    answers(live_hex(&l, "0087039B047C02810004"), 0x6108);
    memcpy(sent, l.data.p, 4);
    answers(live_hex(&l, "00C0000000"), SW_SUCCESS);
    encrypt(l.data.p, plain);
    answers(answer(ALG_3DES, (const struct element[]){ { 0x82, plain, 8 }, { 0, NULL, 0 } }), SW_SUCCESS);
    ck_assert(is_admin());
    /* A new question ends the state at once. */
    answers(ask(ALG_3DES, 0x81, &block), SW_SUCCESS);
    ck_assert(!is_admin());
}
END_TEST

START_TEST(logging_out_does_not_end_the_administrator)
{
    live_admin(&l);
    live_verify(&l);
    answers(live_hex(&l, "0020FF80"), SW_SUCCESS);
    answers(live_hex(&l, LIVE_PIN_BAD), 0x63C2);
    ck_assert(is_admin());
}
END_TEST

/* The algorithm of 9B is the only one, but 00 stands for 3DES, and OpenSC draws random numbers under 00. */
static void check_algorithms(sw_t refused)
{
    for (int i = 0; i < CIPHERS; i++) {
        struct in a, b;
        uint8_t first[16];

        live_clear(&l);
        live_init(&l, refused == SW_WRONG_DATA ? "yubikey" : "piv", ciphers[i], 0);
        for (unsigned alg = 0; alg < 0x100; alg++) {
            bool same = alg == ciphers[i] || (alg == 0 && ciphers[i] == ALG_3DES);

            answers(ask((uint8_t)alg, 0x80, &a), same ? SW_SUCCESS : refused);
            answers(ask((uint8_t)alg, 0x81, &a), same || alg == 0 ? SW_SUCCESS : refused);
        }
        answers(ask(0x00, 0x81, &a), SW_SUCCESS);
        memcpy(first, a.p, a.n);
        answers(ask(0x00, 0x81, &b), SW_SUCCESS);
        ck_assert(memcmp(first, b.p, b.n) != 0);
    }
}

START_TEST(the_algorithm_of_9b)
{
    check_algorithms(SW_WRONG_P1P2);
}
END_TEST

START_TEST(the_algorithm_of_9b_yubikey)
{
    check_algorithms(SW_WRONG_DATA);
}
END_TEST

START_TEST(the_owner_in_process)
{
    uint8_t wrong[24] = { 0 };

    ck_assert_int_eq(piv_authenticate_management(l.piv, in_of(wrong, sizeof wrong)), ERR_WRONG);
    ck_assert(!is_admin());
    live_admin(&l);
    ck_assert(is_admin());
    ck_assert_int_eq(piv_authenticate_management(l.piv, in_of(wrong, 8)), ERR_WRONG);
    ck_assert(!is_admin());
}
END_TEST

/* YK-21.  Either handshake to its end, right or wrong, by a host that knows the key. */
static sw_t authenticate(bool mutual, bool right)
{
    const uint8_t challenge[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const struct alg *alg = alg_by_id(ALG_3DES);
    uint8_t proof[16];
    struct in sent;

    answers(ask(ALG_3DES, mutual ? 0x80 : 0x81, &sent), SW_SUCCESS);
    if (mutual)
        decrypt_witness(alg, sent, proof);
    else
        encrypt(sent.p, proof);
    proof[0] ^= !right;
    return mutual ? answer(ALG_3DES, (const struct element[]){ { 0x80, proof, 8 }, { 0x81, challenge, 8 }, { 0, NULL, 0 } })
                  : answer(ALG_3DES, (const struct element[]){ { 0x82, proof, 8 }, { 0, NULL, 0 } });
}

START_TEST(a_management_key_that_wants_a_finger)
{
    bool mutual = _i % 2 != 0, cached = _i / 2 != 0;

    live_admin(&l);
    answers(live_hex(&l, cached ? "00FFFFFD1B039B18010203040506070801020304050607080102030405060708"
                                : "00FFFFFE1B039B18010203040506070801020304050607080102030405060708"), SW_SUCCESS);
    live_reset(&l);
    ck_assert_uint_eq(l.fake.touches, 0);
    answers(authenticate(mutual, false), SW_SECURITY_STATUS);
    ck_assert_uint_eq(l.fake.touches, 0); /* nobody waits for what is wrong anyway */
    l.fake.finger = false;
    answers(authenticate(mutual, true), SW_SECURITY_STATUS);
    ck_assert_uint_eq(l.data.n, 0);
    ck_assert_uint_eq(l.fake.touches, 1);
    ck_assert(!is_admin());
    l.fake.finger = true;
    answers(authenticate(mutual, true), SW_SUCCESS);
    ck_assert_uint_eq(l.fake.touches, 2);
    ck_assert_uint_eq(l.fake.touched_for, KEYREF_MANAGEMENT);
    ck_assert(is_admin());
    answers(authenticate(mutual, true), SW_SUCCESS);
    ck_assert_uint_eq(l.fake.touches, cached ? 2 : 3);
}
END_TEST

Suite *suite_auth(void)
{
    Suite *suite = suite_create("auth");
    TCase *piv = tcase_create("piv"), *yubikey = tcase_create("yubikey");

    tcase_add_checked_fixture(piv, set_up, tear_down);
    tcase_add_loop_test(piv, single_authentication, 0, CIPHERS);
    tcase_add_loop_test(piv, mutual_authentication, 0, CIPHERS);
    tcase_add_test(piv, ill_formed_answers);
    tcase_add_test(piv, no_reflection_and_no_second_use);
    tcase_add_test(piv, logging_out_does_not_end_the_administrator);
    tcase_add_test(piv, the_algorithm_of_9b);
    tcase_add_test(piv, the_owner_in_process);
    suite_add_tcase(suite, piv);
    tcase_add_checked_fixture(yubikey, set_up_yubikey, tear_down);
    tcase_add_test(yubikey, the_algorithm_of_9b_yubikey);
    tcase_add_loop_test(yubikey, a_management_key_that_wants_a_finger, 0, 4);
    suite_add_tcase(suite, yubikey);
    return suite;
}
