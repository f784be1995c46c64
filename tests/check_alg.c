/* SPDX-License-Identifier: BSD-2-Clause */
/* check_alg.c — the table of algorithms, and each row computing: against OpenSSL and against public test vectors. */
#include <stdlib.h>
#include <string.h>

#include <openssl/rsa.h>

#include "applet/key.h"
#include "tests/check_suites.h"
#include "tests/live.h"
#include "tests/vectors.h"

/* SP 800-78-5, table 9, and Yubico's numbers: a second copy of the table, so that a damaged row shows. */
static const struct {
    uint8_t id;
    enum alg_family family;
    size_t size, block;
    bool announce, weak;
} rows[ALG_COUNT] = {
    { 0x03, ALG_CIPHER, 24, 8, false, false },  { 0x08, ALG_CIPHER, 16, 16, false, false },
    { 0x0A, ALG_CIPHER, 24, 16, false, false }, { 0x0C, ALG_CIPHER, 32, 16, false, false },
    { 0x06, ALG_RSA, 128, 0, false, true },     { 0x07, ALG_RSA, 256, 0, false, false },
    { 0x05, ALG_RSA, 384, 0, false, false },    { 0x16, ALG_RSA, 512, 0, true, false },
    { 0x11, ALG_EC, 32, 0, false, false },      { 0x14, ALG_EC, 48, 0, false, false },
    { 0xE0, ALG_EDWARDS, 32, 0, true, false },  { 0xE1, ALG_MONTGOMERY, 32, 0, true, false },
};

START_TEST(rows_are_the_standards)
{
    const struct alg *alg = alg_by_id(rows[_i].id);

    ck_assert(alg != NULL && alg->family == rows[_i].family && alg->size == rows[_i].size);
    ck_assert(alg->block == rows[_i].block && alg->announce == rows[_i].announce && alg->weak == rows[_i].weak);
    ck_assert_ptr_eq(alg_by_name(alg->name), alg);
}
END_TEST

START_TEST(other_numbers_and_names_find_nothing)
{
    unsigned known = 0;

    for (unsigned id = 0; id < 0x100; id++)
        known += alg_by_id((uint8_t)id) != NULL;
    ck_assert_uint_eq(known, ALG_COUNT + 1);
    ck_assert_ptr_eq(alg_by_id(0x00), alg_by_id(0x03));
    ck_assert_ptr_eq(alg_by_name("rsa2048"), alg_by_id(0x07));
    ck_assert(alg_by_name("P-521") == NULL && alg_by_name("") == NULL);
}
END_TEST

START_TEST(keys_find_their_row)
{
    EVP_PKEY *key = vector_key(&vectors[_i]);

    ck_assert_ptr_eq(alg_of_key(key), alg_by_id(vectors[_i].alg));
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(keys_without_a_number_find_none)
{
    static const char *const groups[] = { "secp521r1", "secp256k1", "secp224r1" };
    EVP_PKEY *keys[6] = { NULL };

    for (size_t i = 0; i < 3; i++)
        keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", groups[i]);
    keys[3] = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    keys[4] = EVP_PKEY_Q_keygen(NULL, NULL, "X448");
    keys[5] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1536);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_ptr_nonnull(keys[i]);
        ck_assert_msg(alg_of_key(keys[i]) == NULL, "key %zu", i);
        EVP_PKEY_free(keys[i]);
    }
}
END_TEST

/* A key, opened as the card does it, and its OpenSSL original. */
struct pair {
    const struct alg *alg;
    EVP_PKEY *original;
    struct key *key;
    uint8_t public[KEY_PUBLIC_MAX], room[1024];
    struct in encoded;
};

static void pair_open(struct pair *p, const struct vector *v)
{
    struct out public = out_of(p->public, sizeof p->public);
    struct secret *private = NULL;

    p->alg = alg_by_id(v->alg);
    p->original = vector_key(v);
    ck_assert_int_eq(key_encode_public(p->original, p->alg, &public), ERR_NONE);
    ck_assert_int_eq(key_encode_private(p->original, p->alg, &private), ERR_NONE);
    p->encoded = out_in(&public);
    ck_assert_int_eq(key_open(NULL, p->alg, p->encoded, secret_in(private), &p->key), ERR_NONE);
    secret_free(private);
}

static void pair_close(struct pair *p)
{
    key_close(p->key);
    EVP_PKEY_free(p->original);
}

