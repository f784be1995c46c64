/* SPDX-License-Identifier: BSD-2-Clause */
/* check_command.c — what holds for every command: which there are, P1 and P2, chaining, GET RESPONSE, every Le. */
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

/* Who knows which instruction; the P1 and P2 that its row allows, or ANY. */
enum { ANY = -1 };
enum { PIV, YUBIKEY, MANAGEMENT, OTP, APPLICATIONS };

static const struct known {
    uint8_t ins;
    int p1, p2;
    bool in[APPLICATIONS]; /* which application has it */
} known[] = {
    { 0x20, ANY, ANY, { true, true, false, false } },
    { 0x24, 0x00, ANY, { true, true, false, false } },
    { 0x2C, 0x00, ANY, { true, true, false, false } },
    { 0x47, 0x00, ANY, { true, true, false, false } },
    { 0x87, ANY, ANY, { true, true, false, false } },
    { 0xA4, ANY, ANY, { true, true, true, true } },
    { 0xC0, 0x00, 0x00, { true, true, true, true } },
    { 0xCB, 0x3F, 0xFF, { true, true, false, false } },
    { 0xDB, 0x3F, 0xFF, { true, true, false, false } },
    { 0xF6, ANY, ANY, { false, true, false, false } },
    { 0xF7, 0x00, ANY, { false, true, false, false } },
    { 0xF8, 0x00, 0x00, { false, true, false, false } },
    { 0xF9, ANY, 0x00, { false, true, false, false } },
    { 0xFA, ANY, ANY, { false, true, false, false } },
    { 0xFB, 0x00, 0x00, { false, true, false, false } },
    { 0xFD, 0x00, 0x00, { false, true, false, false } },
    { 0xFE, ANY, ANY, { false, true, false, false } },
    { 0xFF, 0xFF, ANY, { false, true, false, false } },
    { 0x16, ANY, ANY, { false, false, true, false } },
    { 0x1C, ANY, ANY, { false, false, true, false } },
    { 0x1D, ANY, 0x00, { false, false, true, false } },
    { 0x1F, ANY, ANY, { false, false, true, false } },
    { 0x01, 0x10, 0x00, { false, false, false, true } },
};

static const struct known *find(uint8_t ins)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].ins == ins)
            return &known[i];
    return NULL;
}

/* Every instruction that this application does not know is 6D00, and leaves the PIN as it was. */
static void check_unknown(const char *select, int who, unsigned wanted)
{
    unsigned seen = 0;

    for (unsigned ins = 0; ins < 0x100; ins++) {
        const struct known *row = find((uint8_t)ins);
        const uint8_t command[] = { 0x00, (uint8_t)ins, 0x00, 0x00 };

        answers(live_hex(&l, select), SW_SUCCESS);
        live_send(&l, in_of(command, sizeof command));
        ck_assert_msg((l.sw != SW_INS_NOT_SUPPORTED) == (row != NULL && row->in[who]) ||
                      ins == 0xA4, "INS %02X: %04X", ins, l.sw);
        seen += l.sw != SW_INS_NOT_SUPPORTED || ins == 0xA4;
    }
    ck_assert_uint_eq(seen, wanted);
    ck_assert_uint_eq(l.fake.stores, 0);
}

START_TEST(instructions_of_piv)
{
    live_verify(&l);
    check_unknown("00A4040005A000000308", PIV, 9);
    answers(live_tries(&l), SW_SUCCESS);
}
END_TEST

START_TEST(instructions_of_yubikey)
{
    check_unknown("00A4040005A000000308", YUBIKEY, 18);
}
END_TEST

START_TEST(instructions_of_management)
{
    check_unknown("00A4040008A000000527471117", MANAGEMENT, 6);
}
END_TEST

static void make_old(void)
{
    memcpy(((struct card *)(uintptr_t)piv_card(l.piv))->firmware, firmware_by_name("4.3.5")->version, 3);
}

START_TEST(instructions_of_otp)
{
    make_old();
    check_unknown("00A4040008A000000527200101", OTP, 3);
}
END_TEST

