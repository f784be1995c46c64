/* SPDX-License-Identifier: BSD-2-Clause */
/* key.c — private keys: encodings, opening, and the operations. */
#include "applet/key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

struct key {
    const struct alg *alg;
    OSSL_LIB_CTX *lib;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ctx; /* set up once for the key's private operation; signing contexts serve again and again */
};

/* The parts of an RSA key: tag of our encoding, OpenSSL's name, and whether it has half the modulus' length. */
static const struct {
    uint8_t tag;
    const char *name;
    bool half;
} rsa_parts[] = {
    { 0x01, OSSL_PKEY_PARAM_RSA_FACTOR1, true },      { 0x02, OSSL_PKEY_PARAM_RSA_FACTOR2, true },
    { 0x03, OSSL_PKEY_PARAM_RSA_EXPONENT1, true },    { 0x04, OSSL_PKEY_PARAM_RSA_EXPONENT2, true },
    { 0x05, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, true }, { 0x0D, OSSL_PKEY_PARAM_RSA_D, false },
};

enum { RSA_PARTS = sizeof rsa_parts / sizeof rsa_parts[0], RSA_IMPORTED = 5 };

/* Tag of the single private number of the other families. */
static uint8_t scalar_tag(const struct alg *alg)
{
    return alg->family == ALG_EC ? 0x06 : alg->family == ALG_EDWARDS ? 0x07 : 0x08;
}

static bool is_raw(const struct alg *alg)
{
    return alg->family == ALG_EDWARDS || alg->family == ALG_MONTGOMERY;
}

/* A number as an element; width 0 = its own length, else left-padded.  The BIGNUM is consumed. */
static bool put_number(struct out *out, uint8_t tag, BIGNUM *number, size_t width)
{
    size_t n = number == NULL ? 0 : (size_t)BN_num_bytes(number);
    uint8_t *room;
    bool ok;

    if (width == 0)
        width = n;
    tlv_head(out, tag, width);
    room = out_room(out, width);
    ok = number != NULL && room != NULL && n <= width && BN_bn2binpad(number, room, (int)width) == (int)width;
    BN_clear_free(number);
    return ok;
}

static BIGNUM *number_of(const EVP_PKEY *pkey, const char *name)
{
    BIGNUM *number = BN_secure_new();

    if (number != NULL && EVP_PKEY_get_bn_param(pkey, name, &number) != 1) {
        BN_clear_free(number);
        number = NULL;
    }
    return number;
}

static bool put_point(struct out *out, const EVP_PKEY *pkey, size_t size)
{
    BIGNUM *x = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_X), *y = number_of(pkey, OSSL_PKEY_PARAM_EC_PUB_Y);
    uint8_t *room;
    bool ok;

    tlv_head(out, 0x86, 1 + 2 * size);
    out_u8(out, 0x04); /* SEC 1, 2.3.3: uncompressed */
    room = out_room(out, 2 * size);
    ok = x != NULL && y != NULL && room != NULL && BN_bn2binpad(x, room, (int)size) == (int)size &&
         BN_bn2binpad(y, room + size, (int)size) == (int)size;
    BN_free(x);
    BN_free(y);
    return ok;
}

enum err key_encode_public(const EVP_PKEY *pkey, const struct alg *alg, struct out *public)
{
    size_t n = alg->size;
    uint8_t *room;
    bool ok;

    if (alg->family == ALG_RSA) {
        ok = put_number(public, 0x81, number_of(pkey, OSSL_PKEY_PARAM_RSA_N), alg->size) &&
             put_number(public, 0x82, number_of(pkey, OSSL_PKEY_PARAM_RSA_E), 0);
    } else if (alg->family == ALG_EC) {
        ok = put_point(public, pkey, alg->size);
    } else {
        tlv_head(public, 0x86, alg->size);
        room = out_room(public, alg->size);
        ok = room != NULL && EVP_PKEY_get_raw_public_key(pkey, room, &n) == 1 && n == alg->size;
    }
    return public->bad ? ERR_FULL : ok ? ERR_NONE : ERR_CRYPTO;
}

