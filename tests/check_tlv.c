/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tlv.c — byte cursors, BER-TLV and secrets: every form, every truncation, every flipped bit. */
#include <stdlib.h>
#include <string.h>

#include "applet/secret.h"
#include "tests/check_suites.h"
#include "tests/live.h"

START_TEST(numbers_are_big_endian_and_stop_at_the_end)
{
    const uint8_t bytes[] = { 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE };
    struct in in = in_of(bytes, sizeof bytes), before;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;

    ck_assert(in_u8(&in, &u8) && u8 == 0x12);
    ck_assert(in_u16(&in, &u16) && u16 == 0x3456);
    ck_assert(in_u32(&in, &u32) && u32 == 0x789ABCDE);
    ck_assert(in_end(&in));
    in = in_of(bytes, 3);
    before = in;
    ck_assert(!in_u32(&in, &u32));
    ck_assert(in.p == before.p && in.n == before.n);
    ck_assert(in_u16(&in, &u16) && !in_u16(&in, &u16) && in_u8(&in, &u8) && !in_u8(&in, &u8));
}
END_TEST

START_TEST(a_part_borrows_and_a_failed_take_does_not_move)
{
    const uint8_t bytes[] = { 1, 2, 3 };
    struct in in = in_of(bytes, sizeof bytes), part;

    ck_assert(!in_take(&in, 4, &part) && !in_take(&in, SIZE_MAX, &part) && in.p == bytes && in.n == 3);
    ck_assert(in_take(&in, 0, &part) && part.n == 0 && in.n == 3);
    ck_assert(in_take(&in, 2, &part) && part.p == bytes && part.n == 2);
    ck_assert(in_equal(part, in_of("\x01\x02", 2)) && !in_equal(part, in_of("\x01\x03", 2)));
    ck_assert(!in_equal(part, in_of("\x01\x02\x03", 3)) && in_equal(in_of(NULL, 0), in_of(bytes, 0)));
}
END_TEST

START_TEST(what_does_not_fit_sticks)
{
    uint8_t bytes[4];
    struct out out = out_of(bytes, sizeof bytes);

    out_u16(&out, 0x0102);
    ck_assert(!out.bad && out_room(&out, 3) == NULL && out.bad);
    out_u8(&out, 3);
    out_zero(&out, 1);
    out_put(&out, in_of("x", 1));
    ck_assert_uint_eq(out.n, 2);
    ck_assert(out_room(&out, 0) == NULL);
    out = out_of(bytes, sizeof bytes);
    out_u32(&out, 0xFFFFFFFF);
    out_cut(&out, 9);
    ck_assert_uint_eq(out.n, 4);
    out_cut(&out, 1);
    out_zero(&out, 3);
    ck_assert(!out.bad && memcmp(bytes, "\xFF\0\0\0", 4) == 0);
}
END_TEST

/* Sizes at which the shortest length form changes.  ISO/IEC 7816-4, 5.2.2.2. */
static const struct {
    size_t n, width;
    uint8_t first;
} lengths[] = {
    { 0, 1, 0x00 },      { 1, 1, 0x01 },      { 127, 1, 0x7F },      { 128, 2, 0x81 },     { 255, 2, 0x81 },
    { 256, 3, 0x82 },    { 257, 3, 0x82 },    { 511, 3, 0x82 },      { 512, 3, 0x82 },     { 3000, 3, 0x82 },
    { 16384, 3, 0x82 },  { 65535, 3, 0x82 },  { 65536, 4, 0x83 },    { 70000, 4, 0x83 },
};
static const uint32_t tags[] = { 0x00, 0x53, 0x7E, 0x80, 0x5F2F, 0x7F49, 0x7F61, 0x5FC102, 0x5FFF1F };

