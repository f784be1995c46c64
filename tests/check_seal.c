/* SPDX-License-Identifier: BSD-2-Clause */
/* check_seal.c — boxes: what goes in comes out, and nothing else does, however a box is changed or cut. */
#include <stdlib.h>
#include <string.h>

#include <openssl/kdf.h>

#include "applet/seal.h"
#include "tests/check_suites.h"
#include "tests/fake.h"
#include "tests/live.h"

static struct fake fake;
static const uint8_t guid[16] = { 0x11, 0x22, 0x33 }, other_guid[16] = { 0x11, 0x22, 0x34 };
static struct secret *key, *plain;

static void set_up(void)
{
    fake_init(&fake, 1);
    key = secret_copy(in_of("0123456789ABCDEF0123456789ABCDEF", 32));
    plain = secret_copy(in_of("a private key of any length", 27));
}

static void tear_down(void)
{
    secret_free(plain);
    secret_free(key);
    fake_clear(&fake);
}

/* The two kinds of box with a key for opening; with: what opens it. */
static enum err close_box(int kind, const uint8_t to[32], struct in about, struct out *box)
{
    return kind == 0 ? seal_under(&fake.env, key, about, plain, box) : seal_agreed(&fake.env, to, about, plain, box);
}

static enum err open_box(int kind, const struct secret *with, struct in about, struct in box, struct secret **out)
{
    return kind == 0 ? open_under(&fake.env, with, about, box, out) : open_agreed(&fake.env, with, about, box, out);
}

START_TEST(boxes_open_whole_and_unchanged_only)
{
    uint8_t room[128], to[32], *exact;
    struct out box = out_of(room, sizeof room);
    struct secret *private = NULL, *out = NULL, *stranger = NULL;
    const struct secret *with;

    ck_assert_int_eq(seal_pair(&fake.env, &private, to), ERR_NONE);
    ck_assert_int_eq(seal_pair(&fake.env, &stranger, room), ERR_NONE);
    with = _i == 0 ? key : private;
    ck_assert_int_eq(close_box(_i, to, in_of("about", 5), &box), ERR_NONE);
    ck_assert_uint_eq(box.n, plain->n + (_i == 0 ? SEAL_OVERHEAD_HOST : SEAL_OVERHEAD_AGREED));
    ck_assert_int_eq(open_box(_i, with, in_of("about", 5), out_in(&box), &out), ERR_NONE);
    ck_assert(secret_equal(plain, secret_in(out)));
    secret_drop(&out);
    ck_assert_int_eq(open_box(_i, with, in_of("About", 5), out_in(&box), &out), ERR_WRONG);
    ck_assert_int_eq(open_box(_i, with, in_of(NULL, 0), out_in(&box), &out), ERR_WRONG);
    ck_assert_int_eq(open_box(_i, stranger, in_of("about", 5), out_in(&box), &out), ERR_WRONG);
    for (size_t n = 0; n < box.n; n++) {
        enum err e;

        ck_assert_ptr_nonnull(exact = malloc(n > 0 ? n : 1));
        memcpy(exact, room, n);
        e = open_box(_i, with, in_of("about", 5), in_of(exact, n), &out);
        ck_assert_msg(e == ERR_DATA || e == ERR_WRONG || e == ERR_CRYPTO, "%zu bytes: %s", n, err_name(e));
        free(exact);
    }
    for (size_t bit = 0; bit < 8 * box.n; bit++) {
        /* X25519 ignores the last bit of a point: such a box would open if the point were not part of the key. */
        room[bit / 8] ^= (uint8_t)(1U << bit % 8);
        ck_assert_int_ne(open_box(_i, with, in_of("about", 5), out_in(&box), &out), ERR_NONE);
        room[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    ck_assert_ptr_null(out);
    secret_free(stranger);
    secret_free(private);
}
END_TEST

/* seal.h in other words: ephemeral public key ‖ AES-256-GCM under HKDF-SHA-256 of the X25519 secret, salt = both public
 * keys.  Were the secret left out, boxes would still open for their owner, and for everybody else. */
START_TEST(an_agreed_box_is_under_the_shared_secret)
{
    uint8_t to[32], room[128], shared[32], made[32], text[64];
    struct out box = out_of(room, sizeof room);
    struct secret *private = NULL;
    EVP_PKEY *mine, *theirs;
    EVP_PKEY_CTX *ctx;
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    size_t n = sizeof shared, body;
    int done = 0;

    ck_assert_int_eq(seal_pair(&fake.env, &private, to), ERR_NONE);
    ck_assert_int_eq(seal_agreed(&fake.env, to, in_of("about", 5), plain, &box), ERR_NONE);
    mine = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private->p, 32);
    theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, room, 32);
    ctx = EVP_PKEY_CTX_new(mine, NULL);
    ck_assert(EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, theirs) == 1);
    ck_assert(EVP_PKEY_derive(ctx, shared, &n) == 1 && n == 32);
    EVP_PKEY_CTX_free(ctx);
    ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    ck_assert(EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1);
    memcpy(text, room, 32);
    memcpy(text + 32, to, 32);
    ck_assert(EVP_PKEY_CTX_set1_hkdf_salt(ctx, text, 64) == 1 && EVP_PKEY_CTX_set1_hkdf_key(ctx, shared, 32) == 1);
    ck_assert(EVP_PKEY_CTX_add1_hkdf_info(ctx, (const uint8_t *)"vpiv private key", 16) == 1);
    ck_assert(EVP_PKEY_derive(ctx, made, &n) == 1 && n == 32);
    body = box.n - 32 - SEAL_TAG;
    ck_assert_int_eq(EVP_DecryptInit(gcm, EVP_aes_256_gcm(), made, (const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0"), 1);
    ck_assert_int_eq(EVP_DecryptUpdate(gcm, NULL, &done, (const uint8_t *)"about", 5), 1);
    ck_assert_int_eq(EVP_DecryptUpdate(gcm, text, &done, room + 32, (int)body), 1);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, room + 32 + body), 1);
    ck_assert_int_eq(EVP_DecryptFinal(gcm, text + done, &done), 1);
    ck_assert(secret_equal(plain, in_of(text, body)));
    EVP_CIPHER_CTX_free(gcm);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(mine);
    secret_free(private);
}
END_TEST

