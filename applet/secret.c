/* SPDX-License-Identifier: BSD-2-Clause */
/* secret.c — struct secret on OpenSSL's secure heap. */
#include "applet/secret.h"

#include <string.h>

#include <openssl/crypto.h>

/* 1 MiB fits the usual lock limit of 8 MiB with room for other users; an open RSA-4096 takes 16 KB (SECRETS.md). */
enum { HEAP_SIZE = 1 << 20, HEAP_BLOCK = 32 };

enum heap secret_heap_open(void)
{
    return (enum heap)CRYPTO_secure_malloc_init(HEAP_SIZE, HEAP_BLOCK);
}

bool secret_heap(void)
{
    return CRYPTO_secure_malloc_initialized() || secret_heap_open() != HEAP_NONE;
}

struct secret *secret_new(size_t n)
{
    struct secret *s = OPENSSL_secure_zalloc(sizeof *s + n);

    if (s != NULL)
        s->n = n;
    return s;
}

struct secret *secret_copy(struct in bytes)
{
    struct secret *s = secret_new(bytes.n);

    if (s != NULL && bytes.n > 0)
        memcpy(s->p, bytes.p, bytes.n);
    return s;
}

void secret_free(struct secret *s)
{
    if (s != NULL)
        OPENSSL_secure_clear_free(s, sizeof *s + s->n);
}

void secret_drop(struct secret **s)
{
    secret_free(*s);
    *s = NULL;
}

bool secret_equal(const struct secret *s, struct in bytes)
{
    return s->n == bytes.n && CRYPTO_memcmp(s->p, bytes.p, s->n) == 0;
}
