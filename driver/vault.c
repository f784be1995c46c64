/* SPDX-License-Identifier: BSD-2-Clause */
/* vault.c — OpenSSL's secure heap while a key is opened; the sweep of stack, registers and command buffer. */
#include "driver/vault.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "applet/secret.h"
#include "driver/log.h"

/* The hooks get no context, so what they ask must be found from nowhere: a mark of the thread. */
static _Thread_local struct {
    bool inside, prepared, told;
} here;

/* A full vault gives NULL, never a block from elsewhere: the operation fails, and the key is not kept. */
static void *take(size_t n, const char *file, int line)
{
    if (n == 0)
        return NULL;
    return here.inside ? CRYPTO_secure_malloc(n, file, line) : malloc(n);
}

/* A block goes back to where it came from, whoever frees it and when. */
static void give(void *p, const char *file, int line)
{
    if (p == NULL)
        return;
    if (CRYPTO_secure_allocated(p))
        CRYPTO_secure_free(p, file, line);
    else
        free(p);
}

static void *retake(void *p, size_t n, const char *file, int line)
{
    if (p == NULL)
        return take(n, file, line);
    if (n == 0) {
        give(p, file, line);
        return NULL;
    }
    bool secure = CRYPTO_secure_allocated(p);
    if (!secure && !here.inside)
        return realloc(p, n);
    /* What was in the vault once does not leave it by growing. */
    size_t had = secure ? CRYPTO_secure_actual_size(p) : malloc_usable_size(p);
    void *next = CRYPTO_secure_malloc(n, file, line);
    if (next != NULL) {
        memcpy(next, p, had < n ? had : n);
        give(p, file, line);
    }
    return next;
}

static bool hooks_are_ours(void)
{
    CRYPTO_malloc_fn m;
    CRYPTO_realloc_fn r;
    CRYPTO_free_fn f;

    CRYPTO_get_mem_functions(&m, &r, &f);
    return m == take && r == retake && f == give;
}

bool vault_open(void)
{
    bool hooked = CRYPTO_set_mem_functions(take, retake, give) == 1;

    /* The library's own handler at exit would pull its locks from under a call that still runs when pcscd
     * ends (PCSC.md 8), and pcscd is no place to read openssl.cnf. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    /* One that another library has opened before is as good as it is. */
    enum heap heap = CRYPTO_secure_malloc_initialized() ? HEAP_LOCKED : secret_heap_open();
    if (heap == HEAP_NONE)
        log_line(LEVEL_ERROR, "no secure heap: private keys cannot be used here");
    if (heap == HEAP_UNLOCKED)
        log_line(LEVEL_ERROR, "the memory for secrets cannot be locked: keys in use may be swapped out; pcscd may lock "
                 "too little (RLIMIT_MEMLOCK, LimitMEMLOCK= of its unit): 2 MiB are enough");
    if (heap != HEAP_NONE && !hooked)
        log_line(LEVEL_ERROR, "no vault for private keys: another library used libcrypto before");
    return hooked && CRYPTO_secure_malloc_initialized();
}

/* What a key makes the library look for: each fetched, and freed at once, for the library's own store keeps it. */
static void warm_key(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_KEYMGMT_free(EVP_KEYMGMT_fetch(lib, name, NULL));
}

static void warm_signature(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_SIGNATURE_free(EVP_SIGNATURE_fetch(lib, name, NULL));
}

static void warm_asymmetric(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_ASYM_CIPHER_free(EVP_ASYM_CIPHER_fetch(lib, name, NULL));
}

static void warm_exchange(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_KEYEXCH_free(EVP_KEYEXCH_fetch(lib, name, NULL));
}

static void warm_cipher(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_CIPHER_free(EVP_CIPHER_fetch(lib, name, NULL));
}

static void warm_digest(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_MD_free(EVP_MD_fetch(lib, name, NULL));
}

static void warm_mac(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_MAC_free(EVP_MAC_fetch(lib, name, NULL));
}

static void warm_kdf(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_KDF_free(EVP_KDF_fetch(lib, name, NULL));
}

static const struct {
    void (*fetch)(OSSL_LIB_CTX *, const char *);
    const char *name;
} warm[] = {
    { warm_key, "RSA" },
    { warm_key, "EC" },
    { warm_key, "ED25519" },
    { warm_key, "X25519" },
    { warm_signature, "RSA" },
    { warm_signature, "ECDSA" },
    { warm_signature, "ED25519" },
    { warm_asymmetric, "RSA" },
    { warm_exchange, "ECDH" },
    { warm_exchange, "X25519" },
    { warm_cipher, "AES-256-GCM" },
    { warm_cipher, "AES-128-ECB" },
    { warm_cipher, "AES-192-ECB" },
    { warm_cipher, "AES-256-ECB" },
    { warm_cipher, "DES-EDE3-ECB" },
    { warm_digest, "SHA256" },
    { warm_mac, "HMAC" },
    { warm_kdf, "HKDF" },
};

static void warm_up(OSSL_LIB_CTX *lib)
{
    for (size_t i = 0; i < sizeof warm / sizeof *warm; i++)
        warm[i].fetch(lib, warm[i].name);
    ERR_clear_error(); /* what is missing is found missing when it is needed */
}

bool vault_enter(void)
{
    here.inside = CRYPTO_secure_malloc_initialized() && hooks_are_ours();
    if (!here.inside && !here.told) {
        log_line(LEVEL_ERROR, "a private key is opened outside the vault: another library took it over");
        here.told = true;
    }
    return here.inside;
}

