/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_data.c — rows of group 11: certificates, keys, key history. */
#include "applet/keyref.h"
#include "tools/conform_data.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { RETIRED_FIRST = 0x5FC10D, RETIRED_LAST = 0x5FC120, LAST_RETIRED = 20 };

/* 70 is one DER certificate and nothing else; 71 is 00, or 01 for gzip. */
static bool certificate(struct judge *j, uint32_t tag, const char *tags, struct in inside)
{
    struct in der, info;

    if (strncmp(tags, "70", 2) != 0)
        return true;
    if (!tlv_at(inside, "70", &der) || !tlv_at(inside, "71", &info) || info.n != 1 || info.p[0] > 0x01)
        return fail(j, "object %X: no 70, or 71 is neither 00 nor 01", (unsigned)tag);
    const unsigned char *p = der.p;
    bool plain = info.p[0] == 0x00;
    X509 *x = plain ? d2i_X509(NULL, &p, (long)der.n) : certificate_read(j, tag);
    bool good = x != NULL && (!plain || p == der.p + der.n);
    X509_free(x);
    return good || fail(j, "object %X: 70 is not one certificate", (unsigned)tag);
}

static bool dat_09(struct judge *j)
{
    return each_object(j, certificate);
}

/* A certificate that the host has compressed comes back as it was, and is one when inflated. */
static bool dat_10(struct judge *j)
{
    uint8_t object[4096], packed[4096], whole[4200];
    struct out plain = out_of(object, sizeof object), out = out_of(whole, sizeof whole);
    struct slot *slot = slot_of(j, 0x9D);
    z_stream z = { .next_out = packed, .avail_out = sizeof packed };
    struct in der;

    if (slot == NULL || !certificate_object(j, slot->pub, "compressed", 1000, &plain) ||
        !tlv_at(out_in(&plain), "70", &der) || deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return fail(j, "no compressed certificate could be made");
    z.next_in = (unsigned char *)(uintptr_t)der.p;
    z.avail_in = (unsigned)der.n;
    bool good = deflate(&z, Z_FINISH) == Z_STREAM_END;
    tlv_put(&out, 0x70, in_of(packed, z.total_out));
    tlv_put_u8(&out, 0x71, 0x01);
    tlv_put(&out, 0xFE, in_of(NULL, 0));
    deflateEnd(&z);
    good = good && var_set(j, "v", out_in(&out)) && play(j, "put 5FC110 {v} -> 9000; get 5FC110 -> 53({v}) 9000+");
    X509 *x = good ? certificate_read(j, 0x5FC110) : NULL;
    X509_free(x);
    return good && (x != NULL || fail(j, "the compressed certificate does not inflate to one"));
}

/* Every key does what its certificate says: signs, or, where it cannot, agrees. */
static bool key_works(struct judge *j, const struct slot *slot)
{
    const struct alg *alg = alg_by_id(slot->alg);

    if (alg->family == ALG_RSA)
        return playf(j, "pin; h := pkcs1 %zu {aid}; sign %02X %02X {h} -> 7C* 9000+ =a; s := at 7C/82 {a};"
                        "check rsa %02X {h} {s}", alg->size, slot->ref, slot->alg, slot->ref);
    if (alg->family == ALG_EC)
        return playf(j, "pin; d := sha256 {aid}; sign %02X %02X {d} -> 7C* 9000+ =a; s := at 7C/82 {a};"
                        "check ec %02X {d} {s}", slot->ref, slot->alg, slot->ref);
    return true; /* Ed25519 and X25519: group 14 */
}

static bool dat_11(struct judge *j)
{
    state_learn(j);
    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (j->slots[i].alg != 0 && !key_works(j, &j->slots[i]))
            return false;
    return true;
}

/* SP 800-78-5, table 1 has two sizes.  Of retired keys it says nothing: they may be old. */
static bool dat_16(struct judge *j)
{
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        const struct alg *alg = j->slots[i].alg == 0 ? NULL : alg_by_id(j->slots[i].alg);
        BIGNUM *e = NULL;
        if (alg == NULL || alg->family != ALG_RSA)
            continue;
        bool good = EVP_PKEY_get_bn_param(j->slots[i].pub, "e", &e) == 1 && BN_is_word(e, 65537) &&
                    EVP_PKEY_get_bits(j->slots[i].pub) == (int)alg->bits;
        BN_free(e);
        if (!good)
            return fail(j, "the RSA key of %02X: exponent or size", j->slots[i].ref);
        if (!j->terms.yubikey && j->slots[i].ref >= KEYREF_AUTHENTICATION && alg->bits != 2048 && alg->bits != 3072)
            return fail(j, "the RSA key of %02X has %u bits, not 2048 or 3072", j->slots[i].ref, alg->bits);
    }
    return true;
}

