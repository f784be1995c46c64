/* SPDX-License-Identifier: BSD-2-Clause */
/* p12crypt.h — the cryptography of a PKCS#12 bundle: its MAC, and what is encrypted in it. */
#ifndef VPIV_TOOLS_P12CRYPT_H
#define VPIV_TOOLS_P12CRYPT_H

#include <openssl/x509.h>

#include "tools/p12pass.h"

/* struct p12_work — one bundle being opened. */
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
 * what: "private key" or "certificates", for the sentence.  *out is owned by the caller (ASN1_item_free). */
enum err p12_decrypt(struct p12_work *work, const X509_ALGOR *algorithm, const ASN1_OCTET_STRING *box,
                     const ASN1_ITEM *item, const char *what, void **out) MUST_CHECK;

/* p12_object_name — "AES-256-CBC", or the dotted number of what has no name. */
const char *p12_object_name(const ASN1_OBJECT *object, char name[80]);

#endif