static void round_trip(uint32_t tag, size_t i, const uint8_t *value, uint8_t *room)
{
    size_t width = lengths[i].width, tag_width = tag > 0xFFFF ? 3 : tag > 0xFF ? 2 : 1;
    size_t whole = tag_width + width + lengths[i].n;
    struct out out = out_of(room, whole), nested = out_of(room + whole, whole);
    struct in in, got;
    uint32_t found;
    size_t mark;

    tlv_put(&out, tag, in_of(value, lengths[i].n));
    ck_assert(!out.bad && out.n == whole && room[tag_width] == lengths[i].first);
    in = out_in(&out);
    ck_assert(tlv_next(&in, &found, &got) && found == tag && in_end(&in));
    ck_assert(in_equal(got, in_of(value, lengths[i].n)));
    mark = tlv_begin(&nested, tag);
    out_put(&nested, in_of(value, lengths[i].n));
    tlv_end(&nested, mark);
    ck_assert(!nested.bad && in_equal(out_in(&nested), out_in(&out)));
    /* One byte less of room: bad, whichever way it is written. */
    out = out_of(room, whole - 1);
    tlv_put(&out, tag, in_of(value, lengths[i].n));
    ck_assert(out.bad);
    out = out_of(room, whole - 1);
    mark = tlv_begin(&out, tag);
    out_put(&out, in_of(value, lengths[i].n));
    tlv_end(&out, mark);
    ck_assert(out.bad);
}

START_TEST(elements_have_the_shortest_length_and_come_back)
{
    uint8_t *value = malloc(70000), *room = malloc(2 * 70010);

    ck_assert(value != NULL && room != NULL);
    for (size_t i = 0; i < 70000; i++)
        value[i] = (uint8_t)(i * 31 + i / 251);
    for (size_t t = 0; t < sizeof tags / sizeof tags[0]; t++)
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
            round_trip(tags[t], i, value, room);
    free(room);
    free(value);
}
END_TEST

START_TEST(a_length_that_no_form_holds_is_bad)
{
    uint8_t bytes[16];
    struct out out = out_of(bytes, sizeof bytes);

    tlv_head(&out, 0x53, 0x1000000);
    ck_assert(out.bad);
    /* A mark that begin did not give changes nothing. */
    out = out_of(bytes, sizeof bytes);
    out_u8(&out, 1);
    tlv_end(&out, 0);
    tlv_end(&out, 9);
    ck_assert(!out.bad && out.n == 1 && bytes[0] == 1);
}
END_TEST

static const char *const malformed[] = {
    "",                 /* nothing */
    "53",               /* no length */
    "53 80 00 00",      /* indefinite */
    "53 84 00 00 00 00",/* more length bytes than 7816-4 has */
    "53 FF",            /* reserved */
    "53 01",            /* past the end */
    "53 81",            /* length cut off */
    "53 81 02 00",      /* past the end */
    "53 82 01",         /* length cut off */
    "53 82 00 03 00 00",
    "53 83 FF FF FF 00",
    "5F",               /* tag cut off */
    "5F C1",            /* … later */
    "5F C1 82 01 00",   /* four bytes of tag */
    "1F FF FF",
};

START_TEST(malformed_elements_do_not_move_the_cursor)
{
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        uint8_t bytes[16];
        struct out room = out_of(bytes, sizeof bytes);
        struct in in = hex(malformed[i], &room), before = in, value;
        uint32_t tag;

        ck_assert_msg(!tlv_next(&in, &tag, &value), "%s", malformed[i]);
        ck_assert_msg(!tlv_get(&in, 0x53, &value), "%s", malformed[i]);
        ck_assert(in.p == before.p && in.n == before.n);
    }
}
END_TEST

START_TEST(another_tag_does_not_move_the_cursor)
{
    const uint8_t bytes[] = { 0x5C, 0x01, 0x7E };
    struct in in = in_of(bytes, sizeof bytes), value;

    ck_assert(!tlv_get(&in, 0x53, &value) && in.n == 3);
    ck_assert(!tlv_get(&in, 0x5C01, &value) && in.n == 3);
    ck_assert(tlv_get(&in, 0x5C, &value) && value.n == 1 && in_end(&in));
}
END_TEST

