/* SPDX-License-Identifier: BSD-2-Clause */
/* seal.c — scrypt, HKDF, X25519 and AES-256-GCM, composed as seal.h says. */
#include "applet/seal.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

enum { KEY = 32, SCRYPT_R = 8, SCRYPT_P = 1 };

/* Parameters that are only read: OpenSSL's constructors want a pointer that is not const. */
static OSSL_PARAM octets(const char *name, const void *p, size_t n)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)p, n);
}

static OSSL_PARAM digest(const char *name)
{
    return OSSL_PARAM_construct_utf8_string(name, (char *)"SHA256", 0);
}

static enum err kdf(OSSL_LIB_CTX *lib, const char *name, const OSSL_PARAM *params, struct secret **key)
{
    EVP_KDF *method = EVP_KDF_fetch(lib, name, NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(method);
    struct secret *made = secret_new(KEY);
    bool ok = ctx != NULL && made != NULL && EVP_KDF_derive(ctx, made->p, made->n, params) == 1;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(method);
    if (!ok) {
        secret_free(made);
        return ERR_CRYPTO;
    }
    *key = made;
    return ERR_NONE;
}

/* HKDF-SHA-256 (RFC 5869). */
static enum err hkdf(OSSL_LIB_CTX *lib, struct in input, struct in salt, struct in info, struct secret **key)
{
    OSSL_PARAM params[] = {
        digest(OSSL_KDF_PARAM_DIGEST),
        octets(OSSL_KDF_PARAM_KEY, input.p, input.n),
        octets(OSSL_KDF_PARAM_SALT, salt.p, salt.n),
        octets(OSSL_KDF_PARAM_INFO, info.p, info.n),
        OSSL_PARAM_END,
    };

    return kdf(lib, "HKDF", params, key);
}

enum err derive_host(const struct piv_env *env, const char *purpose, const uint8_t guid[16], struct secret **key)
{
    uint8_t room[64];
    struct out info = out_of(room, sizeof room);

    out_put(&info, in_of("vpiv ", 5));
    out_put(&info, in_of(purpose, strlen(purpose)));
    out_put(&info, in_of(guid, 16));
    if (info.bad)
        return ERR_DATA;
    return hkdf(env->lib, secret_in(env->host), in_of(guid, 16), out_in(&info), key);
}

enum err mac(OSSL_LIB_CTX *lib, struct in key, struct in a, struct in b, uint8_t out[32])
{
    OSSL_PARAM params[] = { digest(OSSL_MAC_PARAM_DIGEST), OSSL_PARAM_END };
    EVP_MAC *method = EVP_MAC_fetch(lib, "HMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(method);
    size_t n = 0;
    bool ok = ctx != NULL && EVP_MAC_init(ctx, key.p, key.n, params) == 1 && EVP_MAC_update(ctx, a.p, a.n) == 1 &&
              EVP_MAC_update(ctx, b.p, b.n) == 1 && EVP_MAC_final(ctx, out, &n, 32) == 1 && n == 32;

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(method);
    return ok ? ERR_NONE : ERR_CRYPTO;
}

/* One AES-256-GCM box: plain → box ‖ tag, or the other way.  The tag has always SEAL_TAG bytes.
 * ERR_WRONG: the tag is another one; a library that fails says nothing about the key. */
static enum err gcm(OSSL_LIB_CTX *lib, bool seal, const uint8_t *key, const uint8_t *nonce, struct in about,
                    struct in from, uint8_t *to, uint8_t *tag)
{
    EVP_CIPHER *method = EVP_CIPHER_fetch(lib, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, direction = seal ? 1 : 0;
    bool ok = method != NULL && ctx != NULL && about.n < INT32_MAX && from.n < INT32_MAX &&
              EVP_CipherInit_ex2(ctx, method, key, nonce, direction, NULL) == 1 &&
              (about.n == 0 || EVP_CipherUpdate(ctx, NULL, &n, about.p, (int)about.n) == 1) &&
              EVP_CipherUpdate(ctx, to, &n, from.p, (int)from.n) == 1 && n == (int)from.n &&
              (seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, tag) == 1);
    bool right = ok && EVP_CipherFinal_ex(ctx, to + from.n, &n) == 1 && n == 0;

