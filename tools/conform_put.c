/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_put.c — rows of group 9: PUT DATA. */
#include "tools/conform_judge.h"

/* A chain without end: up to 1 MiB the card must say stop, and forget all of it. */
static bool put_06(struct judge *j)
{
    enum { PARTS = (1 << 20) / 255 };

    if (!play(j, "o := object 5FC102; v := pattern 250; 10DB3FFF[5C(5FC102)] -> 9000"))
        return false;
    for (unsigned i = 0; i < PARTS; i++) {
        if (!play(j, "10DB3FFF[{v}] -> 9000|6700|6A84|6A80"))
            return false;
        if (j->sw != 0x9000) {
            bool good = j->sw == 0x6700 || !j->terms.house;
            j->result->came[0] = '\0';
            return good ? play(j, "get 5FC102 -> {o} 9000~6A82+")
                        : fail(j, "an endless chain was ended with %04X, not 6700", j->sw);
        }
    }
    return fail(j, "a chain of 1 MiB was taken");
}

/* The policy follows the object at once: with the global PIN named, VERIFY 00 is another question.  A card that has
 * no global PIN may refuse to name it. */
static bool put_09(struct judge *j)
{
    bool good = play(j, "o := object 7E; 00DB3FFF[{o}] -> 9000; get 7E -> {o} 9000; 00200000 -> 6A88;"
                        "00DB3FFF[7E(4F({aid})5F2F(6010))] -> 9000|6A80");

    if (good && j->sw == 0x9000)
        good = play(j, "get 7E -> 7E(4F({aid})5F2F(6010)) 9000; 00200000 -> 63xx|6983");
    return play(j, "adm; 00DB3FFF[{o}] -> 9000; 00200000 -> 6A88; get 7E -> {o} 9000") && good;
}

/* The first size that is refused is refused as too large, and the one before is still there. */
static bool put_13(struct judge *j)
{
    static const unsigned sizes[] = { 1850, 2048, 3053, 4096, 8192, 12710, 16384, 16385, 20000, 32768, 60000 };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (!playf(j, "v := pattern %u; put 5FC105 {v} -> 9000|6A84", sizes[i]))
            return false;
        j->result->came[0] = '\0';
        if (j->sw != 0x9000)
            return i == 0 ? fail(j, "not even 1850 bytes are taken") : play(j, "get 5FC105 -> 53({o}) 9000+");
        if (!play(j, "o := bytes {v}"))
            return false;
    }
    return !j->terms.house || fail(j, "60,000 bytes are taken: no limit was found");
}

/* Fill retired certificate objects that are not there yet; what was written stays, and a delete makes room. */
static bool put_15(struct judge *j)
{
    enum { FIRST = 0x5FC10E, LAST = 0x5FC11F };
    uint32_t written[LAST - FIRST + 1];
    size_t n = 0;
    bool full = false, good = true;

    if (!play(j, "v := pattern 16380"))
        return false;
    for (uint32_t tag = FIRST; good && !full && tag <= LAST; tag++) {
        good = playf(j, "get %06X -> * 9000|6A82+", tag);
        if (!good || j->sw == 0x9000)
            continue;
        good = playf(j, "put %06X %06X{v} -> 9000|6A84", tag, tag);
        full = j->sw != 0x9000;
        if (good && !full)
            written[n++] = tag;
    }
    if (good && !full && j->terms.house)
        good = fail(j, "%zu objects of 16 KiB fit, and the card is not full", n);
    for (size_t i = 0; good && i < n; i++)
        good = playf(j, "get %06X -> 53(%06X{v}) 9000+", written[i], written[i]);
    if (good && n > 0)
        good = playf(j, "put %06X _ -> 9000; put %06X {v} -> 9000", written[0], written[0]);
    for (size_t i = 0; i < n; i++) /* also after a failure: room for the rows that follow */
        good = playf(j, "put %06X _ -> 9000", written[i]) && good;
    j->result->came[0] = '\0';
    return good;
}

/* "Data objects that are created but not used shall be set to zero-length value": absent, or an empty 53. */
static bool put_08(struct judge *j)
{
    if (!play(j, "put 5FC105 _ -> 9000; get 5FC105 -> * 6A82~9000+"))
        return false;
    return j->sw != 0x9000 || play(j, "get 5FC105 -> 53() 9000");
}

/* Without on-card comparison "the BIT Group Template may be present but shall contain no BITs". */
static bool put_10(struct judge *j)
{
    if (!play(j, "get 7F61 -> * 6A82~9000+ =o; 00DB3FFF[7F61(020100)] -> 6A81~6A82|6A80|9000"))
        return false;
    if (j->sw != 0x9000)
        return true;
    return play(j, "get 7F61 -> 7F61(020100) 9000; o := bytes {o}") &&
           (var(j, "o").n > 0 ? play(j, "00DB3FFF[{o}] -> 9000") : play(j, "00DB3FFF[7F61()] -> 9000|err"));
}

/* A chain of two parts for the CHUID: t in the halves a and b. */
#define HALVES "o := object 5FC102; t := bytes 5C(5FC102)53({AA*40}); a := left 20 {t}; b := skip 20 {t};"
#define UNCHANGED "get 5FC102 -> {o} 9000~6A82+"

