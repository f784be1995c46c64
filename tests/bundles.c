/* SPDX-License-Identifier: BSD-2-Clause */
/* bundles.c — PKCS#12 bundles for tests: encoded with the templates, encrypted apart from the code under test. */
#include "tests/bundles.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>

#include "tools/p12asn1.h"

/* A test that cannot make its input is over. */
static void must(bool right)
{
    if (!right)
        abort();
}

static int iterations_of(const struct recipe *r)
{
    return r->iterations == 0 ? 1000 : r->iterations;
}

static struct in bytes_of(const struct recipe *r)
{
    return r->bytes.p != NULL ? r->bytes : in_of(r->password, strlen(r->password));
}

static ASN1_OCTET_STRING *octets(const void *p, size_t n)
{
    ASN1_OCTET_STRING *o = ASN1_OCTET_STRING_new();

    must(o != NULL && ASN1_OCTET_STRING_set(o, p, (int)n) == 1);
    return o;
}

static ASN1_OCTET_STRING *encoded(void *value, const ASN1_ITEM *item)
{
    ASN1_OCTET_STRING *o = ASN1_item_pack(value, item, NULL);

    must(o != NULL);
    return o;
}

/* A value as the inside of a bag or a content. */
static ASN1_TYPE *any_sequence(void *value, const ASN1_ITEM *item)
{
    ASN1_TYPE *any = ASN1_TYPE_new();

    must(any != NULL);
    ASN1_TYPE_set(any, V_ASN1_SEQUENCE, encoded(value, item));
    return any;
}

static ASN1_TYPE *any_octets(ASN1_OCTET_STRING *take)
{
    ASN1_TYPE *any = ASN1_TYPE_new();

    must(any != NULL);
    ASN1_TYPE_set(any, V_ASN1_OCTET_STRING, take);
    return any;
}

/* ---- encryption ---- */

static void derive(OSSL_LIB_CTX *lib, const char *name, const OSSL_PARAM *params, uint8_t *key, size_t n)
{
    EVP_KDF *kdf = EVP_KDF_fetch(lib, name, NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

    must(ctx != NULL && EVP_KDF_derive(ctx, key, n, params) == 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

static void pbkdf2(OSSL_LIB_CTX *lib, const char *digest, struct in pass, struct in salt, int iterations, uint8_t *key,
                   size_t n)
{
    int lenient = 1;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)pass.p, pass.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.p, salt.n),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_ITER, &iterations),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &lenient),
        OSSL_PARAM_construct_end(),
    };

    derive(lib, "PBKDF2", params, key, n);
}

static void scrypt(OSSL_LIB_CTX *lib, struct in pass, struct in salt, uint64_t cost, uint8_t *key, size_t n)
{
    uint32_t r = 8, p = 1;
    uint64_t memory = 1 << 28;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)pass.p, pass.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.p, salt.n),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &cost),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_construct_end(),
    };

    derive(lib, "SCRYPT", params, key, n);
}

static const char *digest_of(int prf)
{
    switch (prf) {
    case NID_hmacWithSHA256:
        return "SHA256";
    case NID_hmacWithSHA384:
        return "SHA384";
    case NID_hmacWithSHA512:
        return "SHA512";
    case NID_hmac_sha3_256:
        return "SHA3-256";
    default:
        return "SHA1";
    }
}

static int prf_of(const char *digest)
{
    return strcmp(digest, "SHA256") == 0 ? NID_hmacWithSHA256 : strcmp(digest, "SHA512") == 0 ? NID_hmacWithSHA512
                                                                                              : NID_hmacWithSHA1;
}

static X509_ALGOR *algorithm(int nid, int type, void *value)
{
    X509_ALGOR *alg = X509_ALGOR_new();

    must(alg != NULL && X509_ALGOR_set0(alg, OBJ_nid2obj(nid), type, value) == 1);
    return alg;
}

static X509_ALGOR *algorithm_of(int nid, void *value, const ASN1_ITEM *item)
{
    return algorithm(nid, V_ASN1_SEQUENCE, encoded(value, item));
}

