/* SPDX-License-Identifier: BSD-2-Clause */
/* check_mask.c — what a trace may hold: each command that carries a secret, whole, chained, torn, and its neighbours. */
#include <stdlib.h>
#include <string.h>

#include "driver/mask.h"
#include "tests/check_suites.h"
#include "tests/live.h"

/* Exchanges in their order; one that starts with "!" begins a session.  Blanks in `shown` do not count. */
static const struct {
    const char *command, *answer, *shown;
} cases[] = {
    /* what everybody may see */
    { "!00A4040009A0000003080000100000", "61024F009000", "00A4040009A0000003080000100000 61024F009000" },
    { "!00CB3FFF055C035FC10200", "5302AABB9000", "00CB3FFF055C035FC10200 5302AABB9000" },
    { "!00DB3FFF0A5C035FC1055303AABBCC", "9000", "00DB3FFF0A5C035FC1055303AABBCC 9000" },
    { "!00200080", "63C3", "00200080 63C3" },
    { "!0047009A05AC0380011100", "7F49028600 9000", "0047009A05AC0380011100 7F490286009000" },
    { "!00A40400", "", "00A40400 -" },
    { "!00A40400", "90", "00A40400 -" },
    /* PIN and PUK, in any form and length */
    { "!0020008008313233343536FFFF", "9000", "0020008008**************** 9000" },
    { "!0020008006313233343536", "6A80", "0020008006************ 6A80" },
    { "!0020008008313233343536FFFF00", "9000", "0020008008****************** 9000" },
    { "!00200080000008313233343536FFFF", "9000", "00200080000008**************** 9000" },
    { "!0024008010313233343536FFFF363534333231FFFF", "9000", "0024008010******************************** 9000" },
    { "!002C0080103132333435363738313233343536FFFF", "63C2", "002C008010******************************** 63C2" },
    { "!100020008004 31323334", "9000", "10002000 ************ 9000" },
    { "!102000800431323334", "9000", "1020008004******** 9000" },
    { "002000800433343536", "9000", "0020008004******** 9000" },
    /* lengths that fit no APDU: behind the header nothing can be trusted */
    { "!002000800931323334", "6700", "00200080********** 6700" },
    { "!0020008000000931", "6700", "00200080******** 6700" },
    { "!002000", "6700", "002000 6700" },
    { "!0020008007313233343536FFFF", "6700", "0020008007**************** 6700" }, /* FF as an Le */
    { "!0020008000313200", "6700", "00200080******** 6700" },
    { "!00200080003132", "6700", "00200080****** 6700" },
    { "!0020008000", "63C3", "0020008000 63C3" },
    /* keys on their way in */
    { "!00FFFFFF1B039B18010203040506070801020304050607080102030405060708", "9000",
      "00FFFFFF1B****************************************************** 9000" },
    { "!10FE079A040180AABB", "9000", "10FE079A04******** 9000" },
    { "00FE079A04CCDDEEFF", "9000", "00FE079A04******** 9000" },
    /* what a key opens */
    { "!0087079D087C0682008102112200", "7C048202AABB9000", "0087079D087C0682008102112200 7C048202****9000" },
    { "!0087079A0C7C0A820081060001FFFF112200", "7C048202AABB9000",
      "0087079A0C7C0A820081060001FFFF112200 7C048202AABB9000" },
    { "!0087119D087C0682008502112200", "7C048202AABB9000", "0087119D087C0682008502112200 7C048202****9000" },
    { "!0087E19D087C0682008102112200", "7C048202AABB9000", "0087E19D087C0682008102112200 7C048202****9000" },
    { "!0087119C087C0682008102112200", "7C048202AABB9000", "0087119C087C0682008102112200 7C048202AABB9000" },
    { "!0087E09A087C0682008102112200", "7C048202AABB9000", "0087E09A087C0682008102112200 7C048202AABB9000" },
    { "!0087119C087C0682008102112200", "6982", "0087119C087C0682008102112200 6982" },
    /* … over a chain, and fetched in pieces */
    { "!1087079D087C82010682008182", "9000", "1087079D087C82010682008182 9000" },
    { "0087079D02010000", "6700", "0087079D02010000 6700" },
    { "!1087079D0C7C820106820081820100AABB", "9000", "1087079D0C7C820106820081820100AABB 9000" },
    { "0087079D02112200", "7C8201046102", "0087079D02112200 ********6102" },
    { "00C0000002", "CCDD9000", "00C0000002 ****9000" },
    { "00C0000002", "CCDD9000", "00C0000002 CCDD9000" },
    { "!1087079A0E7C8201068200818201000001FFFF", "9000", "1087079A0E7C8201068200818201000001FFFF 9000" },
    { "0087079A02112200", "7C8201046102", "0087079A02112200 7C8201046102" },
    { "00C0000002", "CCDD9000", "00C0000002 CCDD9000" },
    /* the management key's handshake: tags and lengths */
    { "!0087039B047C02800000", "7C0A80081122334455667788 9000",
      "0087039B047C02800000 7C0A8008****************9000" },
    { "!0087039B167C14800811223344556677888108112233445566778800", "7C0A820811223344556677889000",
      "0087039B167C148008****************8108****************00 7C0A8208****************9000" },
    { "!0087039B057C03820511 00", "6A80", "0087039B05********** 00 6A80" },
    /* what is read after the PIN alone: programs keep keys there */
    { "!00CB3FFF055C035FC10900", "5302AABB9000", "00CB3FFF055C035FC10900 ********9000" },
    { "!00DB3FFF095C035FC1095302AABB", "9000", "00DB3FFF09****************** 9000" },
    { "!10DB3FFF065C035FC10953", "9000", "10DB3FFF06************ 9000" },
    { "00DB3FFF0302AABB", "9000", "00DB3FFF03****** 9000" },
    { "!10DB3FFF065C035FC10553", "9000", "10DB3FFF065C035FC10553 9000" },
    { "00DB3FFF0302AABB", "9000", "00DB3FFF0302AABB 9000" },
    { "!10DB3FFF065C035FC10553", "9000", "10DB3FFF065C035FC10553 9000" },
    { "10DB3FFF065C035FC10953", "9000", "10DB3FFF06************ 9000" }, /* torn, and begun anew */
    { "00DB3FFF0302AABB", "9000", "00DB3FFF03****** 9000" },
    { "!10DB3FFF025C03", "9000", "10DB3FFF02**** 9000" },
    { "!00CB3FFF055C035FC10900", "6A82", "00CB3FFF055C035FC10900 6A82" },
    /* what no table knows may be another application's secret */
    { "!0001000004AABBCCDD", "EEFF6D00", "0001000004******** ****6D00" },
};

