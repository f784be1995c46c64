/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_generate.c — rows of group 10: GENERATE ASYMMETRIC KEY PAIR. */
#include <stdlib.h>
#include <string.h>

#include "tools/conform_judge.h"

/* The public key in the last answer, as the library reads it; it refuses points off the curve. */
static EVP_PKEY *public_of_answer(struct judge *j, uint8_t alg)
{
    struct in inside;
    EVP_PKEY *pub = tlv_at(j->data, "7F49", &inside) ? public_from_template(alg, inside) : NULL;

    if (pub == NULL)
        fail(j, "the answer holds no public key of algorithm %02X", alg);
    return pub;
}

static bool gen_02(struct judge *j)
{
    static const uint8_t refs[] = { 0x9A, 0x9C, 0x9D, 0x9E }, curves[] = { ALG_P256, ALG_P384 };

    for (size_t i = 0; i < sizeof refs; i++) {
        for (size_t k = 0; k < sizeof curves; k++) {
            unsigned coordinates = curves[k] == ALG_P256 ? 64 : 96;
            if (!playf(j, "generate %02X %02X -> 7F49(86(04?%u)) 9000+", refs[i], curves[k], coordinates))
                return false;
            EVP_PKEY *pub = public_of_answer(j, curves[k]);
            if (pub == NULL)
                return false;
            EVP_PKEY_free(pub);
        }
    }
    return true;
}

/* The key that came back is the key that signs. */
static bool gen_07(struct judge *j)
{
    struct in block, signature;

    if (!play(j, "generate 9A 07 -> 7F49(81(?256)82(010001)) 9000+"))
        return false;
    EVP_PKEY *pub = public_of_answer(j, ALG_RSA2048);
    bool good = pub != NULL && play(j, "h := pkcs1 256 {aid}; pin; sign 9A 07 {h} -> 7C(82(?256=s)) 9000+");
    block = var(j, "h");
    signature = var(j, "s");
    if (good && !verify_rsa(pub, block, signature))
        good = fail(j, "the signature does not verify under the key that GENERATE gave");
    EVP_PKEY_free(pub);
    return good;
}

/* The old key is gone, its certificate stays: what the certificate says no longer verifies. */
static bool gen_08(struct judge *j)
{
    struct slot *slot = slot_of(j, 0x9A);

    if (!play(j, "o := object 5FC105; generate 9A 07 -> 7F49* 9000+; get 5FC105 -> {o} 9000+;"
                 "h := pkcs1 256 {aid}; pin; sign 9A 07 {h} -> 7C(82(?256=s)) 9000+"))
        return false;
    return slot != NULL && slot->pub != NULL &&
           (!verify_rsa(slot->pub, var(j, "h"), var(j, "s")) || fail(j, "the old key still signs"));
}

/* n keys of one algorithm, all different; what stands at `path` in the answer tells them apart. */
static bool different(struct judge *j, uint8_t alg, const char *pattern, unsigned n)
{
    uint8_t (*all)[32] = calloc(n, sizeof *all);
    bool good = all != NULL;

    for (unsigned i = 0; good && i < n; i++) {
        good = playf(j, "generate 9A %02X -> %s 9000+", alg, pattern);
        struct in key = var(j, "key");
        if (good && alg == ALG_RSA2048 && ((key.p[0] & 0x80) == 0 || (key.p[key.n - 1] & 1) == 0))
            good = fail(j, "the modulus has not exactly 2048 bits, or is even");
        if (good)
            memcpy(all[i], key.p, sizeof *all); /* the pattern holds at least 32 bytes */
        for (unsigned k = 0; good && k < i; k++)
            if (memcmp(all[k], all[i], sizeof *all) == 0)
                good = fail(j, "the same key was generated twice");
    }
    free(all);
    return good;
}