enum err key_encode_private(const EVP_PKEY *pkey, const struct alg *alg, struct secret **private)
{
    size_t n = alg->size;
    struct secret *made = secret_new(alg->family == ALG_RSA ? RSA_PARTS * 4 + 7 * alg->size / 2 : 2 + alg->size);
    struct out out;
    uint8_t *room;
    bool ok = true;

    if (made == NULL)
        return ERR_MEMORY;
    out = secret_out(made);
    if (alg->family == ALG_RSA) {
        for (size_t i = 0; ok && i < RSA_PARTS; i++)
            ok = put_number(&out, rsa_parts[i].tag, number_of(pkey, rsa_parts[i].name),
                            rsa_parts[i].half ? alg->size / 2 : alg->size);
    } else if (alg->family == ALG_EC) {
        ok = put_number(&out, scalar_tag(alg), number_of(pkey, OSSL_PKEY_PARAM_PRIV_KEY), alg->size);
    } else {
        tlv_head(&out, scalar_tag(alg), alg->size);
        room = out_room(&out, alg->size);
        ok = room != NULL && EVP_PKEY_get_raw_private_key(pkey, room, &n) == 1 && n == alg->size;
    }
    if (!ok || out.bad) {
        secret_free(made);
        return ERR_UNSUPPORTED; /* e.g. an RSA key without its factors */
    }
    made->n = out.n;
    *private = made;
    return ERR_NONE;
}

/* Numbers for EVP_PKEY_fromdata; they must live until the parameters are made. */
struct build {
    OSSL_PARAM_BLD *bld;
    BIGNUM *numbers[2 + RSA_PARTS];
    size_t n;
};

static bool build_number(struct build *b, const char *name, struct in value, bool secret)
{
    BIGNUM *number = secret ? BN_secure_new() : BN_new();

    if (number == NULL || BN_bin2bn(value.p, (int)value.n, number) == NULL) {
        BN_clear_free(number);
        return false;
    }
    b->numbers[b->n++] = number;
    return OSSL_PARAM_BLD_push_BN(b->bld, name, number) == 1;
}

static bool build_rsa(struct build *b, struct in public, const struct in *private)
{
    struct in value, parts;

    if (!tlv_get(&public, 0x81, &value) || !build_number(b, OSSL_PKEY_PARAM_RSA_N, value, false) ||
        !tlv_get(&public, 0x82, &value) || !build_number(b, OSSL_PKEY_PARAM_RSA_E, value, false) || !in_end(&public))
        return false;
    if (private == NULL)
        return true;
    parts = *private;
    for (size_t i = 0; i < RSA_PARTS; i++)
        if (!tlv_get(&parts, rsa_parts[i].tag, &value) || !build_number(b, rsa_parts[i].name, value, true))
            return false;
    return in_end(&parts);
}