/* A history that does not know the certificates which this program has just written is the issuer's affair. */
static bool history_wrong(struct judge *j, const char *what)
{
    if (j->personal && !j->terms.house)
        return does_not_apply(j, "the card leaves the key history to its issuer, which is an option");
    return fail(j, "%s", what);
}

/* Every retired certificate lies among the first C1 objects, and the last of those is there. */
static bool history_right(struct judge *j)
{
    struct in inside, on_card;
    unsigned highest = 0, count;

    for (uint32_t tag = RETIRED_FIRST; tag <= RETIRED_LAST; tag++) {
        if (!object_inside(j, tag, &inside))
            return false;
        if (inside.n > 0)
            highest = tag - RETIRED_FIRST + 1;
    }
    if (!object_inside(j, 0x5FC10C, &inside))
        return false;
    if (highest == 0)
        return true; /* nothing retired: no history wanted */
    if (!tlv_at(inside, "C1", &on_card) || on_card.n != 1)
        return history_wrong(j, "there are retired certificates and no key history");
    count = on_card.p[0];
    return count == highest || history_wrong(j, "C1 is not the number of the highest retired certificate");
}

/* "http:// DNS name / ASCII-HEX encoded SHA-256 hash" */
static bool history_url(struct in url)
{
    static const char scheme[] = "http://", digits[] = "0123456789abcdefABCDEF";
    enum { HASH = 64 };
    struct in start;

    if (url.n > 118 || !in_take(&url, sizeof scheme - 1, &start) ||
        !in_equal(start, in_of(scheme, sizeof scheme - 1)) || url.n < 2 + HASH || url.p[url.n - HASH - 1] != '/' ||
        memchr(url.p, '/', url.n - HASH - 1) != NULL)
        return false;
    for (size_t i = url.n - HASH; i < url.n; i++)
        if (url.p[i] == '\0' || strchr(digits, url.p[i]) == NULL)
            return false;
    return true;
}

/* SP 800-73-5 Part 1, 3.3.3: how many keys there are, and the URL that belongs to those without certificates. */
static bool dat_29(struct judge *j)
{
    struct in inside, on_card, off_card, url;

    if (!object_inside(j, 0x5FC10C, &inside))
        return false;
    if (inside.n == 0)
        return does_not_apply(j, "the card has no key history");
    if (!tlv_at(inside, "C1", &on_card) || on_card.n != 1 || !tlv_at(inside, "C2", &off_card) || off_card.n != 1 ||
        on_card.p[0] + off_card.p[0] > LAST_RETIRED)
        return fail(j, "C1 and C2 of the key history are not one byte each, or more than twenty together");
    bool there = tlv_at(inside, "F3", &url) && url.n > 0;
    if (!there && off_card.p[0] > 0)
        return fail(j, "the key history counts certificates that are not on the card, and has no URL for them");
    if (there && on_card.p[0] == 0 && off_card.p[0] == 0)
        return fail(j, "the key history has a URL and counts no keys");
    return !there || history_url(url) || fail(j, "the key history's URL is not http://NAME/ and a SHA-256 hash in hex");
}

/* The history follows whoever writes certificates, until a client writes it; then it is his, until he deletes it. */
static bool dat_20(struct judge *j)
{
    if (!play(j, "put 5FC110 70(AA)71(00)FE() -> 9000; get 5FC10C -> * 9000~6A82+"))
        return false;
    if (j->sw != 0x9000)
        return does_not_apply(j, "the card leaves the key history to its issuer, which is an option");
    return play(j, "put 5FC110 70(AA)71(00)FE() -> 9000") && history_right(j) &&
           play(j, "put 5FC111 70(AA)71(00)FE() -> 9000") && history_right(j) &&
           play(j, "put 5FC111 _ -> 9000") && history_right(j) &&
           play(j, "put 5FC10C C1(05)C2(00)FE() -> 9000; put 5FC110 _ -> 9000;"
                   "get 5FC10C -> 53(C1(05)C2(00)FE()) 9000; put 5FC10C _ -> 9000") &&
           history_right(j);
}

static bool dat_17(struct judge *j)
{
    if (!play(j, "get 7E -> * 9000~6A82+"))
        return false;
    j->result->came[0] = '\0';
    if (j->sw != 0x9000)
        return does_not_apply(j, "the card has no discovery object, which is an option");
    return play(j, "get 7E -> 7E(4F({aid})5F2F(?2)) 9000 =a; repeat 8: get 7E -> {a} 9000; p := at 7E/5F2F {a};"
                   "check usage {p}");
}

static bool dat_25(struct judge *j)
{
    uint8_t object[8192];
    struct out out = out_of(object, sizeof object);
    struct slot *slot = slot_of(j, 0x9A);

    return slot != NULL && slot->pub != NULL && certificate_object(j, slot->pub, "large", 3100, &out) &&
           (out.n >= 3500 || fail(j, "the certificate was made too small: %zu bytes", out.n)) &&
           var_set(j, "v", out_in(&out)) && play(j, "put 5FC105 {v} -> 9000~6A84") &&
           (j->sw != 0x9000 || play(j, "get 5FC105 -> 53({v}) 9000+"));
}

