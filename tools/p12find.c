/* SPDX-License-Identifier: BSD-2-Clause */
/* p12find.c — names kinds of keys and of files, pairs keys with certificates by their public keys. */
#include "tools/p12find.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pkcs12.h>

enum err p12_library_open(struct p12_library *library)
{
    *library = (struct p12_library){ .ctx = OSSL_LIB_CTX_new() };
    if (library->ctx == NULL)
        return ERR_MEMORY;
    library->base = OSSL_PROVIDER_load(library->ctx, "default");
    library->legacy = OSSL_PROVIDER_load(library->ctx, "legacy");
    ERR_clear_error();
    if (library->base != NULL)
        return ERR_NONE;
    p12_library_close(library);
    return ERR_CRYPTO;
}

void p12_library_close(struct p12_library *library)
{
    /* Freeing the context alone does not give the providers back. */
    if (library->legacy != NULL)
        OSSL_PROVIDER_unload(library->legacy);
    if (library->base != NULL)
        OSSL_PROVIDER_unload(library->base);
    OSSL_LIB_CTX_free(library->ctx);
    *library = (struct p12_library){ .ctx = NULL };
}

/* ---- keys ---- */

/* The same numbers as a key of the type "RSA". */
static EVP_PKEY *as_rsa(OSSL_LIB_CTX *lib, EVP_PKEY *key, int selection)
{
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(lib, "RSA", NULL);
    EVP_PKEY *rsa = NULL;

    if (ctx == NULL || EVP_PKEY_todata(key, selection, &params) != 1 || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &rsa, selection, params) != 1)
        rsa = NULL;
    for (OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++)
        OPENSSL_cleanse(p->data, p->data_size);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return rsa;
}

static EVP_PKEY *plain(OSSL_LIB_CTX *lib, EVP_PKEY *key, int selection)
{
    EVP_PKEY *rsa;

    if (key == NULL || !EVP_PKEY_is_a(key, "RSA-PSS"))
        return key;
    rsa = as_rsa(lib, key, selection);
    EVP_PKEY_free(key);
    return rsa;
}

EVP_PKEY *p12_private(OSSL_LIB_CTX *lib, const PKCS8_PRIV_KEY_INFO *p8)
{
    return plain(lib, EVP_PKCS82PKEY_ex(p8, lib, NULL), EVP_PKEY_KEYPAIR);
}

EVP_PKEY *p12_public(OSSL_LIB_CTX *lib, const X509 *cert)
{
    EVP_PKEY *key = X509_get_pubkey((X509 *)cert);
    const uint8_t *bits;
    ASN1_OBJECT *oid;
    int n;

    if (key != NULL)
        return plain(lib, key, EVP_PKEY_PUBLIC_KEY);
    ERR_clear_error();
    /* RFC 4055, 1.2: a key for OAEP alone.  Inside stands an RSAPublicKey as ever. */
    if (X509_PUBKEY_get0_param(&oid, &bits, &n, NULL, X509_get_X509_PUBKEY(cert)) != 1 ||
        OBJ_obj2nid(oid) != NID_rsaesOaep)
        return NULL;
    key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &bits, n);
    ERR_clear_error();
    return key;
}

bool p12_is_multi_prime(const EVP_PKEY *key)
{
    BIGNUM *third = NULL;
    bool many = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) == 1;

    BN_clear_free(third);
    ERR_clear_error();
    return many;
}

/* Curves under the names by which people know them. */
static const char *curve_name(const char *name)
{
    int nid = OBJ_sn2nid(name);
    const char *nist = nid == NID_undef ? NULL : EC_curve_nid2nist(nid);

    return nist != NULL ? nist : name;
}

void p12_key_kind(const EVP_PKEY *key, char kind[80])
{
    const char *type = EVP_PKEY_get0_type_name(key);
    char group[64];
    size_t n;

    if (EVP_PKEY_is_a(key, "EC")) {
        if (EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1)
            snprintf(kind, 80, "EC %s", curve_name(group));
        else
            snprintf(kind, 80, "EC with explicit parameters");
    } else if (p12_is_multi_prime(key)) {
        snprintf(kind, 80, "RSA %d of more than two primes", EVP_PKEY_get_bits(key));
    } else if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "DSA") || EVP_PKEY_is_a(key, "DH") ||
               EVP_PKEY_is_a(key, "DHX")) {
        snprintf(kind, 80, "%s %d", type, EVP_PKEY_get_bits(key));
    } else {
        snprintf(kind, 80, "%s", type == NULL ? "unknown" : type);
    }
    ERR_clear_error();
}

/* ---- pairs ---- */

static bool later(const X509 *a, const X509 *b)
{
    return ASN1_TIME_compare(X509_get0_notBefore(a), X509_get0_notBefore(b)) > 0;
}

/* May certificate c go to key k, and is it a better choice than the one k has?  localKeyID first, then a certificate
 * that no other key has, then the newest: people renew certificates and keep the old ones in the bundle. */
static bool better(const struct p12 *p12, size_t k, size_t c, const bool *taken)
{
    const struct p12_key *key = &p12->keys[k];
    const struct p12_cert *new = &p12->certs[c], *old;
    bool new_id, old_id;

    if (taken[c])
        return false;
    if (key->cert == P12_NONE)
        return true;
    old = &p12->certs[key->cert];
    new_id = key->id != NULL && new->id != NULL && ASN1_STRING_cmp(key->id, new->id) == 0;
    old_id = key->id != NULL && old->id != NULL && ASN1_STRING_cmp(key->id, old->id) == 0;
    return new_id != old_id ? new_id : later(new->cert, old->cert);
}

