/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_crypto.c — what the host computes to judge an answer: with public keys, own keys and the management key. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "tools/conform_judge.h"

enum { RSA_MAX = 512 };

bool random_bytes(struct out *out, size_t n)
{
    uint8_t *room = out_room(out, n);

    return room != NULL && RAND_bytes(room, (int)n) == 1;
}

size_t management_block(const struct judge *j)
{
    return j->terms.management_alg == ALG_3DES ? 8 : 16;
}

bool management_crypt(struct judge *j, bool encrypt, struct in in, struct out *out)
{
    const struct {
        uint8_t alg;
        const char *name;
        size_t key;
    } ciphers[] = {
        { ALG_3DES, "DES-EDE3-ECB", 24 },
        { ALG_AES128, "AES-128-ECB", 16 },
        { ALG_AES192, "AES-192-ECB", 24 },
        { ALG_AES256, "AES-256-ECB", 32 },
    };
    const struct secret *key = j->terms.management;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EVP_CIPHER *cipher = NULL;
    uint8_t *room = out_room(out, in.n);
    int n = 0;
    bool good = false;

    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
        if (ciphers[i].alg == j->terms.management_alg && key != NULL && key->n == ciphers[i].key)
            cipher = EVP_CIPHER_fetch(NULL, ciphers[i].name, NULL);
    if (ctx != NULL && cipher != NULL && room != NULL && in.n > 0 && in.n % management_block(j) == 0)
        good = EVP_CipherInit_ex2(ctx, cipher, key->p, NULL, encrypt, NULL) == 1 &&
               EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
               EVP_CipherUpdate(ctx, room, &n, in.p, (int)in.n) == 1 && (size_t)n == in.n;
    EVP_CIPHER_free(cipher);
    EVP_CIPHER_CTX_free(ctx);
    return good || fail(j, "the management key does not fit its algorithm, or the data its block");
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_public(struct in inside)
{
    struct in modulus, exponent;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = NULL, *e = NULL;
    EVP_PKEY *key = NULL;

    if (tlv_get(&inside, 0x81, &modulus) && tlv_get(&inside, 0x82, &exponent) && in_end(&inside)) {
        n = BN_bin2bn(modulus.p, (int)modulus.n, NULL);
        e = BN_bin2bn(exponent.p, (int)exponent.n, NULL);
    }
    if (build != NULL && n != NULL && e != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = key_from("RSA", build);
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static EVP_PKEY *ec_public(const struct alg *alg, struct in inside)
{
    struct in point;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    if (build != NULL && tlv_get(&inside, 0x86, &point) && in_end(&inside) &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, alg->evp, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n) == 1)
        key = key_from("EC", build);
    OSSL_PARAM_BLD_free(build);
    return key;
}

EVP_PKEY *public_from_template(uint8_t id, struct in inside)
{
    const struct alg *alg = alg_by_id(id);
    struct in point;

    if (alg == NULL)
        return NULL;
    if (alg->family == ALG_RSA)
        return rsa_public(inside);
    if (alg->family == ALG_EC)
        return ec_public(alg, inside);
    if (!tlv_get(&inside, 0x86, &point) || !in_end(&inside))
        return NULL;
    return EVP_PKEY_new_raw_public_key_ex(NULL, alg->evp, NULL, point.p, point.n);
}

/* The public operation without padding. */
bool rsa_raw(EVP_PKEY *pub, struct in in, struct out *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pub, NULL);
    size_t n = (size_t)EVP_PKEY_get_size(pub);
    uint8_t *room = out_room(out, n);
    bool good = ctx != NULL && room != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
                EVP_PKEY_encrypt(ctx, room, &n, in.p, in.n) == 1;

    EVP_PKEY_CTX_free(ctx);
    return good;
}

bool verify_rsa(EVP_PKEY *pub, struct in block, struct in signature)
{
    uint8_t space[RSA_MAX];
    struct out out = out_of(space, sizeof space);

    return signature.n == block.n && rsa_raw(pub, signature, &out) && in_equal(out_in(&out), block);
}

static bool verify_with(EVP_PKEY *pub, int padding, struct in digest, struct in signature)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pub, NULL);
    bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1;

    if (padding != 0)
        good = good && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1 &&
               EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1;
    good = good && EVP_PKEY_verify(ctx, signature.p, signature.n, digest.p, digest.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

bool verify_pss(EVP_PKEY *pub, struct in digest, struct in signature)
{
    return verify_with(pub, RSA_PKCS1_PSS_PADDING, digest, signature);
}

/* DER in its only form: what comes out of encoding it again is what came in.  SP 800-78-5, 4. */
static bool shortest_der(struct in signature)
{
    const unsigned char *p = signature.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)signature.n);
    unsigned char *again = NULL;
    int n = sig == NULL ? -1 : i2d_ECDSA_SIG(sig, &again);
    bool good = n > 0 && in_equal(in_of(again, (size_t)n), signature);

    OPENSSL_free(again);
    ECDSA_SIG_free(sig);
    return good;
}

