/* SPDX-License-Identifier: BSD-2-Clause */
/* check_security.c — what each event forgets: the table itself, and the same seen through commands. */
#include <string.h>

#include "applet/command.h"
#include "tests/check_suites.h"
#include "tests/live.h"
#include "tests/vectors.h"

static struct live l;

static void set_up(void)
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

#define PIN STATUS_PIN
#define GLOBAL STATUS_GLOBAL
#define FRESH STATUS_FRESH
#define ADMIN STATUS_ADMIN
#define HANDSHAKE STATUS_HANDSHAKE
#define RESPONSE STATUS_RESPONSE
#define CHAIN STATUS_CHAIN
#define KEYS STATUS_KEYS

/* What is left of everything, and of everything without the other PIN.  SP 800-73-5 Part 2, 2.4.2. */
static const struct {
    enum event event;
    unsigned left;         /* of all */
    unsigned left_pin;     /* of all but GLOBAL */
    unsigned left_global;  /* of all but PIN */
} rows[] = {
    { EVENT_POWER, 0, 0, 0 },
    { EVENT_DESELECT, GLOBAL | KEYS, 0, GLOBAL | KEYS },
    { EVENT_RESELECT, GLOBAL | RESPONSE | CHAIN | KEYS, RESPONSE | CHAIN, GLOBAL | RESPONSE | CHAIN | KEYS },
    { EVENT_COMMAND, PIN | GLOBAL | ADMIN | KEYS, PIN | ADMIN | KEYS, GLOBAL | ADMIN | KEYS },
    { EVENT_CHAIN, PIN | GLOBAL | FRESH | ADMIN | HANDSHAKE | KEYS, PIN | FRESH | ADMIN | HANDSHAKE | KEYS,
      GLOBAL | FRESH | ADMIN | HANDSHAKE | KEYS },
    { EVENT_GET_RESPONSE, STATUS_ALL & ~CHAIN, STATUS_ALL & ~CHAIN & ~GLOBAL, STATUS_ALL & ~CHAIN & ~PIN },
    { EVENT_PIN_FAILED, GLOBAL | ADMIN | HANDSHAKE | RESPONSE | CHAIN | KEYS, ADMIN | HANDSHAKE | RESPONSE | CHAIN,
      GLOBAL | ADMIN | HANDSHAKE | RESPONSE | CHAIN | KEYS },
    { EVENT_GLOBAL_FAILED, PIN | ADMIN | HANDSHAKE | RESPONSE | CHAIN | KEYS,
      PIN | ADMIN | HANDSHAKE | RESPONSE | CHAIN | KEYS, ADMIN | HANDSHAKE | RESPONSE | CHAIN },
    { EVENT_KEY_USED, STATUS_ALL & ~FRESH, STATUS_ALL & ~FRESH & ~GLOBAL, STATUS_ALL & ~FRESH & ~PIN },
    { EVENT_HANDSHAKE_BEGUN, STATUS_ALL & ~(ADMIN | HANDSHAKE), STATUS_ALL & ~(ADMIN | HANDSHAKE | GLOBAL),
      STATUS_ALL & ~(ADMIN | HANDSHAKE | PIN) },
    { EVENT_HANDSHAKE_FAILED, STATUS_ALL & ~(ADMIN | HANDSHAKE), STATUS_ALL & ~(ADMIN | HANDSHAKE | GLOBAL),
      STATUS_ALL & ~(ADMIN | HANDSHAKE | PIN) },
};

static bool all_zero(const void *p, size_t n)
{
    static const uint8_t zero[256];

    ck_assert_uint_le(n, sizeof zero);
    return memcmp(p, zero, n) == 0;
}

