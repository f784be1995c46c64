/* SPDX-License-Identifier: BSD-2-Clause */
/* keyparts.c — the parts of a private key that Yubico's IMPORT sends, checked and made whole. */
#include "applet/key.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

enum { PRIVATE_MAX = 2048 };

enum part { P, Q, DP, DQ, QINV, PARTS };

/* The numbers of an RSA key, from the five that came to the two that did not. */
struct rsa {
    BN_CTX *ctx;
    BIGNUM *part[PARTS];
    BIGNUM *n, *e, *d;
};

static bool take_part(struct in *in, uint32_t tag, size_t size, BIGNUM *number)
{
    struct in value;

    return tlv_get(in, tag, &value) && value.n == size && number != NULL &&
           BN_bin2bn(value.p, (int)value.n, number) != NULL;
}

/* a = x mod (factor - 1) holds. */
static bool is_reduced(BN_CTX *ctx, const BIGNUM *a, const BIGNUM *x, const BIGNUM *factor)
{
    BIGNUM *less = BN_CTX_get(ctx), *rest = BN_CTX_get(ctx);

    return rest != NULL && BN_sub(less, factor, BN_value_one()) && BN_nnmod(rest, x, less, ctx) && BN_cmp(rest, a) == 0;
}

/* n = pq has exactly the algorithm's bits, both are primes, and the other parts follow from them. */
static bool complete(struct rsa *k, const struct alg *alg)
{
    BIGNUM *p1 = BN_CTX_get(k->ctx), *q1 = BN_CTX_get(k->ctx), *phi = BN_CTX_get(k->ctx), *qinv = BN_CTX_get(k->ctx);

    if (qinv == NULL || BN_cmp(k->part[P], k->part[Q]) == 0 || !BN_mul(k->n, k->part[P], k->part[Q], k->ctx) ||
        (unsigned)BN_num_bits(k->n) != alg->bits || BN_check_prime(k->part[P], k->ctx, NULL) != 1 ||
        BN_check_prime(k->part[Q], k->ctx, NULL) != 1)
        return false;
    for (size_t i = 0; i < PARTS; i++)
        BN_set_flags(k->part[i], BN_FLG_CONSTTIME);
    BN_set_flags(phi, BN_FLG_CONSTTIME);
    return BN_set_word(k->e, RSA_F4) && BN_sub(p1, k->part[P], BN_value_one()) &&
           BN_sub(q1, k->part[Q], BN_value_one()) && BN_mul(phi, p1, q1, k->ctx) &&
           BN_mod_inverse(k->d, k->e, phi, k->ctx) != NULL && is_reduced(k->ctx, k->part[DP], k->d, k->part[P]) &&
           is_reduced(k->ctx, k->part[DQ], k->d, k->part[Q]) &&
           BN_mod_inverse(qinv, k->part[Q], k->part[P], k->ctx) != NULL && BN_cmp(qinv, k->part[QINV]) == 0;
}

static void put_number(struct out *out, uint32_t tag, const BIGNUM *number, size_t size)
{
    uint8_t *room;

    tlv_head(out, tag, size);
    room = out_room(out, size);
    if (room == NULL || BN_bn2binpad(number, room, (int)size) != (int)size)
        out->bad = true;
}

static bool import_rsa(const struct alg *alg, struct in *parts, struct out *public, struct out *private)
{
    struct rsa k = { .ctx = BN_CTX_secure_new() };
    bool ok = k.ctx != NULL;

    if (ok)
        BN_CTX_start(k.ctx);
    for (size_t i = 0; ok && i < PARTS; i++)
        ok = (k.part[i] = BN_CTX_get(k.ctx)) != NULL;
    for (size_t i = 0; ok && i < PARTS; i++)
        ok = take_part(parts, 0x01 + (uint32_t)i, alg->size / 2, k.part[i]);
    if (ok) {
        k.n = BN_CTX_get(k.ctx);
        k.e = BN_CTX_get(k.ctx);
        k.d = BN_CTX_get(k.ctx);
        ok = k.d != NULL && complete(&k, alg);
    }
    if (ok) {
        put_number(public, 0x81, k.n, alg->size);
        put_number(public, 0x82, k.e, 3);
        for (size_t i = 0; i < PARTS; i++)
            put_number(private, 0x01 + (uint32_t)i, k.part[i], alg->size / 2);
        put_number(private, 0x0D, k.d, alg->size);
    }
    if (k.ctx != NULL)
        BN_CTX_end(k.ctx);
    BN_CTX_free(k.ctx);
    return ok;
}

/* A scalar from 1 to the order less 1; its point is computed here. */
static bool import_ec(OSSL_LIB_CTX *lib, const struct alg *alg, struct in *parts, struct out *public,
                      struct out *private)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name_ex(lib, NULL, OBJ_sn2nid(alg->evp));
    EC_POINT *point = group == NULL ? NULL : EC_POINT_new(group);
    BIGNUM *scalar = BN_secure_new();
    uint8_t *room;
    bool ok = point != NULL && take_part(parts, 0x06, alg->size, scalar) && !BN_is_zero(scalar) &&
              BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0 &&
              EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1;

    if (ok) {
        put_number(private, 0x06, scalar, alg->size);
        tlv_head(public, 0x86, 1 + 2 * alg->size);
        room = out_room(public, 1 + 2 * alg->size);
        ok = room != NULL && EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, room, 1 + 2 * alg->size,
                                                NULL) == 1 + 2 * alg->size;
    }
    BN_clear_free(scalar);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return ok;
}

static bool import_raw(const struct alg *alg, struct in *parts, struct out *private)
{
    uint32_t tag = alg->family == ALG_EDWARDS ? 0x07 : 0x08;
    struct in value;

    if (!tlv_get(parts, tag, &value) || value.n != alg->size)
        return false;
    tlv_put(private, tag, value);
    return true;
}

enum err key_from_import(OSSL_LIB_CTX *lib, const struct alg *alg, struct in *parts, EVP_PKEY **pkey)
{
    struct secret *secret = secret_new(PRIVATE_MAX);
    uint8_t room[KEY_PUBLIC_MAX];
    struct out public = out_of(room, sizeof room), private;
    bool ok;

    if (secret == NULL)
        return ERR_MEMORY;
    private = secret_out(secret);
    if (alg->family == ALG_RSA)
        ok = import_rsa(alg, parts, &public, &private);
    else if (alg->family == ALG_EC)
        ok = import_ec(lib, alg, parts, &public, &private);
    else
        ok = import_raw(alg, parts, &private);
    ok = ok && !public.bad && !private.bad;
    *pkey = ok ? key_pair(lib, alg, out_in(&public), out_in(&private)) : NULL;
    secret_free(secret);
    return !ok ? ERR_DATA : *pkey == NULL ? ERR_CRYPTO : ERR_NONE;
}
