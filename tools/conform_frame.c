/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_frame.c — rows of group 1: reset, class byte, lengths. */
#include "tools/conform_judge.h"

/* Interface bytes of an ATR after TDi: the count of ones in its high nibble.  ISO/IEC 7816-3, 8.2.3. */
static bool atr_interface(struct in *atr, uint8_t t0, bool *check_byte)
{
    uint8_t td = t0;
    struct in part;

    for (unsigned level = 1; (td & 0xF0) != 0; level++) {
        size_t n = (td >> 4 & 1) + (td >> 5 & 1) + (td >> 6 & 1);
        bool more = (td & 0x80) != 0;
        if (!in_take(atr, n, &part))
            return false;
        if (!more)
            return true;
        if (!in_u8(atr, &td))
            return false;
        *check_byte |= (td & 0x0F) != 0; /* any protocol but T=0: TCK is there */
        if (level > 8)
            return false;
    }
    return true;
}

static bool rst_01(struct judge *j)
{
    struct in atr = j->wire->atr(j->wire->ctx), whole = atr, history;
    uint8_t ts, t0, tck, sum = 0;
    bool check_byte = false;

    if (atr.n > 33 || !in_u8(&atr, &ts) || !in_u8(&atr, &t0) || (ts != 0x3B && ts != 0x3F))
        return fail(j, "the ATR is longer than 33 bytes, or begins with neither 3B nor 3F");
    if (!atr_interface(&atr, t0, &check_byte) || !in_take(&atr, t0 & 0x0F, &history))
        return fail(j, "the ATR is shorter than its own bytes say");
    if (!check_byte)
        return in_end(&atr) || fail(j, "bytes follow the ATR's end");
    for (size_t i = 1; i < whole.n; i++)
        sum ^= whole.p[i];
    if (!in_u8(&atr, &tck) || !in_end(&atr))
        return fail(j, "the ATR has no TCK, or bytes behind it");
    return sum == 0 || fail(j, "TCK %02X is wrong", tck);
}

/* "The default card application may be the PIV Card Application, or it may be another card application." */
static bool rst_02(struct judge *j)
{
    if (!play(j, "cold; get {any} -> * 9000~6D00|6E00|69xx|6Axx+"))
        return false;
    j->result->came[0] = '\0';
    return j->sw == 0x9000 || does_not_apply(j, "another application is selected by default, which is an option");
}

const struct row rows_rst[] = {
    { "RST-01", "F", "the ATR is well-formed: TS, interface bytes, TCK, at most 33 bytes",
      "reset; select", rst_01, "7816-3 8.2" },
    { "RST-02", "F", "after a reset the PIV application is selected without SELECT",
      NULL, rst_02, "P2 2.3.1" },
    { "RST-03", "F verify", "a verified PIN does not survive a reset",
      "pin; reset; select; try -> T", NULL, "P2 2.4.2" },
    { "RST-04", "F adm", "administrator state does not survive a reset",
      "admin; reset; select; stranger", NULL, "P2 2.4.2" },
    { "RST-05", "P 9E:11", "half a command chain does not survive a reset",
      "t := bytes 7C(82()81({5A*32})); a := left 20 {t}; b := skip 20 {t}; 1087119E[{a}] -> 9000; reset;"
      "select;"
      "0087119E[{b}]00 -> err", NULL, "P2 3.2.4" },
    { "RST-06", "F", "an answer that waits for GET RESPONSE does not survive a reset",
      "00CB3FFF[5C({any})]08 -> ?8 61xx; reset; select; 00C0000000 -> 6985~err", NULL, "7816-4 7.6.1" },
    { .id = NULL },
};

/* Every instruction that neither the standard nor, for persona yubikey, Yubico gives to a PIV card. */
static bool cla_05(struct judge *j)
{
    static const uint8_t known[] = { 0xA4, 0xCB, 0x20, 0x24, 0x2C, 0x87, 0xDB, 0x47, 0xC0 };
    static const uint8_t yubico[] = { 0xFD, 0xF8, 0xF7, 0xFA, 0xFB, 0xFE, 0xFF, 0xF9, 0xF6 };

    for (unsigned ins = 0; ins < 256; ins++) {
        bool skip = false;
        for (size_t i = 0; i < sizeof known; i++)
            skip |= known[i] == ins || yubico[i] == ins; /* Yubico's in persona piv: YK-56 */
        if (!skip && !playf(j, "00%02X0000 -> * 6D00~9000|61xx|63xx|err", ins))
            return false;
    }
    return true;
}

