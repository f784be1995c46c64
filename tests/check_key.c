/* SPDX-License-Identifier: BSD-2-Clause */
/* check_key.c — keys made and taken in: generation, the parts of an import, certificates, the management cipher. */
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>

#include "applet/key.h"
#include "tests/cards.h"
#include "tests/check_suites.h"
#include "tests/live.h"
#include "tests/vectors.h"

enum { PARTS_MAX = 2048 };

static enum err take(uint8_t alg, const uint8_t *bytes, size_t n, EVP_PKEY **key)
{
    uint8_t *exact = malloc(n > 0 ? n : 1);
    struct in in = in_of(exact, n);
    enum err e;

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, n);
    *key = NULL;
    e = key_from_import(NULL, alg_by_id(alg), &in, key);
    ck_assert(e != ERR_NONE || in_end(&in));
    ck_assert_int_eq(e == ERR_NONE, *key != NULL);
    free(exact);
    return e;
}

static const uint8_t ids[] = { ALG_RSA1024, ALG_RSA2048, ALG_RSA3072, ALG_RSA4096,
                               ALG_P256,    ALG_P384,    ALG_ED25519, ALG_X25519 };
enum { IDS = sizeof ids };

START_TEST(imported_parts_make_the_key)
{
    uint8_t bytes[PARTS_MAX];
    struct out room = out_of(bytes, sizeof bytes);
    struct in parts = known_parts(ids[_i], &room);
    EVP_PKEY *key, *original = known_key(ids[_i]);

    ck_assert_int_eq(take(ids[_i], parts.p, parts.n, &key), ERR_NONE);
    ck_assert_int_eq(EVP_PKEY_eq(key, original), 1);
    EVP_PKEY_free(original);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(an_import_cut_short_is_refused)
{
    uint8_t bytes[PARTS_MAX];
    struct out room = out_of(bytes, sizeof bytes);
    struct in parts = known_parts(ids[_i], &room);
    EVP_PKEY *key;

    for (size_t n = 0; n < parts.n; n++)
        ck_assert_int_eq(take(ids[_i], parts.p, n, &key), ERR_DATA);
}
END_TEST

/* One flipped bit in any of the five parts of an RSA key, at its start, middle or end. */
START_TEST(rsa_parts_that_do_not_belong_together_are_refused)
{
    uint8_t bytes[PARTS_MAX];
    struct out room = out_of(bytes, sizeof bytes);
    struct in parts = known_parts(ids[_i], &room), rest = parts, value;
    EVP_PKEY *key;
    uint32_t tag;

    while (tlv_next(&rest, &tag, &value)) {
        const size_t at[] = { 0, value.n / 2, value.n - 1 };

        for (size_t i = 0; i < 3; i++) {
            uint8_t *byte = bytes + (value.p - bytes) + at[i];

            *byte ^= 0x02;
            ck_assert_msg(take(ids[_i], parts.p, parts.n, &key) == ERR_DATA, "part %u byte %zu", tag, at[i]);
            *byte ^= 0x02;
        }
    }
}
END_TEST

/* p twice; q before p without their exponents; primes of another size. */
START_TEST(rsa_primes_must_be_two_and_of_the_right_size)
{
    uint8_t bytes[PARTS_MAX], other[PARTS_MAX];
    struct out room = out_of(bytes, sizeof bytes), larger = out_of(other, sizeof other);
    struct in parts = known_parts(ALG_RSA1024, &room), big = known_parts(ALG_RSA2048, &larger);
    size_t part = 2 + 64;
    EVP_PKEY *key;

    ck_assert_int_eq(take(ALG_RSA1024, big.p, big.n, &key), ERR_DATA);
    ck_assert_int_eq(take(ALG_RSA2048, parts.p, parts.n, &key), ERR_DATA);
    memcpy(other, bytes, parts.n);
    memcpy(other + part + 2, bytes + 2, 64);
    ck_assert_int_eq(take(ALG_RSA1024, other, parts.n, &key), ERR_DATA);
    memcpy(other + 2, bytes + part + 2, 64);
    memcpy(other + part + 2, bytes + 2, 64);
    ck_assert_int_eq(take(ALG_RSA1024, other, parts.n, &key), ERR_DATA);
    memset(other + 2, 0, 64);
    ck_assert_int_eq(take(ALG_RSA1024, other, parts.n, &key), ERR_DATA);
}
END_TEST

/* Five parts that fit each other, of numbers p and q that need not be primes of the right size. */
static enum err take_made(BIGNUM *p, BIGNUM *q)
{
    BIGNUM *part[5] = { p, q, BN_new(), BN_new(), BN_new() }, *p1 = BN_dup(p), *q1 = BN_dup(q), *e = BN_new();
    BN_CTX *ctx = BN_CTX_new();
    uint8_t bytes[PARTS_MAX];
    struct out out = out_of(bytes, sizeof bytes);
    EVP_PKEY *key;
    enum err result;

    ck_assert(BN_set_word(e, 65537) && BN_sub_word(p1, 1) && BN_sub_word(q1, 1));
    ck_assert(BN_mod_inverse(part[2], e, p1, ctx) && BN_mod_inverse(part[3], e, q1, ctx));
    ck_assert_ptr_nonnull(BN_mod_inverse(part[4], q, p, ctx));
    for (uint32_t i = 0; i < 5; i++) {
        uint8_t *room = (tlv_head(&out, i + 1, 64), out_room(&out, 64));

        ck_assert(room != NULL && BN_bn2binpad(part[i], room, 64) == 64);
        if (i > 1)
            BN_free(part[i]);
    }
    result = take(ALG_RSA1024, bytes, out.n, &key);
    EVP_PKEY_free(key);
    BN_CTX_free(ctx);
    BN_free(e);
    BN_free(q1);
    BN_free(p1);
    return result;
}

/* Neither x - 1 nor x squared - 1 is a multiple of the exponent. */
static bool has_inverse(const BIGNUM *x)
{
    BN_ULONG rest = BN_mod_word(x, 65537);

    return rest != 1 && rest != 65536;
}

START_TEST(rsa_numbers_must_be_primes_and_make_the_whole_length)
{
    BIGNUM *p = BN_new(), *q = BN_new(), *factor = BN_new(), *small = BN_new();
    BN_CTX *ctx = BN_CTX_new();

    for (int i = 0; i < 3; i++) {
        do {
            ck_assert(BN_generate_prime_ex(p, 512, 0, NULL, NULL, NULL));
            ck_assert(BN_generate_prime_ex(q, 512, 0, NULL, NULL, NULL));
            ck_assert(BN_generate_prime_ex(factor, 256, 0, NULL, NULL, NULL));
            ck_assert(BN_generate_prime_ex(small, 511, 0, NULL, NULL, NULL));
        } while (BN_cmp(p, q) == 0 || !has_inverse(p) || !has_inverse(q) || !has_inverse(small) || !has_inverse(factor));
        ck_assert_int_eq(take_made(p, q), ERR_NONE);
        ck_assert_int_eq(take_made(small, q), ERR_DATA);
        ck_assert_int_eq(take_made(p, small), ERR_DATA);
        ck_assert(BN_sqr(factor, factor, ctx) && BN_num_bits(factor) >= 511);
        ck_assert_int_eq(take_made(factor, q), ERR_DATA);
        ck_assert_int_eq(take_made(q, factor), ERR_DATA);
    }
    BN_CTX_free(ctx);
    BN_free(small);
    BN_free(factor);
    BN_free(q);
    BN_free(p);
}
END_TEST

START_TEST(a_scalar_lies_between_one_and_the_order)
{
    static const struct {
        uint8_t alg;
        const char *scalar;
        enum err e;
    } scalars[] = {
        { ALG_P256, "0000000000000000000000000000000000000000000000000000000000000000", ERR_DATA },
        { ALG_P256, "0000000000000000000000000000000000000000000000000000000000000001", ERR_NONE },
        { ALG_P256, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550", ERR_NONE },
        { ALG_P256, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", ERR_DATA },
        { ALG_P256, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", ERR_DATA },
        { ALG_P384, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52972",
          ERR_NONE },
        { ALG_P384, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
          ERR_DATA },
    };

    for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++) {
        uint8_t bytes[64];
        struct out room = out_of(bytes, sizeof bytes);
        EVP_PKEY *key;

        tlv_head(&room, 0x06, alg_by_id(scalars[i].alg)->size);
        hex(scalars[i].scalar, &room);
        ck_assert_int_eq(take(scalars[i].alg, bytes, room.n, &key), scalars[i].e);
        EVP_PKEY_free(key);
    }
}
END_TEST

START_TEST(a_part_of_another_algorithm_is_refused)
{
    static const struct {
        uint8_t of, as;
    } wrong[] = { { ALG_P256, ALG_ED25519 }, { ALG_ED25519, ALG_X25519 }, { ALG_X25519, ALG_P256 },
                  { ALG_P384, ALG_P256 },    { ALG_P256, ALG_P384 },      { ALG_P256, ALG_RSA1024 },
                  { ALG_RSA1024, ALG_P256 } };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t bytes[PARTS_MAX];
        struct out room = out_of(bytes, sizeof bytes);
        struct in parts = known_parts(wrong[i].of, &room);
        EVP_PKEY *key;

        ck_assert_int_eq(take(wrong[i].as, parts.p, parts.n, &key), ERR_DATA);
    }
}
END_TEST

/* RSA keys of 3072 and 4096 bits take seconds: those are generated through a reader by other tests. */
START_TEST(generated_keys_are_of_their_row_and_differ)
{
    const struct alg *alg = alg_by_id(ids[_i]);
    EVP_PKEY *a = NULL, *b = NULL;
    BIGNUM *e = NULL;

    if (alg->bits > 2048)
        return;
    ck_assert_int_eq(key_generate(NULL, alg, &a), ERR_NONE);
    ck_assert_int_eq(key_generate(NULL, alg, &b), ERR_NONE);
    ck_assert(alg_of_key(a) == alg && alg_of_key(b) == alg && EVP_PKEY_eq(a, b) != 1);
    if (alg->family == ALG_RSA) {
        ck_assert_int_eq(EVP_PKEY_get_bn_param(a, "e", &e), 1);
        ck_assert(BN_is_word(e, 65537));
        BN_free(e);
    }
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
}
END_TEST

START_TEST(keys_sign_certificates)
{
    const struct alg *alg = alg_by_id(ids[_i]);
    EVP_PKEY *pkey = known_key(ids[_i]);
    X509 *cert = sample_certificate(SAMPLE_LEAF);
    uint8_t bytes[KEY_PUBLIC_MAX];
    struct out public = out_of(bytes, sizeof bytes);
    struct secret *private = NULL;
    struct key *key = NULL;

    ck_assert_int_eq(key_encode_public(pkey, alg, &public), ERR_NONE);
    ck_assert_int_eq(key_encode_private(pkey, alg, &private), ERR_NONE);
    ck_assert_int_eq(key_open(NULL, alg, out_in(&public), secret_in(private), &key), ERR_NONE);
    if (alg->family == ALG_MONTGOMERY) {
        ck_assert_int_eq(key_sign_certificate(key, cert), ERR_CRYPTO);
    } else {
        ck_assert_int_eq(key_sign_certificate(key, cert), ERR_NONE);
        ck_assert_int_eq(X509_verify(cert, pkey), 1);
    }
    key_close(key);
    key_close(NULL);
    secret_free(private);
    X509_free(cert);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(an_rsa_key_without_its_primes_is_refused)
{
    EVP_PKEY *key = known_key(ALG_RSA1024), *public_half;
    uint8_t bytes[KEY_PUBLIC_MAX];
    struct out public = out_of(bytes, sizeof bytes);
    struct secret *private = NULL;

    ck_assert_int_eq(key_encode_public(key, alg_by_id(ALG_RSA1024), &public), ERR_NONE);
    public_half = key_public(NULL, alg_by_id(ALG_RSA1024), out_in(&public));
    ck_assert_ptr_nonnull(public_half);
    ck_assert_int_eq(key_encode_private(public_half, alg_by_id(ALG_RSA1024), &private), ERR_UNSUPPORTED);
    EVP_PKEY_free(public_half);
    EVP_PKEY_free(key);
}
END_TEST

/* FIPS 197, appendix C; 3DES: computed with another program. */
static const struct {
    uint8_t alg;
    const char *key, *plain, *cipher;
} blocks[] = {
    { ALG_3DES, "010203040506070801020304050607080102030405060708", "0011223344556677", "26604D88E55BD3E7" },
    { ALG_AES128, "000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF",
      "69C4E0D86A7B0430D8CDB78070B4C55A" },
    { ALG_AES192, "000102030405060708090A0B0C0D0E0F1011121314151617", "00112233445566778899AABBCCDDEEFF",
      "DDA97CA4864CDFE06EAF70A0EC0D7191" },
    { ALG_AES256, "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
      "00112233445566778899AABBCCDDEEFF", "8EA2B7CA516745BFEAFC49904B496089" },
};

START_TEST(management_ciphers_are_ecb)
{
    uint8_t a[32], b[16], c[16], to[16];
    struct out key_room = out_of(a, sizeof a), plain = out_of(b, sizeof b), want = out_of(c, sizeof c);
    const struct alg *alg = alg_by_id(blocks[_i].alg);
    struct secret *key = secret_copy(hex(blocks[_i].key, &key_room));

    hex(blocks[_i].plain, &plain);
    ck_assert_int_eq(cipher_block(NULL, alg, key, b, to), ERR_NONE);
    ck_assert(in_equal(in_of(to, alg->block), hex(blocks[_i].cipher, &want)));
    key->n--;
    ck_assert_int_eq(cipher_block(NULL, alg, key, b, to), ERR_CRYPTO);
    key->n++;
    secret_free(key);
}
END_TEST

Suite *suite_key(void)
{
    Suite *suite = suite_create("key");
    TCase *import = tcase_create("import"), *make = tcase_create("make");

    tcase_set_timeout(import, 120);
    tcase_set_timeout(make, 120);
    tcase_add_loop_test(import, imported_parts_make_the_key, 0, IDS);
    tcase_add_loop_test(import, an_import_cut_short_is_refused, 0, IDS);
    tcase_add_loop_test(import, rsa_parts_that_do_not_belong_together_are_refused, 0, 2);
    tcase_add_test(import, rsa_primes_must_be_two_and_of_the_right_size);
    tcase_add_test(import, rsa_numbers_must_be_primes_and_make_the_whole_length);
    tcase_add_test(import, a_scalar_lies_between_one_and_the_order);
    tcase_add_test(import, a_part_of_another_algorithm_is_refused);
    suite_add_tcase(suite, import);
    tcase_add_loop_test(make, generated_keys_are_of_their_row_and_differ, 0, IDS);
    tcase_add_loop_test(make, keys_sign_certificates, 0, IDS);
    tcase_add_test(make, an_rsa_key_without_its_primes_is_refused);
    tcase_add_loop_test(make, management_ciphers_are_ecb, 0, 4);
    suite_add_tcase(suite, make);
    return suite;
}