const struct row rows_dat[] = {
    { "DAT-01", "P", "lengths add up, in every object",
      NULL, dat_01, "85B 8.1" },
    { "DAT-02", "P", "every object holds its own tags, in their order", NULL, dat_02, "P1 A" },
    { "DAT-03", "P", "the CCC holds what the table says", NULL, dat_03, "P1 A table 8" },
    { "DAT-04", "P", "the CHUID holds FASC-N, GUID, expiry and signature of their lengths",
      "get 5FC102 -> 53* 9000+ =a; x := at 53/30 {a}; x := left 25 {x}; x := at 53/34 {a}; x := left 16 {x};"
      "x := at 53/35 {a}; x := left 8 {x}; x := at 53/3E {a}; x := at 53/FE {a}", NULL, "P1 A table 9" },
    { "DAT-05", "P", "the GUID is a UUID", NULL, dat_05, "P1 3.4.1" },
    { "DAT-06", "hands", "two cards have two GUIDs",
      "needs a second card: left to the tree's own tests", NULL,
      "P1 3.4.1" },
    { "DAT-07", "P", "the FASC-N is well-formed: separators, parity, LRC", NULL, dat_07, "P1 3.1.2" },
    { "DAT-08", "P learn", "the CHUID's expiry is a date, and no certificate outlives it",
      NULL, dat_08, "85B 9.1" },
    { "DAT-09", "P", "a certificate object holds one certificate", NULL, dat_09, "P1 A table 10" },
    { "DAT-10", "P 9D:11 adm write saves:5FC110", "a compressed certificate is kept and can be inflated",
      NULL, dat_10, "P1 A" },
    { "DAT-11", "P verify", "every key fits its certificate", NULL, dat_11, "85B 11" },
    { "DAT-12", "T 9A:00", "9A's certificate is for signing", NULL, dat_12, "FPKI profile" },
    { "DAT-13", "T 9C:00", "9C's certificate is for signing and non-repudiation",
      NULL, dat_13, "FPKI profile" },
    { "DAT-14", "T 9D:00", "9D's certificate is for encipherment or agreement",
      NULL, dat_14, "FPKI profile" },
    { "DAT-15", "T 9E:00", "9E's certificate is for card authentication", NULL, dat_15, "FPKI profile" },
    { "DAT-16", "P learn", "RSA keys have the exponent 65537 and a size of the table",
      NULL, dat_16, "78 table 1" },
    { "DAT-17", "P", "the discovery object names the PINs that there may be, and never varies",
      NULL, dat_17, "P1 3.3.2" },
    { "DAT-18", "P", "what the discovery object does not name cannot be verified",
      "check global", NULL, "P1 3.3.2" },
    { "DAT-19", "P", "the key history counts every retired certificate", NULL, history_right, "P1 3.3.3" },
    { "DAT-20", "P adm write saves:5FC110,5FC111,5FC10C", "the key history is right whoever wrote the certificates",
      NULL, dat_20, "house" },
    { "DAT-21", "T pin", "printed information holds its tags in order", NULL, dat_21, "P1 A table 14" },
    { "DAT-22", "T pin", "the security object's digests are those of the objects", NULL, dat_22, "P1 3.1.7" },
    { "DAT-23", "T", "the CHUID is signed", NULL, dat_23, "P1 3.1.2" },
    { "DAT-24", "T 9A:00 9E:00", "the certificates name the CHUID's FASC-N and GUID",
      NULL, dat_24, "P1 3.4.1" },
    { "DAT-25", "P 9A:00 adm write saves:5FC105", "a certificate of 3,500 bytes is stored and read back",
      NULL, dat_25, "house" },
    { "DAT-26", "F house factory pin", "a factory card holds what it makes itself and nothing else",
      "each 5FC101 5FC103 5FC105 5FC106 5FC108 5FC109 5FC10A 5FC10B 5FC10C 5FC10D 5FC120 5FC121 5FC122 5FC123:"
      "get {.} -> 6A82; get 5FC102 -> * 9000; get 5FC107 -> * 9000; get 7E -> * 9000", NULL, "house" },
    { "DAT-27", "T", "the CHUID's signature has the form that the standard gives it", NULL, dat_27, "P1 3.1.2.1" },
    { "DAT-28", "T pin", "the security object holds every object that is not signed itself",
      NULL, dat_28, "P1 3.1.7" },
    { "DAT-29", "P", "the key history's numbers and its URL fit together", NULL, dat_29, "P1 3.3.3" },
    { .id = NULL },
};
