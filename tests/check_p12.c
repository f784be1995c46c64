/* SPDX-License-Identifier: BSD-2-Clause */
/* check_p12.c — every protection, form of password and arrangement of a PKCS#12 bundle is read; damage never is. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "tests/bundles.h"
#include "tests/check_suites.h"

static struct p12_library library;
static EVP_PKEY *key, *second;
static X509 *cert, *newer;
static struct why why;
static struct p12 *p12;

static void set_up(void)
{
    ck_assert(secret_heap());
    ck_assert_int_eq(p12_library_open(&library), ERR_NONE);
    ck_assert_msg(library.legacy != NULL, "OpenSSL's legacy provider is not installed");
    key = test_key();
    second = test_key();
    cert = test_cert(key, 20);
    newer = test_cert(key, 1);
    why = (struct why){ "" };
    p12 = NULL;
}

static void tear_down(void)
{
    p12_free(p12);
    X509_free(cert);
    X509_free(newer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(second);
    p12_library_close(&library);
}

/* Read from memory of the exact size, so that one byte too many is seen. */
static enum err read_copy(const uint8_t *bytes, size_t n, const char *password, unsigned long iterations)
{
    uint8_t *exact = malloc(n == 0 ? 1 : n);
    struct secret *typed = secret_copy(in_of(password, strlen(password)));
    enum err e;

    if (n > 0)
        memcpy(exact, bytes, n);
    p12_free(p12);
    why.text[0] = '\0';
    e = p12_read(library.ctx, in_of(exact, n), typed, iterations, &p12, &why);
    ck_assert((e == ERR_NONE) == (p12 != NULL));
    ck_assert_msg(e == ERR_NONE || e == ERR_MEMORY || why.text[0] != '\0', "%s without a sentence", err_name(e));
    ck_assert_uint_eq(ERR_peek_error(), 0);
    secret_free(typed);
    free(exact);
    return e;
}

static enum err make_and_read(const struct recipe *recipe, const struct ingredient *list, size_t n,
                              const char *password)
{
    uint8_t *bytes;
    size_t length = bundle_make(library.ctx, recipe, list, n, 0, &bytes);
    enum err e = read_copy(bytes, length, password, P12_ITERATIONS);

    OPENSSL_free(bytes);
    return e;
}

/* ---- protections ---- */

START_TEST(every_protection_is_read)
{
    const struct recipe *r = &bundle_recipes[_i];
    const struct ingredient one = { key, cert, 1, 1, "name", 0 };

    ck_assert_msg(make_and_read(r, &one, 1, r->password) == ERR_NONE, "%s: %s", r->name, why.text);
    ck_assert_uint_eq(p12->n_keys, 1);
    ck_assert_uint_eq(p12->n_certs, 1);
    ck_assert_uint_eq(p12->keys[0].cert, 0);
    ck_assert_str_eq(p12->keys[0].name, "name");
    ck_assert_int_eq(EVP_PKEY_eq(p12->keys[0].key, key), 1);
    ck_assert_int_eq(p12->protected, r->mac != MAC_NONE);
    ck_assert_ptr_null(p12->password);
}
END_TEST

START_TEST(a_wrong_password_is_called_so)
{
    const struct recipe *r = &bundle_recipes[_i];
    const struct ingredient one = { key, cert, 1, 1, "name", 0 };
    enum err e = make_and_read(r, &one, 1, "Passw0rt");

    ck_assert_int_eq(e, r->pbe < 0 && r->mac == MAC_NONE ? ERR_NONE : ERR_WRONG);
    if (e == ERR_WRONG)
        ck_assert_str_eq(why.text, "wrong password, or the file is damaged");
}
END_TEST

/* ---- passwords ---- */

