/* SPDX-License-Identifier: BSD-2-Clause */
/* seed.c — SHA-256 over key and count: a stream that depends on nothing else. */
#include "conf/seed.h"

#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "conf/file.h"

enum { DIGEST = 32 };

static enum err digest(OSSL_LIB_CTX *lib, const struct out *bytes, uint8_t to[DIGEST])
{
    if (bytes->bad)
        return ERR_FULL;
    return EVP_Q_digest(lib, "SHA256", NULL, bytes->p, bytes->n, to, NULL) == 1 ? ERR_NONE : ERR_CRYPTO;
}

enum err seed_read(int dir, OSSL_LIB_CTX *lib, struct seed *seed)
{
    uint8_t room[SEED_MAX + 1];
    struct out text = out_of(room, sizeof room);
    struct stat st;
    int fd;
    enum err e = file_open(dir, "seed", &fd, &st);

    *seed = (struct seed){ .set = false };
    if (e == ERR_NOT_FOUND)
        return ERR_NONE;
    if (e != ERR_NONE)
        return e;
    e = file_read(fd, &text);
    close(fd);
    if (e == ERR_NONE && (text.n == 0 || text.n > SEED_MAX))
        e = ERR_DATA;
    if (e == ERR_NONE)
        e = digest(lib, &text, seed->key);
    seed->set = e == ERR_NONE;
    return e;
}

enum err seed_start(struct seed *seed, OSSL_LIB_CTX *lib, const uint8_t *name, size_t n)
{
    uint8_t room[DIGEST + 64];
    struct out bytes = out_of(room, sizeof room);

    out_put(&bytes, in_of(seed->key, sizeof seed->key));
    out_put(&bytes, in_of(name, n));
    seed->count = 0;
    return digest(lib, &bytes, seed->key);
}

enum err seed_bytes(struct seed *seed, OSSL_LIB_CTX *lib, uint8_t *p, size_t n)
{
    uint8_t room[DIGEST + 8], block[DIGEST];
    struct out to = out_of(p, n);
    enum err e = ERR_NONE;

    while (e == ERR_NONE && to.n < n) {
        struct out bytes = out_of(room, sizeof room);

        out_put(&bytes, in_of(seed->key, sizeof seed->key));
        out_u32(&bytes, (uint32_t)(seed->count >> 32));
        out_u32(&bytes, (uint32_t)seed->count++);
        e = digest(lib, &bytes, block);
        out_put(&to, in_of(block, n - to.n < DIGEST ? n - to.n : DIGEST));
    }
    return e;
}