const struct row rows_put[] = {
    { "PUT-01", "F adm write saves:5FC102", "what is written is read back",
      "v := pattern 59; put 5FC102 {v} -> 9000; get 5FC102 -> 53({v}) 9000+", NULL, "P2 3.3.1" },
    { "PUT-02", "F verify write saves:5FC102", "writing wants the management key, from the first part of a chain on",
      HALVES "10DB3FFF[{a}] -> 6982; put 5FC102 AA -> 6982; pin; put 5FC102 AA -> 6982;"
      "10DB3FFF[{a}] -> 6982;"
      UNCHANGED, NULL, "P2 3.3.1" },
    { "PUT-03", "F adm write saves:5FC102", "2,881 bytes come in a chain",
      "v := pattern 2881; put 5FC102 {v} -> 9000; get 5FC102 -> 53({v}) 9000+", NULL, "P2 3.3.1" },
    { "PUT-04", "F adm write saves:5FC102", "another command ends a chain and is not touched by it",
      HALVES "10DB3FFF[{a}] -> 9000; 10DB3FFF[{AA*10}] -> 9000; get {any} -> * 9000+; 00DB3FFF[{b}] -> err;"
      "" UNCHANGED,
      NULL, "7816-4 5.3.3" },
    { "PUT-05", "F adm write saves:5FC102", "a chain whose P1 P2 change has no effect",
      HALVES "10DB3FFF[{a}] -> 9000; 00DB3FFE[{b}] -> err;" UNCHANGED, NULL, "7816-4 5.3.3" },
    { "PUT-06", "F adm write saves:5FC102", "a chain without end is ended", NULL, put_06, "house" },
    { "PUT-07", "F adm write saves:5FC102", "a chain does not outlive a SELECT of something else",
      HALVES "10DB3FFF[{a}] -> 9000; 00A40400[F001020304]00 -> 6A82; 00DB3FFF[{b}] -> err; yk: select;"
      "" UNCHANGED,
      NULL, "house" },
    { "PUT-08", "P adm write saves:5FC105", "an empty object is no object",
      NULL, put_08, "P2 3.3.1, YK" },
    { "PUT-09", "F adm write piv nogpin", "the discovery object is written as itself, and its policy holds at once",
      NULL, put_09, "P2 3.3.1" },
    { "PUT-10", "F adm write noocc", "a card that compares no fingerprints has no group template, or an empty one",
      NULL, put_10, "P1 3.3.6" },
    { "PUT-11", "F adm write", "tags that no one has given out cannot be written",
      "piv: put 5FC1FF AA -> 6A81~err;"
      "yk: put 5FC1FF AA -> 6A82, put 5FFF10 AA -> 9000, put 5FFF10 _ -> 9000", NULL,
      "P2 3.3.1, YK" },
    { "PUT-12", "F adm write saves:5FC102", "data that are not 53 with the right length are wrong",
      "o := object 5FC102; 00DB3FFF[5C(5FC102)54(AA)] -> 6A80~err; 00DB3FFF[5C(5FC102)5305AA] -> 6A80~err;"
      "00DB3FFF[5C(5FC102)5300AA] -> 6A80~err;" UNCHANGED, NULL, "P2 3.3.1" },
    { "PUT-13", "F adm write saves:5FC105", "an object above the limit has no room, and the old one stays",
      NULL, put_13, "P2 3.3.1" },
    { "PUT-14", "F adm write saves:5FC102", "P1 P2 other than 3FFF are refused",
      "o := object 5FC102; each 3FFE 00FF 0000: 00DB{.}[5C(5FC102)53(AA)] -> 6A86~err;"
      "" UNCHANGED, NULL, "P2 3.3.1" },
    { "PUT-15", "F adm write", "a full card keeps what it has, and a delete makes room",
      NULL, put_15, "house" },
    { "PUT-16", "F adm write saves:5FC102", "a shorter value takes the place of a longer one whole",
      "v := pattern 600; put 5FC102 {v} -> 9000; put 5FC102 AABB -> 9000; get 5FC102 -> 53(AABB) 9000",
      NULL, "house" },
    { "PUT-17", "hands", "writing that is cut off leaves the old value or the new one",
      "needs a power cut: left to the tree's own tests", NULL, "house" },
    { "PUT-18", "hands", "a full disk is a memory failure, and the old value stays",
      "needs a full disk: left to the tree's own tests", NULL, "7816-4 5.1.5" },
    { "PUT-19", "hands", "what was answered with 9000 is on disk",
      "needs pcscd killed: left to the tree's own tests", NULL, "house" },
    { "PUT-20", "F adm write saves:5FC102,5FC105", "the card stores and does not judge",
      "put 5FC102 DEADBEEF -> 9000; get 5FC102 -> 53(DEADBEEF) 9000; v := bytes 70()71(00)FE();"
      "put 5FC105 {v} -> 9000; get 5FC105 -> 53({v}) 9000; v := random 300; put 5FC105 {v} -> 9000;"
      "get 5FC105 -> 53({v}) 9000+", NULL, "YK" },
    { .id = NULL },
};