/* text_without — blanks are for the reader of this file. */
static void text_without(const char *text, size_t n, char *to)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] != ' ')
            *to++ = text[i];
    *to = '\0';
}

START_TEST(what_a_trace_shows)
{
    struct mask mask = { .chained = false };
    uint8_t command[256], answer[256];
    char room[2048], got[2048], wanted[2048];
    struct out text = out_of(room, sizeof room);
    int first = _i;

    /* Each case runs alone: play what came before in its session. */
    while (cases[first].command[0] != '!')
        first--;
    for (int i = first; i <= _i; i++) {
        struct out c = out_of(command, sizeof command), a = out_of(answer, sizeof answer);

        struct in sent = hex(cases[i].command + (cases[i].command[0] == '!' ? 1 : 0), &c);
        struct in came = hex(cases[i].answer, &a);
        out_cut(&text, 0);
        mask_exchange(&mask, sent, came, &text);
    }
    ck_assert(!text.bad);
    text_without(room, text.n, got);
    text_without(cases[_i].shown, strlen(cases[_i].shown), wanted);
    ck_assert_str_eq(got, wanted);
}
END_TEST

START_TEST(no_prefix_and_no_flipped_bit_is_too_much)
{
    uint8_t command[256];
    struct out c = out_of(command, sizeof command);
    struct in sent = hex("0020008008313233343536FFFF", &c);
    char room[256];

    for (size_t n = 0; n <= sent.n; n++) {
        for (size_t bit = 0; bit < 8 * n; bit++) {
            struct mask mask = { .chained = false };
            struct out text = out_of(room, sizeof room - 1);
            uint8_t *p = malloc(n); /* of its exact size */

            memcpy(p, command, n);
            p[bit / 8] ^= (uint8_t)(1 << bit % 8);
            mask_exchange(&mask, in_of(p, n), in_of("\x67\x00", 2), &text);
            room[text.n] = '\0';
            /* Another instruction may be one that carries nothing; VERIFY stays VERIFY. */
            if (n > 1 && p[1] == 0x20)
                ck_assert_msg(strstr(room, "3132") == NULL && strstr(room, "3435") == NULL, "%s", room);
            free(p);
        }
    }
}
END_TEST

Suite *suite_mask(void)
{
    Suite *s = suite_create("mask");
    TCase *t = tcase_create("exchanges");

    tcase_add_test(t, no_prefix_and_no_flipped_bit_is_too_much);
    tcase_add_loop_test(t, what_a_trace_shows, 0, sizeof cases / sizeof cases[0]);
    suite_add_tcase(s, t);
    return s;
}