START_TEST(encodings_give_the_same_key_back)
{
    const struct alg *alg = alg_by_id(vectors[_i].alg);
    EVP_PKEY *key = vector_key(&vectors[_i]), *again, *public_half;
    uint8_t bytes[KEY_PUBLIC_MAX], expected[100];
    struct out public = out_of(bytes, sizeof bytes), small = out_of(bytes, 20);
    struct out room = out_of(expected, sizeof expected);
    struct secret *private = NULL;

    ck_assert_int_eq(key_encode_public(key, alg, &small), ERR_FULL);
    ck_assert_int_eq(key_encode_public(key, alg, &public), ERR_NONE);
    ck_assert_int_eq(key_encode_private(key, alg, &private), ERR_NONE);
    if (vectors[_i].public != NULL) {
        struct in in = out_in(&public), value;

        ck_assert(tlv_get(&in, 0x86, &value) && in_end(&in));
        ck_assert(in_equal(value, hex(vectors[_i].public, &room)));
    }
    again = key_pair(NULL, alg, out_in(&public), secret_in(private));
    public_half = key_public(NULL, alg, out_in(&public));
    ck_assert_int_eq(EVP_PKEY_eq(key, again), 1);
    ck_assert_int_eq(EVP_PKEY_eq(key, public_half), 1);
    secret_free(private);
    EVP_PKEY_free(public_half);
    EVP_PKEY_free(again);
    EVP_PKEY_free(key);
}
END_TEST

/* Every truncation of either encoding, and one stray byte after it, is refused or at least harmless. */
START_TEST(damaged_encodings_do_not_open)
{
    const struct alg *alg = alg_by_id(vectors[_i].alg);
    EVP_PKEY *key = vector_key(&vectors[_i]);
    uint8_t bytes[KEY_PUBLIC_MAX + 1], *exact;
    struct out public = out_of(bytes, sizeof bytes);
    struct secret *private = NULL;
    struct key *opened = NULL;
    size_t step = alg->family == ALG_RSA ? 37 : 1;

    ck_assert_int_eq(key_encode_public(key, alg, &public), ERR_NONE);
    ck_assert_int_eq(key_encode_private(key, alg, &private), ERR_NONE);
    for (size_t n = 0; n < private->n; n += step) {
        ck_assert_ptr_nonnull(exact = malloc(n > 0 ? n : 1));
        memcpy(exact, private->p, n);
        ck_assert_int_ne(key_open(NULL, alg, out_in(&public), in_of(exact, n), &opened), ERR_NONE);
        free(exact);
    }
    for (size_t n = 0; n < public.n; n += step) {
        ck_assert_ptr_nonnull(exact = malloc(n > 0 ? n : 1));
        memcpy(exact, bytes, n);
        ck_assert_ptr_null(key_public(NULL, alg, in_of(exact, n)));
        free(exact);
    }
    out_u8(&public, 0x00);
    ck_assert_ptr_null(key_public(NULL, alg, out_in(&public)));
    secret_free(private);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(ciphers_have_no_key_pair)
{
    ck_assert_ptr_null(key_public(NULL, alg_by_id(ALG_AES128), in_of("\x86\x00", 2)));
    ck_assert_ptr_null(key_pair(NULL, alg_by_id(ALG_3DES), in_of("\x86\x00", 2), in_of("\x06\x00", 2)));
}
END_TEST

START_TEST(public_vectors_hold)
{
    const struct vector *v = &vectors[_i];
    uint8_t bytes[256], expected[64], result[64];
    struct out room = out_of(bytes, sizeof bytes), want = out_of(expected, sizeof expected);
    struct out out = out_of(result, sizeof result);
    struct pair p;
    struct in input;

    if (v->output == NULL)
        return;
    pair_open(&p, v);
    input = hex(v->input, &room);
    ck_assert_int_eq(p.alg->family == ALG_EDWARDS ? key_sign(p.key, input, &out) : key_agree(p.key, input, &out),
                     ERR_NONE);
    ck_assert_msg(in_equal(out_in(&out), hex(v->output, &want)), "%s", v->source);
    pair_close(&p);
}
END_TEST

/* --- RSA ------------------------------------------------------------------------------------------------ */

/* The public operation, by OpenSSL. */
static void raise_rsa(EVP_PKEY *key, struct in from, uint8_t *to)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t n = from.n;

    ck_assert(EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1);
    ck_assert(EVP_PKEY_encrypt(ctx, to, &n, from.p, from.n) == 1 && n == from.n);
    EVP_PKEY_CTX_free(ctx);
}

