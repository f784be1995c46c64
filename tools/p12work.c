/* SPDX-License-Identifier: BSD-2-Clause */
/* p12work.c — what MAC and decryption of a bundle share: the forms of the password, bounded cost, sentences. */
#include "tools/p12work.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

const char *p12_object_name(const ASN1_OBJECT *object, char name[80])
{
    /* FIPS 203 to 205: what people meet first of what OpenSSL 3.0 has no name for. */
    static const struct {
        const char *oid, *name;
    } more[] = {
        { "2.16.840.1.101.3.4.3.17", "ML-DSA-44" },
        { "2.16.840.1.101.3.4.3.18", "ML-DSA-65" },
        { "2.16.840.1.101.3.4.3.19", "ML-DSA-87" },
        { "2.16.840.1.101.3.4.4.1",  "ML-KEM-512" },
        { "2.16.840.1.101.3.4.4.2",  "ML-KEM-768" },
        { "2.16.840.1.101.3.4.4.3",  "ML-KEM-1024" },
    };
    int nid = OBJ_obj2nid(object);
    const char *known = nid != NID_undef ? OBJ_nid2ln(nid) : NULL;

    if (known != NULL)
        return known;
    if (OBJ_obj2txt(name, 80, object, 1) <= 0)
        return "an unknown one";
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        if (strcmp(more[i].oid, name) == 0)
            return more[i].name;
    return name;
}

const ASN1_OBJECT *p12_oid(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *oid;

    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    return oid;
}

enum err p12_unsupported(struct p12_work *work, const char *what, const ASN1_OBJECT *oid)
{
    char name[80];

    return why_set(work->why, ERR_UNSUPPORTED, "its %s uses the algorithm %s, which vpiv does not know", what,
                   p12_object_name(oid, name));
}

enum err p12_malformed(struct p12_work *work, const char *what)
{
    return why_set(work->why, ERR_DATA, "not a well-formed PKCS#12 file: the parameters of its %s make no sense", what);
}

void *p12_parameter(const X509_ALGOR *algorithm, const ASN1_ITEM *item)
{
    return ASN1_TYPE_unpack_sequence(item, algorithm->parameter);
}

/* The sentence that OpenSSL has for this, "Mac verify error: invalid password?", hides the second possibility. */
enum err p12_wrong(struct p12_work *work, const char *what)
{
    if (work->proved)
        return why_set(work->why, ERR_WRONG, "the password is right, yet its %s cannot be decrypted: the file is "
                       "damaged, or was made with another form of the password inside", what);
    return why_set(work->why, ERR_WRONG, "wrong password, or the file is damaged");
}

/* ---- cost ---- */

/* What one key derivation costs, in iterations. */
enum err p12_cost(struct p12_work *work, const ASN1_INTEGER *count, const char *what, unsigned long *cost)
{
    int64_t n = 1;

    if (count != NULL && (!ASN1_INTEGER_get_int64(&n, count) || n < 1)) {
        if (ASN1_STRING_length((const ASN1_STRING *)count) <= 8)
            return p12_malformed(work, what);
        n = INT64_MAX;
    }
    if ((uint64_t)n > work->iterations)
        return why_set(work->why, ERR_FULL,
                       "its %s takes %s%lld rounds of key derivation, more than %lu: if you trust the file, "
                       "try again with --max-iterations", what, n == INT64_MAX ? "more than " : "",
                       (long long)n, work->iterations);
    *cost = (unsigned long)n;
    return ERR_NONE;
}

/* Within the sum for the whole file?  The first form of a password must be, the further ones are a courtesy. */
bool p12_affordable(struct p12_work *work, unsigned long cost)
{
    if (cost > 2 * work->iterations - work->spent)
        return false;
    work->spent += cost;
    return true;
}

enum err p12_too_much(struct p12_work *work)
{
    return why_set(work->why, ERR_FULL, "its key derivations take more than %lu rounds together: if you trust the "
                   "file, try again with --max-iterations", 2 * work->iterations);
}

/* The forms of the password, the one that fitted last first. */
const struct pass *p12_candidate(const struct p12_work *work, size_t turn, size_t *at)
{
    if (turn >= work->passes.n)
        return NULL;
    *at = turn == 0 ? work->right : turn <= work->right ? turn - 1 : turn;
    return &work->passes.of[*at];
}

void p12_fitted(struct p12_work *work, size_t at)
{
    work->right = at;
    if (work->passes.of[at].what != NULL)
        work->form = work->passes.of[at].what;
}

/* ---- primitives ---- */

bool p12_digest(OSSL_LIB_CTX *lib, int nid, EVP_MD **md)
{
    const char *name = nid == NID_undef ? NULL : OBJ_nid2sn(nid);

    *md = name == NULL ? NULL : EVP_MD_fetch(lib, name, NULL);
    return *md != NULL;
}

/* The digest inside of an HMAC's object identifier.  OpenSSL 3.0 has no row for those of SHA-3. */
int p12_digest_of_prf(int prf)
{
    static const struct {
        int prf, md;
    } more[] = {
        { NID_hmac_sha3_224, NID_sha3_224 },
        { NID_hmac_sha3_256, NID_sha3_256 },
        { NID_hmac_sha3_384, NID_sha3_384 },
        { NID_hmac_sha3_512, NID_sha3_512 },
    };
    int md = NID_undef;

    if (EVP_PBE_find(EVP_PBE_TYPE_PRF, prf, NULL, &md, NULL))
        return md;
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        if (more[i].prf == prf)
            return more[i].md;
    return NID_undef;
}

bool p12_pbkdf2(OSSL_LIB_CTX *lib, const char *digest, struct in pass, struct in salt, unsigned long iterations,
                   struct secret *key)
{
    EVP_KDF *kdf = EVP_KDF_fetch(lib, "PBKDF2", NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    uint64_t count = iterations;
    int lenient = 1; /* SP 800-132's least salt and count are not for those who read */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)pass.p, pass.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.p, salt.n),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &count),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &lenient),
        OSSL_PARAM_construct_end(),
    };
    bool done = ctx != NULL && EVP_KDF_derive(ctx, key->p, key->n, params) > 0;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return done;
}
