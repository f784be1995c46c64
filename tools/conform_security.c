/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_security.c — rows of group 13 that a client can see: random commands, secrets in answers, timing. */
#include <stdio.h>

#include "tools/conform_judge.h"

enum { LENGTHS = 301 };

/* A small generator of our own, so that a seed gives the same commands everywhere. */
static uint32_t next(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* One command of the instruction with n random bytes; never one that could be a right or wrong PIN or PUK. */
static bool random_command(struct judge *j, uint8_t ins, size_t n, uint32_t *seed)
{
    uint8_t space[4 + 3 + LENGTHS];
    struct out out = out_of(space, sizeof space);
    bool counted = ins == 0x20 || ins == 0x24 || ins == 0x2C;

    if (counted && (n == 8 || n == 16))
        return true;
    out_u8(&out, next(seed) % 8 == 0 ? 0x10 : 0x00);
    out_u8(&out, ins);
    out_u16(&out, next(seed) % 4 == 0 ? 0x3FFF : next(seed) % 4 == 0 ? 0x0080 : (uint16_t)next(seed));
    if (n > 255) {
        out_u8(&out, 0);
        out_u16(&out, (uint16_t)n);
    } else if (n > 0) {
        out_u8(&out, (uint8_t)n);
    }
    for (size_t i = 0; i < n; i++)
        out_u8(&out, (uint8_t)next(seed));
    if (counted)
        out.p[0] = 0x00; /* the parts of a chain could add up to a PIN */
    send_command(j, out_in(&out));
    return (j->answered && j->sw != 0x6F00) || fail(j, "a random command of INS %02X and %zu bytes was answered %04X",
                                                    ins, n, j->sw);
}

static bool sec_01(struct judge *j)
{
    static const uint8_t all[] = { 0xA4, 0xCB, 0x20, 0x24, 0x2C, 0x87, 0xDB, 0x47, 0xC0 };
    unsigned seeds = j->terms.full ? 1000 : 2;

    for (uint32_t s = 1; s <= seeds; s++) {
        uint32_t seed = s * 2654435761u;
        for (size_t i = 0; i < sizeof all; i++)
            for (size_t n = 0; n < LENGTHS; n++)
                if (!random_command(j, all[i], n, &seed))
                    return false;
    }
    return true;
}

/* Every answer of this run has been searched as it came. */
static bool sec_02(struct judge *j)
{
    if (j->leaked)
        return fail(j, "an answer held the PIN, the PUK or the management key");
    snprintf(j->result->came, sizeof j->result->came, "%llu answers", (unsigned long long)j->answers);
    return true;
}

/* From the same state a wrong PIN takes the same time whichever digit is wrong.  A right one may take longer: it
 * gives the tries back, which is written too. */
static bool sec_07(struct judge *j)
{
    static const struct timing_kind kinds[] = {
        { "reset; select", "verify {bad} -> T-1", "reset; select; pin" },
        { "reset; select; x := left 6 {pin}; x := flip {x}; y := skip 6 {pin}; late := bytes {x}{y}",
          "verify {late} -> T-1", "reset; select; pin" },
    };

    return timing_alike(j, kinds, 2, j->terms.full ? 10000 : 40);
}

const struct row rows_sec[] = {
    { "SEC-01", "F write late", "random commands stop nothing and bring no try back (2 seeds; --full: 1,000)",
      NULL, sec_01, "house" },
    { "SEC-02", "F last", "no answer of the whole run holds a PIN, a PUK or the management key",
      NULL, sec_02, "house" },
    { "SEC-03", "hands", "after a reset no secret is in pcscd's memory",
      "needs an image of pcscd's memory: left to the tree's own tests", NULL, "house" },
    { "SEC-04", "hands", "no secret is in the card file",
      "needs the card file: left to the tree's own tests", NULL,
      "house" },
    { "SEC-05", "hands", "a bit flipped in the card file is not accepted",
      "needs the card file: left to the tree's own tests", NULL, "house" },
    { "SEC-06", "hands", "an older copy of the card file brings no try back",
      "needs the card file: left to the tree's own tests", NULL, "house" },
    { "SEC-07", "F tries", "the time of VERIFY tells nothing about the PIN (40; --full: 10,000)",
      NULL, sec_07, "house" },
    { "SEC-08", "hands", "killing pcscd gives no guess for nothing",
      "needs pcscd killed: left to the tree's own tests",
      NULL, "house" },
    { "SEC-09", "hands", "two writers lose nothing",
      "needs a second program: left to the tree's own tests", NULL,
      "house" },
    { "SEC-10", "hands", "a card taken out during a signature is an error, and the next one works",
      "needs the card taken out: left to the tree's own tests", NULL, "7816-3" },
    { "SEC-11", "hands", "a card file that is none leaves an empty reader",
      "needs the card file: left to the tree's own tests", NULL, "house" },
    { "SEC-12", "hands", "no allocation that fails changes half of the card",
      "needs allocations to fail: left to the tree's own tests", NULL, "house" },
    { .id = NULL },
};