START_TEST(a_box_differs_each_time)
{
    uint8_t to[32], a[128], b[128];
    struct out first = out_of(a, sizeof a), second = out_of(b, sizeof b);
    struct secret *private = NULL;

    ck_assert_int_eq(seal_pair(&fake.env, &private, to), ERR_NONE);
    ck_assert_int_eq(close_box(_i, to, in_of("about", 5), &first), ERR_NONE);
    ck_assert_int_eq(close_box(_i, to, in_of("about", 5), &second), ERR_NONE);
    for (size_t i = 0; i + 8 <= first.n; i += 8)
        ck_assert(memcmp(a + i, b + i, 8) != 0);
    secret_free(private);
}
END_TEST

START_TEST(a_box_needs_room_and_random_bytes)
{
    uint8_t to[32], room[128];
    struct secret *private = NULL;

    ck_assert_int_eq(seal_pair(&fake.env, &private, to), ERR_NONE);
    for (size_t cap = 0; cap < plain->n + (_i == 0 ? SEAL_OVERHEAD_HOST : SEAL_OVERHEAD_AGREED); cap++) {
        struct out box = out_of(room, cap);

        ck_assert_int_eq(close_box(_i, to, in_of("about", 5), &box), ERR_FULL);
    }
    fake.fail_at = fake.steps + 1;
    ck_assert_int_eq(close_box(_i, to, in_of("about", 5), &(struct out){ room, 0, sizeof room, false }), ERR_STORE);
    fake.fail_at = fake.steps + 1;
    ck_assert_int_eq(seal_pair(&fake.env, &private, to), ERR_STORE);
    secret_free(private);
}
END_TEST