/* Give the key back that is there twice and whose certificates went to the first one. */
static void drop_key(struct p12 *p12, size_t k)
{
    EVP_PKEY_free(p12->keys[k].key);
    OPENSSL_free(p12->keys[k].name);
    ASN1_OCTET_STRING_free(p12->keys[k].id);
    p12->n_keys--;
    memmove(&p12->keys[k], &p12->keys[k + 1], (p12->n_keys - k) * sizeof p12->keys[0]);
}

/* A certificate belongs to the key with its public key, whatever localKeyID says. */
enum err p12_pair(struct p12 *p12)
{
    EVP_PKEY **public = OPENSSL_zalloc((p12->n_certs + 1) * sizeof *public);
    bool *taken = OPENSSL_zalloc((p12->n_certs + 1) * sizeof *taken);
    enum err e = public == NULL || taken == NULL ? ERR_MEMORY : ERR_NONE;

    for (size_t c = 0; e == ERR_NONE && c < p12->n_certs; c++)
        public[c] = p12_public(p12->lib, p12->certs[c].cert);
    for (size_t k = 0; e == ERR_NONE && k < p12->n_keys; k++) {
        bool fits = false;

        p12->keys[k].cert = P12_NONE;
        for (size_t c = 0; p12->keys[k].key != NULL && c < p12->n_certs; c++) {
            if (public[c] == NULL || EVP_PKEY_eq(p12->keys[k].key, public[c]) != 1)
                continue;
            fits = true;
            p12->certs[c].leaf = true;
            if (better(p12, k, c, taken))
                p12->keys[k].cert = c;
        }
        if (p12->keys[k].cert != P12_NONE)
            taken[p12->keys[k].cert] = true;
        else if (fits)
            drop_key(p12, k--);
    }
    for (size_t c = 0; public != NULL && c < p12->n_certs; c++)
        EVP_PKEY_free(public[c]);
    OPENSSL_free(public);
    OPENSSL_free(taken);
    ERR_clear_error();
    return e;
}

/* ---- what a file is ---- */

static bool starts(struct in file, const char *text)
{
    return file.n >= strlen(text) && memcmp(file.p, text, strlen(text)) == 0;
}

static bool has(struct in file, const char *text)
{
    return memmem(file.p, file.n < 65536 ? file.n : 65536, text, strlen(text)) != NULL;
}

static bool is_der(struct in file, const ASN1_ITEM *item)
{
    const uint8_t *at = file.p;
    ASN1_VALUE *v = ASN1_item_d2i(NULL, &at, (long)file.n, item);

    ASN1_item_free(v, item);
    ERR_clear_error();
    return v != NULL;
}

/* What it starts with, or holds near the start; the first row that fits. */
static const struct {
    bool (*fits)(struct in, const char *);
    const char *text;
    const char *says;
} looks[] = {
    { has, "-----BEGIN PKCS12", "it is a PKCS#12 bundle in PEM: take off its first and last line and decode the rest "
      "with 'base64 -d'" },
    { has, "PRIVATE KEY-----", "it is PEM, not PKCS#12: convert key and certificate with "
      "'openssl pkcs12 -export -in FILE.pem -out FILE.p12'" },
    { has, "-----BEGIN CERTIFICATE REQUEST", "it is a certificate request in PEM, not PKCS#12: the CA's "
      "answer and the key are needed" },
    { has, "-----BEGIN CERTIFICATE", "it is a certificate in PEM and holds no private key: join it with its key by "
      "'openssl pkcs12 -export -in CERT.pem -inkey KEY.pem -out FILE.p12'" },
    { has, "-----BEGIN ", "it is PEM of another kind, not PKCS#12" },
    { starts, "\xFE\xED\xFE\xED", "it is an old Java key store (JKS): convert it with 'keytool -importkeystore "
      "-srckeystore FILE -destkeystore FILE.p12 -deststoretype pkcs12'" },
    { starts, "\xCE\xCE\xCE\xCE", "it is an old Java key store (JCEKS): convert it with 'keytool -importkeystore "
      "-srckeystore FILE -destkeystore FILE.p12 -deststoretype pkcs12'" },
    { starts, "# vpiv-card", "it is a card of vpiv already, not a PKCS#12 bundle" },
    { starts, "PK\x03\x04", "it is a ZIP archive, not PKCS#12: unpack it first" },
    { starts, "openssh-key-v1", "it is an OpenSSH key, not PKCS#12" },
    { starts, "MI", "it looks like base64, not PKCS#12: decode it first with 'base64 -d FILE > FILE.p12'" },
    { has, "<html", "it is a web page, not PKCS#12: the download went wrong" },
    { has, "<HTML", "it is a web page, not PKCS#12: the download went wrong" },
};

const char *p12_looks_like(struct in file)
{
    if (file.n == 0)
        return "the file is empty";
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
        if (looks[i].fits(file, looks[i].text))
            return looks[i].says;
    if (is_der(file, ASN1_ITEM_rptr(X509)))
        return "it is a certificate alone and holds no private key: join it with its key by 'openssl pkcs12 -export "
               "-in CERT.pem -inkey KEY.pem -out FILE.p12'";
    if (is_der(file, ASN1_ITEM_rptr(PKCS7)))
        return "it is PKCS#7 (certificates alone), not PKCS#12, and holds no private key";
    if (is_der(file, ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO)) || is_der(file, ASN1_ITEM_rptr(X509_SIG)))
        return "it is a private key alone (PKCS#8), not PKCS#12: join it with its certificate by 'openssl pkcs12 "
               "-export'";
    if (file.p[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED))
        return "not a well-formed PKCS#12 file: it is damaged, cut off, or of another kind";
    return "not a PKCS#12 file";
}