/* A card with everything behind every status. */
static void fill(struct piv *p, unsigned status)
{
    EVP_PKEY *key = known_key(ALG_P256);
    struct in result;

    live_put_key(&l, 0x9E, key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    EVP_PKEY_free(key);
    answers(live_hex(&l, "0020000008" LIVE_GLOBAL_PIN), SW_SUCCESS);
    live_verify(&l);
    answers(live_compute(&l, ALG_P256, 0x9E, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    answers(live_hex(&l, "1020008004" "31313131"), SW_SUCCESS);
    p->handshake.kind = HANDSHAKE_WITNESS;
    memset(p->handshake.nonce->p, 0xA5, p->handshake.nonce->n);
    memset(p->pending, 0xA5, 100);
    p->pending_n = 100;
    p->pending_at = 10;
    p->status = status;
    ck_assert(p->card_key != NULL && p->session != NULL && p->opened[0].key != NULL && p->chain_n == 4);
}

/* A status that is gone has left nothing behind. */
static void check_nothing_behind(const struct piv *p)
{
    if ((p->status & HANDSHAKE) == 0)
        ck_assert(p->handshake.kind == HANDSHAKE_NONE && all_zero(p->handshake.nonce->p, p->handshake.nonce->n));
    if ((p->status & RESPONSE) == 0)
        ck_assert(p->pending_n == 0 && p->pending_at == 0 && all_zero(p->pending, 100));
    if ((p->status & CHAIN) == 0)
        ck_assert(p->chain_n == 0 && (p->chain == NULL || all_zero(p->chain->p, 4)));
    if ((p->status & KEYS) != 0) {
        ck_assert(p->card_key != NULL && p->opened[0].key != NULL);
        return;
    }
    ck_assert(p->card_key == NULL && p->session == NULL && all_zero(p->remembers, sizeof p->remembers));
    for (size_t i = 0; i < CARD_KEYS_MAX; i++)
        ck_assert(p->opened[i].key == NULL && p->opened[i].number == 0);
    for (size_t i = 0; i < PIN_COUNT; i++)
        ck_assert(!p->remembered[i]);
}

START_TEST(each_event_forgets_exactly_its_row)
{
    const unsigned starts[] = { STATUS_ALL, STATUS_ALL & ~GLOBAL, STATUS_ALL & ~PIN };
    const unsigned left[] = { rows[_i].left, rows[_i].left_pin, rows[_i].left_global };

    ck_assert_int_eq(rows[_i].event, _i);
    for (size_t i = 0; i < 3; i++) {
        fill(l.piv, starts[i]);
        security_event(l.piv, rows[_i].event);
        ck_assert_msg(l.piv->status == left[i], "event %d, start %zu: %02X", _i, i, l.piv->status);
        check_nothing_behind(l.piv);
        live_reset(&l);
    }
}
END_TEST

START_TEST(the_table_has_every_event)
{
    ck_assert_uint_eq(sizeof rows / sizeof rows[0], EVENT_COUNT);
}
END_TEST

START_TEST(pins_count_as_the_policy_says)
{
    static const struct {
        uint8_t usage;
        unsigned status;
        bool met;
    } policies[] = {
        { 0x40, PIN, true },     { 0x40, GLOBAL, false }, { 0x40, 0, false },           { 0x60, PIN, true },
        { 0x60, GLOBAL, true },  { 0x60, 0, false },      { 0x20, PIN, false },         { 0x20, GLOBAL, true },
        { 0x00, PIN, false },    { 0x00, GLOBAL, false }, { 0x40, FRESH | ADMIN, false },
    };

    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        struct card *card = (struct card *)(uintptr_t)piv_card(l.piv);

        card->pin_usage[0] = policies[i].usage;
        l.piv->status = policies[i].status;
        ck_assert_int_eq(security_pin(l.piv), policies[i].met);
    }
    l.piv->status = 0;
}
END_TEST

/* --- the same, through commands ------------------------------------------------------------------------------------ */

START_TEST(a_reset_forgets_everything)
{
    live_admin(&l);
    live_verify(&l);
    answers(live_hex(&l, "0020000008" LIVE_GLOBAL_PIN), SW_SUCCESS);
    answers(live_hex(&l, "00CB3FFF035C017E08"), 0x610C);
    live_reset(&l);
    answers(live_hex(&l, "00C0000000"), SW_CONDITIONS);
    answers(live_tries(&l), 0x63C3);
    answers(live_hex(&l, "00200000"), 0x63C3);
    answers(live_put(&l, OBJECT_CHUID, in_of("x", 1)), SW_SECURITY_STATUS);
    answers(live_hex(&l, "1020008004" "31323334"), SW_SUCCESS);
    live_reset(&l);
    answers(live_hex(&l, "0020008004" "3536FFFF"), SW_WRONG_DATA);
    answers(live_hex(&l, "0087039B047C02810000"), SW_SUCCESS);
    live_reset(&l);
    answers(live_hex(&l, "0087039B0C7C0A82080011223344556677"), SW_SECURITY_STATUS);
    answers(live_tries(&l), 0x63C3);
}
END_TEST

/* Nothing of a handshake, also of the one before, may be found in a card without power. */
START_TEST(power_down_leaves_no_nonce)
{
    answers(live_hex(&l, "0087039B047C02800000"), SW_SUCCESS);
    answers(live_hex(&l, "0087039B047C02800000"), SW_SUCCESS);
    piv_unpower(l.piv);
    ck_assert(all_zero(l.piv->handshake.nonce->p, BLOCK_MAX) && all_zero(l.piv->before_it.nonce->p, BLOCK_MAX));
    ck_assert(l.piv->before_it.kind == HANDSHAKE_NONE && !piv_powered(l.piv));
}
END_TEST

START_TEST(a_foreign_aid_costs_nothing_in_piv)
{
    live_admin(&l);
    live_verify(&l);
    answers(live_hex(&l, "00A4040006A00000000101"), SW_NOT_FOUND);
    answers(live_tries(&l), SW_SUCCESS);
    answers(live_hex(&l, "00A4040005A000000308"), SW_SUCCESS);
    answers(live_tries(&l), SW_SUCCESS);
    answers(live_put(&l, OBJECT_CHUID, in_of("x", 1)), SW_SUCCESS);
}
END_TEST

START_TEST(any_select_costs_the_pin_in_yubikey)
{
    static const char *const selects[] = {
        "00A4040005A000000308",       /* the same application again */
        "00A4040006A00000000101",     /* unknown */
        "00A4040008A000000527471117", /* management */
    };

    bool old = _i != 0; /* firmware 4 has nothing selected after a SELECT in vain */

    if (old)
        memcpy(((struct card *)(uintptr_t)piv_card(l.piv))->firmware, firmware_by_name("4.3.5")->version, 3);
    for (size_t i = 0; i < 3; i++) {
        live_admin(&l);
        live_verify(&l);
        live_hex(&l, selects[i]);
        ck_assert((l.piv->status & (STATUS_PIN | STATUS_ADMIN | STATUS_KEYS)) == 0 && l.piv->card_key == NULL);
        answers(live_tries(&l), i == 2 || (i == 1 && old) ? SW_INS_NOT_SUPPORTED : 0x63C3);
        answers(live_hex(&l, "00A4040005A000000308"), SW_SUCCESS);
        answers(live_tries(&l), 0x63C3);
        answers(live_put(&l, OBJECT_CHUID, in_of("x", 1)), SW_SECURITY_STATUS);
    }
}
END_TEST

START_TEST(errors_elsewhere_do_not_log_out)
{
    static const char *const errors[] = { "00840000", "80CB3FFF", "0020", "01200080", "0C200080", "00CB0000",
                                          "00DB3FFF0153", "10CB000000", "00C00000", "008711FF027C00" };

    live_verify(&l);
    live_admin(&l);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        ck_assert_uint_ne(live_hex(&l, errors[i]), SW_SUCCESS);
        answers(live_tries(&l), SW_SUCCESS);
    }
    answers(live_put(&l, OBJECT_CHUID, in_of("x", 1)), SW_SUCCESS);
}
END_TEST

START_TEST(one_pin_may_go_while_the_other_stays)
{
    EVP_PKEY *key = known_key(ALG_P256);
    struct in result;

    live_put_key(&l, 0x9A, key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    EVP_PKEY_free(key);
    live_verify(&l);
    answers(live_hex(&l, "0020000008" LIVE_GLOBAL_PIN), SW_SUCCESS);
    answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    answers(live_hex(&l, LIVE_PIN_BAD), 0x63C2);
    answers(live_tries(&l), 0x63C2);
    answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    answers(live_hex(&l, "0020FF00"), SW_SUCCESS);
    answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SECURITY_STATUS);
    /* … and the wrong PIN was wrong also in the session that had verified it. */
    live_verify(&l);
    answers(live_tries(&l), SW_SUCCESS);
}
END_TEST

Suite *suite_security(void)
{
    Suite *suite = suite_create("security");
    TCase *table = tcase_create("table"), *piv = tcase_create("piv"), *yubikey = tcase_create("yubikey");

    tcase_add_checked_fixture(table, set_up, tear_down);
    tcase_add_test(table, the_table_has_every_event);
    tcase_add_loop_test(table, each_event_forgets_exactly_its_row, 0, EVENT_COUNT);
    tcase_add_test(table, pins_count_as_the_policy_says);
    suite_add_tcase(suite, table);
    tcase_add_checked_fixture(piv, set_up, tear_down);
    tcase_add_test(piv, a_reset_forgets_everything);
    tcase_add_test(piv, power_down_leaves_no_nonce);
    tcase_add_test(piv, a_foreign_aid_costs_nothing_in_piv);
    tcase_add_test(piv, errors_elsewhere_do_not_log_out);
    tcase_add_test(piv, one_pin_may_go_while_the_other_stays);
    suite_add_tcase(suite, piv);
    tcase_add_checked_fixture(yubikey, set_up_yubikey, tear_down);
    tcase_add_loop_test(yubikey, any_select_costs_the_pin_in_yubikey, 0, 2);
    suite_add_tcase(suite, yubikey);
    return suite;
}
