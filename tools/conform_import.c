/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_import.c — key pairs of the host, as IMPORT ASYMMETRIC KEY takes them (Yubico). */
#include <openssl/core_names.h>

#include "applet/secret.h"
#include "tools/conform_judge.h"

/* One number of an RSA key, as long as half of the modulus. */
static bool put_number(EVP_PKEY *key, const char *name, uint32_t tag, size_t n, struct out *out)
{
    BIGNUM *number = NULL;
    uint8_t *room;

    tlv_head(out, tag, n);
    room = out_room(out, n);
    bool good = room != NULL && EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
                BN_bn2binpad(number, room, (int)n) == (int)n;
    BN_clear_free(number);
    return good;
}

static bool rsa_parts(EVP_PKEY *key, const struct alg *alg, struct out *parts, struct out *public)
{
    static const char *const names[] = { OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
                                         OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
                                         OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
    static const uint8_t exponent[] = { 0x01, 0x00, 0x01 };
    bool good = put_number(key, OSSL_PKEY_PARAM_RSA_N, 0x81, alg->size, public);

    tlv_put(public, 0x82, in_of(exponent, sizeof exponent));
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++)
        good = good && put_number(key, names[i], 0x01 + i, alg->size / 2, parts);
    return good;
}

static bool ec_parts(EVP_PKEY *key, const struct alg *alg, struct out *parts, struct out *public)
{
    uint8_t point[133];
    struct out p = out_of(point, sizeof point);
    bool good = put_number(key, OSSL_PKEY_PARAM_PRIV_KEY, 0x06, alg->size, parts) && point_of(key, &p);

    tlv_put(public, 0x86, out_in(&p));
    return good;
}

/* Ed25519's seed is 07, X25519's scalar 08. */
static bool raw_parts(EVP_PKEY *key, const struct alg *alg, struct out *parts, struct out *public)
{
    uint8_t private[32], raw[32];
    size_t n = sizeof private, m = sizeof raw;
    bool good = EVP_PKEY_get_raw_private_key(key, private, &n) == 1 && EVP_PKEY_get_raw_public_key(key, raw, &m) == 1;

    if (good) {
        tlv_put(parts, alg->family == ALG_EDWARDS ? 0x07 : 0x08, in_of(private, n));
        tlv_put(public, 0x86, in_of(raw, m));
    }
    OPENSSL_cleanse(private, sizeof private);
    return good;
}

static EVP_PKEY *new_pair(const struct alg *alg)
{
    if (alg->family == ALG_RSA)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)alg->bits);
    if (alg->family == ALG_EC)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", alg->evp);
    return EVP_PKEY_Q_keygen(NULL, NULL, alg->evp);
}

bool host_key(struct judge *j, uint8_t id)
{
    const struct alg *alg = alg_by_id(id);
    EVP_PKEY *key = alg == NULL || alg->family == ALG_CIPHER ? NULL : new_pair(alg);
    uint8_t secret_space[2048], space[1024];
    struct out parts = out_of(secret_space, sizeof secret_space), public = out_of(space, sizeof space);
    bool good = key != NULL;

    if (good && alg->family == ALG_RSA)
        good = rsa_parts(key, alg, &parts, &public);
    else if (good && alg->family == ALG_EC)
        good = ec_parts(key, alg, &parts, &public);
    else if (good)
        good = raw_parts(key, alg, &parts, &public);
    good = good && !parts.bad && !public.bad && var_set(j, "parts", out_in(&parts)) &&
           var_set(j, "public", out_in(&public));
    OPENSSL_cleanse(secret_space, sizeof secret_space);
    EVP_PKEY_free(key);
    return good || fail(j, "no host key of algorithm %02X could be made", id);
}

bool signs(struct judge *j, uint8_t id, struct in public, struct in data, struct in signature)
{
    const struct alg *alg = alg_by_id(id);
    EVP_PKEY *pub = alg == NULL ? NULL : public_from_template(id, public);
    bool good = false;

    if (pub != NULL && alg->family == ALG_RSA)
        good = verify_rsa(pub, data, signature);
    else if (pub != NULL && alg->family == ALG_EC)
        good = verify_ec(pub, data, signature);
    else if (pub != NULL)
        good = verify_edwards(pub, data, signature);
    EVP_PKEY_free(pub);
    return good || fail(j, "the signature of algorithm %02X does not verify", id);
}