#define BYTES(text) { (const uint8_t *)(text), sizeof(text) - 1 }
#define WITH_AES 0, "AES-256-CBC", .digest = "SHA256", .mac = MAC_CLASSIC
#define WITH_3DES NID_pbe_WithSHA1And3_Key_TripleDES_CBC, .digest = "SHA1", .mac = MAC_CLASSIC
static const struct {
    const char *typed;
    struct recipe made;
} forms[] = {
    { "", { "empty", WITH_3DES, .password = "" } },
    { "", { "empty, PBES2", WITH_AES, .password = "" } },
    { "Größe", { "UTF-8", WITH_AES, .password = "Größe" } },
    { "世界 a😀b", { "beyond the BMP", WITH_3DES, .password = "世界 a😀b" } },
    { "Größe", { "Latin-1", WITH_AES, .password = "Größe", .bytes = BYTES("Gr\xF6\xDF" "e") } },
    { "Größe", { "OpenSSL 1.0", WITH_3DES, .password = "Gr\xC3\x83\xC2\xB6\xC3\x83\xC2\x9F" "e" } },
    { "Größe", { "UTF-16 with an end", WITH_AES, .password = "Größe", .bytes = BYTES("\0G\0r\0\xF6\0\xDF\0e\0\0") } },
    { "nss", { "UTF-16, ASCII", WITH_AES, .password = "nss", .bytes = BYTES("\0n\0s\0s\0\0") } },
    { "nss", { "UTF-16 without an end", WITH_AES, .password = "nss", .bytes = BYTES("\0n\0s\0s") } },
    { "Größe", { "7 bits", WITH_AES, .password = "Größe", .bytes = BYTES("Gr\x76\x5F" "e") } },
    { "5€", { "code page 1252", WITH_AES, .password = "5€", .bytes = BYTES("5\x80") } },
    { "Gr\xF6\xDF" "e", { "typed in Latin-1", WITH_AES, .password = "Größe", .bytes = BYTES("Größe") } },
    { "Gr\xF6\xDF" "e", { "typed in Latin-1, old", WITH_3DES, .password = "Größe" } },
    { "Größe", { "PBMAC1 in Latin-1", 0, "AES-256-CBC", .digest = "SHA256", .mac = MAC_PBMAC1, .mac_key = 32,
                 .password = "Größe", .bytes = BYTES("Gr\xF6\xDF" "e") } },
};

START_TEST(every_form_of_a_password_is_tried)
{
    const struct ingredient one = { key, cert, 1, 1, NULL, 0 };

    ck_assert_msg(make_and_read(&forms[_i].made, &one, 1, forms[_i].typed) == ERR_NONE, "%s: %s", forms[_i].made.name,
                  why.text);
}
END_TEST

/* ---- what is in it ---- */

static const struct recipe plain = { "plain", 0, "AES-256-CBC", .digest = "SHA256", .mac = MAC_CLASSIC, .password = "Passw0rd" };

START_TEST(keys_find_their_certificates_whatever_the_ids_say)
{
    X509 *other = test_cert(second, 3);
    const struct ingredient list[] = { { NULL, other, 0, 1, NULL, 0 }, { key, NULL, 1, 0, "first", 0 },
                                       { NULL, cert, 0, 2, NULL, 0 },  { second, NULL, 2, 0, "second", 0 } };

    ck_assert_int_eq(make_and_read(&plain, list, 4, "Passw0rd"), ERR_NONE);
    ck_assert_uint_eq(p12->n_keys, 2);
    ck_assert_uint_eq(p12->keys[0].cert, 1);
    ck_assert_uint_eq(p12->keys[1].cert, 0);
    X509_free(other);
}
END_TEST

START_TEST(of_two_certificates_the_newer_is_taken)
{
    const struct ingredient list[] = { { key, cert, 0, 0, NULL, 0 }, { NULL, newer, 0, 0, NULL, 0 } };

    ck_assert_int_eq(make_and_read(&plain, list, 2, "Passw0rd"), ERR_NONE);
    ck_assert_uint_eq(p12->keys[0].cert, 1);
}
END_TEST