/* Rows with one allowed value: every other is 6A86, before any right is asked. */
static void check_parameters(int who)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct known *row = &known[i];
        const uint8_t p1 = row->p1 == ANY ? 0x00 : (uint8_t)row->p1, p2 = row->p2 == ANY ? 0x80 : (uint8_t)row->p2;

        for (unsigned v = 0; v < 0x100 && row->in[who]; v++) {
            const uint8_t with_p1[] = { 0x00, row->ins, (uint8_t)v, p2 }, with_p2[] = { 0x00, row->ins, p1, (uint8_t)v };

            if (row->p1 != ANY && v != (unsigned)row->p1)
                answers(live_send(&l, in_of(with_p1, 4)), SW_WRONG_P1P2);
            if (row->p2 != ANY && v != (unsigned)row->p2)
                answers(live_send(&l, in_of(with_p2, 4)), SW_WRONG_P1P2);
        }
    }
}

START_TEST(every_instruction_has_a_name)
{
    for (unsigned ins = 0; ins <= 0xFF; ins++)
        ck_assert_msg((find((uint8_t)ins) != NULL) == (command_name((uint8_t)ins) != NULL), "INS %02X", ins);
}
END_TEST

START_TEST(parameters_of_piv)
{
    check_parameters(PIV);
}
END_TEST

START_TEST(parameters_of_yubikey)
{
    check_parameters(YUBIKEY);
    answers(live_hex(&l, "00A4040008A000000527471117"), SW_SUCCESS);
    check_parameters(MANAGEMENT);
    make_old();
    answers(live_hex(&l, "00A4040008A000000527200101"), SW_SUCCESS);
    check_parameters(OTP);
}
END_TEST

START_TEST(every_class_byte_by_its_rule)
{
    for (unsigned cla = 0; cla < 0x100; cla++) {
        const uint8_t command[] = { (uint8_t)cla, 0xCB, 0x3F, 0xFF, 0x03, 0x5C, 0x01, 0x7E, 0x00 };
        struct apdu apdu = { .cla = (uint8_t)cla };
        sw_t sw = live_send(&l, in_of(command, sizeof command));

        answers(sw, apdu_class(&apdu));
        ck_assert_uint_eq(l.data.n, cla == 0x00 ? 0x14 : 0);
    }
}
END_TEST

START_TEST(impossible_lengths_are_6700_and_the_card_goes_on)
{
    static const char *const impossible[] = { "", "00", "00A4", "00A404", "0020008008313233343536FF",
                                              "0020008008" LIVE_PIN "AABBCC", "00CB3FFF0000005C035FC102",
                                              "00CB3FFF0000055C035FC10200" };
    uint8_t *large = calloc(1, 70000);

    ck_assert_ptr_nonnull(large);
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        answers(live_hex(&l, impossible[i]), SW_WRONG_LENGTH);
        answers(live_tries(&l), 0x63C3);
    }
    answers(live_send(&l, in_of(large, 70000)), SW_WRONG_LENGTH);
    answers(live_send(&l, in_of(large, PIV_COMMAND_MAX + 1)), SW_WRONG_LENGTH);
    /* The longest command there is: an unknown instruction, but a possible length. */
    large[5] = large[6] = 0xFF;
    answers(live_send(&l, in_of(large, PIV_COMMAND_MAX)), SW_INS_NOT_SUPPORTED);
    answers(live_tries(&l), 0x63C3);
    free(large);
}
END_TEST

/* --- answers in pieces ----------------------------------------------------------------------------------------------- */

static void put_sample(uint32_t tag, size_t n)
{
    uint8_t *value = malloc(n);

    ck_assert_ptr_nonnull(value);
    for (size_t i = 0; i < n; i++)
        value[i] = (uint8_t)(i * 5 + i / 256);
    live_admin(&l);
    answers(live_put(&l, tag, in_of(value, n)), SW_SUCCESS);
    free(value);
}

