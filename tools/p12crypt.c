/* SPDX-License-Identifier: BSD-2-Clause */
/* p12crypt.c — what is encrypted in a bundle: PBES2 (RFC 8018) by hand, the older schemes by OpenSSL. */
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "tools/p12asn1.h"
#include "tools/p12work.h"

enum {
    SCRYPT_MEMORY = 256 << 20,
    PLAIN_SECURE = 64 << 10,   /* a private key is never longer; certificates need no locked memory */
};

static enum err cost_of_scrypt(struct p12_work *work, const SCRYPT_PARAMS *s, const char *what, unsigned long *cost)
{
    uint64_t n, r, p;

    if (!ASN1_INTEGER_get_uint64(&n, s->costParameter) || !ASN1_INTEGER_get_uint64(&r, s->blockSize) ||
        !ASN1_INTEGER_get_uint64(&p, s->parallelizationParameter) || n < 2 || r < 1 || p < 1)
        return p12_malformed(work, what);
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

/* How an encryption algorithm makes its key. */
struct box_plan {
    unsigned use;
    unsigned long cost;
    const X509_ALGOR *algorithm;
    PBE2PARAM *pbes2;       /* NULL: one of the older schemes, which OpenSSL does whole */
    PBKDF2PARAM *pbkdf2;
    SCRYPT_PARAMS *scrypt;
    P12_GCM *gcm;           /* NULL: a cipher in CBC mode */
    int tag;                /* bytes of GCM's tag, at the end of the box; else 0 */
    EVP_CIPHER *cipher;
    EVP_MD *prf;
};

static void box_clear(struct box_plan *plan)
{
    PBE2PARAM_free(plan->pbes2);
    PBKDF2PARAM_free(plan->pbkdf2);
    SCRYPT_PARAMS_free(plan->scrypt);
    ASN1_item_free((ASN1_VALUE *)plan->gcm, ASN1_ITEM_rptr(P12_GCM));
    EVP_CIPHER_free(plan->cipher);
    EVP_MD_free(plan->prf);
}

/* RFC 5084, 3.2: a nonce, and the length of the tag that ends the box: 12 where it is not said, to 16. */
static bool gcm_is_sound(struct box_plan *plan)
{
    int64_t n = 12;

    if (plan->gcm == NULL || plan->gcm->nonce->length < 1 || plan->gcm->nonce->length > EVP_MAX_IV_LENGTH ||
        (plan->gcm->tag != NULL && !ASN1_INTEGER_get_int64(&n, plan->gcm->tag)) || n < 12 || n > 16)
        return false;
    plan->tag = (int)n;
    return true;
}

/* NSS 3.29 and its like named AES-128 whatever they used, and beside it the true length of the key. */
static void trust_key_length(struct p12_work *work, struct box_plan *plan)
{
    char name[sizeof "AES-256-CBC"];
    int64_t n;

    if (!EVP_CIPHER_is_a(plan->cipher, "AES-128-CBC") || plan->pbkdf2->keylength == NULL ||
        !ASN1_INTEGER_get_int64(&n, plan->pbkdf2->keylength) || (n != 24 && n != 32))
        return;
    snprintf(name, sizeof name, "AES-%d-CBC", (int)n * 8);
    EVP_CIPHER_free(plan->cipher);
    plan->cipher = EVP_CIPHER_fetch(work->lib, name, NULL);
}

static enum err plan_pbes2(struct p12_work *work, const char *what, struct box_plan *plan)
{
    const PBE2PARAM *params = plan->pbes2 = p12_parameter(plan->algorithm, ASN1_ITEM_rptr(PBE2PARAM));
    const PBKDF2PARAM *p;
    int cipher;

    if (params == NULL)
        return p12_malformed(work, what);
    cipher = OBJ_obj2nid(p12_oid(params->encryption));
    plan->cipher = cipher == NID_undef ? NULL : EVP_CIPHER_fetch(work->lib, OBJ_nid2sn(cipher), NULL);
    if (plan->cipher == NULL || (EVP_CIPHER_get_mode(plan->cipher) != EVP_CIPH_CBC_MODE &&
                                 EVP_CIPHER_get_mode(plan->cipher) != EVP_CIPH_GCM_MODE))
        return p12_unsupported(work, what, p12_oid(params->encryption));
    if (EVP_CIPHER_get_mode(plan->cipher) == EVP_CIPH_GCM_MODE)
        plan->gcm = p12_parameter(params->encryption, ASN1_ITEM_rptr(P12_GCM));
    if (params->encryption->parameter == NULL ||
        (EVP_CIPHER_get_mode(plan->cipher) == EVP_CIPH_GCM_MODE && !gcm_is_sound(plan)))
        return p12_malformed(work, what);
    if (OBJ_obj2nid(p12_oid(params->keyfunc)) == NID_id_scrypt) {
        plan->scrypt = p12_parameter(params->keyfunc, ASN1_ITEM_rptr(SCRYPT_PARAMS));
        return plan->scrypt == NULL ? p12_malformed(work, what) : cost_of_scrypt(work, plan->scrypt, what, &plan->cost);
    }
    if (OBJ_obj2nid(p12_oid(params->keyfunc)) != NID_id_pbkdf2)
        return p12_unsupported(work, what, p12_oid(params->keyfunc));
    p = plan->pbkdf2 = p12_parameter(params->keyfunc, ASN1_ITEM_rptr(PBKDF2PARAM));
    if (p == NULL || p->salt->type != V_ASN1_OCTET_STRING)
        return p12_malformed(work, what);
    trust_key_length(work, plan);
    if (plan->cipher == NULL)
        return p12_unsupported(work, what, p12_oid(params->encryption));
    if (!p12_digest(work->lib, p->prf == NULL ? NID_sha1 : p12_digest_of_prf(OBJ_obj2nid(p12_oid(p->prf))), &plan->prf))
        return p12_unsupported(work, what, p12_oid(p->prf));
    return p12_cost(work, p->iter, what, &plan->cost);
}

/* RFC 7292, appendix C.  The other old schemes are PKCS#5's (RFC 8018, 6.1) and take the password as bytes. */
static bool is_pkcs12_scheme(int nid)
{
    static const int schemes[] = {
        NID_pbe_WithSHA1And128BitRC4,        NID_pbe_WithSHA1And40BitRC4,     NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
        NID_pbe_WithSHA1And2_Key_TripleDES_CBC, NID_pbe_WithSHA1And128BitRC2_CBC, NID_pbe_WithSHA1And40BitRC2_CBC,
    };

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (schemes[i] == nid)
            return true;
    return false;
}

static enum err plan_box(struct p12_work *work, const char *what, struct box_plan *plan)
{
    int nid = OBJ_obj2nid(p12_oid(plan->algorithm));
    PBEPARAM *params;
    enum err e;

