/* SPDX-License-Identifier: BSD-2-Clause */
/* seeds_p12.c — makes the inputs from which fuzz_p12 starts: `seeds_p12 FOLDER`.
 *
 * Each is a small bundle, behind the byte that chooses its password.  Every protection comes with and without its MAC:
 * nothing that a fuzzer changes gets past one.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/objects.h>

#include "tests/bundles.h"
#include "tests/fuzz.h"

static struct p12_library library;
static const char *folder;
static unsigned number;

static void seed(const struct recipe *recipe, const struct ingredient *list, size_t n, size_t depth)
{
    char path[4096];
    uint8_t *bytes = NULL;
    size_t length = bundle_make(library.ctx, recipe, list, n, depth, &bytes);
    FILE *f;

    snprintf(path, sizeof path, "%s/%02u", folder, number++);
    f = fopen(path, "wb");
    if (f == NULL || fputc(FUZZ_P12_PASSWORD, f) == EOF || fwrite(bytes, 1, length, f) != length || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
    OPENSSL_free(bytes);
}

static void seed_protections(const struct ingredient *one)
{
    for (size_t i = 0; i < BUNDLE_RECIPES; i++) {
        struct recipe r = bundle_recipes[i];

        if (r.iterations > FUZZ_P12_ITERATIONS)
            continue;
        seed(&r, one, 1, 0);
        if (r.mac == MAC_NONE)
            continue;
        r.mac = MAC_NONE;
        seed(&r, one, 1, 0);
    }
}

static void seed_contents(EVP_PKEY *key, X509 *cert)
{
    static const struct recipe clear = { "", -1, .mac = MAC_NONE, .password = "Passw0rd" };
    EVP_PKEY *second = test_key();
    X509 *other = test_cert(second, 3);
    const struct ingredient two[] = { { NULL, other, 0, 1, NULL, 0 }, { key, NULL, 1, 0, "first", 0 },
                                      { NULL, cert, 0, 2, NULL, 0 },  { second, NULL, 2, 0, "second", 0 } };
    const struct ingredient rest[] = { { key, cert, 1, 1, "a", 0 }, { .other = NID_crlBag }, { .other = NID_secretBag } };

    seed(&clear, two, 4, 0);
    seed(&clear, two, 4, 3);
    seed(&clear, rest, 3, 0);
    seed(&clear, &two[0], 1, 0);
    seed(&clear, &two[1], 1, 0);
    seed(&clear, NULL, 0, 0);
    X509_free(other);
    EVP_PKEY_free(second);
}

int main(int argc, char **argv)
{
    EVP_PKEY *key;
    X509 *cert;

    if (argc != 2 || !secret_heap() || p12_library_open(&library) != ERR_NONE) {
        fprintf(stderr, "Usage: seeds_p12 FOLDER\n");
        return 2;
    }
    folder = argv[1];
    key = test_key();
    cert = test_cert(key, 1);
    seed_protections(&(const struct ingredient){ key, cert, 1, 1, "name", 0 });
    seed_contents(key, cert);
    X509_free(cert);
    EVP_PKEY_free(key);
    p12_library_close(&library);
    return 0;
}