START_TEST(every_le_joins_to_the_same_answer)
{
    uint8_t command[] = { 0x00, 0xCB, 0x3F, 0xFF, 0x05, 0x5C, 0x03, 0x5F, 0xC1, 0x05, 0x00 };
    uint8_t *whole = malloc(PIV_RESPONSE_MAX);
    size_t n;

    put_sample(OBJECT_CERT_AUTHENTICATION, 700);
    answers(live_hex(&l, "00CB3FFF0000055C035FC1050000"), SW_SUCCESS);
    n = l.data.n;
    ck_assert_uint_eq(n, 704);
    memcpy(whole, l.data.p, n);
    for (unsigned le = 0; le < 0x100; le++) {
        size_t first = le == 0 ? 256 : le, rest = n - first;

        command[10] = (uint8_t)le;
        answers(live_send(&l, in_of(command, sizeof command)), SW_MORE | (rest > 0xFF ? 0 : (unsigned)rest));
        ck_assert_uint_eq(l.data.n, first);
        answers(live_rest(&l, (uint8_t)(le * 7)), SW_SUCCESS);
        ck_assert(in_equal(l.data, in_of(whole, n)));
        answers(live_hex(&l, "00C0000000"), SW_CONDITIONS);
    }
    free(whole);
}
END_TEST

START_TEST(an_absent_le_is_the_most)
{
    put_sample(OBJECT_CERT_AUTHENTICATION, 100);
    answers(live_hex(&l, "00CB3FFF055C035FC105"), SW_SUCCESS);
    ck_assert_uint_eq(l.data.n, 102);
    answers(live_hex(&l, "00CB3FFF0000055C035FC105"), SW_SUCCESS);
    ck_assert_uint_eq(l.data.n, 102);
    answers(live_hex(&l, "00CB3FFF0000055C035FC1050010"), SW_MORE | 86);
    ck_assert_uint_eq(l.data.n, 16);
    answers(live_hex(&l, "00C00000"), SW_SUCCESS);
    ck_assert_uint_eq(l.data.n, 86);
    answers(live_hex(&l, "00CB3FFF055C035FC105FF"), SW_SUCCESS);
}
END_TEST

START_TEST(get_response_gives_what_is_asked_and_no_more)
{
    put_sample(OBJECT_CERT_AUTHENTICATION, 700);
    answers(live_hex(&l, "00CB3FFF055C035FC10508"), 0x6100);
    answers(live_hex(&l, "00C0010000"), SW_WRONG_P1P2);
    answers(live_hex(&l, "00C0000100"), SW_WRONG_P1P2);
    answers(live_hex(&l, "00C0000008"), 0x6100);
    answers(live_hex(&l, "00C00000000200"), 0x61B0);
    ck_assert_uint_eq(l.data.n, 512);
    answers(live_hex(&l, "00C00000000000"), SW_SUCCESS);
    ck_assert_uint_eq(l.data.n, 176);
    answers(live_hex(&l, "00C0000000"), SW_CONDITIONS);
}
END_TEST

/* Any other command, also one that fails, drops what waits. */
START_TEST(another_command_drops_the_rest)
{
    static const char *const others[] = { "00200080", "00CB3FFF055C035FC1FF00", "00840000", "8000", "8020008000",
                                          "0020008008", "00A4040C05A000000308", "10CB3FFF015C" };

    put_sample(OBJECT_CERT_AUTHENTICATION, 700);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        answers(live_hex(&l, "00CB3FFF055C035FC10508"), 0x6100);
        live_hex(&l, others[i]);
        answers(live_hex(&l, "00C0000000"), SW_CONDITIONS);
    }
}
END_TEST

/* With less memory than the answer needs there is 6700 and no data, never half of it. */
START_TEST(a_small_buffer_gets_no_half_answer)
{
    const uint8_t command[] = { 0x00, 0xCB, 0x3F, 0xFF, 0x05, 0x5C, 0x03, 0x5F, 0xC1, 0x05 };
    uint8_t room[300];

    put_sample(OBJECT_CERT_AUTHENTICATION, 280);
    for (size_t cap = 2; cap < 290; cap++) {
        struct out rsp = out_of(room, cap);
        bool fits = cap >= 286;

        piv_exchange(l.piv, in_of(command, sizeof command), &rsp);
        ck_assert_msg(!rsp.bad && (rsp.n == 2 || fits), "%zu of %zu bytes", rsp.n, cap);
        if (!fits)
            ck_assert(room[0] == 0x67 && room[1] == 0x00);
        answers(live_hex(&l, "00C0000000"), fits ? SW_SUCCESS : SW_CONDITIONS);
    }
}
END_TEST