bool verify_ec(EVP_PKEY *pub, struct in digest, struct in signature)
{
    return shortest_der(signature) && verify_with(pub, 0, digest, signature);
}

bool verify_edwards(EVP_PKEY *pub, struct in message, struct in signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, pub, NULL) == 1 &&
                EVP_DigestVerify(ctx, signature.p, signature.n, message.p, message.n) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

bool rsa_encrypt(EVP_PKEY *pub, bool oaep, struct in in, struct out *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pub, NULL);
    size_t n = (size_t)EVP_PKEY_get_size(pub);
    uint8_t *room = out_room(out, n);
    bool good = ctx != NULL && room != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_encrypt(ctx, room, &n, in.p, in.n) == 1;

    EVP_PKEY_CTX_free(ctx);
    return good;
}

/* A host makes its padding with a key of its own size: sign with one that is thrown away, then look at the block. */
static bool padded(size_t size, int padding, struct in digest, struct out *out)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", size * 8);
    EVP_PKEY_CTX *ctx = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    uint8_t signature[RSA_MAX];
    size_t n = sizeof signature;
    bool good = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1 &&
                EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
                EVP_PKEY_sign(ctx, signature, &n, digest.p, digest.n) == 1 && rsa_raw(key, in_of(signature, n), out);

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good;
}

bool pss_block(size_t size, struct in digest, struct out *out)
{
    return size <= RSA_MAX && padded(size, RSA_PKCS1_PSS_PADDING, digest, out);
}

/* EMSA-PKCS1-v1_5, RFC 8017, 9.2: 00 01 FF … FF 00 DigestInfo. */
bool pkcs1_block(size_t size, struct in message, struct out *out)
{
    static const uint8_t info[] = { 0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                    0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
    uint8_t digest[32];

    if (size < 3 + 8 + sizeof info + sizeof digest ||
        EVP_Q_digest(NULL, "SHA256", NULL, message.p, message.n, digest, NULL) != 1)
        return false;
    out_u16(out, 0x0001);
    for (size_t i = size - 3 - sizeof info - sizeof digest; i > 0; i--)
        out_u8(out, 0xFF);
    out_u8(out, 0x00);
    out_put(out, in_of(info, sizeof info));
    out_put(out, in_of(digest, sizeof digest));
    return !out->bad;
}

bool point_of(const EVP_PKEY *pub, struct out *out)
{
    uint8_t point[133];
    size_t n;

    if (EVP_PKEY_get_octet_string_param(pub, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) != 1)
        return false;
    out_put(out, in_of(point, n));
    return !out->bad;
}

bool agree(EVP_PKEY *own, EVP_PKEY *peer, struct out *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    uint8_t secret[66];
    size_t n = sizeof secret;
    bool good = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
                EVP_PKEY_derive(ctx, secret, &n) == 1;

    if (good)
        out_put(out, in_of(secret, n));
    EVP_PKEY_CTX_free(ctx);
    return good && !out->bad;
}

EVP_PKEY *curve_key(const EVP_PKEY *like)
{
    char group[64];
    size_t n;

    if (EVP_PKEY_get_utf8_string_param(like, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &n) != 1)
        return NULL;
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", group);
}