    plan->use = PASS_BYTES;
    if (nid == NID_pbes2)
        return plan_pbes2(work, what, plan);
    if (!EVP_PBE_find(EVP_PBE_TYPE_OUTER, nid, NULL, NULL, NULL))
        return p12_unsupported(work, what, p12_oid(plan->algorithm));
    if (is_pkcs12_scheme(nid))
        plan->use = PASS_KDF;
    params = p12_parameter(plan->algorithm, ASN1_ITEM_rptr(PBEPARAM));
    e = params == NULL ? p12_malformed(work, what) : p12_cost(work, params->iter, what, &plan->cost);
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

static bool set_iv(const struct box_plan *plan, EVP_CIPHER_CTX *ctx)
{
    if (plan->gcm == NULL)
        return EVP_CIPHER_asn1_to_param(ctx, plan->pbes2->encryption->parameter) > 0;
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, plan->gcm->nonce->length, NULL) == 1 &&
           EVP_DecryptInit_ex2(ctx, NULL, NULL, plan->gcm->nonce->data, NULL) == 1;
}

/* RFC 8018, 6.2.  By hand, for OpenSSL 3.0 knows neither every PRF nor scrypt of today's cost. */
static bool pbes2_start(const struct p12_work *work, const struct box_plan *plan, struct in pass, EVP_CIPHER_CTX *ctx)
{
    struct secret *key = NULL;
    int64_t want = 0;
    bool done = EVP_DecryptInit_ex2(ctx, plan->cipher, NULL, NULL, NULL) == 1 && set_iv(plan, ctx) &&
                (key = secret_new((size_t)EVP_CIPHER_CTX_get_key_length(ctx))) != NULL;
    const ASN1_INTEGER *length = plan->scrypt != NULL ? plan->scrypt->keyLength : plan->pbkdf2->keylength;

    if (done && length != NULL)
        done = ASN1_INTEGER_get_int64(&want, length) && (size_t)want == key->n;
    if (done && plan->scrypt != NULL)
        done = scrypt(work, plan->scrypt, pass, key);
    else if (done)
        done = p12_pbkdf2(work->lib, EVP_MD_get0_name(plan->prf), pass,
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
    return EVP_PBE_CipherInit_ex((ASN1_OBJECT *)p12_oid(plan->algorithm), (const char *)bytes.p, (int)bytes.n,
                                 plan->algorithm->parameter, ctx, 0, work->lib, NULL) == 1;
}

static void *open_box(const struct p12_work *work, const struct box_plan *plan, const struct pass *pass,
                      const ASN1_OCTET_STRING *box, const ASN1_ITEM *item)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    size_t room = (size_t)box->length + EVP_MAX_BLOCK_LENGTH;
    uint8_t *plain = room <= PLAIN_SECURE ? OPENSSL_secure_malloc(room) : OPENSSL_malloc(room);
    int n = 0, rest = 0, length = box->length - plan->tag;
    void *out = NULL;

    if (ctx != NULL && plain != NULL && length >= 0 && box_start(work, plan, pass, ctx) &&
        EVP_DecryptUpdate(ctx, plain, &n, box->data, length) == 1 &&
        (plan->tag == 0 || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, plan->tag, box->data + length) == 1) &&
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
        const struct pass *pass = p12_candidate(work, turn, &at);

        if (pass == NULL)
            e = p12_wrong(work, what);
        else if ((pass->use & plan.use) == 0)
            continue;
        else if (!p12_affordable(work, plan.cost))
            e = tried ? p12_wrong(work, what) : p12_too_much(work);
        else
            tried = true, *out = open_box(work, &plan, pass, box, item);
    }
    if (*out != NULL)
        p12_fitted(work, at);
    box_clear(&plan);
    ERR_clear_error();
    return e;
}