/* A piece that does not fit is not lost: 6700, and it can be asked for again. */
START_TEST(a_small_buffer_loses_no_piece)
{
    const uint8_t more[] = { 0x00, 0xC0, 0x00, 0x00, 0x00 };
    uint8_t room[256 + 1];

    put_sample(OBJECT_CERT_AUTHENTICATION, 700);
    for (size_t cap = 2; cap <= sizeof room; cap += 51) {
        struct out rsp = out_of(room, cap);

        answers(live_hex(&l, "00CB3FFF055C035FC10500"), 0x6100);
        piv_exchange(l.piv, in_of(more, sizeof more), &rsp);
        ck_assert_msg(rsp.n == 2 && room[0] == 0x67 && room[1] == 0x00, "%zu: %02X%02X", cap, room[0], room[1]);
        answers(live_rest(&l, 0), SW_SUCCESS);
        ck_assert_uint_eq(l.data.n, 704);
    }
}
END_TEST

/* --- chaining ---------------------------------------------------------------------------------------------------------- */

/* An Ed25519 signature is always the same: one APDU, two blocks, and every other size of block give it. */
START_TEST(a_chain_is_one_command)
{
    EVP_PKEY *key = known_key(ALG_ED25519);
    uint8_t message[300], signature[64], bytes[400];
    struct out room = out_of(bytes, sizeof bytes);
    struct in template, result;

    memset(message, 0x3C, sizeof message);
    live_put_key(&l, 0x9C, key, PIN_POLICY_ALWAYS, TOUCH_POLICY_DEFAULT);
    EVP_PKEY_free(key);
    live_verify(&l);
    answers(live_compute(&l, ALG_ED25519, 0x9C, 0x81, in_of(message, sizeof message), &result), SW_SUCCESS);
    ck_assert_uint_eq(result.n, sizeof signature);
    memcpy(signature, result.p, sizeof signature);
    template = live_template(&room, 0x81, in_of(message, sizeof message));
    for (size_t block = 1; block <= 255; block += block < 4 ? 1 : 17) {
        live_verify(&l);
        answers(live_chain(&l, 0x87, ALG_ED25519, 0x9C, template, block), SW_SUCCESS);
        ck_assert(l.data.n == 68 && memcmp(l.data.p + 4, signature, sizeof signature) == 0);
        answers(live_chain(&l, 0x87, ALG_ED25519, 0x9C, template, block), SW_SECURITY_STATUS);
    }
}
END_TEST

/* Blocks of extended length chain as well; the last block may be empty. */
START_TEST(blocks_of_every_form_chain)
{
    struct in value;

    live_admin(&l);
    answers(live_hex(&l, "10DB3FFF0000055C035FC105"), SW_SUCCESS);
    answers(live_hex(&l, "10DB3FFF000002 5302"), SW_SUCCESS);
    answers(live_hex(&l, "10DB3FFF02AABB"), SW_SUCCESS);
    answers(live_hex(&l, "00DB3FFF"), SW_SUCCESS);
    answers(live_get(&l, OBJECT_CERT_AUTHENTICATION, &value), SW_SUCCESS);
    ck_assert(in_equal(value, in_of("\xAA\xBB", 2)));
}
END_TEST

/* The blocks so far must not count: the object is what it was, and the rest alone is nothing. */
START_TEST(whatever_breaks_a_chain_leaves_nothing_of_it)
{
    static const char *const breaks[] = {
        "00CB3FFF035C017E",         /* another command */
        "00840000",                 /* … unknown */
        "80DB3FFF0153",             /* … of a class that is refused */
        "00DB3FFF05",               /* … of an impossible length */
        "00C0000000",               /* GET RESPONSE with nothing to get */
        "00A4040C05A000000308",
        "10DB3FFE0153",             /* the same with another P2 */
        "10DB00FF0153",
        "1047009A0153",             /* a chain of another instruction */
        "00DB3FFE0153",
    };
    struct in value;

    live_admin(&l);
    answers(live_put(&l, OBJECT_CERT_AUTHENTICATION, in_of("old", 3)), SW_SUCCESS);
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        answers(live_hex(&l, "10DB3FFF075C035FC1055303"), SW_SUCCESS);
        live_hex(&l, breaks[i]);
        ck_assert_msg((live_hex(&l, "00DB3FFF03414243") & 0xFF00) != 0x9000, "%s", breaks[i]);
        answers(live_get(&l, OBJECT_CERT_AUTHENTICATION, &value), SW_SUCCESS);
        ck_assert(in_equal(value, in_of("old", 3)));
    }
    answers(live_hex(&l, "10DB3FFF075C035FC1055303"), SW_SUCCESS);
    live_reset(&l);
    live_admin(&l);
    answers(live_hex(&l, "00DB3FFF03414243"), SW_WRONG_DATA);
}
END_TEST

