/* SPDX-License-Identifier: BSD-2-Clause */
/* ifdfloor.c — the null driver with cached OpenSSL keys, two objects, chaining and GET RESPONSE: the least that a
 * signature, an agreement or a long answer can cost inside pcscd.
 *
 * No card: nobody asks for a PIN, nothing is parsed but the length, the data of GENERAL AUTHENTICATE is whatever its
 * template ends with, and the last byte of GET DATA's tag chooses one of two objects.  One client at a time on each
 * reader, as pcscd has it. */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "tests/bench/ifdnull.h"

enum { INS_GENERAL_AUTHENTICATE = 0x87, INS_GET_RESPONSE = 0xC0, INS_GET_DATA = 0xCB, CLA_CHAIN = 0x10 };
enum { ANSWER_MAX = 4096, CHAIN_MAX = 4096 };

static const struct alg {
    unsigned char p1;
    size_t size; /* of what is signed */
    unsigned bits;
    const char *curve;
} algs[] = {
    { 0x07, 256, 2048, NULL }, { 0x05, 384, 3072, NULL }, { 0x16, 512, 4096, NULL },
    { 0x11, 32, 0, "P-256" },  { 0x14, 48, 0, "P-384" },
};

enum { ALGS = sizeof algs / sizeof *algs };

static EVP_PKEY *keys[ALGS];
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static struct floor {
    EVP_PKEY_CTX *sign[ALGS];
    unsigned char chain[CHAIN_MAX], answer[ANSWER_MAX];
    size_t n_chain, at, n; /* the answer's rest: at … n */
} readers[NULL_READERS];

/* Made when first asked for: RSA-4096 takes seconds, and most runs have no use for it. */
static EVP_PKEY_CTX *context(struct floor *f, size_t i)
{
    pthread_mutex_lock(&making);
    if (keys[i] == NULL)
        keys[i] = algs[i].curve != NULL ? EVP_EC_gen(algs[i].curve) : EVP_RSA_gen(algs[i].bits);
    pthread_mutex_unlock(&making);
    EVP_PKEY_CTX *ctx = keys[i] != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, keys[i], NULL) : NULL;
    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
        (algs[i].curve == NULL && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) != 1))
        return NULL;
    f->sign[i] = ctx;
    return ctx;
}

static size_t agree(size_t i, const unsigned char *point, unsigned char *result)
{
    size_t n = algs[i].size, points = 1 + 2 * n;
    EVP_PKEY *peer = EVP_PKEY_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, keys[i], NULL);
    int ok = peer != NULL && EVP_PKEY_copy_parameters(peer, keys[i]) == 1 &&
             EVP_PKEY_set1_encoded_public_key(peer, point, points) == 1 && ctx != NULL &&
             EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
             EVP_PKEY_derive(ctx, result, &n) == 1;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return ok ? n : 0;
}

static size_t put_head(unsigned char *to, unsigned char tag, size_t n)
{
    to[0] = tag;
    if (n > 0x7F) {
        to[1] = 0x82, to[2] = (unsigned char)(n >> 8), to[3] = (unsigned char)n;
        return 4;
    }
    to[1] = (unsigned char)n;
    return 2;
}

/* The template's last element is what it is about: 81 a block or hash, 85 a point. */
static size_t authenticate(struct floor *f, const unsigned char *command, const unsigned char *data, size_t n)
{
    unsigned char result[512];
    size_t i = 0, m = sizeof result, at;

    while (i < ALGS && algs[i].p1 != command[2])
        i++;
    EVP_PKEY_CTX *ctx = i == ALGS ? NULL : f->sign[i] != NULL ? f->sign[i] : context(f, i);
    size_t points = ctx == NULL ? 0 : 1 + 2 * algs[i].size;
    if (ctx == NULL || n < algs[i].size)
        return 0;
    if (algs[i].curve != NULL && n > points + 2 && data[n - points - 2] == 0x85)
        m = agree(i, data + n - points, result);
    else if (EVP_PKEY_sign(ctx, result, &m, data + n - algs[i].size, algs[i].size) != 1)
        return 0;
    at = put_head(f->answer, 0x7C, m + (m > 0x7F ? 4 : 2));
    at += put_head(f->answer + at, 0x82, m);
    memcpy(f->answer + at, result, m);
    return at + m;
}

static size_t object(struct floor *f, unsigned char tag)
{
    size_t n = tag == 0x05 ? 1200 : 3000;

    put_head(f->answer, 0x53, n - 4);
    memset(f->answer + 4, 0x42, n - 4);
    return n;
}

/* As much of the answer as fits, and how much there is yet. */
static size_t give(struct floor *f, size_t ne, unsigned char *answer)
{
    size_t n = f->n - f->at < ne ? f->n - f->at : ne, rest;

    memcpy(answer, f->answer + f->at, n);
    f->at += n;
    rest = f->n - f->at;
    answer[n] = rest == 0 ? 0x90 : 0x61;
    answer[n + 1] = rest > 0xFF ? 0 : (unsigned char)rest;
    return n + 2;
}

size_t bench_answer(size_t reader, const unsigned char *command, size_t n, unsigned char *answer)
{
    struct floor *f = &readers[reader];
    bool extended = n > 7 && command[4] == 0;
    size_t head = extended ? 7 : 5, nc = extended ? (size_t)command[5] << 8 | command[6] : n > 5 ? command[4] : 0;
    const unsigned char *data = command + head;

    if (n > 4 && command[1] == INS_GET_RESPONSE)
        return give(f, command[4] == 0 ? 256 : command[4], answer);
    f->at = f->n = 0;
    if (n < head + nc || f->n_chain + nc > CHAIN_MAX)
        return give(f, 0, answer);
    if (f->n_chain > 0 || command[0] & CLA_CHAIN) {
        memcpy(f->chain + f->n_chain, data, nc);
        nc = f->n_chain += nc;
        data = f->chain;
        if (command[0] & CLA_CHAIN)
            return give(f, 0, answer);
        f->n_chain = 0;
    }
    if (command[1] == INS_GENERAL_AUTHENTICATE)
        f->n = authenticate(f, command, data, nc);
    else if (command[1] == INS_GET_DATA && nc > 0)
        f->n = object(f, data[nc - 1]);
    return give(f, extended ? 65536 : 256, answer);
}
