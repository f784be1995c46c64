/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_issuer.c — rows of group 11 about what an issuer writes: signatures, digests, certificates' profile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/cms.h>
#include <openssl/x509v3.h>

#include "applet/object.h"
#include "tools/conform_data.h"

/* The arc of the Federal Common Policy's certificate policies, and FIPS 201's own object identifiers. */
static const char oid_common[] = "2.16.840.1.101.3.2.1.3.";
static const char oid_content_signing[] = "2.16.840.1.101.3.6.7", oid_card_auth[] = "2.16.840.1.101.3.6.8",
                  oid_fascn[] = "2.16.840.1.101.3.6.6";

static bool claims_common(X509 *x)
{
    CERTIFICATEPOLICIES *policies = X509_get_ext_d2i(x, NID_certificate_policies, NULL, NULL);
    bool claims = false;
    char text[80];

    for (int i = 0; i < sk_POLICYINFO_num(policies); i++)
        if (OBJ_obj2txt(text, sizeof text, sk_POLICYINFO_value(policies, i)->policyid, 1) > 0)
            claims |= strncmp(text, oid_common, sizeof oid_common - 1) == 0;
    CERTIFICATEPOLICIES_free(policies);
    return claims;
}

static bool has_purpose(X509 *x, const char *oid)
{
    EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    bool has = false;
    char text[80];

    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++)
        if (OBJ_obj2txt(text, sizeof text, sk_ASN1_OBJECT_value(usage, i), 1) > 0)
            has |= strcmp(text, oid) == 0;
    EXTENDED_KEY_USAGE_free(usage);
    return has;
}

/* The certificate at `tag` has exactly this key usage, and this purpose where one is wanted. */
static bool profiled(struct judge *j, uint32_t tag, uint32_t usage, uint32_t usage_rsa, const char *purpose)
{
    X509 *x = certificate_read(j, tag);

    if (x == NULL)
        return fail(j, "there is no certificate in %06X", (unsigned)tag);
    bool rsa = EVP_PKEY_is_a(X509_get0_pubkey(x), "RSA"), federal = claims_common(x);
    bool fits = X509_get_key_usage(x) == (rsa ? usage_rsa : usage) && (purpose == NULL || has_purpose(x, purpose));
    X509_free(x);
    if (!federal)
        return does_not_apply(j, "the certificate claims no policy of the federal profile");
    return fits || fail(j, "the key usage of the certificate in %06X is not the profile's", (unsigned)tag);
}

bool dat_12(struct judge *j)
{
    return profiled(j, OBJECT_CERT_AUTHENTICATION, KU_DIGITAL_SIGNATURE, KU_DIGITAL_SIGNATURE, NULL);
}

bool dat_13(struct judge *j)
{
    uint32_t usage = KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION;

    return profiled(j, OBJECT_CERT_SIGNATURE, usage, usage, NULL);
}

bool dat_14(struct judge *j)
{
    return profiled(j, OBJECT_CERT_KEY_MANAGEMENT, KU_KEY_AGREEMENT, KU_KEY_ENCIPHERMENT, NULL);
}

bool dat_15(struct judge *j)
{
    return profiled(j, OBJECT_CERT_CARD_AUTHENTICATION, KU_DIGITAL_SIGNATURE, KU_DIGITAL_SIGNATURE, oid_card_auth);
}

/* Printed information: order is row DAT-02's; here the lengths.  SP 800-73-5 Part 1, appendix A, table 14. */
bool dat_21(struct judge *j)
{
    static const struct {
        uint8_t tag;
        size_t most;
    } parts[] = { { 0x01, 125 }, { 0x02, 20 }, { 0x04, 9 }, { 0x05, 20 }, { 0x06, 15 } };
    struct in inside, value;

    if (!object_inside(j, OBJECT_PRINTED, &inside))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!tlv_get(&inside, parts[i].tag, &value) || value.n > parts[i].most)
            return fail(j, "printed information has no %02X in its place, or one that is too long", parts[i].tag);
    return true;
}