static PBKDF2PARAM *pbkdf2_params(struct in salt, int iterations, int key_length, int prf)
{
    PBKDF2PARAM *p = PBKDF2PARAM_new();

    must(p != NULL && ASN1_INTEGER_set(p->iter, iterations) == 1);
    ASN1_TYPE_set(p->salt, V_ASN1_OCTET_STRING, octets(salt.p, salt.n));
    if (key_length > 0) {
        p->keylength = ASN1_INTEGER_new();
        ASN1_INTEGER_set(p->keylength, key_length);
    }
    if (prf != 0)
        p->prf = algorithm(prf, V_ASN1_NULL, NULL);
    return p;
}

static X509_ALGOR *kdf_algorithm(const struct recipe *r, struct in salt, size_t key_n)
{
    X509_ALGOR *alg;

    if (r->kdf == KDF_SCRYPT) {
        SCRYPT_PARAMS *s = SCRYPT_PARAMS_new();

        ASN1_OCTET_STRING_set(s->salt, salt.p, (int)salt.n);
        ASN1_INTEGER_set(s->costParameter, iterations_of(r));
        ASN1_INTEGER_set(s->blockSize, 8);
        ASN1_INTEGER_set(s->parallelizationParameter, 1);
        alg = algorithm_of(NID_id_scrypt, s, ASN1_ITEM_rptr(SCRYPT_PARAMS));
        SCRYPT_PARAMS_free(s);
    } else {
        PBKDF2PARAM *p = pbkdf2_params(salt, iterations_of(r), r->key_length ? (int)key_n : 0, r->prf);

        alg = algorithm_of(NID_id_pbkdf2, p, ASN1_ITEM_rptr(PBKDF2PARAM));
        PBKDF2PARAM_free(p);
    }
    return alg;
}

/* PBES2 by hand: *alg says how, the result is the box. */
static ASN1_OCTET_STRING *pbes2(OSSL_LIB_CTX *lib, const struct recipe *r, struct in plain, X509_ALGOR **alg)
{
    uint8_t salt[8], key[EVP_MAX_KEY_LENGTH], iv[EVP_MAX_IV_LENGTH], *room = OPENSSL_malloc(plain.n + 64);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(lib, r->cipher, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool gcm = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE;
    size_t key_n = (size_t)EVP_CIPHER_get_key_length(cipher);
    PBE2PARAM *p = PBE2PARAM_new();
    ASN1_OCTET_STRING *box;
    int n = 0, rest = 0;

    RAND_bytes(salt, sizeof salt);
    RAND_bytes(iv, sizeof iv);
    if (r->kdf == KDF_SCRYPT)
        scrypt(lib, bytes_of(r), in_of(salt, sizeof salt), (uint64_t)iterations_of(r), key, key_n);
    else
        pbkdf2(lib, digest_of(r->prf), bytes_of(r), in_of(salt, sizeof salt), iterations_of(r), key, key_n);
    must(EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) == 1 &&
         EVP_EncryptUpdate(ctx, room, &n, plain.p, (int)plain.n) == 1 &&
         EVP_EncryptFinal_ex(ctx, room + n, &rest) == 1);
    n += rest;
    X509_ALGOR_free(p->keyfunc);
    X509_ALGOR_free(p->encryption);
    p->keyfunc = kdf_algorithm(r, in_of(salt, sizeof salt), key_n);
    if (gcm) {
        P12_GCM params = { octets(iv, 12), ASN1_INTEGER_new() };

        must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, room + n) == 1);
        n += 16;
        ASN1_INTEGER_set(params.tag, 16);
        p->encryption = algorithm_of(EVP_CIPHER_get_nid(cipher), &params, ASN1_ITEM_rptr(P12_GCM));
        ASN1_OCTET_STRING_free(params.nonce);
        ASN1_INTEGER_free(params.tag);
    } else {
        p->encryption = algorithm(r->says == NULL ? EVP_CIPHER_get_nid(cipher) : OBJ_sn2nid(r->says), V_ASN1_OCTET_STRING,
                                  octets(iv, (size_t)EVP_CIPHER_get_iv_length(cipher)));
    }
    *alg = algorithm_of(NID_pbes2, p, ASN1_ITEM_rptr(PBE2PARAM));
    box = octets(room, (size_t)n);
    PBE2PARAM_free(p);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OPENSSL_free(room);
    return box;
}

