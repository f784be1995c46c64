/* SPDX-License-Identifier: BSD-2-Clause */
/* check_pin.c — VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER: every row of SP 800-73-5 Part 2, 3.2.1 to 3.2.3. */
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

static void set_up_global(void)
{
    live_init(&l, "piv", ALG_3DES, LIVE_GLOBAL);
}

static void set_up_yubikey(void)
{
    live_init(&l, "yubikey", ALG_3DES, 0);
}

static void tear_down(void)
{
    live_clear(&l);
}

/* Steps on one card: a command, its status word, and what PIN and PUK have left after it. */
struct step {
    const char *command;
    sw_t sw;
    uint8_t pin, puk;
};

static void walk(const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sw_t sw = live_hex(&l, steps[i].command);

        ck_assert_msg(sw == steps[i].sw, "step %zu, %s: %04X, wanted %04X", i, steps[i].command, sw, steps[i].sw);
        ck_assert_uint_eq(l.data.n, 0);
        ck_assert_msg(l.fake.tries.left[PIN_APPLICATION] == steps[i].pin && l.fake.tries.left[PIN_PUK] == steps[i].puk,
                      "step %zu, %s: %u and %u left", i, steps[i].command, l.fake.tries.left[PIN_APPLICATION],
                      l.fake.tries.left[PIN_PUK]);
    }
}

#define WALK(steps) walk(steps, sizeof steps / sizeof steps[0])
#define STATUS "00200080"
#define LOGOUT "0020FF80"
#define NEW_PIN "3635343332313937"
#define BAD_PIN "313131313131FFFF"
#define BAD_PUK "3132333435363739"
#define CHANGE(old, new) "0024008010" old new
#define CHANGE_PUK(old, new) "0024008110" old new
#define UNBLOCK(puk, new) "002C008010" puk new

START_TEST(asking_costs_nothing)
{
    static const struct step steps[] = {
        { STATUS, 0x63C3, 3, 3 },           { "0020008000", 0x63C3, 3, 3 },  { "00200080000000", 0x63C3, 3, 3 },
        { LIVE_PIN_BAD, 0x63C2, 2, 3 },     { STATUS, 0x63C2, 2, 3 },        { STATUS, 0x63C2, 2, 3 },
        { LIVE_PIN_OK, 0x9000, 3, 3 },      { STATUS, 0x9000, 3, 3 },        { "0020008000", 0x9000, 3, 3 },
    };

    WALK(steps);
    ck_assert_uint_eq(l.fake.spends, 2);
}
END_TEST

START_TEST(three_wrong_pins_block)
{
    static const struct step steps[] = {
        { LIVE_PIN_BAD, 0x63C2, 2, 3 }, { LIVE_PIN_BAD, 0x63C1, 1, 3 }, { LIVE_PIN_BAD, 0x63C0, 0, 3 },
        { LIVE_PIN_BAD, 0x6983, 0, 3 }, { LIVE_PIN_OK, 0x6983, 0, 3 },  { STATUS, 0x6983, 0, 3 },
        { "0020008006313233343536", 0x6983, 0, 3 }, { LOGOUT, 0x9000, 0, 3 }, { STATUS, 0x6983, 0, 3 },
        { CHANGE(LIVE_PIN, NEW_PIN), 0x6983, 0, 3 }, { "0024008008" LIVE_PIN, 0x6983, 0, 3 },
        { UNBLOCK(LIVE_PUK, NEW_PIN), 0x9000, 3, 3 }, { STATUS, 0x63C3, 3, 3 },
        { LIVE_PIN_OK, 0x63C2, 2, 3 }, { "0020008008" NEW_PIN, 0x9000, 3, 3 },
    };

    WALK(steps);
}
END_TEST

START_TEST(a_wrong_pin_ends_a_verified_state)
{
    static const struct step steps[] = {
        { LIVE_PIN_OK, 0x9000, 3, 3 }, { LIVE_PIN_BAD, 0x63C2, 2, 3 }, { STATUS, 0x63C2, 2, 3 },
        { LIVE_PIN_OK, 0x9000, 3, 3 }, { LIVE_PIN_OK, 0x9000, 3, 3 },  { LOGOUT, 0x9000, 3, 3 },
        { STATUS, 0x63C3, 3, 3 },      { LIVE_PIN_BAD, 0x63C2, 2, 3 }, { LOGOUT, 0x9000, 2, 3 },
        { STATUS, 0x63C2, 2, 3 },
    };

    WALK(steps);
}
END_TEST