/* SignedData over `content` (or over what it carries itself) verifies under its own signer's certificate, or under
 * `signer`.  Whether anybody trusts that certificate is not asked. */
static bool cms_verifies(struct in der, const struct in *content, X509 *signer, struct out *carried)
{
    const unsigned char *p = der.p;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
    BIO *data = content == NULL ? NULL : BIO_new_mem_buf(content->p, (int)content->n), *out = BIO_new(BIO_s_mem());
    STACK_OF(X509) *signers = sk_X509_new_null();
    bool good = cms != NULL && out != NULL && signers != NULL &&
                (signer == NULL || sk_X509_push(signers, signer) > 0) &&
                CMS_verify(cms, signers, NULL, data, out, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) == 1;
    char *bytes;
    long n = good ? BIO_get_mem_data(out, &bytes) : 0;

    if (good && carried != NULL)
        out_put(carried, in_of(bytes, (size_t)n));
    sk_X509_free(signers);
    BIO_free(out);
    BIO_free(data);
    CMS_ContentInfo_free(cms);
    return good;
}

static X509 *cms_signer(struct in der)
{
    const unsigned char *p = der.p;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
    STACK_OF(X509) *certs = cms == NULL ? NULL : CMS_get1_certs(cms);
    X509 *x = sk_X509_num(certs) > 0 ? sk_X509_value(certs, 0) : NULL;

    if (x != NULL)
        X509_up_ref(x);
    sk_X509_pop_free(certs, X509_free);
    CMS_ContentInfo_free(cms);
    return x;
}

/* What the CHUID's signature covers: every element but itself; whether FE is one of them is read both ways. */
static void chuid_content(struct in inside, bool with_end, struct out *out)
{
    uint32_t tag;
    struct in value;

    while (!in_end(&inside) && tlv_next(&inside, &tag, &value))
        if (tag != 0x3E && (with_end || tag != 0xFE))
            tlv_put(out, tag, value);
}

bool dat_23(struct judge *j)
{
    struct in inside, signature;
    uint8_t space[2][1024];
    bool good = false;

    if (!object_inside(j, OBJECT_CHUID, &inside))
        return false;
    if (!tlv_at(inside, "3E", &signature) || signature.n == 0)
        return fail(j, "the CHUID is not signed");
    for (int with_end = 0; with_end < 2 && !good; with_end++) {
        struct out content = out_of(space[with_end], sizeof space[with_end]);
        chuid_content(inside, with_end, &content);
        struct in signed_part = out_in(&content);
        good = cms_verifies(signature, &signed_part, NULL, NULL);
        if (good)
            snprintf(j->result->came, sizeof j->result->came, "signed %s FE", with_end ? "with" : "without");
    }
    if (!good)
        return fail(j, "the CHUID's signature does not verify");
    X509 *x = cms_signer(signature);
    good = x != NULL && has_purpose(x, oid_content_signing);
    X509_free(x);
    return good || fail(j, "the CHUID's signer is not for id-PIV-content-signing");
}

/* The object of a container number (SP 800-73-5 Part 1, table 3), or 0. */
static uint32_t tag_of_container(uint16_t container)
{
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        uint32_t n = objects[i].last - objects[i].first;
        if (objects[i].container != 0 && container >= objects[i].container && container <= objects[i].container + n)
            return objects[i].first + (container - objects[i].container);
    }
    return 0;
}

/* The digest of data group `number` in an LDSSecurityObject (ICAO Doc 9303-10, 4.6.2.3): SHA-256 is what we read. */
static bool digest_of(struct in lds, uint8_t number, struct in *digest)
{
    struct in whole, version, algorithm, list, group, n;

    if (!tlv_get(&lds, 0x30, &whole) || !tlv_get(&whole, 0x02, &version) || !tlv_get(&whole, 0x30, &algorithm) ||
        !tlv_get(&whole, 0x30, &list))
        return false;
    while (tlv_get(&list, 0x30, &group))
        if (tlv_get(&group, 0x02, &n) && n.n == 1 && n.p[0] == number)
            return tlv_get(&group, 0x04, digest) && digest->n == 32;
    return false;
}