static bool build_ec(struct build *b, const struct alg *alg, struct in public, const struct in *private)
{
    struct in value, parts;

    if (!tlv_get(&public, 0x86, &value) || !in_end(&public) ||
        OSSL_PARAM_BLD_push_utf8_string(b->bld, OSSL_PKEY_PARAM_GROUP_NAME, alg->evp, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(b->bld, OSSL_PKEY_PARAM_PUB_KEY, value.p, value.n) != 1)
        return false;
    if (private == NULL)
        return true;
    parts = *private;
    return tlv_get(&parts, scalar_tag(alg), &value) && in_end(&parts) &&
           build_number(b, OSSL_PKEY_PARAM_PRIV_KEY, value, true);
}

static EVP_PKEY *from_parts(OSSL_LIB_CTX *lib, const struct alg *alg, struct in public, const struct in *private)
{
    struct build b = { .bld = OSSL_PARAM_BLD_new() };
    bool rsa = alg->family == ALG_RSA;
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *pkey = NULL;

    if (b.bld != NULL && (rsa ? build_rsa(&b, public, private) : build_ec(&b, alg, public, private)))
        params = OSSL_PARAM_BLD_to_param(b.bld);
    if (params != NULL)
        ctx = EVP_PKEY_CTX_new_from_name(lib, rsa ? "RSA" : "EC", NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, private == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    for (size_t i = 0; i < b.n; i++)
        BN_clear_free(b.numbers[i]);
    OSSL_PARAM_BLD_free(b.bld);
    return pkey;
}

EVP_PKEY *key_public(OSSL_LIB_CTX *lib, const struct alg *alg, struct in public)
{
    struct in value;

    if (!is_raw(alg))
        return alg->family == ALG_CIPHER ? NULL : from_parts(lib, alg, public, NULL);
    if (!tlv_get(&public, 0x86, &value) || !in_end(&public))
        return NULL;
    return EVP_PKEY_new_raw_public_key_ex(lib, alg->evp, NULL, value.p, value.n);
}

EVP_PKEY *key_pair(OSSL_LIB_CTX *lib, const struct alg *alg, struct in public, struct in private)
{
    struct in value;

    if (!is_raw(alg))
        return alg->family == ALG_CIPHER ? NULL : from_parts(lib, alg, public, &private);
    if (!tlv_get(&private, scalar_tag(alg), &value) || !in_end(&private))
        return NULL;
    return EVP_PKEY_new_raw_private_key_ex(lib, alg->evp, NULL, value.p, value.n);
}

/* The context of the key's own operation; Ed25519 signs whole messages and has none. */
static bool prepare(struct key *key)
{
    if (key->alg->family == ALG_EDWARDS)
        return true;
    key->ctx = EVP_PKEY_CTX_new_from_pkey(key->lib, key->pkey, NULL);
    if (key->ctx == NULL)
        return false;
    switch (key->alg->family) {
    case ALG_RSA:
        return EVP_PKEY_decrypt_init(key->ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(key->ctx, RSA_NO_PADDING) == 1;
    case ALG_EC:
        return EVP_PKEY_sign_init(key->ctx) == 1;
    default:
        return true;
    }
}

enum err key_open(OSSL_LIB_CTX *lib, const struct alg *alg, struct in public, struct in private, struct key **out)
{
    struct key *key = OPENSSL_zalloc(sizeof *key);

    if (key == NULL)
        return ERR_MEMORY;
    key->alg = alg;
    key->lib = lib;
    key->pkey = key_pair(lib, alg, public, private);
    if (key->pkey == NULL || !prepare(key)) {
        key_close(key);
        return ERR_CRYPTO;
    }
    *out = key;
    return ERR_NONE;
}

void key_close(struct key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_CTX_free(key->ctx);
    EVP_PKEY_free(key->pkey);
    OPENSSL_free(key);
}

static enum err sign_rsa(struct key *key, struct in block, struct out *result)
{
    size_t n = key->alg->size;
    uint8_t *room;

    if (block.n != key->alg->size)
        return ERR_DATA;
    room = out_room(result, n);
    if (room == NULL)
        return ERR_FULL;
    if (EVP_PKEY_decrypt(key->ctx, room, &n, block.p, block.n) == 1 && n == key->alg->size)
        return ERR_NONE;
    /* The one thing that the caller can get wrong: a block that is not below the modulus. */
    return ERR_GET_REASON(ERR_peek_last_error()) == RSA_R_DATA_TOO_LARGE_FOR_MODULUS ||
                   ERR_GET_REASON(ERR_peek_error()) == RSA_R_DATA_TOO_LARGE_FOR_MODULUS
               ? ERR_DATA
               : ERR_CRYPTO;
}

static enum err sign_ec(struct key *key, struct in hash, struct out *result)
{
    uint8_t der[2 * 48 + 16];
    size_t n = sizeof der;

    if (hash.n == 0)
        return ERR_DATA;
    /* Out of memory at its last step, OpenSSL 3.0 says 1 and a length of -1. */
    if (EVP_PKEY_sign(key->ctx, der, &n, hash.p, hash.n) != 1 || n > sizeof der)
        return ERR_CRYPTO;
    out_put(result, in_of(der, n));
    return ERR_NONE;
}

static enum err sign_edwards(struct key *key, struct in message, struct out *result)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[64];
    size_t n = sizeof signature;
    bool ok = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, NULL, key->lib, NULL, key->pkey, NULL) == 1 &&
              EVP_DigestSign(ctx, signature, &n, message.p, message.n) == 1;

    EVP_MD_CTX_free(ctx);
    if (!ok)
        return ERR_CRYPTO;
    out_put(result, in_of(signature, n));
    return ERR_NONE;
}

enum err key_sign(struct key *key, struct in data, struct out *result)
{
    switch (key->alg->family) {
    case ALG_RSA:
        return sign_rsa(key, data, result);
    case ALG_EC:
        return sign_ec(key, data, result);
    case ALG_EDWARDS:
        return sign_edwards(key, data, result);
    default:
        return ERR_DATA;
    }
}

static EVP_PKEY *peer_of(const struct key *key, struct in point)
{
    bool raw = key->alg->family == ALG_MONTGOMERY;
    EVP_PKEY *peer;

    if (raw && point.n == key->alg->size)
        return EVP_PKEY_new_raw_public_key_ex(key->lib, key->alg->evp, NULL, point.p, point.n);
    /* Uncompressed only: SP 800-73-5 Part 2, 3.2.4. */
    if (raw || point.n != 1 + 2 * key->alg->size || point.p[0] != 0x04)
        return NULL;
    peer = EVP_PKEY_new();
    if (peer != NULL && EVP_PKEY_copy_parameters(peer, key->pkey) == 1 &&
        EVP_PKEY_set1_encoded_public_key(peer, point.p, point.n) == 1)
        return peer;
    EVP_PKEY_free(peer);
    return NULL;
}

enum err key_agree(struct key *key, struct in point, struct out *result)
{
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *peer = NULL;
    size_t n = key->alg->size;
    uint8_t *room;
    enum err e = ERR_DATA;

    if (key->alg->family != ALG_EC && key->alg->family != ALG_MONTGOMERY)
        return ERR_DATA;
    peer = peer_of(key, point);
    if (peer == NULL)
        return ERR_DATA;
    room = out_room(result, n);
    ctx = EVP_PKEY_CTX_new_from_pkey(key->lib, key->pkey, NULL);
    /* derive_set_peer checks that the point is on the curve (SP 800-56A, 5.6.2.3); X25519 refuses an all-zero
     * secret. */
    if (room == NULL)
        e = ERR_FULL;
    else if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1)
        e = ERR_CRYPTO;
    else if (EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, room, &n) == 1 && n == key->alg->size)
        e = ERR_NONE;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return e;
}