static ASN1_OCTET_STRING *encrypt(OSSL_LIB_CTX *lib, const struct recipe *r, struct in plain, X509_ALGOR **alg)
{
    ASN1_OCTET_STRING *box;
    uint8_t *out = NULL;
    int n = 0;

    if (r->pbe == 0)
        return pbes2(lib, r, plain, alg);
    *alg = PKCS5_pbe_set(r->pbe, iterations_of(r), NULL, 0);
    must(*alg != NULL && PKCS12_pbe_crypt_ex(*alg, r->password, (int)strlen(r->password), plain.p, (int)plain.n, &out,
                                             &n, 1, lib, NULL) != NULL);
    box = octets(out, (size_t)n);
    OPENSSL_free(out);
    return box;
}

/* ---- bags ---- */

static P12_BAG *new_bag(int nid, ASN1_TYPE *take, uint8_t id, const char *name)
{
    P12_BAG *bag = (P12_BAG *)ASN1_item_new(ASN1_ITEM_rptr(P12_BAG));

    must(bag != NULL);
    ASN1_OBJECT_free(bag->type);
    bag->type = OBJ_nid2obj(nid);
    ASN1_TYPE_free(bag->value);
    bag->value = take;
    if (id != 0)
        must(X509at_add1_attr_by_NID(&bag->attributes, NID_localKeyID, V_ASN1_OCTET_STRING, &id, 1) != NULL);
    if (name != NULL) { /* ASN1_mbstring_copy would refuse what lies beyond the BMP; programs write surrogates */
        uint8_t *units = NULL;
        int n = 0;

        must(OPENSSL_utf82uni(name, -1, &units, &n) != NULL && n >= 2 &&
             X509at_add1_attr_by_NID(&bag->attributes, NID_friendlyName, V_ASN1_BMPSTRING, units, n - 2) != NULL);
        OPENSSL_free(units);
    }
    return bag;
}

static P12_BAG *key_bag(OSSL_LIB_CTX *lib, const struct recipe *r, const struct ingredient *in)
{
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(in->key);
    ASN1_OCTET_STRING *plain = encoded(p8, ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO)), *box, *slot;
    X509_SIG *sig = X509_SIG_new();
    X509_ALGOR *alg = NULL, *place;
    ASN1_TYPE *value;

    if (r->pbe < 0) {
        value = ASN1_TYPE_new();
        ASN1_TYPE_set(value, V_ASN1_SEQUENCE, plain);
        X509_SIG_free(sig);
        PKCS8_PRIV_KEY_INFO_free(p8);
        return new_bag(NID_keyBag, value, in->key_id, in->name);
    }
    box = encrypt(lib, r, in_of(plain->data, (size_t)plain->length), &alg);
    X509_SIG_getm(sig, &place, &slot);
    must(X509_ALGOR_copy(place, alg) == 1 && ASN1_STRING_copy(slot, box) == 1);
    value = any_sequence(sig, ASN1_ITEM_rptr(X509_SIG));
    X509_ALGOR_free(alg);
    ASN1_OCTET_STRING_free(box);
    ASN1_OCTET_STRING_free(plain);
    X509_SIG_free(sig);
    PKCS8_PRIV_KEY_INFO_free(p8);
    return new_bag(NID_pkcs8ShroudedKeyBag, value, in->key_id, in->name);
}