void vault_leave(void)
{
    here.inside = false;
}

/* The deepest use of the stack seen in a private operation is 13 KB (SECRETS.md, rule 8). */
enum { SWEEP_STACK = 32 * 1024 };

#if defined(__has_attribute)
#if __has_attribute(zero_call_used_regs)
#define ZERO_REGISTERS __attribute__((zero_call_used_regs("all")))
#endif
#endif
#ifndef ZERO_REGISTERS
#define ZERO_REGISTERS
#endif

ZERO_REGISTERS __attribute__((noinline)) static void sweep_stack(void)
{
    uint8_t stack[SWEEP_STACK];

    explicit_bzero(stack, sizeof stack); /* OPENSSL_cleanse goes by eight bytes, and takes 1 us longer */
}

#if defined(__x86_64__)
/* The compiler clears what the baseline has: the low quarter of sixteen vector registers.  OpenSSL's RSA
 * uses all 32, and tails of dP were found there. */
__attribute__((noinline, target("avx512f"))) static void sweep_vectors_512(void)
{
    __asm__ volatile("vzeroall\n\t"
                     "vpxord %%zmm16, %%zmm16, %%zmm16\n\tvpxord %%zmm17, %%zmm17, %%zmm17\n\t"
                     "vpxord %%zmm18, %%zmm18, %%zmm18\n\tvpxord %%zmm19, %%zmm19, %%zmm19\n\t"
                     "vpxord %%zmm20, %%zmm20, %%zmm20\n\tvpxord %%zmm21, %%zmm21, %%zmm21\n\t"
                     "vpxord %%zmm22, %%zmm22, %%zmm22\n\tvpxord %%zmm23, %%zmm23, %%zmm23\n\t"
                     "vpxord %%zmm24, %%zmm24, %%zmm24\n\tvpxord %%zmm25, %%zmm25, %%zmm25\n\t"
                     "vpxord %%zmm26, %%zmm26, %%zmm26\n\tvpxord %%zmm27, %%zmm27, %%zmm27\n\t"
                     "vpxord %%zmm28, %%zmm28, %%zmm28\n\tvpxord %%zmm29, %%zmm29, %%zmm29\n\t"
                     "vpxord %%zmm30, %%zmm30, %%zmm30\n\tvpxord %%zmm31, %%zmm31, %%zmm31"
                     ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                     "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
                     "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30",
                     "xmm31");
}

__attribute__((noinline, target("avx"))) static void sweep_vectors_256(void)
{
    __asm__ volatile("vzeroall"
                     ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                     "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void sweep_vectors(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        sweep_vectors_512();
    else if (__builtin_cpu_supports("avx"))
        sweep_vectors_256();
}
#else
static void sweep_vectors(void)
{
}
#endif

void vault_sweep(void)
{
    sweep_stack();
    sweep_vectors();
}

enum { CARRIES = 1, TOUCHES = 2 };

/* By INS.  SP 800-73-5 Part 2, 3.2 and 3.3; Yubico's extensions. */
static const uint8_t secrecy[256] = {
    [0x20] = CARRIES | TOUCHES, /* VERIFY */
    [0x24] = CARRIES | TOUCHES, /* CHANGE REFERENCE DATA */
    [0x2C] = CARRIES | TOUCHES, /* RESET RETRY COUNTER */
    [0xFE] = CARRIES | TOUCHES, /* IMPORT ASYMMETRIC KEY */
    [0xFF] = CARRIES | TOUCHES, /* SET MANAGEMENT KEY */
    [0x87] = TOUCHES,           /* GENERAL AUTHENTICATE */
    [0x47] = TOUCHES,           /* GENERATE ASYMMETRIC KEY PAIR */
    [0xF6] = TOUCHES,           /* MOVE KEY */
    [0xF9] = TOUCHES,           /* ATTEST */
    [0xFA] = TOUCHES,           /* SET PIN RETRIES */
    [0xFB] = TOUCHES,           /* RESET */
    [0xDB] = TOUCHES,           /* PUT DATA: a new card file is sealed */
};

void vault_prepare(OSSL_LIB_CTX *lib, const uint8_t *command, size_t n)
{
    static atomic_bool warmed; /* two threads at once do it twice, and neither goes in before it is done */
    uint8_t byte;

    if (here.prepared || n < 2 || !(secrecy[command[1]] & TOUCHES))
        return;
    /* Not at the start: it takes 2 ms, and most of those who start a pcscd only look. */
    if (!atomic_load(&warmed)) {
        warm_up(lib);
        atomic_store(&warmed, true);
    }
    /* A thread has two generators of its own for as long as it lives: inside, each client would fill the
     * vault. */
    here.prepared = RAND_bytes_ex(lib, &byte, 1, 0) == 1 && RAND_priv_bytes_ex(lib, &byte, 1, 0) == 1;
}

enum { CLA_CHAIN = 0x10, INS_VERIFY = 0x20, P1_VERIFY = 0x00 };

void vault_forget(uint8_t *command, size_t n, bool *in_chain)
{
    uint8_t what = command != NULL && n >= 2 ? secrecy[command[1]] : 0;
    bool ends_chain = *in_chain;

    *in_chain = n >= 1 && (command[0] & CLA_CHAIN) != 0;
    if (n == 4 && command[1] == INS_VERIFY && command[2] == P1_VERIFY && !ends_chain)
        return;
    if (what & CARRIES)
        OPENSSL_cleanse(command, n);
    if (what & TOUCHES)
        vault_sweep();
}