/* 63CX for every ill-formed PIN of 8 bytes; 6A80, and no try, for another length. */
START_TEST(ill_formed_pins)
{
    static const struct step steps[] = {
        { "0020008008" "3132333435FFFFFF", 0x63C2, 2, 3 }, { LIVE_PIN_OK, 0x9000, 3, 3 },
        { "0020008008" "FFFFFFFFFFFFFFFF", 0x63C2, 2, 3 }, { LIVE_PIN_OK, 0x9000, 3, 3 },
        { "0020008008" "3132333435360000", 0x63C2, 2, 3 }, { LIVE_PIN_OK, 0x9000, 3, 3 },
        { "0020008008" "3132FF333435FFFF", 0x63C2, 2, 3 }, { LIVE_PIN_OK, 0x9000, 3, 3 },
        { "0020008008" "0000000000000000", 0x63C2, 2, 3 }, { LIVE_PIN_OK, 0x9000, 3, 3 },
        { "0020008006" "313233343536", 0x6A80, 3, 3 },
        { "0020008001" "31", 0x6A80, 3, 3 },
        { "0020008007" "313233343536FF", 0x6A80, 3, 3 },
        { "0020008009" LIVE_PIN "FF", 0x6A80, 3, 3 },
        { "0020008010" LIVE_PIN LIVE_PIN, 0x6A80, 3, 3 },
        { STATUS, 0x9000, 3, 3 },
    };

    WALK(steps);
}
END_TEST

START_TEST(wrong_parameters_cost_nothing)
{
    static const struct step steps[] = {
        { "0020018008" LIVE_PIN, 0x6A86, 3, 3 }, { "00207F8008" LIVE_PIN, 0x6A86, 3, 3 },
        { "0020FE8008" LIVE_PIN, 0x6A86, 3, 3 }, { "0020FF8008" LIVE_PIN, 0x6A80, 3, 3 },
        { "0020008108" LIVE_PUK, 0x6A88, 3, 3 }, { "0020000008" LIVE_PIN, 0x6A88, 3, 3 },
        { "0020009608" LIVE_PIN, 0x6A88, 3, 3 }, { "0020009708" LIVE_PIN, 0x6A88, 3, 3 },
        { "0020009808" LIVE_PIN, 0x6A88, 3, 3 }, { "0020009B08" LIVE_PIN, 0x6A88, 3, 3 },
        { "002000FF08" LIVE_PIN, 0x6A88, 3, 3 }, { "00200081", 0x6A88, 3, 3 }, { "0020FF81", 0x6A88, 3, 3 },
        { "0024018010" LIVE_PIN NEW_PIN, 0x6A86, 3, 3 }, { "0024FF8010" LIVE_PIN NEW_PIN, 0x6A86, 3, 3 },
        { "0024000010" LIVE_PIN NEW_PIN, 0x6A88, 3, 3 }, { "0024009A10" LIVE_PIN NEW_PIN, 0x6A88, 3, 3 },
        { "0024009B10" LIVE_PIN NEW_PIN, 0x6A88, 3, 3 }, { "002400FF10" LIVE_PIN NEW_PIN, 0x6A88, 3, 3 },
        { "002C018010" LIVE_PUK NEW_PIN, 0x6A86, 3, 3 }, { "002C028010" LIVE_PUK NEW_PIN, 0x6A86, 3, 3 },
        { "002C008110" LIVE_PUK NEW_PIN, 0x6A88, 3, 3 }, { "002C000010" LIVE_PUK NEW_PIN, 0x6A88, 3, 3 },
        { "002C009B10" LIVE_PUK NEW_PIN, 0x6A88, 3, 3 },
    };

    WALK(steps);
    ck_assert_uint_eq(l.fake.spends, 0);
    ck_assert_uint_eq(l.fake.stores, 0);
}
END_TEST

