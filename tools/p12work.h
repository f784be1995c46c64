/* SPDX-License-Identifier: BSD-2-Clause */
/* p12work.h — one PKCS#12 bundle being opened: its MAC, what is encrypted in it, and the cost of both. */
#ifndef VPIV_TOOLS_P12WORK_H
#define VPIV_TOOLS_P12WORK_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tools/p12pass.h"

struct p12_work {
    OSSL_LIB_CTX *lib;
    struct passes passes;
    size_t right;              /* the form of the password that fitted last */
    const char *form;          /* for people, where it was not the usual one */
    bool proved;               /* the MAC was right */
    unsigned long iterations;  /* borne for one derivation; twice that in all */
    unsigned long spent;
    struct why *why;
};

/* p12_mac_check — RFC 7292, 4 and RFC 9579: `content` is what was authenticated. */
struct p12_mac {
    const X509_ALGOR *algorithm;
    struct in digest, salt, content;
    const ASN1_INTEGER *iterations; /* NULL = 1 */
};
enum err p12_mac_check(struct p12_work *work, const struct p12_mac *mac) MUST_CHECK;

/* p12_decrypt — with every form of the password until the plain text decodes as `item`.
 * what: "private key" or "list of certificates", for the sentence.  *out is owned by the caller (ASN1_item_free). */
enum err p12_decrypt(struct p12_work *work, const X509_ALGOR *algorithm, const ASN1_OCTET_STRING *box,
                     const ASN1_ITEM *item, const char *what, void **out) MUST_CHECK;

/* p12_object_name — "aes-256-cbc", or the dotted number of what has no name. */
const char *p12_object_name(const ASN1_OBJECT *object, char name[80]);

/* p12_oid, p12_parameter — the two halves of an algorithm; the parameter decoded as `item`, owned, or NULL. */
const ASN1_OBJECT *p12_oid(const X509_ALGOR *algorithm);
void *p12_parameter(const X509_ALGOR *algorithm, const ASN1_ITEM *item);

/* p12_unsupported, p12_malformed, p12_wrong, p12_too_much — the four ways to give up, each with its sentence.
 * what: the thing that fails; NULL = the MAC. */
enum err p12_unsupported(struct p12_work *work, const char *what, const ASN1_OBJECT *oid);
enum err p12_malformed(struct p12_work *work, const char *what);
enum err p12_wrong(struct p12_work *work, const char *what);
enum err p12_too_much(struct p12_work *work);

/* p12_cost — how many rounds a derivation takes; refused when it is more than one may take.
 * p12_affordable — within the sum for the whole file? */
enum err p12_cost(struct p12_work *work, const ASN1_INTEGER *count, const char *what, unsigned long *cost) MUST_CHECK;
bool p12_affordable(struct p12_work *work, unsigned long cost) MUST_CHECK;

/* p12_candidate — form number `turn` of the password, the one that fitted last first; NULL = no more.
 * p12_fitted — that was it. */
const struct pass *p12_candidate(const struct p12_work *work, size_t turn, size_t *at);
void p12_fitted(struct p12_work *work, size_t at);

/* p12_digest — fetch one by its number; p12_digest_of_prf — the number of the digest inside of an HMAC. */
bool p12_digest(OSSL_LIB_CTX *lib, int nid, EVP_MD **md) MUST_CHECK;
int p12_digest_of_prf(int prf);
bool p12_pbkdf2(OSSL_LIB_CTX *lib, const char *digest, struct in pass, struct in salt, unsigned long iterations,
                struct secret *key) MUST_CHECK;

#endif
