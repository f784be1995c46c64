/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_select.c — rows of group 2: SELECT. */
#include "tools/conform_judge.h"

/* AC: one algorithm each, then 06 with 00; at most one suite of secure messaging. */
static bool sel_05(struct judge *j)
{
    struct in template, element, number, oid;
    uint32_t tag;
    unsigned suites = 0;

    if (!play(j, "select") || !tlv_at(j->data, "61", &template))
        return fail(j, "SELECT answers without template 61");
    while (tlv_next(&template, &tag, &element)) {
        if (tag != 0xAC)
            continue;
        if (!tlv_get(&element, 0x80, &number) || number.n != 1 || !tlv_get(&element, 0x06, &oid) || oid.n != 1 ||
            oid.p[0] != 0x00 || !in_end(&element))
            return fail(j, "AC is not 80 with one algorithm and 06 with 00");
        bool suite = number.p[0] == 0x27 || number.p[0] == 0x2E;
        suites += suite;
        if (!suite && alg_by_id(number.p[0]) == NULL)
            return fail(j, "AC names algorithm %02X, which no standard knows", number.p[0]);
    }
    return suites <= 1 || fail(j, "two suites of secure messaging are announced");
}

static bool sel_06(struct judge *j)
{
    struct in data, template, element;
    uint32_t tag;

    if (!play(j, "select"))
        return false;
    data = j->data;
    if (!tlv_get(&data, 0x61, &template) || !in_end(&data))
        return fail(j, "61 does not reach to the end of the answer");
    while (!in_end(&template))
        if (!tlv_next(&template, &tag, &element))
            return fail(j, "the lengths inside 61 do not add up");
    return true;
}

/* The standard knows the AID whole and without its version; the five bytes alone are what Yubico's programs, piv-go and
 * others send. */
static bool sel_08(struct judge *j)
{
    if (!play(j, "00A40400[{aid}]00 -> * 9000+ =a; 00A40400[A000000308]00 -> * 9000~6A82+"))
        return false;
    return j->sw != 0x9000 || in_equal(j->data, var(j, "a")) || fail(j, "another answer than to the whole AID");
}

/* Without a name SELECT chooses what the platform has by default (ISO/IEC 7816-4, 7.1.1); a template says what. */
static bool sel_16(struct judge *j)
{
    if (!play(j, "piv: 00A40400 -> * 6A82~9000|err; yk: 00A40400 -> * 6A82|9000"))
        return false;
    if (j->sw == 0x9000 && !j->terms.yubikey && (j->data.n == 0 || (j->data.p[0] != 0x6F && j->data.p[0] != 0x61)))
        return fail(j, "SELECT without a name succeeds, and does not say what is selected");
    return play(j, "select");
}

const struct row rows_sel[] = {
    { "SEL-01", "F", "SELECT with the whole AID is answered with one template 61",
      "00A40400[{aid}]00 -> 61* 9000", NULL, "P2 3.1.1" },
    { "SEL-02", "F", "the AID without its version selects the same",
      "00A40400[{aid}]00 -> * 9000 =a; 00A40400[A00000030800001000]00 -> {a} 9000", NULL, "P2 3.1.1" },
    { "SEL-03", "F", "61 holds the AID of the application",
      "select -> 61* 9000+ =a; x := at 61/4F {a}; piv: check equal {x} {aid};"
      "yk: check equal {x} 000010000100",
      NULL, "P2 3.1.1" },
    { "SEL-04", "F", "61 names the authority that gave the AID out",
      "select -> 61* 9000+ =a; x := at 61/79/4F {a}; check equal {x} A000000308", NULL, "P2 3.1.1" },
    { "SEL-05", "F", "61 announces algorithms one by one, and one suite of secure messaging at most",
      NULL, sel_05, "P2 3.1.1" },
    { "SEL-06", "F", "the lengths in 61 add up and nothing follows it",
      NULL, sel_06, "7816-4 5.2.2" },
    { "SEL-07", "F", "an application that is not there is not found",
      "00A40400[F001020304]00 -> 6A82; yk: select", NULL, "P2 3.1.1" },
    { "SEL-08", "F", "the first five bytes of the AID select the same: clients send no more",
      NULL, sel_08, "YK, house" },
    { "SEL-09", "F", "a byte behind the AID is another application",
      "00A40400[{aid}00]00 -> 6A82; yk: select", NULL, "P2 3.1.1" },
    { "SEL-10", "F", "another version is another application",
      "00A40400[A0000003080000100002 00]00 -> 6A82; yk: select", NULL, "P2 3.1.1" },
    { "SEL-11", "F", "SELECT by anything but a name is refused",
      "piv: 00A40000[3F00] -> 6A82~err; yk: 00A40000[3F00] -> 6D00; each 02 08: 00A4{.}00[{aid}]00 -> 6A86~err", NULL,
      "P2 3.1.1" },
    { "SEL-12", "F", "who wants no data back gets none",
      "00A4040C[{aid}] -> * 9000~6A81|6A86; house: 00A4040C[{aid}] -> 9000", NULL, "7816-4 7.1.1" },
    { "SEL-13", "F pin key", "selecting PIV again changes nothing; a YubiKey forgets",
      "select; piv: try -> 9000; yk: try -> T; adm; select; piv: admin; yk: stranger", NULL, "P2 3.1.1" },
    { "SEL-14", "F pin", "a SELECT that fails changes nothing; a YubiKey forgets, or leaves PIV",
      "00A40400[F001020304]00 -> 6A82; piv: try -> 9000; yk: try -> T|6D00, select", NULL, "P2 3.1.1" },
    { "SEL-15", "F yk pin", "leaving PIV for another application forgets the PIN",
      "00A40400[A000000527471117]00 -> * 9000; select; try -> T", NULL, "P2 3.1.1" },
    { "SEL-16", "F constant", "SELECT without a name finds nothing",
      NULL, sel_16, "7816-4 7.1.1" },
    { "SEL-17", "F adm write saves:5FC102", "SELECT ends a command chain",
      "o := object 5FC102; t := bytes 5C(5FC102)53({AA*40}); a := left 20 {t}; b := skip 20 {t};"
      "10DB3FFF[{a}] -> 9000; select; 00DB3FFF[{b}] -> err; get 5FC102 -> {o} 9000+", NULL, "7816-4 5.3.3" },
    { "SEL-18", "F", "the applications that clients look for first are not there, and PIV is found after them",
      "each A0000003974349445F0100 A000000397425446590201 A00000007900 A00000011600"
      " A000000116DB00 D27600012401 A0000005272101 A0000006472F0001: 00A40400[{.}]00 -> 6A82;"
      "select; get {any} -> * 9000+", NULL, "PC/SC practice" },
    { .id = NULL },
};