static bool digest_right(struct judge *j, uint8_t number, uint16_t container, struct in lds)
{
    uint32_t tag = tag_of_container(container);
    struct in inside, digest;
    uint8_t hash[32];

    if (tag == 0 || !digest_of(lds, number, &digest))
        return fail(j, "data group %u stands for no object, or has no SHA-256 digest", number);
    if (!object_inside(j, tag, &inside) || EVP_Q_digest(NULL, "SHA256", NULL, inside.p, inside.n, hash, NULL) != 1)
        return false;
    return in_equal(in_of(hash, sizeof hash), digest) ||
           fail(j, "the digest of object %06X is not its own", (unsigned)tag);
}

bool dat_22(struct judge *j)
{
    struct in inside, map, signature, chuid;
    uint8_t space[2048];
    struct out lds = out_of(space, sizeof space);
    uint16_t container;
    uint8_t number;

    if (!object_inside(j, OBJECT_CHUID, &inside) || !tlv_at(inside, "3E", &chuid))
        return fail(j, "there is no CHUID to find the signer in");
    X509 *signer = cms_signer(chuid); /* the security object is signed with the same key: Part 1, 3.1.7 */
    if (!object_inside(j, OBJECT_SECURITY, &inside) || !tlv_at(inside, "BA", &map) ||
        !tlv_at(inside, "BB", &signature) || !var_set(j, "map", map)) {
        X509_free(signer);
        return fail(j, "the security object is not a mapping and a signature");
    }
    bool good = cms_verifies(signature, NULL, signer, &lds);
    X509_free(signer);
    if (!good)
        return fail(j, "the security object's signature does not verify");
    for (map = var(j, "map"); in_u8(&map, &number) && in_u16(&map, &container);)
        if (!digest_right(j, number, container, out_in(&lds)))
            return false;
    return in_end(&map) || fail(j, "the mapping is not three bytes each");
}

/* The certificate's subject alternative names hold the CHUID's FASC-N and GUID. */
static bool names_card(X509 *x, struct in fascn, const char *uuid)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    bool has_fascn = false, has_uuid = false;
    char text[80];

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_URI)
            has_uuid |= strcasecmp((const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), uuid) == 0;
        if (name->type != GEN_OTHERNAME || name->d.otherName->value->type != V_ASN1_OCTET_STRING ||
            OBJ_obj2txt(text, sizeof text, name->d.otherName->type_id, 1) <= 0 || strcmp(text, oid_fascn) != 0)
            continue;
        const ASN1_OCTET_STRING *octets = name->d.otherName->value->value.octet_string;
        has_fascn |= in_equal(fascn, in_of(ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets)));
    }
    GENERAL_NAMES_free(names);
    return has_fascn && has_uuid;
}

bool dat_24(struct judge *j)
{
    static const uint32_t tags[] = { OBJECT_CERT_AUTHENTICATION, OBJECT_CERT_CARD_AUTHENTICATION };
    struct in value;
    char uuid[64];

    if (!chuid_part(j, "30", 25, &value) || !var_set(j, "fascn", value) || !chuid_part(j, "34", 16, &value))
        return false;
    const uint8_t *g = value.p;
    snprintf(uuid, sizeof uuid, "urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
    for (size_t i = 0; i < 2; i++) {
        X509 *x = certificate_read(j, tags[i]);
        bool federal = x != NULL && claims_common(x), named = x != NULL && names_card(x, var(j, "fascn"), uuid);
        X509_free(x);
        if (!federal)
            return does_not_apply(j, "the certificates claim no policy of the federal profile");
        if (!named)
            return fail(j, "the certificate in %06X does not name the CHUID's FASC-N and GUID", (unsigned)tags[i]);
    }
    return true;
}