START_TEST(changing_a_pin)
{
    static const struct step steps[] = {
        { LIVE_PIN_BAD, 0x63C2, 2, 3 },
        { CHANGE(LIVE_PIN, NEW_PIN), 0x9000, 3, 3 }, { STATUS, 0x9000, 3, 3 }, /* success verifies */
        { LOGOUT, 0x9000, 3, 3 },                    { LIVE_PIN_OK, 0x63C2, 2, 3 },
        { "0020008008" NEW_PIN, 0x9000, 3, 3 },
        { CHANGE(BAD_PIN, LIVE_PIN), 0x63C2, 2, 3 }, { STATUS, 0x63C2, 2, 3 }, /* failure ends the verified state */
        { CHANGE(BAD_PIN, "FFFFFFFFFFFFFFFF"), 0x63C1, 1, 3 },                 /* the new one does not matter then */
        { CHANGE(NEW_PIN, NEW_PIN), 0x9000, 3, 3 },                            /* the same again */
        { CHANGE(BAD_PIN, LIVE_PIN), 0x63C2, 2, 3 }, { CHANGE(BAD_PIN, LIVE_PIN), 0x63C1, 1, 3 },
        { CHANGE(BAD_PIN, LIVE_PIN), 0x63C0, 0, 3 }, { CHANGE(NEW_PIN, LIVE_PIN), 0x6983, 0, 3 },
        { "0020008008" NEW_PIN, 0x6983, 0, 3 },
    };

    WALK(steps);
}
END_TEST

/* Old PIN right, new one ill-formed: nothing changes, neither status nor count. */
static void refuse_new(const char *const *pins, size_t n, uint8_t left)
{
    for (size_t i = 0; i < n; i++) {
        char command[64];

        snprintf(command, sizeof command, "0024008010" LIVE_PIN "%s", pins[i]);
        ck_assert_msg(live_hex(&l, command) == SW_WRONG_DATA, "%s: %04X", pins[i], l.sw);
        ck_assert_uint_eq(l.fake.tries.left[PIN_APPLICATION], left);
        snprintf(command, sizeof command, "002C008010" LIVE_PUK "%s", pins[i]);
        answers(live_hex(&l, command), SW_WRONG_DATA);
        ck_assert_uint_eq(l.fake.tries.left[PIN_APPLICATION], left);
        ck_assert_uint_eq(l.fake.tries.left[PIN_PUK], 3);
    }
    ck_assert_uint_eq(l.fake.stores, 0);
}

static const char *const too_short[] = {
    "3132333435FFFFFF", "FFFFFFFFFFFFFFFF", "3132FF333435FFFF", "31323334353637FF38", "FF32333435363738",
    "313233343536FF38",
};
static const char *const not_digits[] = { "3132333435363A37", "4142434445464748", "3132333435362F37", "3132333435360000" };

START_TEST(an_ill_formed_new_pin_changes_nothing)
{
    refuse_new(too_short, 3, 3);
    refuse_new(too_short + 4, 2, 3);
    refuse_new(not_digits, 4, 3);
    answers(live_tries(&l), 0x63C3);
    live_verify(&l);
    refuse_new(too_short, 3, 3);
    answers(live_tries(&l), SW_SUCCESS);
    answers(live_hex(&l, LIVE_PIN_BAD), 0x63C2);
    refuse_new(too_short, 3, 2);
    answers(live_tries(&l), 0x63C2);
}
END_TEST

START_TEST(yubikey_pins_are_any_bytes)
{
    refuse_new(too_short, 3, 3);
    answers(live_hex(&l, "0024008010" LIVE_PIN "4142434445464748"), SW_SUCCESS);
    answers(live_hex(&l, "0020008008" "4142434445464748"), SW_SUCCESS);
    answers(live_hex(&l, "0024008110" LIVE_PUK "31323334FFFFFFFF"), SW_WRONG_DATA);
    answers(live_hex(&l, "0024008110" LIVE_PUK "313233343536FFFF"), SW_SUCCESS);
}
END_TEST

START_TEST(wrong_lengths_cost_nothing)
{
    static const unsigned lengths[] = { 0x01, 0x08, 0x0F, 0x11, 0x20 };

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t data[32] = { '1', '2', '3', '4', '5', '6', 0xFF, 0xFF };

        answers(live_call(&l, 0x24, 0x00, 0x80, in_of(data, lengths[i])), SW_WRONG_DATA);
        answers(live_call(&l, 0x24, 0x00, 0x81, in_of(data, lengths[i])), SW_WRONG_DATA);
        answers(live_call(&l, 0x2C, 0x00, 0x80, in_of(data, lengths[i])), SW_WRONG_DATA);
    }
    answers(live_hex(&l, "00240080"), SW_WRONG_DATA);
    answers(live_hex(&l, "002C0080"), SW_WRONG_DATA);
    ck_assert_uint_eq(l.fake.spends, 0);
}
END_TEST

