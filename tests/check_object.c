/* SPDX-License-Identifier: BSD-2-Clause */
/* check_object.c — the table of data objects, GET DATA and PUT DATA. */
#include <stdlib.h>
#include <string.h>

#include "tests/check_suites.h"
#include "tests/live.h"

static struct live l;
static uint8_t sample[OBJECT_MAX + 64];

static void set_up(void)
{
    live_init(&l, "piv", ALG_3DES, LIVE_EMPTY);
    for (size_t i = 0; i < sizeof sample; i++)
        sample[i] = (uint8_t)(i * 7 + i / 256);
}

static void set_up_yubikey(void)
{
    set_up();
    live_clear(&l);
    live_init(&l, "yubikey", ALG_3DES, LIVE_EMPTY);
}

static void tear_down(void)
{
    live_clear(&l);
}

/* SP 800-73-5 Part 1, table 3 and appendix A: a second copy of the tags, container identifiers, read rules and
 * minimum capacities; Yubico's objects hold 3,052 bytes. */
static const struct {
    uint32_t first, last;
    uint16_t container, capacity;
    bool pin, certificate, yubikey;
} rows[OBJECT_COUNT] = {
    { 0x5FC107, 0x5FC107, 0xDB00, 170, false, false, false }, { 0x5FC102, 0x5FC102, 0x3000, 2881, false, false, false },
    { 0x5FC105, 0x5FC105, 0x0101, 1857, false, true, false }, { 0x5FC103, 0x5FC103, 0x6010, 4006, true, false, false },
    { 0x5FC106, 0x5FC106, 0x9000, 1336, false, false, false }, { 0x5FC108, 0x5FC108, 0x6030, 12710, true, false, false },
    { 0x5FC101, 0x5FC101, 0x0500, 1857, false, true, false }, { 0x5FC10A, 0x5FC10A, 0x0100, 1857, false, true, false },
    { 0x5FC10B, 0x5FC10B, 0x0102, 1857, false, true, false }, { 0x5FC109, 0x5FC109, 0x3001, 245, true, false, false },
    { 0x7E, 0x7E, 0x6050, 19, false, false, false },          { 0x5FC10C, 0x5FC10C, 0x6060, 128, false, false, false },
    { 0x5FC10D, 0x5FC120, 0x1001, 1895, false, true, false }, { 0x5FC121, 0x5FC121, 0x1015, 7106, true, false, false },
    { 0x7F61, 0x7F61, 0x1016, 65, false, false, false },      { 0x5FC122, 0x5FC122, 0x1017, 2471, false, false, false },
    { 0x5FC123, 0x5FC123, 0x1018, 12, true, false, false },   { 0x5FFF00, 0x5FFF00, 0, 3052, false, false, true },
    { 0x5FFF01, 0x5FFF01, 0, 3052, false, true, true },       { 0x5FFF02, 0x5FFF0F, 0, 3052, false, false, true },
    { 0x5FFF10, 0x5FFF1F, 0, 3052, false, false, true },
};

START_TEST(rows_are_the_standards)
{
    const struct object *o = object_by_tag(rows[_i].first);

    ck_assert(o != NULL && o->first == rows[_i].first && o->last == rows[_i].last);
    ck_assert_uint_eq(o->capacity, rows[_i].capacity);
    ck_assert(o->capacity <= OBJECT_MAX);
    ck_assert(o->container == rows[_i].container && o->yubikey == rows[_i].yubikey);
    ck_assert_int_eq(o->read == READ_PIN, rows[_i].pin);
    ck_assert_int_eq(o->certificate, rows[_i].certificate);
    ck_assert_ptr_eq(object_by_tag(rows[_i].last), o);
    ck_assert(object_by_tag(rows[_i].first - 1) != o && object_by_tag(rows[_i].last + 1) != o);
}
END_TEST

/* SP 800-73-5 Part 1, table 3: what plain contactless may read. */
START_TEST(five_objects_are_for_everyone)
{
    static const uint32_t tags[] = { OBJECT_CHUID, OBJECT_CERT_CARD_AUTHENTICATION, OBJECT_DISCOVERY, OBJECT_BIT_GROUP,
                                     OBJECT_SM_SIGNER };
    unsigned n = 0;

    for (size_t i = 0; i < OBJECT_COUNT; i++)
        n += objects[i].contactless;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        ck_assert(object_by_tag(tags[i])->contactless);
    ck_assert_uint_eq(n, sizeof tags / sizeof tags[0]);
}
END_TEST