/* Whatever the bytes are: each value lies inside its parent, and the walk ends. */
static unsigned walk(struct in in, int depth)
{
    unsigned seen = 0;
    uint32_t tag;
    struct in value, before = in;

    while (tlv_next(&in, &tag, &value)) {
        ck_assert(value.p >= before.p && value.p + value.n == in.p && in.p + in.n == before.p + before.n);
        seen += 1 + (depth < 8 ? walk(value, depth + 1) : 0);
    }
    return seen;
}

START_TEST(truncations_and_flipped_bits_stay_inside)
{
    uint8_t bytes[160], *exact;
    struct out room = out_of(bytes, sizeof bytes);
    size_t mark = tlv_begin(&room, 0x7C);

    hex("80 08 0011223344556677 81 08 8877665544332211 82 00", &room);
    hex("7F49 1A 06 08 2A8648CE3D030107 86 0E 04 0102030405060708090A0B0C0D", &room);
    hex("5FC102 04 53 02 FE 00", &room);
    tlv_put(&room, 0x70, in_of(bytes, 70));
    tlv_end(&room, mark);
    ck_assert(!room.bad && walk(out_in(&room), 0) >= 8);
    for (size_t n = 0; n <= room.n; n++) {
        ck_assert_ptr_nonnull(exact = malloc(n > 0 ? n : 1));
        memcpy(exact, bytes, n);
        walk(in_of(exact, n), 0);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            exact[bit / 8] ^= (uint8_t)(1U << bit % 8);
            walk(in_of(exact, n), 0);
            exact[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        free(exact);
    }
}
END_TEST

START_TEST(secrets_compare_and_go)
{
    struct secret *s = secret_new(4), *copy;
    struct out out;

    ck_assert_ptr_nonnull(s);
    ck_assert(s->n == 4 && secret_equal(s, in_of("\0\0\0\0", 4)));
    out = secret_out(s);
    out_u32(&out, 0x01020304);
    ck_assert(!secret_equal(s, in_of("\1\2\3", 3)) && !secret_equal(s, in_of("\1\2\3\5", 4)));
    copy = secret_copy(secret_in(s));
    ck_assert(copy != NULL && secret_equal(copy, in_of("\1\2\3\4", 4)));
    secret_drop(&copy);
    ck_assert_ptr_null(copy);
    secret_drop(&copy);
    secret_free(NULL);
    secret_free(s);
    s = secret_copy(in_of(NULL, 0));
    ck_assert(s != NULL && s->n == 0 && secret_equal(s, in_of(NULL, 0)));
    secret_free(s);
}
END_TEST

START_TEST(secrets_live_in_the_secure_heap_once_it_is_open)
{
    struct secret *s;

    ck_assert(secret_heap() && secret_heap());
    s = secret_new(100);
    ck_assert(s != NULL && CRYPTO_secure_allocated(s));
    secret_free(s);
    ck_assert_ptr_null(secret_new((size_t)1 << 30));
}
END_TEST

Suite *suite_tlv(void)
{
    Suite *suite = suite_create("tlv");
    TCase *cursors = tcase_create("cursors"), *elements = tcase_create("elements"), *secrets = tcase_create("secrets");

    tcase_add_test(cursors, numbers_are_big_endian_and_stop_at_the_end);
    tcase_add_test(cursors, a_part_borrows_and_a_failed_take_does_not_move);
    tcase_add_test(cursors, what_does_not_fit_sticks);
    suite_add_tcase(suite, cursors);
    tcase_add_test(elements, elements_have_the_shortest_length_and_come_back);
    tcase_add_test(elements, a_length_that_no_form_holds_is_bad);
    tcase_add_test(elements, malformed_elements_do_not_move_the_cursor);
    tcase_add_test(elements, another_tag_does_not_move_the_cursor);
    tcase_add_test(elements, truncations_and_flipped_bits_stay_inside);
    suite_add_tcase(suite, elements);
    tcase_add_test(secrets, secrets_compare_and_go);
    tcase_add_test(secrets, secrets_live_in_the_secure_heap_once_it_is_open);
    suite_add_tcase(suite, secrets);
    return suite;
}
