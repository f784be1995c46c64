/* SPDX-License-Identifier: BSD-2-Clause */
/* p12mac.c — the integrity check of a bundle: RFC 7292's MAC with any hash, and PBMAC1. */
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "tools/p12work.h"

enum {
    MAC_KEY_MAX = 1024,
    MAC_KEY_MIN = 20, /* RFC 9579, 9: a short key makes the MAC forgeable; one of a single byte was met */
};

static bool hmac_is(struct p12_work *work, const EVP_MD *md, const struct secret *key, const struct p12_mac *mac)
{
    uint8_t out[EVP_MAX_MD_SIZE];
    size_t n = 0;

    return EVP_Q_mac(work->lib, "HMAC", NULL, EVP_MD_get0_name(md), NULL, key->p, key->n, mac->content.p,
                     mac->content.n, out, sizeof out, &n) != NULL &&
           n == mac->digest.n && CRYPTO_memcmp(out, mac->digest.p, n) == 0;
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
        return p12_pbkdf2(work->lib, EVP_MD_get0_name(plan->prf), bytes, plan->salt, plan->cost, key);
    return PKCS12_key_gen_utf8_ex((const char *)bytes.p, (int)bytes.n, (unsigned char *)plan->salt.p,
                                  (int)plan->salt.n, PKCS12_MAC_ID, (int)plan->cost, (int)key->n, key->p, plan->md,
                                  work->lib, NULL) == 1;
}

/* RFC 9579, 4: the key length is not optional here. */
static enum err plan_pbmac1(struct p12_work *work, const struct p12_mac *mac, struct mac_plan *plan)
{
    static const char what[] = "integrity check";
    PBE2PARAM *params = plan->params = p12_parameter(mac->algorithm, ASN1_ITEM_rptr(PBE2PARAM));
    PBKDF2PARAM *kdf;
    int64_t length = 0;

    if (params == NULL)
        return p12_malformed(work, what);
    if (OBJ_obj2nid(p12_oid(params->keyfunc)) != NID_id_pbkdf2)
        return p12_unsupported(work, what, p12_oid(params->keyfunc));
    kdf = plan->kdf = p12_parameter(params->keyfunc, ASN1_ITEM_rptr(PBKDF2PARAM));
    if (kdf == NULL || kdf->salt->type != V_ASN1_OCTET_STRING)
        return p12_malformed(work, what);
    if (kdf->keylength == NULL || !ASN1_INTEGER_get_int64(&length, kdf->keylength) || length < MAC_KEY_MIN ||
        length > MAC_KEY_MAX)
        return why_set(work->why, ERR_DATA, "its integrity check (PBMAC1) cannot be trusted: %s key length",
                       kdf->keylength == NULL ? "it names no" : "it has an unsafe");
    if (!p12_digest(work->lib, p12_digest_of_prf(OBJ_obj2nid(p12_oid(params->encryption))), &plan->md))
        return p12_unsupported(work, what, p12_oid(params->encryption));
    if (!p12_digest(work->lib, kdf->prf == NULL ? NID_sha1 : p12_digest_of_prf(OBJ_obj2nid(p12_oid(kdf->prf))),
                      &plan->prf))
        return p12_unsupported(work, what, p12_oid(kdf->prf));
    plan->use = PASS_BYTES;
    plan->key_length = (size_t)length;
    plan->salt = in_of(kdf->salt->value.octet_string->data, (size_t)kdf->salt->value.octet_string->length);
    return p12_cost(work, kdf->iter, what, &plan->cost);
}

static enum err plan_classic(struct p12_work *work, const struct p12_mac *mac, struct mac_plan *plan)
{
    if (!p12_digest(work->lib, OBJ_obj2nid(p12_oid(mac->algorithm)), &plan->md))
        return p12_unsupported(work, "integrity check", p12_oid(mac->algorithm));
    plan->use = PASS_KDF;
    plan->key_length = (size_t)EVP_MD_get_size(plan->md);
    plan->salt = mac->salt;
    return p12_cost(work, mac->iterations, "integrity check", &plan->cost);
}

enum err p12_mac_check(struct p12_work *work, const struct p12_mac *mac)
{
    struct mac_plan plan = { .use = 0 };
    struct secret *key = NULL;
    bool tried = false;
    size_t at = 0;
    enum err e;

    e = OBJ_obj2nid(p12_oid(mac->algorithm)) == NID_pbmac1 ? plan_pbmac1(work, mac, &plan)
                                                          : plan_classic(work, mac, &plan);
    if (e == ERR_NONE && (key = secret_new(plan.key_length)) == NULL)
        e = ERR_MEMORY;
    for (size_t turn = 0; e == ERR_NONE && !work->proved; turn++) {
        const struct pass *pass = p12_candidate(work, turn, &at);

        if (pass == NULL)
            e = p12_wrong(work, NULL);
        else if ((pass->use & plan.use) == 0)
            continue;
        else if (!p12_affordable(work, plan.cost))
            e = tried ? p12_wrong(work, NULL) : p12_too_much(work);
        else if (tried = true, mac_key(work, &plan, pass, key))
            work->proved = hmac_is(work, plan.md, key, mac);
    }
    if (work->proved)
        p12_fitted(work, at);
    secret_free(key);
    plan_clear(&plan);
    ERR_clear_error();
    return e;
}