START_TEST(there_are_no_other_objects)
{
    unsigned known = 0;

    for (uint32_t tag = 0; tag < 0x1000000; tag += tag < 0x5FC000 ? 0x3 : 1)
        known += object_by_tag(tag) != NULL && tag >= 0x5FC000;
    ck_assert_uint_eq(known, 34 + 32);
}
END_TEST

/* Does row i of this card take part in PUT DATA? */
static bool writable(size_t i, bool yubikey)
{
    if (rows[i].first == OBJECT_BIT_GROUP || rows[i].first == OBJECT_DISCOVERY)
        return false;
    return !rows[i].yubikey || yubikey;
}

static void check_access(bool yubikey)
{
    struct in value;

    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        bool known = !rows[i].yubikey || yubikey, made = rows[i].first == OBJECT_DISCOVERY;
        sw_t absent = made || (yubikey && rows[i].first == OBJECT_YK_ATTESTATION) ? SW_SUCCESS : SW_NOT_FOUND;

        answers(live_get(&l, rows[i].first, &value), known && rows[i].pin ? SW_SECURITY_STATUS : absent);
        answers(live_get(&l, rows[i].last, &value), known && rows[i].pin ? SW_SECURITY_STATUS : absent);
        /* Writing: the right to do so comes before everything else. */
        answers(live_put(&l, rows[i].first, in_of("x", 1)), SW_SECURITY_STATUS);
    }
    live_verify(&l);
    for (size_t i = 0; i < OBJECT_COUNT; i++)
        if (rows[i].pin) {
            answers(live_get(&l, rows[i].first, &value), SW_NOT_FOUND);
            answers(live_put(&l, rows[i].first, in_of("x", 1)), SW_SECURITY_STATUS);
        }
}

START_TEST(access_comes_before_existence)
{
    check_access(false);
}
END_TEST

START_TEST(access_comes_before_existence_yubikey)
{
    check_access(true);
}
END_TEST

static void check_round_trip(bool yubikey)
{
    static const size_t sizes[] = { 1, 127, 128, 255, 256, 257, 511, 512, 3000, OBJECT_MAX };
    struct in value;

    live_admin(&l);
    live_verify(&l);
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        if (!writable(i, yubikey))
            continue;
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            answers(live_put(&l, rows[i].last, in_of(sample + s, sizes[s])), SW_SUCCESS);
            answers(live_get(&l, rows[i].last, &value), SW_SUCCESS);
            ck_assert(in_equal(value, in_of(sample + s, sizes[s])));
        }
        /* One byte above: refused, and the object is what it was. */
        answers(live_put(&l, rows[i].last, in_of(sample, OBJECT_MAX + 1)), SW_NO_ROOM);
        answers(live_get(&l, rows[i].last, &value), SW_SUCCESS);
        ck_assert(in_equal(value, in_of(sample + 9, OBJECT_MAX)));
        answers(live_put(&l, rows[i].last, in_of("\xAA", 1)), SW_SUCCESS);
        answers(live_get(&l, rows[i].last, &value), SW_SUCCESS);
        ck_assert(in_equal(value, in_of("\xAA", 1)));
        answers(live_put(&l, rows[i].last, in_of(NULL, 0)), SW_SUCCESS);
        answers(live_get(&l, rows[i].last, &value), SW_NOT_FOUND);
    }
}

START_TEST(what_is_written_is_read)
{
    check_round_trip(false);
}
END_TEST

START_TEST(what_is_written_is_read_yubikey)
{
    check_round_trip(true);
}
END_TEST

START_TEST(objects_beyond_the_set_are_refused)
{
    live_admin(&l);
    answers(live_put(&l, 0x5FC1FF, in_of("x", 1)), SW_FUNCTION_NOT_SUPPORTED);
    answers(live_put(&l, 0x5FC104, in_of("x", 1)), SW_FUNCTION_NOT_SUPPORTED);
    answers(live_put(&l, 0x5FFF00, in_of("x", 1)), SW_FUNCTION_NOT_SUPPORTED);
    answers(live_put(&l, OBJECT_BIT_GROUP, in_of("x", 1)), SW_FUNCTION_NOT_SUPPORTED);
    answers(live_hex(&l, "00DB3FFF06 7F61 03 02 01 00"), SW_FUNCTION_NOT_SUPPORTED);
    ck_assert_uint_eq(l.fake.stores, 0);
}
END_TEST