static P12_BAG *cert_bag(const struct ingredient *in)
{
    P12_CONTENT inner = { OBJ_nid2obj(NID_x509Certificate), NULL };
    P12_BAG *bag;

    inner.value = any_octets(encoded(in->cert, ASN1_ITEM_rptr(X509)));
    bag = new_bag(NID_certBag, any_sequence(&inner, ASN1_ITEM_rptr(P12_CONTENT)), in->cert_id, in->name);
    ASN1_TYPE_free(inner.value);
    return bag;
}

static P12_BAG *nested(P12_BAG *bag, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        STACK_OF(P12_BAG) *bags = sk_P12_BAG_new_null();

        sk_P12_BAG_push(bags, bag);
        bag = new_bag(NID_safeContentsBag, any_sequence(bags, ASN1_ITEM_rptr(P12_BAGS)), 0, NULL);
        ASN1_item_free((ASN1_VALUE *)bags, ASN1_ITEM_rptr(P12_BAGS));
    }
    return bag;
}

/* ---- safes and MAC ---- */

static P12_CONTENT *new_content(int nid, ASN1_TYPE *take)
{
    P12_CONTENT *c = (P12_CONTENT *)ASN1_item_new(ASN1_ITEM_rptr(P12_CONTENT));

    must(c != NULL);
    ASN1_OBJECT_free(c->type);
    c->type = OBJ_nid2obj(nid);
    c->value = take;
    return c;
}

static P12_CONTENT *encrypted_safe(OSSL_LIB_CTX *lib, const struct recipe *r, ASN1_OCTET_STRING *plain)
{
    PKCS7_ENCRYPT *e = PKCS7_ENCRYPT_new();
    P12_CONTENT *c;

    ASN1_INTEGER_set(e->version, 0);
    e->enc_data->content_type = OBJ_nid2obj(NID_pkcs7_data);
    X509_ALGOR_free(e->enc_data->algorithm);
    e->enc_data->enc_data = encrypt(lib, r, in_of(plain->data, (size_t)plain->length), &e->enc_data->algorithm);
    c = new_content(NID_pkcs7_encrypted, any_sequence(e, ASN1_ITEM_rptr(PKCS7_ENCRYPT)));
    PKCS7_ENCRYPT_free(e);
    ASN1_OCTET_STRING_free(plain);
    return c;
}

static ASN1_OCTET_STRING *pack_bags(STACK_OF(P12_BAG) *bags)
{
    ASN1_OCTET_STRING *o = encoded(bags, ASN1_ITEM_rptr(P12_BAGS));

    ASN1_item_free((ASN1_VALUE *)bags, ASN1_ITEM_rptr(P12_BAGS));
    return o;
}

static void put_mac(OSSL_LIB_CTX *lib, const struct recipe *r, struct in content, P12_PFX *pfx)
{
    EVP_MD *md = EVP_MD_fetch(lib, r->digest, NULL);
    uint8_t salt[8], key[256], out[EVP_MAX_MD_SIZE];
    size_t key_n = r->mac == MAC_CLASSIC ? (size_t)EVP_MD_get_size(md) : r->mac_key > 0 ? (size_t)r->mac_key : 32;
    ASN1_OCTET_STRING *digest;
    X509_ALGOR *place, *alg;
    size_t n = 0;

    RAND_bytes(salt, sizeof salt);
    pfx->mac = (P12_MAC *)ASN1_item_new(ASN1_ITEM_rptr(P12_MAC));
    pfx->mac->iterations = ASN1_INTEGER_new();
    ASN1_INTEGER_set(pfx->mac->iterations, iterations_of(r));
    ASN1_OCTET_STRING_set(pfx->mac->salt, salt, sizeof salt);
    if (r->mac == MAC_CLASSIC) {
        must(PKCS12_key_gen_utf8_ex(r->password, (int)strlen(r->password), salt, sizeof salt, PKCS12_MAC_ID,
                                    iterations_of(r), (int)key_n, key, md, lib, NULL) == 1);
        alg = algorithm(EVP_MD_get_type(md), V_ASN1_NULL, NULL);
    } else {
        PBKDF2PARAM *kdf = pbkdf2_params(in_of(salt, sizeof salt), iterations_of(r), r->mac_key, prf_of(r->digest));
        PBE2PARAM p = { algorithm_of(NID_id_pbkdf2, kdf, ASN1_ITEM_rptr(PBKDF2PARAM)),
                        algorithm(prf_of(r->digest), V_ASN1_NULL, NULL) };

        pbkdf2(lib, r->digest, bytes_of(r), in_of(salt, sizeof salt), iterations_of(r), key, key_n);
        alg = algorithm_of(NID_pbmac1, &p, ASN1_ITEM_rptr(PBE2PARAM));
        X509_ALGOR_free(p.keyfunc);
        X509_ALGOR_free(p.encryption);
        PBKDF2PARAM_free(kdf);
    }
    must(EVP_Q_mac(lib, "HMAC", NULL, r->digest, NULL, key, key_n, content.p, content.n, out, sizeof out, &n) != NULL);
    X509_SIG_getm(pfx->mac->mac, &place, &digest);
    must(X509_ALGOR_copy(place, alg) == 1 && ASN1_OCTET_STRING_set(digest, out, (int)n) == 1);
    X509_ALGOR_free(alg);
    EVP_MD_free(md);
}