static const uint8_t rsa_ids[] = { ALG_RSA1024, ALG_RSA2048, ALG_RSA3072, ALG_RSA4096 };

static void pair_rsa(struct pair *p, int i)
{
    for (size_t k = 0; k < VECTOR_COUNT; k++)
        if (vectors[k].alg == rsa_ids[i]) {
            pair_open(p, &vectors[k]);
            return;
        }
}

/* A signature that OpenSSL makes with `padding` is the raw operation on the block inside it; so is the card's. */
static void same_signature(struct pair *p, int padding)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *settings = NULL;
    uint8_t signature[512], block[512], again[512];
    struct out out = out_of(again, sizeof again);
    size_t n = sizeof signature;

    ck_assert_int_eq(EVP_DigestSignInit(ctx, &settings, EVP_sha256(), NULL, p->original), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(settings, padding), 1);
    ck_assert_int_eq(EVP_DigestSign(ctx, signature, &n, (const uint8_t *)"message", 7), 1);
    raise_rsa(p->original, in_of(signature, n), block);
    ck_assert_int_eq(key_sign(p->key, in_of(block, n), &out), ERR_NONE);
    ck_assert(in_equal(out_in(&out), in_of(signature, n)));
    EVP_MD_CTX_free(ctx);
}

START_TEST(rsa_signs_what_the_host_has_padded)
{
    struct pair p;

    pair_rsa(&p, _i);
    same_signature(&p, RSA_PKCS1_PADDING);
    same_signature(&p, RSA_PKCS1_PSS_PADDING);
    pair_close(&p);
}
END_TEST

START_TEST(rsa_gives_the_whole_padded_block)
{
    static const int paddings[] = { RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING };
    struct pair p;

    pair_rsa(&p, _i);
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p.original, NULL);
        uint8_t cipher[512], plain[512], check[512];
        struct out out = out_of(plain, sizeof plain);
        size_t n = sizeof cipher;

        ck_assert(EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, paddings[i]) == 1);
        ck_assert_int_eq(EVP_PKEY_encrypt(ctx, cipher, &n, (const uint8_t *)"secret", 6), 1);
        ck_assert_int_eq(key_sign(p.key, in_of(cipher, n), &out), ERR_NONE);
        ck_assert(out.n == p.alg->size && plain[0] == 0x00);
        if (paddings[i] == RSA_PKCS1_PADDING)
            ck_assert(plain[1] == 0x02 && memcmp(plain + n - 7, "\0secret", 7) == 0);
        raise_rsa(p.original, out_in(&out), check);
        ck_assert(memcmp(check, cipher, n) == 0);
        EVP_PKEY_CTX_free(ctx);
    }
    pair_close(&p);
}
END_TEST

START_TEST(rsa_results_keep_their_leading_zeros)
{
    uint8_t block[512], result[512];
    struct pair p;

    pair_rsa(&p, _i);
    /* 0 and 1 are their own powers; small^e has a small root. */
    for (unsigned small = 0; small < 4; small++) {
        uint8_t root[512] = { 0 };
        struct out out = out_of(result, sizeof result);

        root[p.alg->size - 1] = (uint8_t)small;
        raise_rsa(p.original, in_of(root, p.alg->size), block);
        ck_assert_int_eq(key_sign(p.key, in_of(block, p.alg->size), &out), ERR_NONE);
        ck_assert(in_equal(out_in(&out), in_of(root, p.alg->size)));
    }
    pair_close(&p);
}
END_TEST

static enum err sign_rsa(struct pair *p, struct in block)
{
    uint8_t result[512];
    struct out out = out_of(result, sizeof result);

    return key_sign(p->key, block, &out);
}