START_TEST(objects_beyond_the_set_are_refused_yubikey)
{
    live_admin(&l);
    answers(live_put(&l, 0x5FC1FF, in_of("x", 1)), SW_NOT_FOUND);
    answers(live_put(&l, 0x5FFF20, in_of("x", 1)), SW_NOT_FOUND);
    answers(live_put(&l, OBJECT_DISCOVERY, in_of("x", 1)), SW_FUNCTION_NOT_SUPPORTED);
    answers(live_hex(&l, "00DB3FFF14 7E12 4F0BA000000308000010000100 5F2F024000"), SW_FUNCTION_NOT_SUPPORTED);
    answers(live_hex(&l, "00DB3FFF06 7F61 03 02 01 00"), SW_FUNCTION_NOT_SUPPORTED);
    ck_assert_uint_eq(l.fake.stores, 0);
}
END_TEST

/* GET DATA: the tag list, and nothing after it. */
static const struct {
    const char *data;
    sw_t sw;
} lists[] = {
    { "00CB3FFF 05 5C035FC105", SW_NOT_FOUND },  { "00CB3FFF", SW_WRONG_DATA },
    { "00CB3FFF 01 5C", SW_WRONG_DATA },         { "00CB3FFF 02 5C00", SW_WRONG_DATA },
    { "00CB3FFF 05 5D035FC102", SW_WRONG_DATA }, { "00CB3FFF 05 5C045FC102", SW_WRONG_DATA },
    { "00CB3FFF 05 5C025FC102", SW_WRONG_DATA }, { "00CB3FFF 06 5C035FC10500", SW_WRONG_DATA },
    { "00CB3FFF 08 5C065FC1025FC107", SW_WRONG_DATA }, { "00CB3FFF 06 5C0400005FC1", SW_WRONG_DATA },
    { "00CB3FFF 03 5C0155", SW_NOT_FOUND },      { "00CB3FFF 04 5C025FC1", SW_NOT_FOUND },
    { "00CB3FFF 05 5C035FFFFF", SW_NOT_FOUND },  { "00CB3FFF 05 5C035FC100", SW_NOT_FOUND },
    { "00CB3FFF 05 5C0305CF20", SW_NOT_FOUND },  { "00CB3FFF 04 5C02007E", SW_NOT_FOUND },
    { "00CB3FFF 05 5C0300007E", SW_NOT_FOUND },  { "00CB3FFE 05 5C035FC102", SW_WRONG_P1P2 },
    { "00CB00FF 05 5C035FC102", SW_WRONG_P1P2 }, { "00CB3F00 05 5C035FC102", SW_WRONG_P1P2 },
};

START_TEST(a_tag_list_names_one_object)
{
    answers(live_hex(&l, lists[_i].data), lists[_i].sw);
}
END_TEST

/* PUT DATA that is not of the form, on an object that is there. */
static const char *const ill_formed[] = {
    "00DB3FFF",                              /* nothing */
    "00DB3FFF 05 5C035FC105",                /* no 53 */
    "00DB3FFF 04 530201FF",                  /* no 5C */
    "00DB3FFF 08 5C035FC105 5401AA",         /* another tag for 53 */
    "00DB3FFF 08 5C035FC105 5302AA",         /* 53 longer than the data */
    "00DB3FFF 09 5C035FC105 5301AABB",       /* … shorter */
    "00DB3FFF 08 5D035FC105 5301AA",         /* another tag for 5C */
    "00DB3FFF 05 5C00 5301AA",               /* no tag in 5C */
    "00DB3FFF 09 5C045FC10500 5301AA",       /* four bytes in 5C */
    "00DB3FFF 0A 5C035FC105 5380AA0000",     /* indefinite length */
    "00DB3FFF 0B 5C035FC105 5301AA 5301BB",  /* twice */
    "00DB3FFF 03 7E0100",                    /* a discovery object without its fields */
    "00DB3FFF 05 5C017E 5300",               /* … and deleted */
};

START_TEST(ill_formed_writes_change_nothing)
{
    struct in value;

    live_admin(&l);
    answers(live_put(&l, OBJECT_CERT_AUTHENTICATION, in_of("abc", 3)), SW_SUCCESS);
    answers(live_hex(&l, ill_formed[_i]), SW_WRONG_DATA);
    answers(live_get(&l, OBJECT_CERT_AUTHENTICATION, &value), SW_SUCCESS);
    ck_assert(in_equal(value, in_of("abc", 3)));
    ck_assert_uint_eq(l.fake.stores, 1);
}
END_TEST

