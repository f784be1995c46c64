/* SPDX-License-Identifier: BSD-2-Clause */
/* check_apdu.c — the length cases of ISO/IEC 7816-3, 12.1, and the class bytes of 7816-4, 5.4.1. */
#include <stdlib.h>
#include <string.h>

#include "applet/apdu.h"
#include "tests/check_suites.h"
#include "tests/live.h"

static const struct {
    const char *bytes;
    bool ok;
    size_t nc, ne;
} cases[] = {
    { "", false, 0, 0 },
    { "00", false, 0, 0 },
    { "00 A4 04", false, 0, 0 },
    { "00 20 00 80", true, 0, 256 },                   /* case 1: an absent Le is the most */
    { "00 20 00 80 00", true, 0, 256 },                /* case 2, or Lc = 0: the same */
    { "00 20 00 80 08", true, 0, 8 },
    { "00 20 00 80 FF", true, 0, 255 },
    { "00 20 00 80 00 00", false, 0, 0 },              /* an extended length cut off */
    { "00 20 00 80 01 AA", true, 1, 256 },             /* case 3 */
    { "00 20 00 80 01 AA 00", true, 1, 256 },          /* case 4 */
    { "00 20 00 80 01 AA 10", true, 1, 16 },
    { "00 20 00 80 01 AA 10 10", false, 0, 0 },        /* two bytes after the data of a short APDU */
    { "00 20 00 80 02 AA", false, 0, 0 },
    { "00 20 00 80 00 00 00", true, 0, 65536 },        /* case 2, extended */
    { "00 20 00 80 00 00 08", true, 0, 8 },
    { "00 20 00 80 00 FF FF", true, 0, 65535 },
    { "00 20 00 80 00 00 00 AA", false, 0, 0 },        /* extended Lc of 0 with data */
    { "00 20 00 80 00 00 00 00 00", false, 0, 0 },
    { "00 20 00 80 00 00 01 AA", true, 1, 65536 },     /* case 3, extended */
    { "00 20 00 80 00 00 01 AA 00", false, 0, 0 },     /* half an extended Le */
    { "00 20 00 80 00 00 01 AA 00 00", true, 1, 65536 },
    { "00 20 00 80 00 00 01 AA 00 10", true, 1, 16 },
    { "00 20 00 80 00 00 01 AA 01 00", true, 1, 256 },
    { "00 20 00 80 00 00 01 AA 00 10 00", false, 0, 0 },
    { "00 20 00 80 00 00 02 AA", false, 0, 0 },
};

START_TEST(every_length_case)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[16], *exact;
        struct out room = out_of(bytes, sizeof bytes);
        struct in in = hex(cases[i].bytes, &room);
        struct apdu apdu;

        ck_assert_ptr_nonnull(exact = malloc(in.n > 0 ? in.n : 1));
        if (in.n > 0)
            memcpy(exact, in.p, in.n);
        ck_assert_msg(apdu_parse(in_of(exact, in.n), &apdu) == cases[i].ok, "%s", cases[i].bytes);
        if (cases[i].ok)
            ck_assert_msg(apdu.data.n == cases[i].nc && apdu.ne == cases[i].ne && apdu.ins == 0x20 && apdu.p1 == 0 &&
                          apdu.p2 == 0x80, "%s: %zu %zu", cases[i].bytes, apdu.data.n, apdu.ne);
        free(exact);
    }
}
END_TEST

/* Every Nc of the short form and some of the extended one, with every Le: what was built is what is parsed, and one
 * byte less never parses as the same. */
START_TEST(what_is_built_is_parsed)
{
    static const size_t ncs[] = { 1, 2, 254, 255, 256, 257, 3000, 65534, 65535 };
    uint8_t *bytes = malloc(PIV_COMMAND_MAX);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < sizeof ncs / sizeof ncs[0]; i++) {
        for (unsigned le = 0; le < 0x10000; le += 0x3F3) {
            struct out out = out_of(bytes, PIV_COMMAND_MAX);
            struct apdu apdu;

            out_put(&out, in_of("\x00\xCB\x3F\xFF\x00", 5));
            out_u16(&out, (uint16_t)ncs[i]);
            out_zero(&out, ncs[i]);
            out_u16(&out, (uint16_t)le);
            ck_assert(!out.bad && apdu_parse(out_in(&out), &apdu));
            ck_assert(apdu.data.n == ncs[i] && apdu.ne == (le == 0 ? 65536 : le));
            ck_assert(!apdu_parse(in_of(bytes, out.n - 1), &apdu));
        }
    }
    free(bytes);
}
END_TEST

/* 7816-4, 5.4.1: 0x first interindustry, bit 5 chaining, bits 4-3 secure messaging, bits 2-1 channel; 4x-7x further
 * channels; 20-3F reserved; 8x-FF proprietary. */
static sw_t class_word(unsigned cla)
{
    if (cla >= 0x80 || (cla >= 0x20 && cla < 0x40))
        return SW_CLA_NOT_SUPPORTED;
    if (cla >= 0x40 || cla % 4 != 0)
        return SW_CHANNEL_NOT_SUPPORTED;
    return cla == 0x00 || cla == 0x10 ? SW_SUCCESS : SW_SM_NOT_SUPPORTED;
}

START_TEST(every_class_byte)
{
    for (unsigned cla = 0; cla < 0x100; cla++) {
        struct apdu apdu = { .cla = (uint8_t)cla };

        answers(apdu_class(&apdu), class_word(cla));
        if (class_word(cla) == SW_SUCCESS)
            ck_assert_int_eq(apdu_chained(&apdu), cla == 0x10);
    }
}
END_TEST

Suite *suite_apdu(void)
{
    Suite *suite = suite_create("apdu");
    TCase *parsing = tcase_create("parsing");

    tcase_add_test(parsing, every_length_case);
    tcase_add_test(parsing, what_is_built_is_parsed);
    tcase_add_test(parsing, every_class_byte);
    suite_add_tcase(suite, parsing);
    return suite;
}
