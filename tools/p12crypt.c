/* SPDX-License-Identifier: BSD-2-Clause */
/* p12crypt.c — MAC and decryption of a PKCS#12 bundle, each with a bounded cost. */
#include "tools/p12crypt.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pkcs12.h>

enum {
    MAC_KEY_MAX = 1024,
    MAC_KEY_MIN = 20,          /* RFC 9579, 9: a short key makes the MAC forgeable; one of a single byte was met */
    SCRYPT_MEMORY = 256 << 20,
    PLAIN_SECURE = 64 << 10,   /* a private key is never longer; certificates need no locked memory */
};

const char *p12_object_name(const ASN1_OBJECT *object, char name[80])
{
    int nid = OBJ_obj2nid(object);
    const char *known = nid != NID_undef ? OBJ_nid2sn(nid) : NULL;

    if (known != NULL)
        return known;
    if (OBJ_obj2txt(name, 80, object, 1) <= 0)
        strcpy(name, "an unknown one");
    return name;
}

static const ASN1_OBJECT *oid_of(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *oid;

    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    return oid;
}

static void *parameter_of(const X509_ALGOR *algorithm, const ASN1_ITEM *item)
{
    return ASN1_TYPE_unpack_sequence(item, algorithm->parameter);
}

static enum err unsupported(struct p12_work *work, const char *what, const ASN1_OBJECT *oid)
{
    char name[80];

    return why_set(work->why, ERR_UNSUPPORTED, "its %s uses the algorithm %s, which vpiv does not know", what,
                   p12_object_name(oid, name));
}

static enum err malformed(struct p12_work *work, const char *what)
{
    return why_set(work->why, ERR_DATA, "not a well-formed PKCS#12 file: the parameters of its %s make no sense", what);
}

/* ---- cost ---- */

