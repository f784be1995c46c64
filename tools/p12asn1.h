/* SPDX-License-Identifier: BSD-2-Clause */
/* p12asn1.h — the shapes of a PKCS#12 bundle (RFC 7292, 4), for OpenSSL's decoder.
 *
 * Templates of our own: OpenSSL's are opaque (a PBMAC1 needs the very bytes that were authenticated), and they refuse
 * the whole file for one secret bag or key whose inside they do not know.  Their names are what its macros want.
 */
#ifndef VPIV_TOOLS_P12ASN1_H
#define VPIV_TOOLS_P12ASN1_H

#include <openssl/asn1t.h>
#include <openssl/x509.h>

typedef struct {
    X509_SIG *mac;
    ASN1_OCTET_STRING *salt;
    ASN1_INTEGER *iterations; /* absent = 1 */
} P12_MAC;

typedef struct {
    ASN1_OBJECT *type;
    ASN1_TYPE *value;         /* of a certificate bag too, where it is not optional */
} P12_CONTENT;

typedef struct {
    ASN1_INTEGER *version;
    P12_CONTENT *content;
    P12_MAC *mac;
} P12_PFX;

typedef struct {
    ASN1_OBJECT *type;
    ASN1_TYPE *value;
    STACK_OF(X509_ATTRIBUTE) *attributes;
} P12_BAG;

/* RFC 5958: a private key that may carry its public key, as Bouncy Castle writes it; OpenSSL 3.0 refuses those. */
typedef struct {
    ASN1_INTEGER *version;
    X509_ALGOR *algorithm;
    ASN1_OCTET_STRING *key;
    STACK_OF(X509_ATTRIBUTE) *attributes;
    ASN1_BIT_STRING *public;
} P12_KEY;

/* RFC 5084: parameters of AES-GCM. */
typedef struct {
    ASN1_OCTET_STRING *nonce;
    ASN1_INTEGER *tag;
} P12_GCM;

DEFINE_STACK_OF(P12_CONTENT)
DEFINE_STACK_OF(P12_BAG)
DECLARE_ASN1_ITEM(P12_MAC)
DECLARE_ASN1_ITEM(P12_CONTENT)
DECLARE_ASN1_ITEM(P12_SAFES)
DECLARE_ASN1_ITEM(P12_PFX)
DECLARE_ASN1_ITEM(P12_BAG)
DECLARE_ASN1_ITEM(P12_BAGS)
DECLARE_ASN1_ITEM(P12_KEY)
DECLARE_ASN1_ITEM(P12_GCM)

#endif