    ok = ok && (!seal || (right && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG, tag) == 1));
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(method);
    return !ok ? ERR_CRYPTO : right ? ERR_NONE : ERR_WRONG;
}

/* A box of gcm() whose plain text becomes a secret. */
static enum err unbox(OSSL_LIB_CTX *lib, const struct secret *key, const uint8_t *nonce, struct in about, struct in box,
                      struct secret **plain)
{
    struct in body, tag;
    struct secret *made;
    uint8_t expected[SEAL_TAG];
    enum err e;

    if (box.n < SEAL_TAG || !in_take(&box, box.n - SEAL_TAG, &body) || !in_take(&box, SEAL_TAG, &tag))
        return ERR_DATA;
    memcpy(expected, tag.p, SEAL_TAG);
    made = secret_new(body.n);
    if (made == NULL)
        return ERR_MEMORY;
    e = gcm(lib, false, key->p, nonce, about, body, made->p, expected);
    if (e != ERR_NONE) {
        secret_free(made);
        return e;
    }
    *plain = made;
    return ERR_NONE;
}

static enum err box(OSSL_LIB_CTX *lib, const struct secret *key, const uint8_t *nonce, struct in about,
                    const struct secret *plain, struct out *out)
{
    uint8_t *room = out_room(out, plain->n + SEAL_TAG);

    if (room == NULL)
        return ERR_FULL;
    return gcm(lib, true, key->p, nonce, about, secret_in(plain), room, room + plain->n);
}

enum err seal_under(const struct piv_env *env, const struct secret *key, struct in about, const struct secret *plain,
                    struct out *out)
{
    uint8_t *nonce = out_room(out, SEAL_NONCE);
    enum err e;

    if (nonce == NULL)
        return ERR_FULL;
    e = env->random(env->ctx, nonce, SEAL_NONCE);
    return e != ERR_NONE ? e : box(env->lib, key, nonce, about, plain, out);
}

enum err open_under(const struct piv_env *env, const struct secret *key, struct in about, struct in sealed,
                    struct secret **plain)
{
    struct in nonce;

    if (!in_take(&sealed, SEAL_NONCE, &nonce))
        return ERR_DATA;
    return unbox(env->lib, key, nonce.p, about, sealed, plain);
}

static struct in pin_about(uint8_t room[32], const uint8_t guid[16], enum pin which)
{
    struct out about = out_of(room, 32);

    out_put(&about, in_of("card key", 8));
    out_u8(&about, (uint8_t)which);
    out_put(&about, in_of(guid, 16));
    return out_in(&about);
}

/* scrypt(PIN ‖ host secret): neither the card file nor the host secret alone lets anyone guess. */
static enum err pin_key(const struct piv_env *env, struct in pin, const struct seal *seal, struct secret **key)
{
    struct secret *both = secret_new(pin.n + env->host->n);
    uint64_t n = UINT64_C(1) << seal->log_n;
    uint32_t r = SCRYPT_R, p = SCRYPT_P;
    uint64_t memory = 128 * r * (n + p + 2) + 4096;
    struct out out;
    enum err e;

    if (both == NULL)
        return ERR_MEMORY;
    out = secret_out(both);
    out_put(&out, pin);
    out_put(&out, secret_in(env->host));
    OSSL_PARAM params[] = {
        octets(OSSL_KDF_PARAM_PASSWORD, both->p, both->n),
        octets(OSSL_KDF_PARAM_SALT, seal->salt, sizeof seal->salt),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_END,
    };
    e = kdf(env->lib, "SCRYPT", params, key);
    secret_free(both);
    return e;
}

enum err seal_pin(const struct piv_env *env, const uint8_t guid[16], enum pin which, const struct secret *pin,
                  const struct secret *card_key, uint8_t log_n, struct seal *seal)
{
    struct secret *key = NULL;
    uint8_t room[32];
    struct out out;
    enum err e;

    if (card_key->n != SEAL_CARD_KEY || log_n < 1 || log_n > SEAL_LOG_N_MAX)
        return ERR_DATA;
    *seal = (struct seal){ .log_n = log_n };
    if ((e = env->random(env->ctx, seal->salt, sizeof seal->salt)) != ERR_NONE ||
        (e = env->random(env->ctx, seal->nonce, sizeof seal->nonce)) != ERR_NONE)
        return e;
    if ((e = pin_key(env, secret_in(pin), seal, &key)) != ERR_NONE)
        return e;
    out = out_of(seal->box, sizeof seal->box);
    e = box(env->lib, key, seal->nonce, pin_about(room, guid, which), card_key, &out);
    secret_free(key);
    return e;
}

enum err open_pin(const struct piv_env *env, const uint8_t guid[16], enum pin which, struct in pin,
                  const struct seal *seal, struct secret **card_key)
{
    struct secret *key = NULL;
    uint8_t room[32];
    enum err e;

    if (seal->log_n < 1 || seal->log_n > SEAL_LOG_N_MAX)
        return ERR_DATA;
    if ((e = pin_key(env, pin, seal, &key)) != ERR_NONE)
        return e;
    e = unbox(env->lib, key, seal->nonce, pin_about(room, guid, which), in_of(seal->box, sizeof seal->box), card_key);
    secret_free(key);
    return e;
}

static enum err public_half(const struct piv_env *env, const struct secret *private, uint8_t public[32])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(env->lib, "X25519", NULL, private->p, private->n);
    size_t n = 32;
    bool ok = key != NULL && EVP_PKEY_get_raw_public_key(key, public, &n) == 1 && n == 32;

