/* SPDX-License-Identifier: BSD-2-Clause */
/* ifdfloor.c — the null driver with two cached OpenSSL keys: the least that a signature can cost inside
 * pcscd.
 *
 * It parses nothing.  P1 07: RSA-2048 over the 256 bytes before the two of an extended Le; P1 11: P-256
 * over the 32 bytes before Le.  Everything else gets 9000.  One client at a time. */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "tests/bench/ifdnull.h"

enum { INS_GENERAL_AUTHENTICATE = 0x87, ALG_RSA_2048 = 0x07, ALG_P_256 = 0x11 };

static struct cached {
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;
} rsa, ec;

static void cache(struct cached *c, EVP_PKEY *key, int padding)
{
    c->key = key;
    c->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (c->ctx == NULL || EVP_PKEY_sign_init(c->ctx) != 1 ||
        (padding != 0 && EVP_PKEY_CTX_set_rsa_padding(c->ctx, padding) != 1))
        c->key = NULL;
}

__attribute__((constructor)) static void make_keys(void)
{
    cache(&rsa, EVP_RSA_gen(2048), RSA_NO_PADDING);
    cache(&ec, EVP_EC_gen("P-256"), 0);
}

static size_t sign(const struct cached *c, const unsigned char *data, size_t n, unsigned char *answer)
{
    size_t head = n > 32 ? 8 : 4, m = 512;

    if (c->key == NULL || EVP_PKEY_sign(c->ctx, answer + head, &m, data, n) != 1) {
        memcpy(answer, "\x6F\x00", 2);
        return 2;
    }
    const unsigned char long_form[] = { 0x7C, 0x82, (unsigned char)((m + 4) >> 8), (unsigned char)(m + 4),
                                        0x82, 0x82, (unsigned char)(m >> 8), (unsigned char)m };
    const unsigned char short_form[] = { 0x7C, (unsigned char)(m + 2), 0x82, (unsigned char)m };
    memcpy(answer, n > 32 ? long_form : short_form, head);
    memcpy(answer + head + m, "\x90\x00", 2);
    return head + m + 2;
}

size_t bench_answer(const unsigned char *command, size_t n, unsigned char *answer)
{
    if (n > 258 && command[1] == INS_GENERAL_AUTHENTICATE && command[2] == ALG_RSA_2048)
        return sign(&rsa, command + n - 258, 256, answer);
    if (n > 33 && command[1] == INS_GENERAL_AUTHENTICATE && command[2] == ALG_P_256)
        return sign(&ec, command + n - 33, 32, answer);
    memcpy(answer, "\x90\x00", 2);
    return 2;
}