START_TEST(of_two_certificates_the_one_with_the_id_is_taken)
{
    const struct ingredient list[] = { { key, cert, 7, 7, NULL, 0 }, { NULL, newer, 0, 8, NULL, 0 } };

    ck_assert_int_eq(make_and_read(&plain, list, 2, "Passw0rd"), ERR_NONE);
    ck_assert_uint_eq(p12->keys[0].cert, 0);
}
END_TEST

START_TEST(a_key_that_is_there_twice_counts_once)
{
    const struct ingredient list[] = { { key, cert, 1, 1, NULL, 0 }, { key, NULL, 1, 0, NULL, 0 } };

    ck_assert_int_eq(make_and_read(&plain, list, 2, "Passw0rd"), ERR_NONE);
    ck_assert_uint_eq(p12->key_bags, 2);
    ck_assert_uint_eq(p12->n_keys, 1);
}
END_TEST

START_TEST(one_key_with_two_certificates_and_two_bags_takes_two_places)
{
    const struct ingredient list[] = { { key, cert, 1, 1, NULL, 0 }, { key, newer, 2, 2, NULL, 0 } };

    ck_assert_int_eq(make_and_read(&plain, list, 2, "Passw0rd"), ERR_NONE);
    ck_assert_uint_eq(p12->n_keys, 2);
    ck_assert_uint_eq(p12->keys[0].cert, 0);
    ck_assert_uint_eq(p12->keys[1].cert, 1);
}
END_TEST

START_TEST(a_certificate_of_another_key_is_not_taken)
{
    const struct ingredient list[] = { { second, cert, 1, 1, NULL, 0 } };

    ck_assert_int_eq(make_and_read(&plain, list, 1, "Passw0rd"), ERR_NONE);
    ck_assert_uint_eq(p12->keys[0].cert, P12_NONE);
}
END_TEST

START_TEST(bags_of_other_kinds_are_counted_and_left)
{
    const struct ingredient list[] = { { .other = NID_crlBag },    { .other = NID_secretBag },
                                       { .other = NID_rsadsi },    { key, cert, 1, 1, NULL, 0 } };

    ck_assert_int_eq(make_and_read(&plain, list, 4, "Passw0rd"), ERR_NONE);
    ck_assert_uint_eq(p12->crls, 1);
    ck_assert_uint_eq(p12->secrets, 1);
    ck_assert_uint_eq(p12->others, 1);
    ck_assert_uint_eq(p12->n_keys, 1);
}
END_TEST

START_TEST(names_lose_control_characters_and_length)
{
    static const char *const names[][2] = {
        { "a\x1b[31mb\nc", "a?[31mb?c" }, { "x\xC2\x9By", "x??y" }, { "Ünïcode 😀", "Ünïcode 😀" },
    };
    char longest[400];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct ingredient one = { key, cert, 1, 1, names[i][0], 0 };

        ck_assert_int_eq(make_and_read(&plain, &one, 1, "Passw0rd"), ERR_NONE);
        ck_assert_str_eq(p12->keys[0].name, names[i][1]);
    }
    for (size_t i = 0; i + 2 < sizeof longest; i += 2)
        memcpy(longest + i, "é", 3);
    const struct ingredient one = { key, cert, 1, 1, longest, 0 };
    ck_assert_int_eq(make_and_read(&plain, &one, 1, "Passw0rd"), ERR_NONE);
    ck_assert_uint_eq(strlen(p12->keys[0].name), P12_NAME_MAX);
}
END_TEST

/* ---- limits ---- */

START_TEST(nesting_is_bounded)
{
    const struct ingredient one = { key, cert, 1, 1, NULL, 0 };
    uint8_t *bytes;
    size_t n = bundle_make(library.ctx, &plain, &one, 1, (size_t)_i, &bytes);

    ck_assert_int_eq(read_copy(bytes, n, "Passw0rd", P12_ITERATIONS), _i <= P12_DEPTH_MAX ? ERR_NONE : ERR_FULL);
    OPENSSL_free(bytes);
}
END_TEST