size_t bundle_make(OSSL_LIB_CTX *lib, const struct recipe *r, const struct ingredient *list, size_t n,
                   size_t depth, uint8_t **bytes)
{
    STACK_OF(P12_BAG) *open = sk_P12_BAG_new_null(), *closed = sk_P12_BAG_new_null();
    STACK_OF(P12_CONTENT) *safes = sk_P12_CONTENT_new_null();
    P12_PFX *pfx = (P12_PFX *)ASN1_item_new(ASN1_ITEM_rptr(P12_PFX));
    ASN1_OCTET_STRING *content;
    int length;

    for (size_t i = 0; i < n; i++) {
        if (list[i].key != NULL)
            sk_P12_BAG_push(open, nested(key_bag(lib, r, &list[i]), depth));
        if (list[i].cert != NULL)
            sk_P12_BAG_push(closed, nested(cert_bag(&list[i]), depth));
        if (list[i].other != 0)
            sk_P12_BAG_push(open, new_bag(list[i].other, any_octets(octets("?", 1)), 0, NULL));
    }
    sk_P12_CONTENT_push(safes, new_content(NID_pkcs7_data, any_octets(pack_bags(open))));
    content = pack_bags(closed);
    sk_P12_CONTENT_push(safes, r->pbe < 0 ? new_content(NID_pkcs7_data, any_octets(content))
                                          : encrypted_safe(lib, r, content));
    content = encoded(safes, ASN1_ITEM_rptr(P12_SAFES));
    ASN1_item_free((ASN1_VALUE *)safes, ASN1_ITEM_rptr(P12_SAFES));
    ASN1_INTEGER_set(pfx->version, 3);
    if (r->mac != MAC_NONE)
        put_mac(lib, r, in_of(content->data, (size_t)content->length), pfx);
    ASN1_item_free((ASN1_VALUE *)pfx->content, ASN1_ITEM_rptr(P12_CONTENT));
    pfx->content = new_content(NID_pkcs7_data, any_octets(content));
    *bytes = NULL;
    length = ASN1_item_i2d((ASN1_VALUE *)pfx, bytes, ASN1_ITEM_rptr(P12_PFX));
    must(length > 0);
    ASN1_item_free((ASN1_VALUE *)pfx, ASN1_ITEM_rptr(P12_PFX));
    return (size_t)length;
}

EVP_PKEY *test_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    must(key != NULL);
    return key;
}

X509 *test_cert(EVP_PKEY *key, int age)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);

    must(X509_set_version(cert, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(cert), age + 1) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"test", -1, -1, 0) == 1 &&
         X509_set_issuer_name(cert, name) == 1 && X509_gmtime_adj(X509_getm_notBefore(cert), -86400L * age) != NULL &&
         X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * (30 - age)) != NULL && X509_set_pubkey(cert, key) == 1 &&
         X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}