START_TEST(strangers_are_refused_at_the_first_block)
{
    answers(live_hex(&l, "10DB3FFF075C035FC1055303"), SW_SECURITY_STATUS);
    answers(live_hex(&l, "1047009A01AC"), SW_SECURITY_STATUS);
    answers(live_hex(&l, "1047008001AC"), SW_WRONG_P1P2);
    answers(live_hex(&l, "1084000001AC"), SW_INS_NOT_SUPPORTED);
    ck_assert(l.piv->chain_n == 0 && (l.piv->status & STATUS_CHAIN) == 0);
}
END_TEST

START_TEST(a_chain_has_a_limit)
{
    uint8_t block[255] = { 0 };
    struct in value;
    size_t sent = 0;

    live_admin(&l);
    answers(live_put(&l, OBJECT_CERT_AUTHENTICATION, in_of("old", 3)), SW_SUCCESS);
    for (int i = 0; i < 4200; i++) {
        uint8_t command[4 + 1 + 255];
        struct out out = out_of(command, sizeof command);

        out_put(&out, in_of("\x10\xDB\x3F\xFF\xFF", 5));
        out_put(&out, in_of(block, sizeof block));
        if (live_send(&l, out_in(&out)) == SW_SUCCESS) {
            sent += 255;
            ck_assert_uint_le(sent, CHAIN_MAX);
        } else {
            answers(l.sw, SW_WRONG_LENGTH);
            ck_assert_uint_gt(sent + 255, CHAIN_MAX);
            sent = 0;
        }
    }
    answers(live_get(&l, OBJECT_CERT_AUTHENTICATION, &value), SW_SUCCESS);
    ck_assert(in_equal(value, in_of("old", 3)));
}
END_TEST

START_TEST(the_last_block_may_be_one_too_many)
{
    uint8_t *data = calloc(1, CHAIN_MAX + 300);

    ck_assert_ptr_nonnull(data);
    live_admin(&l);
    answers(live_chain(&l, 0xDB, 0x3F, 0xFF, in_of(data, CHAIN_MAX + 1), 255), SW_WRONG_LENGTH);
    answers(live_chain(&l, 0xDB, 0x3F, 0xFF, in_of(data, CHAIN_MAX), 255), SW_WRONG_DATA);
    free(data);
}
END_TEST

START_TEST(an_object_just_too_large_gets_its_own_word_in_a_chain)
{
    uint8_t *data = calloc(1, OBJECT_MAX + 100);
    struct out out = out_of(data, OBJECT_MAX + 100);

    ck_assert_ptr_nonnull(data);
    live_admin(&l);
    out_put(&out, in_of("\x5C\x03\x5F\xC1\x05", 5));
    tlv_head(&out, 0x53, OBJECT_MAX + 1);
    out_zero(&out, OBJECT_MAX + 1);
    answers(live_chain(&l, 0xDB, 0x3F, 0xFF, out_in(&out), 255), SW_NO_ROOM);
    free(data);
}
END_TEST

/* --- SELECT ------------------------------------------------------------------------------------------------------------- */

START_TEST(any_prefix_of_the_aid_down_to_the_rid)
{
    for (uint8_t n = 0; n <= 13; n++) {
        uint8_t command[4 + 1 + 13] = { 0x00, 0xA4, 0x04, 0x00, n, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0, 0, 0 };
        bool selects = n >= 5 && n <= 11;

        answers(live_send(&l, in_of(command, n == 0 ? 5 : 5u + n)), selects ? SW_SUCCESS : SW_NOT_FOUND);
        ck_assert_uint_eq(l.data.n > 0, selects);
        for (uint8_t i = 0; i < n && selects; i++) {
            command[5 + i] ^= 0x01;
            answers(live_send(&l, in_of(command, 5u + n)), SW_NOT_FOUND);
            command[5 + i] ^= 0x01;
        }
    }
}
END_TEST