START_TEST(iterations_are_bounded)
{
    static const struct {
        const char *name;
        struct recipe recipe;
        unsigned long allowed;
        enum err e;
    } rows[] = {
        { "as many", { "", WITH_AES, .password = "x", .iterations = 5000 }, 7500, ERR_NONE },
        { "one more than one may take", { "", WITH_AES, .password = "x", .iterations = 5001 }, 5000, ERR_FULL },
        { "too many together", { "", WITH_AES, .password = "x", .iterations = 5000 }, 5000, ERR_FULL },
        { "scrypt", { "", 0, "AES-256-CBC", 0, KDF_SCRYPT, MAC_NONE, .password = "x", .iterations = 1024 }, 8191,
          ERR_FULL },
        { "PBMAC1", { "", 0, "AES-256-CBC", .mac = MAC_PBMAC1, .digest = "SHA256", .mac_key = 32, .password = "x",
                      .iterations = 5001 }, 5000, ERR_FULL },
    };
    const struct ingredient one = { key, cert, 1, 1, NULL, 0 };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t *bytes;
        size_t n = bundle_make(library.ctx, &rows[i].recipe, &one, 1, 0, &bytes);

        ck_assert_msg(read_copy(bytes, n, "x", rows[i].allowed) == rows[i].e, "%s: %s", rows[i].name, why.text);
        if (rows[i].e == ERR_FULL)
            ck_assert_ptr_nonnull(strstr(why.text, "--max-iterations"));
        OPENSSL_free(bytes);
    }
}
END_TEST

START_TEST(a_short_or_missing_mac_key_is_refused)
{
    static const int lengths[] = { 0, 1, 19 };
    const struct ingredient one = { key, cert, 1, 1, NULL, 0 };

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const struct recipe r = { "", 0, "AES-256-CBC", .mac = MAC_PBMAC1, .digest = "SHA256", .mac_key = lengths[i],
                                  .password = "x" };

        ck_assert_int_eq(make_and_read(&r, &one, 1, "x"), ERR_DATA);
    }
}
END_TEST

/* ---- damage ---- */

/* Damage that is not seen would have to be harmless: what comes out is the key that went in. */
static void check_harmless(const char *how, size_t at)
{
    for (size_t i = 0; i < p12->n_keys; i++)
        ck_assert_msg(p12->keys[i].key == NULL || EVP_PKEY_eq(p12->keys[i].key, key) == 1, "%s at %zu", how, at);
}

START_TEST(no_damage_gets_through)
{
    const struct recipe r = { "", 0, "AES-128-CBC", .mac = MAC_CLASSIC, .digest = "SHA256", .password = "x",
                              .iterations = 1 };
    const struct ingredient one = { key, cert, 1, 1, "n", 0 };
    uint8_t *bytes;
    size_t n = bundle_make(library.ctx, &r, &one, 1, 0, &bytes);

    for (size_t cut = 0; cut < n; cut++)
        ck_assert_int_ne(read_copy(bytes, cut, "x", 1000), ERR_NONE);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (read_copy(bytes, n, "x", 1000) == ERR_NONE)
            check_harmless("bit", bit);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    OPENSSL_free(bytes);
}
END_TEST

START_TEST(damage_without_a_mac_never_crashes)
{
    const struct recipe r = { "", _i == 0 ? -1 : 0, "AES-128-CBC", .mac = MAC_NONE, .password = "x", .iterations = 1 };
    const struct ingredient one = { key, cert, 1, 1, "n", 0 };
    uint8_t *bytes;
    size_t n = bundle_make(library.ctx, &r, &one, 1, 0, &bytes);
    unsigned seen = 0;

    for (size_t bit = 0; bit < 8 * n; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        seen += read_copy(bytes, n, "x", 1000) != ERR_NONE;
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_uint_gt(seen, 100);
    OPENSSL_free(bytes);
}
END_TEST

static size_t read_whole(const char *folder, const char *name, uint8_t *room, size_t cap)
{
    char path[PATH_MAX];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "rb");
    n = f == NULL ? 0 : fread(room, 1, cap, f);
    if (f != NULL)
        fclose(f);
    return n;
}

