/* SPDX-License-Identifier: BSD-2-Clause */
/* check_pinblock.c — the structures of PC/SC part 10 and the messages of a keypad, whole, cut short and with flipped bits. */
#include <stdlib.h>
#include <string.h>

#include "driver/pinblock.h"
#include "tests/check_suites.h"
#include "tests/live.h"

/* wPINMaxExtraDigit and ulDataLength as a client on this machine has them: the tests are written least byte first. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FF8 "FF FF FF FF FF FF FF FF"
/*                timeouts format block length max min  cond msg  lang  idx prologue    data length */
#define VERIFY    "1E 1E   82     08    00     08  06   02   FF   00 00 00  00 00 00    0D 00 00 00 "
#define VERIFY_5  "00 00   82     08    00     08  06   02   00   00 00 00  00 00 00    05 00 00 00 "
/*                timeouts format block length old new  max min  conf cond msg  lang  indexes   prologue    length */
#define MODIFY(o, n, c) "1E 1E 02 08 00 " o " " n " 08 06 " c "  02   03   00 00 00 01 02  00 00 00    15 00 00 00 "
#else
#define SKIPPED 1
#define FF8 ""
#define VERIFY ""
#define VERIFY_5 ""
#define MODIFY(o, n, c) ""
#endif

static const struct {
    const char *structure;
    bool modify;
    const char *digits[PIN_ENTRIES_MAX];
    const char *command; /* NULL = 6B80 */
} cases[] = {
    /* OpenSC and GnuPG: eight bytes, ASCII, the rest is filled up already. */
    { VERIFY "00 20 00 80 08 " FF8, false, { "123456" }, "00 20 00 80 08 31 32 33 34 35 36 FF FF" },
    { VERIFY "00 20 00 80 08 " FF8, false, { "12345678" }, "00 20 00 80 08 31 32 33 34 35 36 37 38" },
    /* The client's filler stays, whatever it is. */
    { VERIFY "00 20 00 80 08 00 00 00 00 00 00 00 00", false, { "123456" }, "00 20 00 80 08 31 32 33 34 35 36 00 00" },
    /* No data in the template: ours. */
    { VERIFY_5 "00 20 00 80 00", false, { "123456" }, "00 20 00 80 08 31 32 33 34 35 36 FF FF" },
    { "00 00 82 08 00 08 06 02 00 00 00 00 00 00 00 04 00 00 00 00 20 00 80", false, { "123456" },
      "00 20 00 80 08 31 32 33 34 35 36 FF FF" },
    /* No frame: as long as the PIN. */
    { "00 00 02 00 00 08 06 02 00 00 00 00 00 00 00 04 00 00 00 00 20 00 80", false, { "1234567" },
      "00 20 00 80 07 31 32 33 34 35 36 37" },
    /* An offset of two bytes, and one of eight bits. */
    { "00 00 92 04 00 04 04 02 00 00 00 00 00 00 00 04 00 00 00 00 20 00 80", false, { "1234" },
      "00 20 00 80 06 FF FF 31 32 33 34" },
    { "00 00 42 04 00 04 04 02 00 00 00 00 00 00 00 04 00 00 00 00 20 00 80", false, { "1234" },
      "00 20 00 80 05 FF 31 32 33 34" },
    { "00 00 12 04 00 04 04 02 00 00 00 00 00 00 00 04 00 00 00 00 20 00 80", false, { NULL }, NULL }, /* two bits */
    /* What no PIV card has: BCD, binary, right-justified, a length. */
    { "1E 1E 81 08 00 08 06 02 FF 00 00 00 00 00 00 05 00 00 00 00 20 00 80 00", false, { NULL }, NULL },
    { "1E 1E 80 08 00 08 06 02 FF 00 00 00 00 00 00 05 00 00 00 00 20 00 80 00", false, { NULL }, NULL },
    { "1E 1E 86 08 00 08 06 02 FF 00 00 00 00 00 00 05 00 00 00 00 20 00 80 00", false, { NULL }, NULL },
    { "1E 1E 89 48 04 08 06 02 FF 00 00 00 00 00 00 05 00 00 00 00 20 00 80 00", false, { NULL }, NULL },
    /* Limits that cannot be: none, and the least above the most; a condition and a number of messages out of range. */
    { "1E 1E 82 08 00 00 00 02 FF 00 00 00 00 00 00 05 00 00 00 00 20 00 80 00", false, { NULL }, NULL },
    { "1E 1E 82 08 00 06 08 02 FF 00 00 00 00 00 00 05 00 00 00 00 20 00 80 00", false, { NULL }, NULL },
    { "1E 1E 82 08 00 08 06 08 FF 00 00 00 00 00 00 05 00 00 00 00 20 00 80 00", false, { NULL }, NULL },
    { "1E 1E 82 08 00 08 06 02 02 00 00 00 00 00 00 05 00 00 00 00 20 00 80 00", false, { NULL }, NULL },
    /* Commands that would keep the PIN, or send it on: PUT DATA, another class, a chain. */
    { VERIFY_5 "00 DB 3F FF 00", false, { NULL }, NULL },
    { VERIFY_5 "10 20 00 80 00", false, { NULL }, NULL },
    { VERIFY_5 "80 20 00 80 00", false, { NULL }, NULL },
    { VERIFY_5 "00 24 00 80 00", false, { NULL }, NULL },
    /* Lengths that lie: of the structure, of the command. */
    { VERIFY "00 20 00 80 00", false, { NULL }, NULL },
    { VERIFY "00 20 00 80 09 " FF8, false, { NULL }, NULL },
    { VERIFY "00 20 00 80 07 " FF8, false, { NULL }, NULL },
    /* MODIFY: old, new, new again. */
    { MODIFY("00", "08", "03") "00 24 00 80 10 " FF8 FF8, true, { "123456", "654321", "654321" },
      "00 24 00 80 10 31 32 33 34 35 36 FF FF 36 35 34 33 32 31 FF FF" },
    { MODIFY("00", "08", "02") "00 24 00 80 10 " FF8 FF8, true, { "123456", "12345678" },
      "00 24 00 80 10 31 32 33 34 35 36 FF FF 31 32 33 34 35 36 37 38" },
    /* The old one is in the template. */
    { MODIFY("00", "08", "01") "00 24 00 80 10 31 32 33 34 35 36 FF FF " FF8, true, { "654321", "654321" },
      "00 24 00 80 10 31 32 33 34 35 36 FF FF 36 35 34 33 32 31 FF FF" },
    { MODIFY("00", "08", "03") "00 2C 00 80 10 " FF8 FF8, true, { "12345678", "654321", "654321" },
      "00 2C 00 80 10 31 32 33 34 35 36 37 38 36 35 34 33 32 31 FF FF" },
    { MODIFY("00", "08", "04") "00 24 00 80 10 " FF8 FF8, true, { NULL }, NULL },
    { MODIFY("00", "08", "03") "00 20 00 80 10 " FF8 FF8, true, { NULL }, NULL },
    { MODIFY("00", "FE", "03") "00 24 00 80 10 " FF8 FF8, true, { "123456", "654321", "654321" }, NULL }, /* too long */
    { "", false, { NULL }, NULL },
    { "", true, { NULL }, NULL },
};