enum err key_generate(OSSL_LIB_CTX *lib, const struct alg *alg, EVP_PKEY **pkey)
{
    const char *type = alg->family == ALG_RSA ? "RSA" : alg->family == ALG_EC ? "EC" : alg->evp;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(lib, type, NULL);
    bool ok = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1;

    *pkey = NULL;
    if (ok && alg->family == ALG_RSA)
        ok = EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)alg->bits) == 1;
    if (ok && alg->family == ALG_EC)
        ok = EVP_PKEY_CTX_set_group_name(ctx, alg->evp) == 1;
    ok = ok && EVP_PKEY_generate(ctx, pkey) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok ? ERR_NONE : ERR_CRYPTO;
}

enum err cipher_block(OSSL_LIB_CTX *lib, const struct alg *alg, const struct secret *key, const uint8_t *from,
                      uint8_t *to)
{
    EVP_CIPHER *method = EVP_CIPHER_fetch(lib, alg->evp, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = method != NULL && ctx != NULL && key->n == alg->size &&
              EVP_EncryptInit_ex2(ctx, method, key->p, NULL, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
              EVP_EncryptUpdate(ctx, to, &n, from, (int)alg->block) == 1 && n == (int)alg->block;

    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(method);
    return ok ? ERR_NONE : ERR_CRYPTO;
}

enum err key_sign_certificate(struct key *key, X509 *cert)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const char *digest = key->alg->family == ALG_EDWARDS ? NULL : "SHA256";
    bool ok = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, digest, key->lib, NULL, key->pkey, NULL) == 1 &&
              X509_sign_ctx(cert, ctx) > 0;

    EVP_MD_CTX_free(ctx);
    return ok ? ERR_NONE : ERR_CRYPTO;
}