START_TEST(the_puk)
{
    static const struct step steps[] = {
        { CHANGE_PUK(LIVE_PUK, "0001020304050607"), 0x9000, 3, 3 }, { STATUS, 0x63C3, 3, 3 },
        { UNBLOCK(LIVE_PUK, NEW_PIN), 0x63C2, 3, 2 },
        { UNBLOCK("0001020304050607", NEW_PIN), 0x9000, 3, 3 },
        { CHANGE_PUK(LIVE_PUK, LIVE_PUK), 0x63C2, 3, 2 },
        { CHANGE_PUK("0001020304050607", LIVE_PUK), 0x9000, 3, 3 },
        { "0020008008" NEW_PIN, 0x9000, 3, 3 },
        { UNBLOCK(LIVE_PUK, LIVE_PIN), 0x9000, 3, 3 }, { STATUS, 0x9000, 3, 3 }, /* success changes no status */
        { LIVE_PIN_OK, 0x9000, 3, 3 },                                          /* … and the new PIN is the PIN */
        { UNBLOCK(BAD_PUK, LIVE_PIN), 0x63C2, 3, 2 }, { STATUS, 0x63C3, 3, 2 },  /* failure logs out */
        { UNBLOCK(BAD_PUK, "FFFFFFFFFFFFFFFF"), 0x63C1, 3, 1 },
        { UNBLOCK("FFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFF"), 0x63C0, 3, 0 },
        { UNBLOCK(LIVE_PUK, LIVE_PIN), 0x6983, 3, 0 }, { CHANGE_PUK(LIVE_PUK, LIVE_PUK), 0x6983, 3, 0 },
        { "002C008008" LIVE_PUK, 0x6983, 3, 0 },       { LIVE_PIN_OK, 0x9000, 3, 0 },
    };

    WALK(steps);
}
END_TEST

START_TEST(a_verified_state_does_not_hide_a_wrong_pin)
{
    /* In a session that knows the PIN by its keyed hash: every single wrong bit, and both ends of the chain. */
    live_verify(&l);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint8_t pin[8] = { '1', '2', '3', '4', '5', '6', 0xFF, 0xFF };

        live_verify(&l);
        pin[bit / 8] ^= (uint8_t)(1U << bit % 8);
        answers(live_call(&l, 0x20, 0x00, 0x80, in_of(pin, sizeof pin)), 0x63C2);
        answers(live_tries(&l), 0x63C2);
    }
}
END_TEST

START_TEST(more_tries_than_a_nibble_holds)
{
    l.fake.tries.left[PIN_APPLICATION] = l.fake.tries.allowed[PIN_APPLICATION] = 255;
    answers(live_tries(&l), 0x63CF);
    answers(live_hex(&l, LIVE_PIN_BAD), 0x63CF);
    l.fake.tries.left[PIN_APPLICATION] = 16;
    answers(live_hex(&l, LIVE_PIN_BAD), 0x63CF);
    answers(live_hex(&l, LIVE_PIN_BAD), 0x63CE);
}
END_TEST

START_TEST(the_global_pin_has_its_own_count)
{
    answers(live_hex(&l, "00200000"), 0x63C3);
    answers(live_hex(&l, "0020000008" BAD_PIN), 0x63C2);
    answers(live_tries(&l), 0x63C3);
    answers(live_hex(&l, "0020000008" LIVE_GLOBAL_PIN), SW_SUCCESS);
    answers(live_hex(&l, "00200000"), SW_SUCCESS);
    answers(live_tries(&l), 0x63C3);
    answers(live_hex(&l, "0024000010" LIVE_GLOBAL_PIN NEW_PIN), SW_SUCCESS);
    answers(live_hex(&l, "0020FF00"), SW_SUCCESS);
    answers(live_hex(&l, "00200000"), 0x63C3);
    answers(live_hex(&l, "0020000008" NEW_PIN), SW_SUCCESS);
    for (int i = 0; i < 3; i++)
        live_hex(&l, "0020000008" BAD_PIN);
    answers(l.sw, 0x63C0);
    answers(live_hex(&l, "0020000008" NEW_PIN), SW_BLOCKED);
    answers(live_hex(&l, LIVE_PIN_OK), SW_SUCCESS);
}
END_TEST