START_TEST(both_forms_of_a_discovery_object_are_taken)
{
    static const char *const forms[] = {
        "00DB3FFF14 7E12 4F0BA000000308000010000100 5F2F024000",
        "00DB3FFF17 5C017E 5312 4F0BA000000308000010000100 5F2F024000",
    };
    struct in value;

    live_admin(&l);
    for (size_t i = 0; i < 2; i++) {
        answers(live_hex(&l, forms[i]), SW_SUCCESS);
        answers(live_get(&l, OBJECT_DISCOVERY, &value), SW_SUCCESS);
        ck_assert_uint_eq(value.n, 0x12);
    }
    /* 00 is no PIN of this card: no policy may name it; nor may one name none. */
    answers(live_hex(&l, "00DB3FFF14 7E12 4F0BA000000308000010000100 5F2F026010"), SW_WRONG_DATA);
    answers(live_hex(&l, "00DB3FFF14 7E12 4F0BA000000308000010000100 5F2F024010"), SW_WRONG_DATA);
    answers(live_hex(&l, "00DB3FFF14 7E12 4F0BA000000308000010000100 5F2F020000"), SW_WRONG_DATA);
    answers(live_hex(&l, "00DB3FFF14 7E12 4F0BA000000308000010000100 5F2F025000"), SW_WRONG_DATA);
    answers(live_hex(&l, "00DB3FFF14 7E12 4F0BA000000308000010000200 5F2F024000"), SW_WRONG_DATA);
    answers(live_hex(&l, "00DB3FFF15 7E13 4F0BA000000308000010000100 5F2F03400000"), SW_WRONG_DATA);
    answers(live_hex(&l, "00DB3FFF16 7E14 4F0BA000000308000010000100 5F2F024000 5000"), SW_WRONG_DATA);
}
END_TEST

START_TEST(a_policy_follows_at_once)
{
    live_clear(&l);
    live_init(&l, "piv", ALG_3DES, LIVE_GLOBAL);
    live_admin(&l);
    answers(live_hex(&l, "00200000"), 0x63C3);
    answers(live_hex(&l, "00DB3FFF14 7E12 4F0BA000000308000010000100 5F2F024000"), SW_SUCCESS);
    answers(live_hex(&l, "00200000"), SW_REFERENCE_NOT_FOUND);
    for (unsigned primary = 0; primary < 0x100; primary++) {
        char command[80];

        snprintf(command, sizeof command, "00DB3FFF14 7E12 4F0BA000000308000010000100 5F2F0260%02X", primary);
        answers(live_hex(&l, command), primary == 0x10 || primary == 0x20 ? SW_SUCCESS : SW_WRONG_DATA);
    }
    answers(live_hex(&l, "00200000"), 0x63C3);
}
END_TEST

START_TEST(a_full_card_keeps_what_it_has)
{
    uint32_t written[64];
    size_t n = 0;
    struct in value;

    live_admin(&l);
    live_verify(&l);
    for (uint32_t tag = 0x5FC101; tag <= 0x5FC123 && l.sw != SW_NO_ROOM; tag++) {
        if (object_by_tag(tag) == NULL)
            continue;
        if (live_put(&l, tag, in_of(sample + n, OBJECT_MAX)) == SW_SUCCESS)
            written[n++] = tag;
        else
            answers(l.sw, SW_NO_ROOM);
    }
    ck_assert_uint_eq(n, OBJECTS_TOTAL_MAX / OBJECT_MAX);
    for (size_t i = 0; i < n; i++) {
        answers(live_get(&l, written[i], &value), SW_SUCCESS);
        ck_assert(in_equal(value, in_of(sample + i, value.n)));
    }
    answers(live_put(&l, 0x5FC123, in_of("x", 1)), SW_NO_ROOM);
    answers(live_put(&l, written[0], in_of(sample, OBJECT_MAX - 1)), SW_SUCCESS);
    answers(live_put(&l, 0x5FC123, in_of("x", 1)), SW_SUCCESS);
    answers(live_put(&l, written[1], in_of(NULL, 0)), SW_SUCCESS);
    answers(live_put(&l, 0x5FC122, in_of(sample, OBJECT_MAX)), SW_SUCCESS);
}
END_TEST