static bool gen_10(struct judge *j)
{
    return different(j, ALG_P256, "7F49(86(04?64=key))", j->terms.full ? 1000 : 50) &&
           different(j, ALG_RSA2048, "7F49(81(?256=key)82(010001))", j->terms.full ? 50 : 2);
}

#define SIGNS "h := pkcs1 256 {aid}; pin; sign 9A 07 {h} -> 7C(82(?256=s)) 9000+; check rsa 9A {h} {s}"

const struct row rows_gen[] = {
    { "GEN-01", "F adm late write spoils:9A", "an RSA-2048 key comes back as modulus and exponent",
      "generate 9A 07 -> 7F49(81(?256)82(010001)) 9000+", NULL, "P2 3.3.2" },
    { "GEN-02", "F adm late write spoils:9A,9C,9D,9E", "P-256 and P-384 keys come back as points on the curve",
      NULL, gen_02, "P2 3.3.2" },
    { "GEN-03", "P 9A:07 verify write", "generating wants the management key, and the PIN does not do",
      "generate 9A 11 -> 6982; pin; generate 9A 11 -> 6982;" SIGNS, NULL, "P2 3.3.2" },
    { "GEN-04", "F adm late write spoils:9A", "algorithms that are none, or too weak, are wrong data",
      "each 00 03 FF: generate 9A {.} -> 6A80; piv: generate 9A 06 -> 6A80;"
      "yk: generate 9A 06 -> 7F49(81(?128)82(010001)) 9000+", NULL, "78 table 1" },
    { "GEN-05", "F adm nosm write", "other parameters and key references are refused",
      "0047019A[AC(80(11))]00 -> 6A86; each 80 9B 04: generate {.} 11 -> 6A86", NULL, "P2 3.3.2" },
    { "GEN-06", "P 9A:07 adm verify write", "ill-formed data are wrong, and the key stays",
      "0047009A[80(11)]00 -> 6A80; 0047009A[AC()]00 -> 6A80; 0047009A[AC(80())]00 -> 6A80;"
      "0047009A[AC(80(1111))]00 -> 6A80; 0047009A[AC05_800111]00 -> 6A80; 0047009A -> 6A80;"
      "" SIGNS, NULL, "P2 3.3.2" },
    { "GEN-07", "F adm verify late write spoils:9A", "the key that came back is the one that signs",
      NULL, gen_07, "P2 3.3.2" },
    { "GEN-08", "P 9A:07 adm verify late write spoils:9A", "the old key goes, its certificate object stays",
      NULL, gen_08, "P2 3.3.2, YK" },
    { "GEN-09", "F adm late write spoils:82,95", "each of the twenty retired references takes a key, where any does",
      "each 82..95: generate {.} 11 -> 7F49(86(04?64)) 9000~6A86", NULL, "house" },
    { "GEN-10", "F adm late write spoils:9A", "no key comes twice (50 and 2; --full: 1,000 and 50)",
      NULL, gen_10, "78, FIPS 186-5 5.1" },
    { "GEN-11", "hands", "generating that is cut off leaves the old key or the new one",
      "needs a power cut: left to the tree's own tests", NULL, "house" },
    { "GEN-12", "F adm late write spoils:9A", "a long answer comes in pieces",
      "0047009A[AC(80(07))]00 -> 7F49* 610E =a; 00C000000E -> ?14=b 9000; k := bytes {a}{b};"
      "x := at 7F49/82 {k};"
      "check equal {x} 010001", NULL, "P2 3.3.2" },
    { "GEN-13", "hands", "the reader answers while a long key is generated",
      "needs a second program and a watch: left to the tree's own tests", NULL, "house" },
    { "GEN-14", "F adm late write spoils:9A", "the exponent may be named if it is 65537",
      "0047009A[AC(80(07)81(010001))]00 -> 7F49(81(?256)82(010001)) 9000+;"
      "0047009A[AC(80(07)81(03))]00 -> 6A80", NULL,
      "P2 3.3.2" },
    { .id = NULL },
};