/* What one key derivation costs, in iterations. */
static enum err cost_of_count(struct p12_work *work, const ASN1_INTEGER *count, const char *what,
                              unsigned long *cost)
{
    int64_t n = 1;

    if (count != NULL && (!ASN1_INTEGER_get_int64(&n, count) || n < 1)) {
        if (ASN1_STRING_length((const ASN1_STRING *)count) <= 8)
            return malformed(work, what);
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

static enum err cost_of_scrypt(struct p12_work *work, const SCRYPT_PARAMS *s, const char *what, unsigned long *cost)
{
    uint64_t n, r, p;

    if (!ASN1_INTEGER_get_uint64(&n, s->costParameter) || !ASN1_INTEGER_get_uint64(&r, s->blockSize) ||
        !ASN1_INTEGER_get_uint64(&p, s->parallelizationParameter) || n < 2 || r < 1 || p < 1)
        return malformed(work, what);
    if (n > SCRYPT_MEMORY / 128 || r > SCRYPT_MEMORY / 128 / n || p > 1024)
        return why_set(work->why, ERR_FULL, "its %s takes more than %d MiB of memory for key derivation", what,
                       SCRYPT_MEMORY >> 20);
    /* Measured: one of its N r p blocks takes as long as one round of PBKDF2. */
    *cost = (unsigned long)(n * r * p);
    if (*cost > work->iterations)
        return why_set(work->why, ERR_FULL, "its %s takes too much time for key derivation (scrypt, N=%llu r=%llu "
                       "p=%llu): if you trust the file, try again with --max-iterations %lu", what,
                       (unsigned long long)n, (unsigned long long)r, (unsigned long long)p, *cost);
    return ERR_NONE;
}

/* Within the sum for the whole file?  The first form of a password must be, the further ones are a courtesy. */
static bool affordable(struct p12_work *work, unsigned long cost)
{
    if (cost > 2 * work->iterations - work->spent)
        return false;
    work->spent += cost;
    return true;
}

static enum err too_much(struct p12_work *work)
{
    return why_set(work->why, ERR_FULL, "its key derivations take more than %lu rounds together: if you trust the "
                   "file, try again with --max-iterations", 2 * work->iterations);
}

/* The forms of the password, the one that fitted last first. */
static const struct pass *candidate(const struct p12_work *work, size_t turn, size_t *at)
{
    if (turn >= work->passes.n)
        return NULL;
    *at = turn == 0 ? work->right : turn <= work->right ? turn - 1 : turn;
    return &work->passes.of[*at];
}

static void fitted(struct p12_work *work, size_t at)
{
    work->right = at;
    if (work->passes.of[at].what != NULL)
        work->form = work->passes.of[at].what;
}

/* ---- the MAC ---- */

static bool fetch_digest(OSSL_LIB_CTX *lib, int nid, EVP_MD **md)
{
    const char *name = nid == NID_undef ? NULL : OBJ_nid2sn(nid);

    *md = name == NULL ? NULL : EVP_MD_fetch(lib, name, NULL);
    return *md != NULL;
}

/* The digest inside of an HMAC's object identifier. */
static int digest_of_prf(int prf)
{
    int md = NID_undef;

    return EVP_PBE_find(EVP_PBE_TYPE_PRF, prf, NULL, &md, NULL) ? md : NID_undef;
}

static bool hmac_is(struct p12_work *work, const EVP_MD *md, const struct secret *key, const struct p12_mac *mac)
{
    uint8_t out[EVP_MAX_MD_SIZE];
    size_t n = 0;

    return EVP_Q_mac(work->lib, "HMAC", NULL, EVP_MD_get0_name(md), NULL, key->p, key->n, mac->content.p,
                     mac->content.n, out, sizeof out, &n) != NULL &&
           n == mac->digest.n && CRYPTO_memcmp(out, mac->digest.p, n) == 0;
}

static bool pbkdf2(OSSL_LIB_CTX *lib, const char *digest, struct in pass, struct in salt, unsigned long iterations,
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

/* How a MAC key is made from one form of the password: RFC 7292's own derivation, or PBKDF2 (RFC 9579). */
struct mac_plan {
    unsigned use;
    EVP_MD *md;              /* of the HMAC */
    EVP_MD *prf;             /* of PBKDF2 */
    struct in salt;
    unsigned long cost;
    size_t key_length;
    PBE2PARAM *params;       /* PBMAC1-params have the shape of PBES2-params: a derivation and an algorithm */
    PBKDF2PARAM *kdf;
};

static void plan_clear(struct mac_plan *plan)
{
    EVP_MD_free(plan->md);
    EVP_MD_free(plan->prf);
    PBE2PARAM_free(plan->params);
    PBKDF2PARAM_free(plan->kdf);
}

static bool mac_key(struct p12_work *work, const struct mac_plan *plan, const struct pass *pass, struct secret *key)
{
    struct in bytes = pass->bytes == NULL ? in_of(NULL, 0) : secret_in(pass->bytes);

    if (plan->use == PASS_BYTES)
        return pbkdf2(work->lib, EVP_MD_get0_name(plan->prf), bytes, plan->salt, plan->cost, key);
    return PKCS12_key_gen_utf8_ex((const char *)bytes.p, (int)bytes.n, (unsigned char *)plan->salt.p,
                                  (int)plan->salt.n, PKCS12_MAC_ID, (int)plan->cost, (int)key->n, key->p, plan->md,
                                  work->lib, NULL) == 1;
}

/* RFC 9579, 4: the key length is not optional here. */
static enum err plan_pbmac1(struct p12_work *work, const struct p12_mac *mac, struct mac_plan *plan)
{
    static const char what[] = "integrity check";
    PBE2PARAM *params = plan->params = parameter_of(mac->algorithm, ASN1_ITEM_rptr(PBE2PARAM));
    PBKDF2PARAM *kdf;
    int64_t length = 0;

    if (params == NULL)
        return malformed(work, what);
    if (OBJ_obj2nid(oid_of(params->keyfunc)) != NID_id_pbkdf2)
        return unsupported(work, what, oid_of(params->keyfunc));
    kdf = plan->kdf = parameter_of(params->keyfunc, ASN1_ITEM_rptr(PBKDF2PARAM));
    if (kdf == NULL || kdf->salt->type != V_ASN1_OCTET_STRING)
        return malformed(work, what);
    if (kdf->keylength == NULL || !ASN1_INTEGER_get_int64(&length, kdf->keylength) || length < MAC_KEY_MIN ||
        length > MAC_KEY_MAX)
        return why_set(work->why, ERR_DATA, "its integrity check (PBMAC1) cannot be trusted: %s key length",
                       kdf->keylength == NULL ? "it names no" : "it has an unsafe");
    if (!fetch_digest(work->lib, digest_of_prf(OBJ_obj2nid(oid_of(params->encryption))), &plan->md))
        return unsupported(work, what, oid_of(params->encryption));
    if (!fetch_digest(work->lib, kdf->prf == NULL ? NID_sha1 : digest_of_prf(OBJ_obj2nid(oid_of(kdf->prf))),
                      &plan->prf))
        return unsupported(work, what, oid_of(kdf->prf));
    plan->use = PASS_BYTES;
    plan->key_length = (size_t)length;
    plan->salt = in_of(kdf->salt->value.octet_string->data, (size_t)kdf->salt->value.octet_string->length);
    return cost_of_count(work, kdf->iter, what, &plan->cost);
}

static enum err plan_classic(struct p12_work *work, const struct p12_mac *mac, struct mac_plan *plan)
{
    if (!fetch_digest(work->lib, OBJ_obj2nid(oid_of(mac->algorithm)), &plan->md))
        return unsupported(work, "integrity check", oid_of(mac->algorithm));
    plan->use = PASS_KDF;
    plan->key_length = (size_t)EVP_MD_get_size(plan->md);
    plan->salt = mac->salt;
    return cost_of_count(work, mac->iterations, "integrity check", &plan->cost);
}

/* The sentence that OpenSSL has for this, "Mac verify error: invalid password?", hides the second possibility. */
static enum err wrong(struct p12_work *work, const char *what)
{
    if (work->proved)
        return why_set(work->why, ERR_WRONG, "the password is right, yet its %s cannot be decrypted: the file is "
                       "damaged, or was made with another form of the password inside", what);
    return why_set(work->why, ERR_WRONG, "wrong password, or the file is damaged");
}

enum err p12_mac_check(struct p12_work *work, const struct p12_mac *mac)
{
    struct mac_plan plan = { .use = 0 };
    struct secret *key = NULL;
    bool tried = false;
    size_t at = 0;
    enum err e;

    e = OBJ_obj2nid(oid_of(mac->algorithm)) == NID_pbmac1 ? plan_pbmac1(work, mac, &plan)
                                                          : plan_classic(work, mac, &plan);
    if (e == ERR_NONE && (key = secret_new(plan.key_length)) == NULL)
        e = ERR_MEMORY;
    for (size_t turn = 0; e == ERR_NONE && !work->proved; turn++) {
        const struct pass *pass = candidate(work, turn, &at);

        if (pass == NULL)
            e = wrong(work, NULL);
        else if ((pass->use & plan.use) == 0)
            continue;
        else if (!affordable(work, plan.cost))
            e = tried ? wrong(work, NULL) : too_much(work);
        else if (tried = true, mac_key(work, &plan, pass, key))
            work->proved = hmac_is(work, plan.md, key, mac);
    }
    if (work->proved)
        fitted(work, at);
    secret_free(key);
    plan_clear(&plan);
    ERR_clear_error();
    return e;
}

/* ---- decryption ---- */

/* How an encryption algorithm makes its key. */
struct box_plan {
    unsigned use;
    unsigned long cost;
    const X509_ALGOR *algorithm;
    PBE2PARAM *pbes2;       /* NULL: one of the older schemes, which OpenSSL does whole */
    PBKDF2PARAM *pbkdf2;
    SCRYPT_PARAMS *scrypt;
    EVP_CIPHER *cipher;
    EVP_MD *prf;
};

static void box_clear(struct box_plan *plan)
{
    PBE2PARAM_free(plan->pbes2);
    PBKDF2PARAM_free(plan->pbkdf2);
    SCRYPT_PARAMS_free(plan->scrypt);
    EVP_CIPHER_free(plan->cipher);
    EVP_MD_free(plan->prf);
}

static enum err plan_pbes2(struct p12_work *work, const char *what, struct box_plan *plan)
{
    const PBE2PARAM *params = plan->pbes2 = parameter_of(plan->algorithm, ASN1_ITEM_rptr(PBE2PARAM));
    const PBKDF2PARAM *p;
    int cipher;

    if (params == NULL)
        return malformed(work, what);
    cipher = OBJ_obj2nid(oid_of(params->encryption));
    plan->cipher = cipher == NID_undef ? NULL : EVP_CIPHER_fetch(work->lib, OBJ_nid2sn(cipher), NULL);
    if (plan->cipher == NULL || EVP_CIPHER_get_mode(plan->cipher) != EVP_CIPH_CBC_MODE)
        return unsupported(work, what, oid_of(params->encryption));
    if (params->encryption->parameter == NULL)
        return malformed(work, what);
    if (OBJ_obj2nid(oid_of(params->keyfunc)) == NID_id_scrypt) {
        plan->scrypt = parameter_of(params->keyfunc, ASN1_ITEM_rptr(SCRYPT_PARAMS));
        return plan->scrypt == NULL ? malformed(work, what) : cost_of_scrypt(work, plan->scrypt, what, &plan->cost);
    }
    if (OBJ_obj2nid(oid_of(params->keyfunc)) != NID_id_pbkdf2)
        return unsupported(work, what, oid_of(params->keyfunc));
    p = plan->pbkdf2 = parameter_of(params->keyfunc, ASN1_ITEM_rptr(PBKDF2PARAM));
    if (p == NULL || p->salt->type != V_ASN1_OCTET_STRING)
        return malformed(work, what);
    if (!fetch_digest(work->lib, p->prf == NULL ? NID_sha1 : digest_of_prf(OBJ_obj2nid(oid_of(p->prf))), &plan->prf))
        return unsupported(work, what, oid_of(p->prf));
    return cost_of_count(work, p->iter, what, &plan->cost);
}

static enum err plan_box(struct p12_work *work, const char *what, struct box_plan *plan)
{
    int nid = OBJ_obj2nid(oid_of(plan->algorithm));
    PBEPARAM *params;
    enum err e;

    plan->use = PASS_BYTES;
    if (nid == NID_pbes2)
        return plan_pbes2(work, what, plan);
    if (!EVP_PBE_find(EVP_PBE_TYPE_OUTER, nid, NULL, NULL, NULL))
        return unsupported(work, what, oid_of(plan->algorithm));
    if (strncmp(OBJ_nid2sn(nid), "PBE-SHA1-", 9) == 0) /* RFC 7292, appendix C; the others are PKCS#5's */
        plan->use = PASS_KDF;
    params = parameter_of(plan->algorithm, ASN1_ITEM_rptr(PBEPARAM));
    e = params == NULL ? malformed(work, what) : cost_of_count(work, params->iter, what, &plan->cost);
    PBEPARAM_free(params);
    return e;
}

static bool scrypt(const struct p12_work *work, const SCRYPT_PARAMS *s, struct in pass, struct secret *key)
{
    uint64_t n, r, p;

    /* OpenSSL's own PBES2 stops at 32 MiB, which N=2^15 r=8 already needs. */
    return ASN1_INTEGER_get_uint64(&n, s->costParameter) && ASN1_INTEGER_get_uint64(&r, s->blockSize) &&
           ASN1_INTEGER_get_uint64(&p, s->parallelizationParameter) &&
           EVP_PBE_scrypt_ex((const char *)pass.p, pass.n, s->salt->data, (size_t)s->salt->length, n, r, p,
                             SCRYPT_MEMORY + (1 << 20), key->p, key->n, work->lib, NULL) == 1;
}

/* RFC 8018, 6.2.  By hand, for OpenSSL 3.0 knows neither every PRF nor scrypt of today's cost. */
static bool pbes2_start(const struct p12_work *work, const struct box_plan *plan, struct in pass, EVP_CIPHER_CTX *ctx)
{
    struct secret *key = NULL;
    int64_t want = 0;
    bool done = EVP_DecryptInit_ex2(ctx, plan->cipher, NULL, NULL, NULL) == 1 &&
                EVP_CIPHER_asn1_to_param(ctx, plan->pbes2->encryption->parameter) > 0 &&
                (key = secret_new((size_t)EVP_CIPHER_CTX_get_key_length(ctx))) != NULL;
    const ASN1_INTEGER *length = plan->scrypt != NULL ? plan->scrypt->keyLength : plan->pbkdf2->keylength;

    if (done && length != NULL)
        done = ASN1_INTEGER_get_int64(&want, length) && (size_t)want == key->n;
    if (done && plan->scrypt != NULL)
        done = scrypt(work, plan->scrypt, pass, key);
    else if (done)
        done = pbkdf2(work->lib, EVP_MD_get0_name(plan->prf), pass,
                      in_of(plan->pbkdf2->salt->value.octet_string->data,
                            (size_t)plan->pbkdf2->salt->value.octet_string->length), plan->cost, key);
    done = done && EVP_DecryptInit_ex2(ctx, NULL, key->p, NULL, NULL) == 1;
    secret_free(key);
    return done;
}

static bool box_start(const struct p12_work *work, const struct box_plan *plan, const struct pass *pass,
                      EVP_CIPHER_CTX *ctx)
{
    struct in bytes = pass->bytes == NULL ? in_of(NULL, 0) : secret_in(pass->bytes);

    if (plan->pbes2 != NULL)
        return pbes2_start(work, plan, bytes, ctx);
    return EVP_PBE_CipherInit_ex((ASN1_OBJECT *)oid_of(plan->algorithm), (const char *)bytes.p, (int)bytes.n,
                                 plan->algorithm->parameter, ctx, 0, work->lib, NULL) == 1;
}

static void *open_box(const struct p12_work *work, const struct box_plan *plan, const struct pass *pass,
                      const ASN1_OCTET_STRING *box, const ASN1_ITEM *item)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    size_t room = (size_t)box->length + EVP_MAX_BLOCK_LENGTH;
    uint8_t *plain = room <= PLAIN_SECURE ? OPENSSL_secure_malloc(room) : OPENSSL_malloc(room);
    int n = 0, rest = 0;
    void *out = NULL;

    if (ctx != NULL && plain != NULL && box_start(work, plan, pass, ctx) &&
        EVP_DecryptUpdate(ctx, plain, &n, box->data, box->length) == 1 &&
        EVP_DecryptFinal_ex(ctx, plain + n, &rest) == 1) {
        const uint8_t *at = plain;

        out = ASN1_item_d2i(NULL, &at, n + rest, item);
    }
    OPENSSL_secure_clear_free(plain, room);
    EVP_CIPHER_CTX_free(ctx);
    return out;
}

enum err p12_decrypt(struct p12_work *work, const X509_ALGOR *algorithm, const ASN1_OCTET_STRING *box,
                     const ASN1_ITEM *item, const char *what, void **out)
{
    struct box_plan plan = { .algorithm = algorithm };
    enum err e = plan_box(work, what, &plan);
    bool tried = false;
    size_t at = 0;

    *out = NULL;
    for (size_t turn = 0; e == ERR_NONE && *out == NULL; turn++) {
        const struct pass *pass = candidate(work, turn, &at);

        if (pass == NULL)
            e = wrong(work, what);
        else if ((pass->use & plan.use) == 0)
            continue;
        else if (!affordable(work, plan.cost))
            e = tried ? wrong(work, what) : too_much(work);
        else
            tried = true, *out = open_box(work, &plan, pass, box, item);
    }
    if (*out != NULL)
        fitted(work, at);
    box_clear(&plan);
    ERR_clear_error();
    return e;
}
