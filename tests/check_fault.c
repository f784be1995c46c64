/* SPDX-License-Identifier: BSD-2-Clause */
/* check_fault.c — every step of every change fails once: the card is what it was, and the answer says 6581. */
#include <string.h>

#include "applet/command.h"
#include "tests/cards.h"
#include "tests/check_suites.h"
#include "tests/live.h"
#include "tests/vectors.h"

static struct live l;

#define NEW_PIN "363534333231FFFF"
#define BAD_PIN "313131313131FFFF"
#define BAD_PUK "3132333435363739"

enum need { NOTHING = 0, ADMIN = 1 << 0, PIN = 1 << 1, ONE_TRY_GONE = 1 << 2, BLOCKED = 1 << 3, PUK_TOO = 1 << 4 };

/* A command, what it needs, and which counts its proof may make whole although it fails in the end. */
static const struct scenario {
    const char *what, *persona, *command;
    sw_t sw;                /* when nothing fails */
    unsigned needs;
    unsigned proves;        /* bits of 1 << enum pin */
    unsigned forgiven;      /* steps that may fail unseen: drawing a session's key, which saves time and nothing else */
} scenarios[] = {
    { "VERIFY, right", "piv", LIVE_PIN_OK, 0x9000, NOTHING, 1 << PIN_APPLICATION, 1 },
    { "VERIFY, right, one try gone", "piv", LIVE_PIN_OK, 0x9000, ONE_TRY_GONE, 1 << PIN_APPLICATION, 1 },
    { "VERIFY, right, again", "piv", LIVE_PIN_OK, 0x9000, PIN, 1 << PIN_APPLICATION },
    { "VERIFY, wrong", "piv", LIVE_PIN_BAD, 0x63C2, NOTHING, 0 },
    { "VERIFY, wrong, after right", "piv", LIVE_PIN_BAD, 0x63C2, PIN, 0 },
    { "VERIFY, blocked", "piv", LIVE_PIN_OK, 0x6983, BLOCKED, 0 },
    { "VERIFY, asking", "piv", "00200080", 0x63C2, ONE_TRY_GONE, 0 },
    { "change", "piv", "0024008010" LIVE_PIN NEW_PIN, 0x9000, NOTHING, 1 << PIN_APPLICATION, 1 },
    { "change, one try gone", "piv", "0024008010" LIVE_PIN NEW_PIN, 0x9000, ONE_TRY_GONE, 1 << PIN_APPLICATION, 1 },
    { "change, verified", "piv", "0024008010" LIVE_PIN NEW_PIN, 0x9000, PIN, 1 << PIN_APPLICATION },
    { "change, wrong", "piv", "0024008010" BAD_PIN NEW_PIN, 0x63C2, NOTHING, 0 },
    { "change, ill-formed", "piv", "0024008010" LIVE_PIN "FFFFFFFFFFFFFFFF", 0x6A80, ONE_TRY_GONE, 1 << PIN_APPLICATION },
    { "change the PUK", "piv", "0024008110" LIVE_PUK BAD_PUK, 0x9000, NOTHING, 1 << PIN_PUK },
    { "unblock", "piv", "002C008010" LIVE_PUK NEW_PIN, 0x9000, BLOCKED, 1 << PIN_PUK },
    { "unblock, one try gone", "piv", "002C008010" LIVE_PUK NEW_PIN, 0x9000, ONE_TRY_GONE, 1 << PIN_PUK },
    { "unblock, wrong", "piv", "002C008010" BAD_PUK NEW_PIN, 0x63C2, BLOCKED, 0 },
    { "unblock, ill-formed", "piv", "002C008010" LIVE_PUK "FFFFFFFFFFFFFFFF", 0x6A80, BLOCKED, 1 << PIN_PUK },
    { "generate", "piv", "0047009A05AC03800111", 0x9000, ADMIN, 0 },
    { "generate, never", "piv", "0047009E05AC03800111", 0x9000, ADMIN, 0 },
    { "put data", "piv", "00DB3FFF085C035FC1055301AA", 0x9000, ADMIN, 0 },
    { "put data, policy", "piv", "00DB3FFF147E124F0BA0000003080000100001005F2F024000", 0x9000, ADMIN, 0 },
    { "delete", "piv", "00DB3FFF075C035FC1025300", 0x9000, ADMIN, 0 },
    { "witness", "piv", "0087039B047C028000", 0x9000, NOTHING, 0 },
    { "challenge", "piv", "0087039B047C028100", 0x9000, ADMIN, 0 },
    { "set retries", "yubikey", "00FA0805", 0x9000, ADMIN | PIN, 1 << PIN_APPLICATION | 1 << PIN_PUK },
    { "import", "yubikey", "00FE119A220620C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", 0x9000,
      ADMIN, 0 },
    { "set management key", "yubikey", "00FFFFFF13089B10000102030405060708090A0B0C0D0E0F", 0x9000, ADMIN, 0 },
    { "move", "yubikey", "00F6829C", 0x9000, ADMIN, 0 },
    { "delete a key", "yubikey", "00F6FF9C", 0x9000, ADMIN, 0 },
    { "attest", "yubikey", "00F9950000", 0x6100, NOTHING, 0 },
    { "metadata", "yubikey", "00F70080", 0x9000, NOTHING, 0 },
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

static void block(enum pin which)
{
    while (l.fake.tries.left[which] > 0)
        live_hex(&l, which == PIN_PUK ? "002C008010" BAD_PUK NEW_PIN : LIVE_PIN_BAD);
}

static void start(const struct scenario *s)
{
    EVP_PKEY *key = known_key(ALG_P256);

    live_init(&l, s->persona, ALG_3DES, 0);
    live_put_key(&l, 0x9C, key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    live_put_key(&l, 0x95, key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    EVP_PKEY_free(key);
    card_key(piv_card(l.piv), 0x95)->origin = ORIGIN_GENERATED; /* attested in vain, but by all its steps */
    if (s->needs & BLOCKED)
        block(PIN_APPLICATION);
    if (s->needs & PUK_TOO)
        block(PIN_PUK);
    if (s->needs & ONE_TRY_GONE)
        answers(live_hex(&l, LIVE_PIN_BAD), 0x63C2);
    if (s->needs & PIN)
        live_verify(&l);
    if (s->needs & ADMIN)
        live_admin(&l);
    l.fake.steps = 0;
}

/* Counts may fall; they rise only for a PIN or PUK that the command has proven. */
static void check_counts(const struct scenario *s, const struct tries *before, unsigned step)
{
    for (enum pin which = 0; which < PIN_COUNT; which++)
        ck_assert_msg(l.fake.tries.left[which] <= before->left[which] || (s->proves & 1u << which) != 0,
                      "%s, step %u: %u tries of %d, %u before", s->what, step, l.fake.tries.left[which], (int)which,
                      before->left[which]);
}

/* The old PIN, PUK and key go on to work. */
static void check_it_works(const struct scenario *s)
{
    struct in result;

    if ((s->needs & BLOCKED) != 0)
        answers(live_hex(&l, "002C008010" LIVE_PUK LIVE_PIN), SW_SUCCESS);
    live_verify(&l);
    answers(live_compute(&l, ALG_P256, 0x9C, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    live_admin(&l);
}

/* True when the failure was seen. */
static bool fail_at(const struct scenario *s, unsigned step)
{
    struct card *before;
    struct tries tries;
    unsigned status;
    sw_t sw;

    start(s);
    ck_assert_int_eq(card_copy(piv_card(l.piv), &before), ERR_NONE);
    tries = l.fake.tries;
    status = l.piv->status;
    l.fake.fail_at = step;
    sw = live_hex(&l, s->command);
    l.fake.fail_at = 0;
    check_counts(s, &tries, step);
    if (sw != s->sw) {
        /* Nothing has changed, not even who is logged in; a new question of 9B ends the administrator, though. */
        ck_assert_msg(sw == SW_MEMORY_FAILURE, "%s, step %u: %04X", s->what, step, sw);
        ck_assert_msg(same_card(piv_card(l.piv), before), "%s, step %u: the card has changed", s->what, step);
        ck_assert_msg((l.piv->status & ~status) == 0, "%s, step %u: status gained", s->what, step);
        ck_assert_msg((status & ~l.piv->status & (STATUS_PIN | STATUS_KEYS)) == 0, "%s, step %u: status lost", s->what,
                      step);
        if (tries.left[PIN_APPLICATION] > 1)
            check_it_works(s);
    }
    card_free(before);
    live_clear(&l);
    return sw != s->sw;
}

START_TEST(each_step_fails_once)
{
    const struct scenario *s = &scenarios[_i];
    unsigned steps, unseen = 0;

    start(s);
    ck_assert_msg((live_hex(&l, s->command) & (s->sw == 0x6100 ? 0xFF00 : 0xFFFF)) == s->sw, "%s: %04X", s->what, l.sw);
    steps = l.fake.steps;
    live_clear(&l);
    for (unsigned step = 1; step <= steps; step++)
        unseen += !fail_at(s, step);
    ck_assert_msg(unseen == s->forgiven, "%s: %u failures went unseen", s->what, unseen);
}
END_TEST

/* From some step on nothing works any more: a count may stay low, and nothing else may have happened. */
START_TEST(storage_dies_at_each_step)
{
    const struct scenario *s = &scenarios[_i];
    unsigned steps;

    start(s);
    live_hex(&l, s->command);
    steps = l.fake.steps;
    live_clear(&l);
    for (unsigned step = 1; step <= steps; step++) {
        struct tries tries;

        start(s);
        tries = l.fake.tries;
        l.fake.fail_at = step;
        l.fake.fail_on = true;
        live_hex(&l, s->command);
        l.fake.fail_at = 0;
        for (enum pin which = 0; which < PIN_COUNT; which++)
            ck_assert(l.fake.tries.left[which] <= tries.left[which] || s->proves != 0);
        live_clear(&l);
    }
}
END_TEST

/* RESET is the one change that cannot be taken back: whatever fails, no count is whole over a key that is there, and
 * the command works when it comes again. */
START_TEST(reset_may_be_repeated)
{
    const struct scenario s = { "reset", "yubikey", "00FB0000", 0x9000, BLOCKED | PUK_TOO, 0, 0 };
    unsigned steps;

    start(&s);
    answers(live_hex(&l, s.command), SW_SUCCESS);
    steps = l.fake.steps;
    live_clear(&l);
    for (unsigned step = 1; step <= steps; step++) {
        start(&s);
        l.fake.fail_at = step;
        answers(live_hex(&l, s.command), SW_MEMORY_FAILURE);
        l.fake.fail_at = 0;
        ck_assert_uint_eq(l.fake.tries.left[PIN_APPLICATION] + l.fake.tries.left[PIN_PUK], 0);
        answers(live_hex(&l, s.command), SW_SUCCESS);
        live_verify(&l);
        ck_assert_ptr_null(card_key(piv_card(l.piv), 0x9C));
        live_clear(&l);
    }
}
END_TEST

/* Everything the world can say: each error becomes a status word of the list, never 6F00, never data. */
START_TEST(every_error_has_its_word)
{
    for (enum err e = ERR_DATA; e < ERR_COUNT; e++) {
        start(&scenarios[_i]);
        l.fake.fail_with = e;
        l.fake.fail_at = 1;
        live_hex(&l, scenarios[_i].command);
        ck_assert_uint_ne(l.sw & 0xFF00, 0x6F00);
        l.fake.fail_at = 0;
        live_clear(&l);
    }
}
END_TEST

START_TEST(a_new_card_or_none)
{
    static const char *const personas_tried[] = { "piv", "yubikey" };
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    struct fake fake;

    ck_assert_int_eq(factory_pin(&pin), ERR_NONE);
    ck_assert_int_eq(factory_puk(&puk), ERR_NONE);
    ck_assert_int_eq(factory_management(ALG_3DES, &management), ERR_NONE);
    for (size_t i = 0; i < 2; i++) {
        struct card_plan plan = { .persona = persona_by_name(personas_tried[i]), .pin = pin, .puk = puk, .global = pin,
                                  .management = management, .management_alg = ALG_3DES, .log_n = 1 };
        unsigned steps = 1;

        for (unsigned step = 0; step <= steps; step++) {
            struct card *card = NULL;
            enum err e;

            fake_init(&fake, 1);
            fake.fail_at = step;
            e = card_new(&fake.env, &plan, &card);
            if (step == 0)
                steps = fake.steps;
            ck_assert_msg((e == ERR_NONE) == (step == 0) && (card != NULL) == (step == 0), "step %u: %s", step,
                          err_name(e));
            card_free(card);
            fake_clear(&fake);
        }
    }
    secret_free(management);
    secret_free(puk);
    secret_free(pin);
}
END_TEST

Suite *suite_fault(void)
{
    Suite *suite = suite_create("fault");
    TCase *steps = tcase_create("steps");

    tcase_set_timeout(steps, 120);
    tcase_add_loop_test(steps, each_step_fails_once, 0, SCENARIOS);
    tcase_add_loop_test(steps, storage_dies_at_each_step, 0, SCENARIOS);
    tcase_add_test(steps, reset_may_be_repeated);
    tcase_add_loop_test(steps, every_error_has_its_word, 0, SCENARIOS);
    tcase_add_test(steps, a_new_card_or_none);
    suite_add_tcase(suite, steps);
    return suite;
}