START_TEST(rsa_refuses_wrong_blocks)
{
    uint8_t block[513], result[512];
    struct out out = out_of(result, sizeof result), small = out_of(result, 100);
    struct in modulus, public;
    struct pair p;

    pair_rsa(&p, _i);
    public = p.encoded;
    ck_assert(tlv_get(&public, 0x81, &modulus));
    memset(block, 0xFF, sizeof block);
    ck_assert_int_eq(sign_rsa(&p, in_of(block, p.alg->size)), ERR_DATA);
    ck_assert_int_eq(sign_rsa(&p, modulus), ERR_DATA);
    memset(block, 0x00, sizeof block);
    ck_assert_int_eq(sign_rsa(&p, in_of(block, p.alg->size - 1)), ERR_DATA);
    ck_assert_int_eq(sign_rsa(&p, in_of(block, p.alg->size + 1)), ERR_DATA);
    ck_assert_int_eq(sign_rsa(&p, in_of(block, 0)), ERR_DATA);
    ck_assert_int_eq(key_sign(p.key, in_of(block, p.alg->size), &small), ERR_FULL);
    ck_assert_int_eq(key_agree(p.key, in_of(block, p.alg->size), &out), ERR_DATA);
    memcpy(block, modulus.p, modulus.n);
    block[modulus.n - 1]--; /* the modulus is odd: n - 1 is below it, and is its own power */
    ck_assert_int_eq(key_sign(p.key, in_of(block, p.alg->size), &out), ERR_NONE);
    ck_assert(in_equal(out_in(&out), in_of(block, p.alg->size)));
    pair_close(&p);
}
END_TEST

/* --- elliptic curves ------------------------------------------------------------------------------------ */

static void verify_ecdsa(EVP_PKEY *key, struct in hash, struct in der)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    const uint8_t *at = der.p;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)der.n);
    uint8_t *again = NULL;

    /* The shortest DER: what OpenSSL writes of the numbers it read. */
    ck_assert(signature != NULL && at == der.p + der.n);
    ck_assert(i2d_ECDSA_SIG(signature, &again) == (int)der.n && memcmp(again, der.p, der.n) == 0);
    ck_assert_int_eq(EVP_PKEY_verify_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_verify(ctx, der.p, der.n, hash.p, hash.n), 1);
    OPENSSL_free(again);
    ECDSA_SIG_free(signature);
    EVP_PKEY_CTX_free(ctx);
}

START_TEST(ecdsa_signs_hashes_of_every_length)
{
    static const size_t lengths[] = { 1, 20, 28, 31, 32, 33, 47, 48, 49, 64, 200 };
    uint8_t hash[200], result[128];
    struct pair p;

    if (alg_by_id(vectors[_i].alg)->family != ALG_EC)
        return;
    pair_open(&p, &vectors[_i]);
    for (size_t i = 0; i < sizeof hash; i++)
        hash[i] = (uint8_t)(0xA5 ^ i * 3);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct out out = out_of(result, sizeof result);
        size_t leftmost = lengths[i] < p.alg->size ? lengths[i] : p.alg->size;

        ck_assert_int_eq(key_sign(p.key, in_of(hash, lengths[i]), &out), ERR_NONE);
        verify_ecdsa(p.original, in_of(hash, leftmost), out_in(&out));
    }
    ck_assert_int_eq(key_sign(p.key, in_of(hash, 0), &(struct out){ result, 0, sizeof result, false }), ERR_DATA);
    pair_close(&p);
}
END_TEST

static void refuses_point(struct pair *p, const uint8_t *point, size_t n, const char *what)
{
    uint8_t result[64];
    struct out out = out_of(result, sizeof result);

    ck_assert_msg(key_agree(p->key, in_of(point, n), &out) == ERR_DATA, "%02X: %s", p->alg->id, what);
}

START_TEST(agreement_refuses_what_is_no_point)
{
    uint8_t point[1 + 2 * 48 + 1] = { 0 }, result[64];
    struct in public, value;
    struct out small = out_of(result, 10);
    struct pair p;
    size_t n;

    if (alg_by_id(vectors[_i].alg)->family != ALG_EC)
        return;
    pair_open(&p, &vectors[_i]);
    public = p.encoded;
    n = 1 + 2 * p.alg->size;
    ck_assert(tlv_get(&public, 0x86, &value) && value.n == n);
    memcpy(point, value.p, n);
    ck_assert_int_eq(key_agree(p.key, in_of(point, n), &small), ERR_FULL);
    refuses_point(&p, point, n - 1, "one byte short");
    refuses_point(&p, point, n + 1, "one byte long");
    refuses_point(&p, point + 1, n - 1, "without its 04");
    refuses_point(&p, point, 0, "empty");
    point[n - 1] ^= 1;
    refuses_point(&p, point, n, "off the curve");
    point[n - 1] ^= 1;
    point[0] = 0x02;
    refuses_point(&p, point, 1 + p.alg->size, "compressed");
    refuses_point(&p, point, n, "02 with both numbers");
    point[0] = 0x06;
    refuses_point(&p, point, n, "hybrid");
    memset(point, 0xFF, sizeof point);
    point[0] = 0x04;
    refuses_point(&p, point, n, "x not below p");
    memset(point, 0x00, sizeof point);
    refuses_point(&p, point, 1, "infinity");
    refuses_point(&p, point, n, "infinity, padded");
    point[0] = 0x04;
    refuses_point(&p, point, n, "0, 0");
    pair_close(&p);
}
END_TEST

