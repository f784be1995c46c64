/* SPDX-License-Identifier: BSD-2-Clause */
/* check_property.c — what must hold over every order of commands: freshness of the PIN, counts, secrets in answers. */
#include <stdlib.h>
#include <string.h>

#include "applet/command.h"
#include "tests/check_suites.h"
#include "tests/live.h"
#include "tests/vectors.h"

static struct live l;

static void put_key(uint8_t ref, uint8_t alg, enum pin_policy pin)
{
    EVP_PKEY *key = known_key(alg);

    live_put_key(&l, ref, key, pin, TOUCH_POLICY_DEFAULT);
    EVP_PKEY_free(key);
}

static void set_up(void)
{
    live_init(&l, "piv", ALG_3DES, 0);
    put_key(0x9A, ALG_P256, PIN_POLICY_DEFAULT);
    put_key(0x9C, ALG_P256, PIN_POLICY_DEFAULT);
    put_key(0x9E, ALG_P256, PIN_POLICY_DEFAULT);
}

static void tear_down(void)
{
    live_clear(&l);
}

/* --- freshness ------------------------------------------------------------------------------------------------------- */

#define SIGN(ref) "008711" ref "0C7C0A8200810631323334353600"
#define SIGN_9C SIGN("9C")

/* What may stand between a VERIFY and a signature with 9C; `keeps`: the PIN stays fresh (SP 800-73-5 Part 1, 5.1;
 * Part 2, 3.2.4: a chain is one command, and GET RESPONSE belongs to the one before). */
static const struct between {
    const char *what, *command;
    bool keeps;
} betweens[] = {
    { "nothing", NULL, true },
    { "GET RESPONSE", "00C0000000", true },
    { "GET RESPONSE, bad P1", "00C0010000", true },
    { "half a chain for another key", "1087119A047C0A8200", true },
    { "half a chain of PUT DATA, refused", "10DB3FFF055C035FC105", true },
    { "half a chain that is unknown", "1084000001AA", true },
    { "VERIFY, right", LIVE_PIN_OK, true },
    { "CHANGE, right", "0024008010" LIVE_PIN LIVE_PIN, true },
    { "VERIFY, asking", "00200080", false },
    { "VERIFY, wrong", LIVE_PIN_BAD, false },
    { "VERIFY, another reference", "0020008108" LIVE_PUK, false },
    { "logout", "0020FF80", false },
    { "GET DATA", "00CB3FFF035C017E", false },
    { "GET DATA of what is not there", "00CB3FFF055C035FC10500", false },
    { "SELECT", "00A4040005A000000308", false },
    { "SELECT of a foreign AID", "00A4040006A00000000101", false },
    { "CHANGE of the PUK", "0024008110" LIVE_PUK LIVE_PUK, false },
    { "unblocking", "002C008010" LIVE_PUK LIVE_PIN, false },
    { "a signature with 9A", SIGN("9A"), false },
    { "a signature with 9E", SIGN("9E"), false },
    { "a signature with 9C", SIGN_9C, false },
    { "a bad template for 9C", "0087119C027C00", false },
    { "an empty reference", SIGN("9D"), false },
    { "a challenge", "0087039B047C028100", false },
    { "PUT DATA, refused", "00DB3FFF085C035FC1055301AA", false },
    { "an unknown instruction", "00840000", false },
    { "a foreign class", "8020008000", false },
    { "secure messaging", "0C20008000", false },
    { "an impossible length", "0020008008", false },
    { "three bytes", "002000", false },
};
enum { BETWEENS = sizeof betweens / sizeof betweens[0] };

static void step(const struct between *b)
{
    if (b->command != NULL)
        live_hex(&l, b->command);
}

/* The PIN is fresh, if it is verified at all and if no step has ended that. */
static bool still_fresh(bool fresh, const struct between *b)
{
    if (b->command != NULL && (strcmp(b->command, LIVE_PIN_OK) == 0 || strncmp(b->command, "00240080", 8) == 0))
        return true;
    return fresh && b->keeps;
}

/* Every pair of steps between VERIFY and the signature, which comes whole or as a chain. */
START_TEST(a_fresh_pin_serves_the_command_after_it_alone)
{
    const struct between *first = &betweens[_i];

    for (size_t i = 0; i < BETWEENS; i++) {
        const struct between *second = &betweens[i];
        bool fresh = still_fresh(still_fresh(true, first), second);

        for (int chained = 0; chained < 2; chained++) {
            l.fake.tries.left[PIN_APPLICATION] = 3;
            live_verify(&l);
            step(first);
            step(second);
            if (chained)
                live_hex(&l, "1087119C047C0A8200"), live_hex(&l, "0087119C08810631323334353600");
            else
                live_hex(&l, SIGN_9C);
            ck_assert_msg((l.sw == SW_SUCCESS) == fresh, "VERIFY, %s, %s, 9C: %04X", first->what, second->what, l.sw);
            if (!fresh)
                answers(l.sw, SW_SECURITY_STATUS);
            answers(live_hex(&l, SIGN_9C), SW_SECURITY_STATUS);
        }
    }
}
END_TEST