START_TEST(keys_survive_every_change)
{
    static const char *const changes[] = { CHANGE(LIVE_PIN, NEW_PIN), UNBLOCK(LIVE_PUK, LIVE_PIN),
                                           CHANGE_PUK(LIVE_PUK, LIVE_PUK) };
    static const char *const pins[] = { "0020008008" NEW_PIN, LIVE_PIN_OK, LIVE_PIN_OK };
    EVP_PKEY *key = known_key(ALG_P256);
    struct in result;

    live_put_key(&l, 0x9A, key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    EVP_PKEY_free(key);
    for (size_t i = 0; i < 3; i++) {
        answers(live_hex(&l, changes[i]), SW_SUCCESS);
        live_reset(&l);
        answers(live_hex(&l, pins[i]), SW_SUCCESS);
        answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    }
}
END_TEST

/* The lower count is durable before anything is compared: a guess whose spending fails is not answered. */
START_TEST(a_try_that_cannot_be_spent_is_not_compared)
{
    l.fake.fail_on = true;
    l.fake.fail_at = l.fake.steps + 2;
    answers(live_hex(&l, LIVE_PIN_OK), SW_MEMORY_FAILURE);
    l.fake.fail_at = 0;
    answers(live_tries(&l), 0x63C3);
    ck_assert_uint_eq(l.fake.spends, 0);
}
END_TEST

START_TEST(the_puk_is_not_verified_in_process_either)
{
    uint8_t left = 0;

    ck_assert_int_eq(piv_verify(l.piv, PIN_PUK, in_of("12345678", 8), &left), ERR_UNSUPPORTED);
    ck_assert_int_eq(piv_verify(l.piv, PIN_PUK, in_of("12345679", 8), &left), ERR_UNSUPPORTED);
    ck_assert_uint_eq(l.fake.tries.left[PIN_PUK], 3);
    ck_assert_uint_eq(l.piv->status, 0);
}
END_TEST

/* Without random bytes there is no session key, and none may be made up: the next VERIFY unseals again. */
START_TEST(no_session_is_remembered_under_a_key_that_is_not_random)
{
    unsigned steps = l.fake.steps;

    answers(live_hex(&l, LIVE_PIN_OK), SW_SUCCESS);
    l.fake.fail_at = l.fake.steps; /* the last step of it drew the session's key */
    ck_assert_uint_gt(l.fake.fail_at, steps);
    live_reset(&l);
    l.fake.fail_at -= steps;
    l.fake.steps = 0;
    live_hex(&l, LIVE_PIN_OK);
    l.fake.fail_at = 0;
    ck_assert(!l.piv->remembered[PIN_APPLICATION] && l.piv->session == NULL);
    answers(live_hex(&l, LIVE_PIN_OK), SW_SUCCESS);
    ck_assert(l.piv->remembered[PIN_APPLICATION] && l.piv->session != NULL);
    answers(live_hex(&l, LIVE_PIN_BAD), 0x63C2);
}
END_TEST

Suite *suite_pin(void)
{
    Suite *suite = suite_create("pin");
    TCase *piv = tcase_create("piv"), *global = tcase_create("global"), *yubikey = tcase_create("yubikey");

    tcase_add_checked_fixture(piv, set_up, tear_down);
    tcase_add_test(piv, asking_costs_nothing);
    tcase_add_test(piv, three_wrong_pins_block);
    tcase_add_test(piv, a_wrong_pin_ends_a_verified_state);
    tcase_add_test(piv, ill_formed_pins);
    tcase_add_test(piv, wrong_parameters_cost_nothing);
    tcase_add_test(piv, changing_a_pin);
    tcase_add_test(piv, an_ill_formed_new_pin_changes_nothing);
    tcase_add_test(piv, wrong_lengths_cost_nothing);
    tcase_add_test(piv, the_puk);
    tcase_add_test(piv, a_verified_state_does_not_hide_a_wrong_pin);
    tcase_add_test(piv, more_tries_than_a_nibble_holds);
    tcase_add_test(piv, keys_survive_every_change);
    tcase_add_test(piv, a_try_that_cannot_be_spent_is_not_compared);
    tcase_add_test(piv, the_puk_is_not_verified_in_process_either);
    tcase_add_test(piv, no_session_is_remembered_under_a_key_that_is_not_random);
    suite_add_tcase(suite, piv);
    tcase_add_checked_fixture(global, set_up_global, tear_down);
    tcase_add_test(global, the_global_pin_has_its_own_count);
    suite_add_tcase(suite, global);
    tcase_add_checked_fixture(yubikey, set_up_yubikey, tear_down);
    tcase_add_test(yubikey, yubikey_pins_are_any_bytes);
    suite_add_tcase(suite, yubikey);
    return suite;
}