    EVP_PKEY_free(key);
    return ok ? ERR_NONE : ERR_CRYPTO;
}

enum err seal_pair(const struct piv_env *env, struct secret **private, uint8_t public[32])
{
    struct secret *made = secret_new(KEY);
    enum err e;

    if (made == NULL)
        return ERR_MEMORY;
    if ((e = env->random(env->ctx, made->p, made->n)) != ERR_NONE ||
        (e = public_half(env, made, public)) != ERR_NONE) {
        secret_free(made);
        return e;
    }
    *private = made;
    return ERR_NONE;
}

/* X25519(private, public), then HKDF bound to both public halves. */
static enum err agree(const struct piv_env *env, const struct secret *private, const uint8_t peer[32],
                      const uint8_t ephemeral[32], const uint8_t to[32], struct secret **key)
{
    EVP_PKEY *mine = EVP_PKEY_new_raw_private_key_ex(env->lib, "X25519", NULL, private->p, private->n);
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key_ex(env->lib, "X25519", NULL, peer, 32);
    EVP_PKEY_CTX *ctx = mine == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(env->lib, mine, NULL);
    struct secret *shared = secret_new(KEY);
    size_t n = KEY;
    uint8_t room[64];
    struct out salt = out_of(room, sizeof room);
    enum err e = ERR_CRYPTO;

    out_put(&salt, in_of(ephemeral, 32));
    out_put(&salt, in_of(to, 32));
    if (ctx != NULL && theirs != NULL && shared != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
        EVP_PKEY_derive_set_peer(ctx, theirs) == 1 && EVP_PKEY_derive(ctx, shared->p, &n) == 1 && n == KEY)
        e = hkdf(env->lib, secret_in(shared), out_in(&salt), in_of("vpiv private key", 16), key);
    secret_free(shared);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(mine);
    return e;
}

/* The agreed key serves once: its nonce may be zero. */
static const uint8_t zero_nonce[SEAL_NONCE];

enum err seal_agreed(const struct piv_env *env, const uint8_t to[32], struct in about, const struct secret *plain,
                     struct out *out)
{
    struct secret *ephemeral = NULL, *key = NULL;
    uint8_t public[32];
    enum err e;

    if ((e = seal_pair(env, &ephemeral, public)) != ERR_NONE)
        return e;
    e = agree(env, ephemeral, to, public, to, &key);
    if (e == ERR_NONE) {
        out_put(out, in_of(public, sizeof public));
        e = box(env->lib, key, zero_nonce, about, plain, out);
    }
    secret_free(key);
    secret_free(ephemeral);
    return e;
}

enum err open_agreed(const struct piv_env *env, const struct secret *with, struct in about, struct in sealed,
                     struct secret **plain)
{
    struct secret *key = NULL;
    struct in ephemeral;
    uint8_t to[32];
    enum err e;

    if (!in_take(&sealed, 32, &ephemeral))
        return ERR_DATA;
    if ((e = public_half(env, with, to)) != ERR_NONE)
        return e;
    if ((e = agree(env, with, ephemeral.p, ephemeral.p, to, &key)) != ERR_NONE)
        return e;
    e = unbox(env->lib, key, zero_nonce, about, sealed, plain);
    secret_free(key);
    return e;
}
