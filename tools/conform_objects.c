/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_objects.c — rows of group 11 that walk through every object: lengths, order of tags, CHUID, CCC, FASC-N. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/conform_data.h"

/* The tags inside each object, in their order; ? = may be missing.  SP 800-73-5 Part 1, appendix A. */
struct layout {
    uint32_t first, last;
    const char *tags;
};

#define CERTIFICATE "70 71 72? FE"

static const struct layout layouts[] = {
    { 0x5FC107, 0x5FC107, "F0 F1 F2 F3 F4 F5 F6 F7 E3? E4? B4? FA? FB? FC? FD? FE" },
    { 0x5FC102, 0x5FC102, "EE? 30 31? 32? 33? 34 35 36? 3D? 3E FE" },
    { 0x5FC105, 0x5FC105, CERTIFICATE },
    { 0x5FC101, 0x5FC101, CERTIFICATE },
    { 0x5FC10A, 0x5FC10B, CERTIFICATE },
    { 0x5FC10D, 0x5FC120, CERTIFICATE },
    { 0x5FC10C, 0x5FC10C, "C1 C2 F3? FE" },
    { 0x5FC106, 0x5FC106, "BA BB FE" },
    { 0x5FC109, 0x5FC109, "01 02 04 05 06 07? 08? FE" },
    { 0x5FC103, 0x5FC103, "BC FE" },
    { 0x5FC108, 0x5FC108, "BC FE" },
    { 0x5FC121, 0x5FC121, "BC FE" },
    { 0x5FC122, 0x5FC122, "70 71 7F21? FE" },
    { 0x5FC123, 0x5FC123, "99 FE" },
    { 0x7F61, 0x7F61, "02 7F60? 7F60?" },
    { 0x7E, 0x7E, "4F 5F2F" },
};

/* Take the next element.  BER allows every form of a length; this project's card takes the shortest. */
static bool next_shortest(const struct judge *j, struct in *in, uint32_t *tag, struct in *value)
{
    size_t before = in->n;
    uint8_t space[16];
    struct out head = out_of(space, sizeof space);

    if (!tlv_next(in, tag, value))
        return false;
    tlv_head(&head, *tag, value->n);
    return !j->terms.house || before - in->n == head.n + value->n;
}

bool object_inside(struct judge *j, uint32_t tag, struct in *inside)
{
    int digits = tag > 0xFFFF ? 6 : tag > 0xFF ? 4 : 2;

    *inside = in_of(NULL, 0);
    if (!playf(j, "get %0*X -> * 9000|6982|6A82+", digits, (unsigned)tag))
        return false;
    j->result->came[0] = '\0';
    if (j->sw != 0x9000)
        return true;
    return tlv_at(j->data, tag == 0x7E ? "7E" : tag == 0x7F61 ? "7F61" : "53", inside) ||
           fail(j, "object %X comes without its outer tag", (unsigned)tag);
}

bool each_object(struct judge *j, bool (*look)(struct judge *j, uint32_t tag, const char *tags, struct in inside))
{
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        for (uint32_t tag = layouts[i].first; tag <= layouts[i].last; tag++) {
            struct in inside;
            if (!object_inside(j, tag, &inside))
                return false;
            if (inside.n > 0 && !look(j, tag, layouts[i].tags, inside))
                return false;
        }
    }
    return true;
}

static bool lengths(struct judge *j, uint32_t object, const char *tags, struct in inside)
{
    struct in whole = j->data, value;
    uint32_t tag;

    (void)tags;
    if (!next_shortest(j, &whole, &tag, &value) || !in_end(&whole))
        return fail(j, "object %X: the outer length does not fit", (unsigned)object);
    while (!in_end(&inside))
        if (!next_shortest(j, &inside, &tag, &value))
            return fail(j, "object %X: a length inside does not fit", (unsigned)object);
    return true;
}

static bool order(struct judge *j, uint32_t object, const char *tags, struct in inside)
{
    char copy[120], *rest = NULL;
    struct in value, peek;
    uint32_t tag;

    snprintf(copy, sizeof copy, "%s", tags);
    for (char *t = strtok_r(copy, " ", &rest); t != NULL; t = strtok_r(NULL, " ", &rest)) {
        uint32_t want = (uint32_t)strtoul(t, NULL, 16);
        peek = inside;
        if (tlv_next(&peek, &tag, &value) && tag == want) {
            if (want == 0xFE && value.n != 0)
                return fail(j, "object %X: FE is not empty", (unsigned)object);
            inside = peek;
        } else if (t[strlen(t) - 1] != '?') {
            return fail(j, "object %X: tag %X is missing, or not in its place", (unsigned)object, (unsigned)want);
        }
    }
    return in_end(&inside) || fail(j, "object %X: a tag that it does not have, or in another order", (unsigned)object);
}

bool dat_01(struct judge *j)
{
    return each_object(j, lengths);
}

bool dat_02(struct judge *j)
{
    return each_object(j, order);
}

/* The CCC, SP 800-73-5 Part 1, 3.1.1 and appendix A: lengths that may also be 0, and the one value that the standard
 * names, the data model.  What the others hold is the GSC-IS' (and this project's card's) business. */