/* RFC 7748, 6.1; the points of low order are those of the curve's own paper. */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "E0EB7A7C3B41B8AE1656E3FAF19FC46ADA098DEB9C32B1FD866205165F49B800",
    "5F9C95BCA3508C24B1D0B1559C83EF5B04445CC4581C8E86D8224EDDD09F1157",
    "ECFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF7F",
    "EDFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF7F",
    "EEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF7F",
};

START_TEST(x25519_refuses_an_all_zero_secret)
{
    uint8_t bytes[33] = { 0 };
    struct pair p;

    if (alg_by_id(vectors[_i].alg)->family != ALG_MONTGOMERY)
        return;
    pair_open(&p, &vectors[_i]);
    for (size_t i = 0; i < sizeof low_order / sizeof low_order[0]; i++) {
        struct out room = out_of(bytes, sizeof bytes);
        struct in point = hex(low_order[i], &room);

        refuses_point(&p, point.p, point.n, low_order[i]);
    }
    refuses_point(&p, bytes, 31, "31 bytes");
    refuses_point(&p, bytes, 33, "33 bytes");
    ck_assert_int_eq(key_sign(p.key, in_of(bytes, 32), &(struct out){ bytes, 0, 33, false }), ERR_DATA);
    pair_close(&p);
}
END_TEST

START_TEST(ed25519_signs_long_messages)
{
    uint8_t *message = malloc(20000), signature[64];
    struct out out = out_of(signature, sizeof signature), small = out_of(signature, 63);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct pair p;

    if (alg_by_id(vectors[_i].alg)->family == ALG_EDWARDS) {
        pair_open(&p, &vectors[_i]);
        memset(message, 0x5A, 20000);
        ck_assert_int_eq(key_sign(p.key, in_of(message, 20000), &out), ERR_NONE);
        ck_assert_int_eq(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, p.original), 1);
        ck_assert_int_eq(EVP_DigestVerify(ctx, signature, out.n, message, 20000), 1);
        ck_assert(key_sign(p.key, in_of(message, 1), &small) != ERR_NONE || small.bad);
        ck_assert_int_eq(key_agree(p.key, in_of(message, 32), &out), ERR_DATA);
        pair_close(&p);
    }
    EVP_MD_CTX_free(ctx);
    free(message);
}
END_TEST

Suite *suite_alg(void)
{
    Suite *suite = suite_create("alg");
    TCase *table = tcase_create("table"), *keys = tcase_create("keys");

    tcase_set_timeout(keys, 60);
    tcase_add_loop_test(table, rows_are_the_standards, 0, ALG_COUNT);
    tcase_add_test(table, other_numbers_and_names_find_nothing);
    tcase_add_loop_test(table, keys_find_their_row, 0, VECTOR_COUNT);
    tcase_add_test(table, keys_without_a_number_find_none);
    suite_add_tcase(suite, table);
    tcase_add_loop_test(keys, encodings_give_the_same_key_back, 0, VECTOR_COUNT);
    tcase_add_loop_test(keys, damaged_encodings_do_not_open, 0, VECTOR_COUNT);
    tcase_add_test(keys, ciphers_have_no_key_pair);
    tcase_add_loop_test(keys, public_vectors_hold, 0, VECTOR_COUNT);
    tcase_add_loop_test(keys, rsa_signs_what_the_host_has_padded, 0, 4);
    tcase_add_loop_test(keys, rsa_gives_the_whole_padded_block, 0, 4);
    tcase_add_loop_test(keys, rsa_results_keep_their_leading_zeros, 0, 4);
    tcase_add_loop_test(keys, rsa_refuses_wrong_blocks, 0, 4);
    tcase_add_loop_test(keys, ecdsa_signs_hashes_of_every_length, 0, VECTOR_COUNT);
    tcase_add_loop_test(keys, agreement_refuses_what_is_no_point, 0, VECTOR_COUNT);
    tcase_add_loop_test(keys, x25519_refuses_an_all_zero_secret, 0, VECTOR_COUNT);
    tcase_add_loop_test(keys, ed25519_signs_long_messages, 0, VECTOR_COUNT);
    suite_add_tcase(suite, keys);
    return suite;
}