START_TEST(key_history_counts_to_the_highest_retired_certificate)
{
    static const struct {
        uint32_t tag;
        bool there;
        const char *history; /* NULL = none */
    } steps[] = {
        { 0x5FC10D, true, "\xC1\x01\x01\xC2\x01\x00\xFE" },  { 0x5FC120, true, "\xC1\x01\x14\xC2\x01\x00\xFE" },
        { 0x5FC10E, true, "\xC1\x01\x14\xC2\x01\x00\xFE" },  { 0x5FC120, false, "\xC1\x01\x02\xC2\x01\x00\xFE" },
        { 0x5FC10D, false, "\xC1\x01\x02\xC2\x01\x00\xFE" }, { 0x5FC10E, false, NULL },
        { 0x5FC105, true, NULL },
    };
    struct in value;

    live_admin(&l);
    answers(live_get(&l, OBJECT_KEY_HISTORY, &value), SW_NOT_FOUND);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        answers(live_put(&l, steps[i].tag, in_of("cert", steps[i].there ? 4 : 0)), SW_SUCCESS);
        answers(live_get(&l, OBJECT_KEY_HISTORY, &value), steps[i].history == NULL ? SW_NOT_FOUND : SW_SUCCESS);
        if (steps[i].history != NULL)
            ck_assert(value.n == 8 && memcmp(value.p, steps[i].history, 8) == 0);
    }
    /* What a client has written is left alone, until it is deleted. */
    answers(live_put(&l, OBJECT_KEY_HISTORY, in_of("own", 3)), SW_SUCCESS);
    answers(live_put(&l, 0x5FC110, in_of("cert", 4)), SW_SUCCESS);
    answers(live_get(&l, OBJECT_KEY_HISTORY, &value), SW_SUCCESS);
    ck_assert(in_equal(value, in_of("own", 3)));
    answers(live_put(&l, OBJECT_KEY_HISTORY, in_of(NULL, 0)), SW_SUCCESS);
    answers(live_get(&l, OBJECT_KEY_HISTORY, &value), SW_SUCCESS);
    ck_assert(value.n == 8 && value.p[2] == 4);
}
END_TEST

START_TEST(the_global_pin_opens_protected_objects_where_the_policy_says_so)
{
    struct in value;

    live_clear(&l);
    live_init(&l, "piv", ALG_3DES, LIVE_GLOBAL);
    answers(live_get(&l, OBJECT_PRINTED, &value), SW_SECURITY_STATUS);
    answers(live_hex(&l, "0020000008" LIVE_GLOBAL_PIN), SW_SUCCESS);
    answers(live_get(&l, OBJECT_PRINTED, &value), SW_NOT_FOUND);
    live_admin(&l);
    answers(live_hex(&l, "00DB3FFF14 7E12 4F0BA000000308000010000100 5F2F024000"), SW_SUCCESS);
    answers(live_get(&l, OBJECT_PRINTED, &value), SW_SECURITY_STATUS);
}
END_TEST

Suite *suite_object(void)
{
    Suite *suite = suite_create("object");
    TCase *table = tcase_create("table"), *piv = tcase_create("piv"), *yubikey = tcase_create("yubikey");

    tcase_set_timeout(piv, 60);
    tcase_set_timeout(yubikey, 60);
    tcase_add_loop_test(table, rows_are_the_standards, 0, OBJECT_COUNT);
    tcase_add_test(table, five_objects_are_for_everyone);
    tcase_add_test(table, there_are_no_other_objects);
    suite_add_tcase(suite, table);
    tcase_add_checked_fixture(piv, set_up, tear_down);
    tcase_add_test(piv, access_comes_before_existence);
    tcase_add_test(piv, what_is_written_is_read);
    tcase_add_test(piv, objects_beyond_the_set_are_refused);
    tcase_add_loop_test(piv, a_tag_list_names_one_object, 0, sizeof lists / sizeof lists[0]);
    tcase_add_loop_test(piv, ill_formed_writes_change_nothing, 0, sizeof ill_formed / sizeof ill_formed[0]);
    tcase_add_test(piv, both_forms_of_a_discovery_object_are_taken);
    tcase_add_test(piv, a_policy_follows_at_once);
    tcase_add_test(piv, a_full_card_keeps_what_it_has);
    tcase_add_test(piv, key_history_counts_to_the_highest_retired_certificate);
    tcase_add_test(piv, the_global_pin_opens_protected_objects_where_the_policy_says_so);
    suite_add_tcase(suite, piv);
    tcase_add_checked_fixture(yubikey, set_up_yubikey, tear_down);
    tcase_add_test(yubikey, access_comes_before_existence_yubikey);
    tcase_add_test(yubikey, what_is_written_is_read_yubikey);
    tcase_add_test(yubikey, objects_beyond_the_set_are_refused_yubikey);
    suite_add_tcase(suite, yubikey);
    return suite;
}