/* What interrupts a chain for 9C ends the chain; the fresh PIN goes only with what ends it by its own rule. */
START_TEST(an_interrupted_chain_takes_no_fresh_pin_with_it)
{
    for (size_t i = 1; i < BETWEENS; i++) {
        l.fake.tries.left[PIN_APPLICATION] = 3;
        live_verify(&l);
        answers(live_hex(&l, "1087119C047C0A8200"), SW_SUCCESS);
        step(&betweens[i]);
        answers(live_hex(&l, SIGN_9C), still_fresh(true, &betweens[i]) ? SW_SUCCESS : SW_SECURITY_STATUS);
    }
}
END_TEST

/* A key of policy "always" whose answer comes in pieces: GET RESPONSE does not make it two commands. */
START_TEST(pieces_of_an_answer_are_one_command)
{
    struct in result;

    put_key(0x9C, ALG_RSA2048, PIN_POLICY_DEFAULT);
    put_key(0x82, ALG_P256, PIN_POLICY_ALWAYS);
    live_verify(&l);
    for (int i = 0; i < 2; i++) {
        uint8_t bytes[300], block[256] = { 0 };
        struct out room = out_of(bytes, sizeof bytes);

        live_chain(&l, 0x87, ALG_RSA2048, 0x9C, live_template(&room, 0x81, in_of(block, sizeof block)), 100);
        answers(l.sw, i == 0 ? 0x6108 : SW_SECURITY_STATUS);
        if (i == 0)
            answers(live_rest(&l, 0x03), SW_SUCCESS);
    }
    live_verify(&l);
    answers(live_hex(&l, "00C0000000"), SW_CONDITIONS);
    answers(live_compute(&l, ALG_P256, 0x82, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
}
END_TEST

/* --- counts ------------------------------------------------------------------------------------------------------------ */

/* A generator of its own: the walk is the same each time. */
static uint32_t next(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) % below;
}

#define WRONG "3131313131313131"

static const char *const walk_commands[] = {
    LIVE_PIN_BAD, "0020008008" WRONG, "0024008010" WRONG LIVE_PIN, "0024008110" WRONG LIVE_PUK,
    "002C008010" WRONG LIVE_PIN, "00200080", "0020FF80", "0024008010" WRONG "FFFFFFFFFFFFFFFF", "1020008004" "31323334",
    "0020008004" "31313131", "00C0000000", "00840000", "00A4040005A000000308", "0020008007" "31323334353637",
    SIGN_9C, SIGN("9A"), "0087039B047C028000", "00CB3FFF055C035FC10900", "002C0080", "00240080", "",
};
enum { WALK = sizeof walk_commands / sizeof walk_commands[0] };

/* Ten thousand commands without the right PIN or PUK, in random order, and with failing storage: no count ever rises,
 * the PIN is never verified, and at most three guesses of each were compared. */
START_TEST(counts_never_rise_without_the_right_pin)
{
    uint32_t state = (uint32_t)_i + 1;
    struct tries before = l.fake.tries;

    for (int i = 0; i < 10000; i++) {
        l.fake.fail_at = next(&state, 4) == 0 ? l.fake.steps + 1 + next(&state, 4) : 0;
        if (next(&state, 50) == 0)
            live_reset(&l);
        live_hex(&l, walk_commands[next(&state, WALK)]);
        for (enum pin which = 0; which < PIN_COUNT; which++)
            ck_assert_uint_le(l.fake.tries.left[which], before.left[which]);
        before = l.fake.tries;
        ck_assert_uint_eq(l.piv->status & (STATUS_PIN | STATUS_KEYS | STATUS_FRESH), 0);
    }
    ck_assert_uint_eq(l.fake.spends, 6);
    ck_assert_uint_eq(l.fake.stores, 3); /* the keys of the start */
}
END_TEST

/* The model of a PIN: whatever the order of right and wrong ones, the count is what a child would say. */
START_TEST(counts_are_what_a_model_says)
{
    uint32_t state = (uint32_t)_i + 77;
    unsigned pin = 3, puk = 3;

    for (int i = 0; i < 3000; i++) {
        bool right = next(&state, 3) != 0;
        sw_t sw;

        if (next(&state, 4) == 0 || pin == 0) {
            sw = live_hex(&l, right ? "002C008010" LIVE_PUK LIVE_PIN : "002C008010" WRONG LIVE_PIN);
            if (puk == 0) {
                answers(sw, SW_BLOCKED);
                break;
            }
            puk = right ? 3 : puk - 1;
            pin = right ? 3 : pin;
            answers(sw, right ? SW_SUCCESS : SW_TRIES | puk);
        } else {
            sw = live_hex(&l, right ? LIVE_PIN_OK : LIVE_PIN_BAD);
            pin = right ? 3 : pin - 1;
            answers(sw, right ? SW_SUCCESS : SW_TRIES | pin);
        }
        ck_assert(l.fake.tries.left[PIN_APPLICATION] == pin && l.fake.tries.left[PIN_PUK] == puk);
        answers(live_tries(&l), (l.piv->status & STATUS_PIN) != 0 ? SW_SUCCESS : pin == 0 ? SW_BLOCKED : SW_TRIES | pin);
    }
}
END_TEST

/* --- secrets in answers --------------------------------------------------------------------------------------------------- */

/* Each part of a private key, from 8 bytes on, in either direction. */
static void check_nothing_of(struct in secret, struct in answer)
{
    enum { WINDOW = 8 };

    for (size_t at = 0; at + WINDOW <= secret.n; at++)
        ck_assert_msg(answer.n < WINDOW || memmem(answer.p, answer.n, secret.p + at, WINDOW) == NULL,
                      "%02X: a part of the private key", answer.p[0]);
}

static const uint8_t ids[] = { ALG_RSA1024, ALG_RSA2048, ALG_P256, ALG_P384, ALG_ED25519, ALG_X25519 };

START_TEST(no_answer_holds_a_private_number)
{
    static const char *const commands[] = { "00F7009A000000", "00F99A00000000", "00F7009B", "00F8000000", "00A4040005A000000308",
                                            "00CB3FFF0000055C035FC105", "00CB3FFF055C035FC10C" };
    const struct alg *alg = alg_by_id(ids[_i]);
    EVP_PKEY *key = known_key(ids[_i]);
    struct secret *private = NULL;
    uint8_t block[256] = { 0, 1 };
    struct in result;

    live_clear(&l);
    live_init(&l, "yubikey", ALG_3DES, 0);
    put_key(0x9A, ids[_i], PIN_POLICY_DEFAULT);
    card_key(piv_card(l.piv), 0x9A)->origin = ORIGIN_GENERATED; /* so that it is attested */
    ck_assert_int_eq(key_encode_private(key, alg, &private), ERR_NONE);
    live_verify(&l);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct in parts = secret_in(private), value;
        uint32_t tag;

        live_hex(&l, commands[i]);
        while (tlv_next(&parts, &tag, &value))
            check_nothing_of(value, l.data);
    }
    card_key(piv_card(l.piv), 0x9A)->origin = ORIGIN_IMPORTED;
    for (uint8_t tag = 0x81; tag <= 0x85; tag += 4) {
        struct in parts = secret_in(private), value;
        uint32_t found;

        live_compute(&l, ids[_i], 0x9A, tag, in_of(block, alg->family == ALG_RSA ? alg->size : 32), &result);
        while (tlv_next(&parts, &found, &value))
            check_nothing_of(value, l.data);
    }
    secret_free(private);
    EVP_PKEY_free(key);
}
END_TEST