START_TEST(a_pin_seal_opens_for_its_pin_card_and_purpose)
{
    struct secret *pin = secret_copy(in_of("123456\xFF\xFF", 8)), *out = NULL;
    struct seal seal, copy;
    uint8_t *bytes = (uint8_t *)&copy;

    ck_assert_int_eq(seal_pin(&fake.env, guid, PIN_APPLICATION, pin, key, 1, &seal), ERR_NONE);
    ck_assert_int_eq(open_pin(&fake.env, guid, PIN_APPLICATION, secret_in(pin), &seal, &out), ERR_NONE);
    ck_assert(secret_equal(key, secret_in(out)));
    secret_drop(&out);
    for (unsigned bit = 0; bit < 64; bit++) {
        pin->p[bit / 8] ^= (uint8_t)(1U << bit % 8);
        ck_assert_int_eq(open_pin(&fake.env, guid, PIN_APPLICATION, secret_in(pin), &seal, &out), ERR_WRONG);
        pin->p[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    ck_assert_int_eq(open_pin(&fake.env, guid, PIN_PUK, secret_in(pin), &seal, &out), ERR_WRONG);
    ck_assert_int_eq(open_pin(&fake.env, other_guid, PIN_APPLICATION, secret_in(pin), &seal, &out), ERR_WRONG);
    for (size_t i = offsetof(struct seal, salt); i < offsetof(struct seal, box) + sizeof seal.box; i++) {
        copy = seal;
        bytes[i] ^= 0x40;
        ck_assert_int_eq(open_pin(&fake.env, guid, PIN_APPLICATION, secret_in(pin), &copy, &out), ERR_WRONG);
    }
    copy = seal;
    copy.log_n = 2;
    ck_assert_int_eq(open_pin(&fake.env, guid, PIN_APPLICATION, secret_in(pin), &copy, &out), ERR_WRONG);
    for (int i = 0; i < 2; i++) {
        copy.log_n = i == 0 ? 0 : SEAL_LOG_N_MAX + 1;
        ck_assert_int_eq(open_pin(&fake.env, guid, PIN_APPLICATION, secret_in(pin), &copy, &out), ERR_DATA);
        ck_assert_int_eq(seal_pin(&fake.env, guid, PIN_APPLICATION, pin, key, copy.log_n, &copy), ERR_DATA);
    }
    ck_assert_int_eq(seal_pin(&fake.env, guid, PIN_APPLICATION, pin, plain, 1, &copy), ERR_DATA);
    secret_free(pin);
}
END_TEST

/* Neither the card file nor the host secret alone: another host's secret opens nothing. */
START_TEST(another_host_opens_nothing)
{
    struct secret *pin = secret_copy(in_of("123456\xFF\xFF", 8)), *out = NULL, *a = NULL, *b = NULL, *c = NULL;
    struct fake elsewhere;
    struct seal seal;

    fake_init(&elsewhere, 2);
    ck_assert_int_eq(seal_pin(&fake.env, guid, PIN_APPLICATION, pin, key, 1, &seal), ERR_NONE);
    ck_assert_int_eq(open_pin(&elsewhere.env, guid, PIN_APPLICATION, secret_in(pin), &seal, &out), ERR_WRONG);
    ck_assert_int_eq(derive_host(&fake.env, "key", guid, &a), ERR_NONE);
    ck_assert_int_eq(derive_host(&fake.env, "file", guid, &b), ERR_NONE);
    ck_assert_int_eq(derive_host(&elsewhere.env, "key", guid, &c), ERR_NONE);
    ck_assert(!secret_equal(a, secret_in(b)) && !secret_equal(a, secret_in(c)));
    secret_drop(&b);
    ck_assert_int_eq(derive_host(&fake.env, "key", other_guid, &b), ERR_NONE);
    ck_assert(!secret_equal(a, secret_in(b)));
    secret_drop(&b);
    ck_assert_int_eq(derive_host(&fake.env, "a purpose whose name is far longer than any that is in use", guid, &b),
                     ERR_DATA);
    secret_free(c);
    secret_free(a);
    secret_free(pin);
    fake_clear(&elsewhere);
}
END_TEST

/* RFC 4231, test cases 1 and 2: the two pieces are one message. */
START_TEST(mac_is_hmac_sha_256)
{
    static const struct {
        const char *key, *a, *b, *mac;
    } cases[] = {
        { "0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B", "4869", "205468657265",
          "B0344C61D8DB38535CA8AFCEAF0BF12B881DC200C9833DA726E9376C2E32CFF7" },
        { "4A656665", "", "7768617420646F2079612077616E7420666F72206E6F7468696E673F",
          "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843" },
    };

    for (size_t i = 0; i < 2; i++) {
        uint8_t rooms[4][32], out[32];
        struct out k = out_of(rooms[0], 32), a = out_of(rooms[1], 32), b = out_of(rooms[2], 32), m = out_of(rooms[3], 32);

        ck_assert_int_eq(mac(NULL, hex(cases[i].key, &k), hex(cases[i].a, &a), hex(cases[i].b, &b), out), ERR_NONE);
        ck_assert(in_equal(in_of(out, 32), hex(cases[i].mac, &m)));
    }
}
END_TEST

Suite *suite_seal(void)
{
    Suite *suite = suite_create("seal");
    TCase *boxes = tcase_create("boxes");

    tcase_add_checked_fixture(boxes, set_up, tear_down);
    tcase_add_loop_test(boxes, boxes_open_whole_and_unchanged_only, 0, 2);
    tcase_add_test(boxes, an_agreed_box_is_under_the_shared_secret);
    tcase_add_loop_test(boxes, a_box_differs_each_time, 0, 2);
    tcase_add_loop_test(boxes, a_box_needs_room_and_random_bytes, 0, 2);
    tcase_add_test(boxes, a_pin_seal_opens_for_its_pin_card_and_purpose);
    tcase_add_test(boxes, another_host_opens_nothing);
    tcase_add_test(boxes, mac_is_hmac_sha_256);
    suite_add_tcase(suite, boxes);
    return suite;
}