/* Other people's bundles, each cut and flipped at some 100 places; no password is needed to be hurt by them. */
START_TEST(damaged_bundles_of_others_never_crash)
{
    const char *folder = getenv("P12_CORPUS");
    static uint8_t room[1 << 20];
    DIR *dir = folder == NULL ? NULL : opendir(folder);
    const struct dirent *d;
    unsigned files = 0;

    while (dir != NULL && (d = readdir(dir)) != NULL) {
        size_t n = read_whole(folder, d->d_name, room, sizeof room), step = 1 + n / 100;

        if (strstr(d->d_name, ".p12") == NULL && strstr(d->d_name, ".pfx") == NULL)
            continue;
        files++;
        for (size_t at = files % step; at < n; at += step) {
            (void)!read_copy(room, at, "", 3000);
            room[at] ^= (uint8_t)(1 << at % 8);
            (void)!read_copy(room, n, "", 3000);
            room[at] ^= (uint8_t)(1 << at % 8);
        }
    }
    if (dir != NULL)
        closedir(dir);
    ck_assert(folder == NULL || files > 0);
}
END_TEST

START_TEST(what_is_not_a_bundle_is_called_by_its_name)
{
    static const struct {
        const char *bytes, *says;
    } rows[] = {
        { "", "empty" },
        { "hello", "not a PKCS#12 file" },
        { "-----BEGIN PRIVATE KEY-----\n", "openssl pkcs12 -export" },
        { "Bag Attributes\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "openssl pkcs12 -export" },
        { "-----BEGIN CERTIFICATE-----\n", "no private key" },
        { "-----BEGIN PKCS12-----\n", "base64 -d" },
        { "MIIKPAIBAzCCCg", "base64 -d" },
        { "\xFE\xED\xFE\xED\x00", "keytool -importkeystore" },
        { "# vpiv-card 1 1 00", "card of vpiv" },
        { "<!DOCTYPE html><html>", "web page" },
        { "\x30\x82", "damaged" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_int_eq(read_copy((const uint8_t *)rows[i].bytes, strlen(rows[i].bytes), "", 1000), ERR_DATA);
        ck_assert_msg(strstr(why.text, rows[i].says) != NULL, "row %zu: %s", i, why.text);
    }
}
END_TEST

Suite *suite_p12(void)
{
    Suite *s = suite_create("p12");
    TCase *c = tcase_create("reading");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_set_timeout(c, 600); /* under a sanitizer or valgrind, too */
    tcase_add_loop_test(c, every_protection_is_read, 0, BUNDLE_RECIPES);
    tcase_add_loop_test(c, a_wrong_password_is_called_so, 0, BUNDLE_RECIPES);
    tcase_add_loop_test(c, every_form_of_a_password_is_tried, 0, sizeof forms / sizeof forms[0]);
    tcase_add_test(c, keys_find_their_certificates_whatever_the_ids_say);
    tcase_add_test(c, of_two_certificates_the_newer_is_taken);
    tcase_add_test(c, of_two_certificates_the_one_with_the_id_is_taken);
    tcase_add_test(c, a_key_that_is_there_twice_counts_once);
    tcase_add_test(c, one_key_with_two_certificates_and_two_bags_takes_two_places);
    tcase_add_test(c, a_certificate_of_another_key_is_not_taken);
    tcase_add_test(c, bags_of_other_kinds_are_counted_and_left);
    tcase_add_test(c, names_lose_control_characters_and_length);
    tcase_add_loop_test(c, nesting_is_bounded, 0, P12_DEPTH_MAX + 2);
    tcase_add_test(c, iterations_are_bounded);
    tcase_add_test(c, a_short_or_missing_mac_key_is_refused);
    tcase_add_test(c, no_damage_gets_through);
    tcase_add_loop_test(c, damage_without_a_mac_never_crashes, 0, 2);
    tcase_add_test(c, damaged_bundles_of_others_never_crash);
    tcase_add_test(c, what_is_not_a_bundle_is_called_by_its_name);
    suite_add_tcase(s, c);
    return s;
}