START_TEST(the_template_lists_algorithms_when_a_key_needs_it)
{
    static const uint8_t ids[] = { ALG_RSA4096, ALG_ED25519, ALG_X25519, ALG_RSA1024, ALG_P384 };

    for (size_t i = 0; i < sizeof ids; i++) {
        EVP_PKEY *key = known_key(ids[i]);
        struct in template, value;
        unsigned listed = 0;
        uint32_t tag;

        live_put_key(&l, 0x9A, key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
        EVP_PKEY_free(key);
        answers(live_hex(&l, "00A4040005A000000308"), SW_SUCCESS);
        ck_assert(tlv_get(&l.data, 0x61, &template) && in_end(&l.data));
        while (tlv_next(&template, &tag, &value)) {
            struct in id, zero;

            if (tag != 0xAC)
                continue;
            ck_assert(tlv_get(&value, 0x80, &id) && id.n == 1 && alg_by_id(id.p[0]) != NULL);
            ck_assert(tlv_get(&value, 0x06, &zero) && zero.n == 1 && zero.p[0] == 0 && in_end(&value));
            listed++;
        }
        ck_assert(in_end(&template));
        ck_assert_uint_eq(listed, alg_by_id(ids[i])->announce ? 8 : 0);
        ck_assert_str_eq(card_atr(piv_card(l.piv))->name, listed > 0 ? "piv-announce" : "piv-extended");
    }
}
END_TEST

Suite *suite_command(void)
{
    Suite *suite = suite_create("command");
    TCase *piv = tcase_create("piv"), *yubikey = tcase_create("yubikey"), *pieces = tcase_create("pieces");

    tcase_add_checked_fixture(piv, set_up, tear_down);
    tcase_add_test(piv, every_instruction_has_a_name);
    tcase_add_test(piv, instructions_of_piv);
    tcase_add_test(piv, parameters_of_piv);
    tcase_add_test(piv, every_class_byte_by_its_rule);
    tcase_add_test(piv, impossible_lengths_are_6700_and_the_card_goes_on);
    tcase_add_test(piv, any_prefix_of_the_aid_down_to_the_rid);
    tcase_add_test(piv, the_template_lists_algorithms_when_a_key_needs_it);
    suite_add_tcase(suite, piv);
    tcase_add_checked_fixture(yubikey, set_up_yubikey, tear_down);
    tcase_add_test(yubikey, instructions_of_yubikey);
    tcase_add_test(yubikey, instructions_of_management);
    tcase_add_test(yubikey, instructions_of_otp);
    tcase_add_test(yubikey, parameters_of_yubikey);
    suite_add_tcase(suite, yubikey);
    tcase_add_checked_fixture(pieces, set_up, tear_down);
    tcase_set_timeout(pieces, 60);
    tcase_add_test(pieces, every_le_joins_to_the_same_answer);
    tcase_add_test(pieces, an_absent_le_is_the_most);
    tcase_add_test(pieces, a_small_buffer_loses_no_piece);
    tcase_add_test(pieces, get_response_gives_what_is_asked_and_no_more);
    tcase_add_test(pieces, another_command_drops_the_rest);
    tcase_add_test(pieces, a_small_buffer_gets_no_half_answer);
    tcase_add_test(pieces, a_chain_is_one_command);
    tcase_add_test(pieces, blocks_of_every_form_chain);
    tcase_add_test(pieces, whatever_breaks_a_chain_leaves_nothing_of_it);
    tcase_add_test(pieces, strangers_are_refused_at_the_first_block);
    tcase_add_test(pieces, a_chain_has_a_limit);
    tcase_add_test(pieces, the_last_block_may_be_one_too_many);
    tcase_add_test(pieces, an_object_just_too_large_gets_its_own_word_in_a_chain);
    suite_add_tcase(suite, pieces);
    return suite;
}