/* Error answers are two bytes, whatever the command began to write. */
START_TEST(no_error_brings_data)
{
    for (unsigned p1 = 0; p1 < 0x100; p1++)
        for (unsigned p2 = 0; p2 < 0x100; p2 += 5) {
            const uint8_t command[] = { 0x00, 0x87, (uint8_t)p1, (uint8_t)p2, 0x04, 0x7C, 0x02, 0x81, 0x00 };

            live_send(&l, in_of(command, sizeof command)); /* live_send asserts it */
        }
}
END_TEST

Suite *suite_property(void)
{
    Suite *suite = suite_create("property");
    TCase *orders = tcase_create("orders");

    tcase_set_timeout(orders, 120);
    tcase_add_checked_fixture(orders, set_up, tear_down);
    tcase_add_loop_test(orders, a_fresh_pin_serves_the_command_after_it_alone, 0, BETWEENS);
    tcase_add_test(orders, an_interrupted_chain_takes_no_fresh_pin_with_it);
    tcase_add_test(orders, pieces_of_an_answer_are_one_command);
    tcase_add_loop_test(orders, counts_never_rise_without_the_right_pin, 0, 4);
    tcase_add_loop_test(orders, counts_are_what_a_model_says, 0, 4);
    tcase_add_loop_test(orders, no_answer_holds_a_private_number, 0, sizeof ids);
    tcase_add_test(orders, no_error_brings_data);
    suite_add_tcase(suite, orders);
    return suite;
}