/* run — the command of one case in `command`, with memory of the structure's exact size. */
static bool run(size_t i, struct in structure, struct out *command)
{
    struct secret *digits[PIN_ENTRIES_MAX] = { NULL };
    struct pin_block block;
    uint8_t *exact = malloc(structure.n > 0 ? structure.n : 1);
    bool ok, enough = true;

    ck_assert_ptr_nonnull(exact);
    if (structure.n > 0)
        memcpy(exact, structure.p, structure.n);
    structure.p = exact;
    ok = cases[i].modify ? pin_modify_parse(structure, &block) : pin_verify_parse(structure, &block);
    for (size_t k = 0; ok && k < block.n; k++) {
        const char *text = cases[i].digits[k] != NULL ? cases[i].digits[k] : "";
        digits[k] = secret_copy(in_of(text, strlen(text)));
        ck_assert_ptr_nonnull(digits[k]);
        enough = enough && text[0] != '\0';
    }
    ok = ok && enough && pin_command(&block, digits, command);
    for (size_t k = 0; k < PIN_ENTRIES_MAX; k++)
        secret_free(digits[k]);
    free(exact);
    return ok;
}

/* A client that lets nothing count as a PIN would have its own bytes stand for it. */
START_TEST(enter_alone_is_no_pin)
{
    uint8_t bytes[64];
    struct out room = out_of(bytes, sizeof bytes);
    struct pin_block block;

    ck_assert(pin_verify_parse(hex("1E 1E 82 08 00 08 00 02 FF 00 00 00 00 00 00 0D 00 00 00 00 20 00 80 08 " FF8, &room),
                               &block));
    ck_assert_uint_eq(block.entries[0].question.min, 1);
}
END_TEST

START_TEST(every_structure_becomes_its_command)
{
    uint8_t bytes[64], wanted_bytes[64], command_bytes[PIN_COMMAND_MAX];
    struct out room = out_of(bytes, sizeof bytes), wanted_room = out_of(wanted_bytes, sizeof wanted_bytes);
    struct out command = out_of(command_bytes, sizeof command_bytes);
    struct in structure = hex(cases[_i].structure, &room);
    bool ok = run((size_t)_i, structure, &command);

    ck_assert_msg(ok == (cases[_i].command != NULL), "%s", cases[_i].structure);
    if (ok)
        ck_assert_msg(in_equal(out_in(&command), hex(cases[_i].command, &wanted_room)), "%s", cases[_i].structure);
}
END_TEST