bool dat_03(struct judge *j)
{
    static const struct {
        uint8_t tag;
        size_t n;
        int value; /* -1 = any */
    } parts[] = { { 0xF0, 21, -1 }, { 0xF1, 1, 0x21 }, { 0xF2, 1, 0x21 }, { 0xF3, 128, -1 }, { 0xF4, 1, 0x00 },
                  { 0xF5, 1, 0x10 }, { 0xF6, 17, -1 }, { 0xF7, 0, -1 } };
    static const uint8_t rid[] = { 0xA0, 0x00, 0x00, 0x01, 0x16 };
    struct in inside, value, start;

    if (!object_inside(j, 0x5FC107, &inside))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        bool model = parts[i].tag == 0xF5, variable = parts[i].tag == 0xF3;
        if (!tlv_get(&inside, parts[i].tag, &value))
            return fail(j, "the CCC has no %02X in its place", parts[i].tag);
        if (variable ? value.n > parts[i].n : value.n != parts[i].n && (model || value.n != 0))
            return fail(j, "the CCC's %02X has %zu bytes", parts[i].tag, value.n);
        if (parts[i].value >= 0 && value.n == 1 && (model || j->terms.house) && value.p[0] != parts[i].value)
            return fail(j, "the CCC's %02X is not %02X", parts[i].tag, (unsigned)parts[i].value);
        if (i == 0 && value.n != 0 &&
            (!in_take(&value, sizeof rid, &start) || !in_equal(start, in_of(rid, sizeof rid))))
            return fail(j, "the card identifier does not begin with A000000116");
    }
    return true;
}

/* The value of one tag of the CHUID, of exactly n bytes. */
bool chuid_part(struct judge *j, const char *path, size_t n, struct in *value)
{
    struct in inside;

    if (!object_inside(j, 0x5FC102, &inside))
        return false;
    if (!tlv_at(inside, path, value) || value->n != n)
        return fail(j, "the CHUID has no %s of %zu bytes", path, n);
    return true;
}

/* RFC 4122 (now RFC 9562), 4.1: variant 10x, version 1, 4 or 5. */
bool dat_05(struct judge *j)
{
    struct in guid;

    if (!chuid_part(j, "34", 16, &guid))
        return false;
    unsigned version = guid.p[6] >> 4;
    return ((guid.p[8] & 0xC0) == 0x80 && (version == 1 || version == 4 || version == 5)) ||
           fail(j, "the CHUID's GUID is no UUID of version 1, 4 or 5");
}

enum { FASCN_GROUPS = 40, FASCN_START = 0x1A, FASCN_FIELD = 0x16, FASCN_END = 0x1F };

/* 40 groups of five bits; a digit is four bits, least significant first, and odd parity. */
static bool fascn_digit(uint8_t group)
{
    unsigned value = (group >> 4 & 1) | (group >> 3 & 1) << 1 | (group >> 2 & 1) << 2 | (group >> 1 & 1) << 3;

    return value <= 9 && __builtin_popcount(group) % 2 == 1;
}

/* Where the separators stand: after 4, 4, 6, 1 and 1 digits.  SP 800-73-5 Part 1, 3.1.2 and TIG SCEPACS. */
static uint8_t fascn_mark(size_t i)
{
    static const uint8_t fields[] = { 5, 10, 17, 19, 21 };

    if (i == 0)
        return FASCN_START;
    if (i == FASCN_GROUPS - 2)
        return FASCN_END;
    for (size_t k = 0; k < sizeof fields; k++)
        if (fields[k] == i)
            return FASCN_FIELD;
    return 0;
}

bool dat_07(struct judge *j)
{
    struct in fascn;
    uint8_t lrc = 0;

    if (!chuid_part(j, "30", 25, &fascn))
        return false;
    for (size_t i = 0; i < FASCN_GROUPS; i++) {
        size_t bit = i * 5;
        unsigned two = (unsigned)fascn.p[bit / 8] << 8 | (bit / 8 + 1 < fascn.n ? fascn.p[bit / 8 + 1] : 0u);
        uint8_t group = two >> (11 - bit % 8) & 0x1F, mark = fascn_mark(i);
        if (i == FASCN_GROUPS - 1)
            return group == lrc || fail(j, "the FASC-N's LRC is wrong");
        lrc ^= group;
        if (mark != 0 ? group != mark : !fascn_digit(group))
            return fail(j, "group %zu of the FASC-N is not what stands there", i);
    }
    return false;
}

static bool expiry_tm(struct judge *j, struct tm *expiry)
{
    struct in date;
    char text[9];
    int year, month, day;

    if (!chuid_part(j, "35", 8, &date))
        return false;
    memcpy(text, date.p, 8);
    text[8] = '\0';
    if (strspn(text, "0123456789") != 8 || sscanf(text, "%4d%2d%2d", &year, &month, &day) != 3)
        return fail(j, "the CHUID's expiry is not eight digits");
    *expiry = (struct tm){ .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 12 };
    struct tm same = *expiry;
    timegm(&same); /* an impossible date comes back as another one */
    return (same.tm_mday == day && same.tm_mon == month - 1) || fail(j, "%s is no date", text);
}

bool dat_08(struct judge *j)
{
    struct tm expiry, end;

    if (!expiry_tm(j, &expiry))
        return false;
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        uint32_t tag = certificate_tag(j->slots[i].ref);
        X509 *x = j->slots[i].pub == NULL || tag == 0 ? NULL : certificate_read(j, tag);
        bool late = x != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(x), &end) == 1 &&
                    timegm(&end) > timegm(&expiry) + 86400;
        X509_free(x);
        if (late)
            return fail(j, "the certificate of %02X outlives the CHUID", j->slots[i].ref);
    }
    return true;
}