const struct row rows_cla[] = {
    { "CLA-01", "F", "a proprietary class is refused",
      "80CB3FFF[5C({any})]00 -> 6E00~err", NULL, "7816-4 5.4.1" },
    { "CLA-02", "F nosm", "secure messaging is refused where there is none, also for SELECT",
      "0CA40400[{aid}]00 -> 6882~err", NULL, "P2 4.2" },
    { "CLA-03", "F", "logical channels that nobody has opened are refused",
      "each 01 02 03 40: {.}CB3FFF[5C({any})]00 -> 6881~err", NULL, "7816-4 5.4.1" },
    { "CLA-04", "F", "class FF is refused",
      "FF200080 -> 6E00~err|none", NULL, "7816-4 5.4.1" },
    { "CLA-05", "F write", "an instruction that the card does not have is refused as such, each of them",
      NULL, cla_05, "7816-4 5.4.2" },
    { "CLA-06", "F", "the secure channel of another scheme is refused",
      "84823300[{00*16}] -> 6E00~err", NULL, "house" },
    { .id = NULL },
};

/* The largest object: sizes that cards are known to stop at, from above. */
static bool len_08(struct judge *j)
{
    static const unsigned sizes[] = { 16384, 12710, 8192, 4096, 3052, 2048, 1850 };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (!playf(j, "v := pattern %u; 00DB3FFF[5C(5FC105)53({v})] -> 9000|6A84|6700", sizes[i]))
            return false;
        if (j->sw == 0x9000)
            return play(j, "get 5FC105 -> 53({v}) 9000+");
    }
    return fail(j, "no object of 1850 bytes or more can be written with an extended length");
}

const struct row rows_len[] = {
    { "LEN-01", "F write", "commands of one to three bytes do not stop the card",
      "house: 00 -> 6700; 00A4 -> 6700|none~err; 00A404 -> 6700|none~err", NULL, "7816-3 12.1" },
    { "LEN-02", "F", "VERIFY without data means the same with and without Le",
      "00200080 -> T; 0020008000 -> T", NULL, "P2 3.2.1" },
    { "LEN-03", "F tries", "less data than Lc says is a length error and costs no try",
      "x := left 7 {bad}; 00200080_08_{x} -> 6700|none~err; try -> T", NULL, "7816-3 12.1" },
    { "LEN-04", "F tries", "bytes behind data and Le are a length error and cost no try",
      "00200080_08_{bad}_000000 -> 6700|none~err; try -> T", NULL, "7816-3 12.1" },
    { "LEN-05", "P ext 9A:00", "an extended command gets the whole object at once",
      "o := object 5FC105; 00CB3FFF_000005_5C(5FC105)_0000 -> {o} 9000+;"
      "house: 00CB3FFF_000005_5C(5FC105)_0000 -> {o} 9000", NULL, "7816-3 12.1" },
    { "LEN-06", "P ext 9A:00", "an extended Le of sixteen cuts, and GET RESPONSE brings the rest",
      "o := object 5FC105; 00CB3FFF_000005_5C(5FC105)_0010 -> ?16 61xx;"
      "00CB3FFF_000005_5C(5FC105)_0010 -> {o} 9000+", NULL, "7816-4 5.3.4" },
    { "LEN-07", "F", "an extended Lc of zero with data behind it is a length error",
      "00CB3FFF_000000_5C({any}) -> 6700|none~err", NULL, "7816-3 12.1" },
    { "LEN-08", "P ext adm write saves:5FC105", "the largest object is written with an extended length and reads back",
      NULL, len_08, "P2 3.3.1" },
    { "LEN-09", "F long write", "commands of the largest size and beyond do not stop the card",
      "00CB3FFF_00FFFF_{5C*65535}_0000 -> err|none; 00CB3FFF_00FFFF_{5C*69993} -> err|none", NULL, "house" },
    { "LEN-10", "P 9A:00", "whatever Le is asked for, the joined answer is the same",
      "o := object 5FC105; each 01..FF: 00CB3FFF[5C(5FC105)]{.} -> {o} 9000+", NULL, "7816-4 5.3.4" },
    { "LEN-11", "F", "an absent Le means the most there is, never no data",
      "o := object {any}; 00CB3FFF[5C({any})] -> {o} 9000+; 00CB3FFF[5C({any})]00 -> {o} 9000+;"
      "t := bytes 5C({any}); ext: 00CB3FFF_000003_5C(7E) -> * 9000~6A82 =a,"
      "00CB3FFF_000003_5C(7E)_0000 -> {a} 9000~6A82;"
      "00CB3FFF[5C({any})]FF -> {o} 9000+; 00A40400[{aid}] -> 61* 9000+;"
      "00CB3FFF[5C({any})]08 -> ?8=a 61xx; 00C00000 -> * 9000+ =b; check equal {o} {a}{b}",
      NULL, "7816-4 5.2, YK" },
    { .id = NULL },
};