START_TEST(no_truncation_and_no_flipped_bit_reads_or_writes_too_far)
{
    uint8_t bytes[64], command_bytes[PIN_COMMAND_MAX];
    struct out room = out_of(bytes, sizeof bytes);
    struct in structure = hex(cases[_i].structure, &room);

    for (size_t n = 0; n < structure.n; n++) {
        struct out command = out_of(command_bytes, sizeof command_bytes);
        ck_assert(!run((size_t)_i, in_of(structure.p, n), &command));
    }
    for (size_t bit = 0; bit < 8 * structure.n; bit++) {
        struct out command = out_of(command_bytes, sizeof command_bytes);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (run((size_t)_i, structure, &command)) /* then it is one of the three, and nothing but a short command */
            ck_assert(command.n >= 5 && command.n == 5u + command_bytes[4] && command_bytes[0] == 0 &&
                      (command_bytes[1] == 0x20 || command_bytes[1] == 0x24 || command_bytes[1] == 0x2C));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

START_TEST(what_is_asked_follows_the_command)
{
    static const struct {
        const char *structure;
        bool modify;
        size_t n;
        enum keypad_entry entries[PIN_ENTRIES_MAX];
    } asked[] = {
        { VERIFY "00 20 00 80 08 " FF8, false, 1, { KEYPAD_PIN } },
        { VERIFY "00 20 00 00 08 " FF8, false, 1, { KEYPAD_PIN } },
        { VERIFY "00 20 00 81 08 " FF8, false, 1, { KEYPAD_PUK } },
        { MODIFY("00", "08", "03") "00 24 00 80 10 " FF8 FF8, true, 3, { KEYPAD_PIN, KEYPAD_NEW_PIN, KEYPAD_NEW_PIN_AGAIN } },
        { MODIFY("00", "08", "03") "00 24 00 81 10 " FF8 FF8, true, 3, { KEYPAD_PUK, KEYPAD_NEW_PUK, KEYPAD_NEW_PUK_AGAIN } },
        { MODIFY("00", "08", "03") "00 2C 00 80 10 " FF8 FF8, true, 3, { KEYPAD_PUK, KEYPAD_NEW_PIN, KEYPAD_NEW_PIN_AGAIN } },
        { MODIFY("00", "08", "00") "00 24 00 80 10 " FF8 FF8, true, 1, { KEYPAD_NEW_PIN } },
    };
    struct pin_block b;

    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        uint8_t bytes[64];
        struct out room = out_of(bytes, sizeof bytes);
        struct in structure = hex(asked[i].structure, &room);
        ck_assert(asked[i].modify ? pin_modify_parse(structure, &b) : pin_verify_parse(structure, &b));
        ck_assert_uint_eq(b.n, asked[i].n);
        for (size_t k = 0; k < b.n; k++) {
            const struct keypad_question *q = &b.entries[k].question;
            ck_assert_int_eq(q->entry, asked[i].entries[k]);
            ck_assert(q->min == 6 && q->max == 8 && q->seconds == 30 && !q->until_full);
            ck_assert(b.entries[k].again == (k == 2));
        }
    }
}
END_TEST

START_TEST(messages_are_what_was_put_and_nothing_else)
{
    const struct keypad_question q = { KEYPAD_NEW_PUK, 6, 8, true, 30 };
    uint8_t bytes[KEYPAD_MESSAGE_MAX + 1];
    struct out message = out_of(bytes, sizeof bytes), result = out_of(bytes, sizeof bytes);
    struct keypad_question got;
    char words[KEYPAD_WORDS];
    sw_t sw;

    keypad_put_question(&message, &q);
    ck_assert(keypad_get_question(out_in(&message), &got));
    ck_assert(got.entry == q.entry && got.min == 6 && got.max == 8 && got.until_full && got.seconds == 30);
    ck_assert(!keypad_get_result(out_in(&message), &sw));
    for (size_t n = 0; n < message.n; n++)
        ck_assert(!keypad_get_question(in_of(bytes, n), &got));
    out_u8(&message, 0);
    ck_assert(!keypad_get_question(out_in(&message), &got));
    keypad_put_result(&result, 0x63C1);
    ck_assert(keypad_get_result(out_in(&result), &sw) && sw == 0x63C1);
    ck_assert(!keypad_get_question(out_in(&result), &got));
    ck_assert_str_eq(keypad_words(0x63C1, words), "wrong, 1 try left");
    ck_assert_str_eq(keypad_words(0x63C2, words), "wrong, 2 tries left");
    ck_assert_str_eq(keypad_words(0x9000, words), "accepted");
    ck_assert_str_eq(keypad_words(0x6A80, words), "the card answered 6A80");
}
END_TEST

Suite *suite_pinblock(void)
{
    Suite *suite = suite_create("pinblock");
    TCase *tcase = tcase_create("pinblock");

#ifndef SKIPPED
    tcase_add_loop_test(tcase, every_structure_becomes_its_command, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tcase, no_truncation_and_no_flipped_bit_reads_or_writes_too_far, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tcase, enter_alone_is_no_pin);
    tcase_add_test(tcase, what_is_asked_follows_the_command);
#endif
    tcase_add_test(tcase, messages_are_what_was_put_and_nothing_else);
    suite_add_tcase(suite, tcase);
    return suite;
}
