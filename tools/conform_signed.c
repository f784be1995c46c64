/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_signed.c — rows of group 11 about what an issuer signs: the CHUID and the security object. */
#include <stdio.h>
#include <string.h>

#include <openssl/cms.h>

#include "applet/object.h"
#include "tools/conform_data.h"

static const char oid_content_signing[] = "2.16.840.1.101.3.6.7", oid_chuid_object[] = "2.16.840.1.101.3.6.1",
                  oid_signer_name[] = "2.16.840.1.101.3.6.5", oid_lds_object[] = "1.3.27.1.1.1";

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

/* The digest of data group `number` in an LDSSecurityObject (ICAO Doc 9303-10, 4.6.2.3), and its algorithm: SHA-256 or
 * SHA-384 (SP 800-78-5, 3.2.3). */
static bool digest_of(struct in lds, uint8_t number, struct in *digest, const EVP_MD **md)
{
    static const uint8_t sha384[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02 };
    struct in whole, version, algorithm, oid, list, group, n;

    if (!tlv_get(&lds, 0x30, &whole) || !tlv_get(&whole, 0x02, &version) || !tlv_get(&whole, 0x30, &algorithm) ||
        !tlv_get(&algorithm, 0x06, &oid) || !tlv_get(&whole, 0x30, &list))
        return false;
    *md = in_equal(oid, in_of(sha384, sizeof sha384)) ? EVP_sha384() : EVP_sha256();
    while (tlv_get(&list, 0x30, &group))
        if (tlv_get(&group, 0x02, &n) && n.n == 1 && n.p[0] == number)
            return tlv_get(&group, 0x04, digest) && digest->n == (size_t)EVP_MD_get_size(*md);
    return false;
}

static bool hashes_to(struct in content, const EVP_MD *md, struct in digest)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    return EVP_Digest(content.p, content.n, hash, &n, md, NULL) == 1 && in_equal(in_of(hash, n), digest);
}

/* An object is hashed as it stands inside 53; of the discovery object and its like some take the whole. */
static bool digest_right(struct judge *j, uint8_t number, uint16_t container, struct in lds)
{
    uint32_t tag = tag_of_container(container);
    struct in inside, digest;
    const EVP_MD *md;

    if (tag == 0 || !digest_of(lds, number, &digest, &md))
        return fail(j, "data group %u stands for no object, or has no digest of SHA-256 or SHA-384", number);
    if (!object_inside(j, tag, &inside))
        return false;
    bool bare = tag == OBJECT_DISCOVERY || tag == OBJECT_BIT_GROUP;
    return hashes_to(bare ? j->data : inside, md, digest) || (bare && hashes_to(inside, md, digest)) ||
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

/* --- the form of both ----------------------------------------------------------------------------------------- */

/* SignedData's version: ContentInfo { type, [0] { SignedData { version …. */
static bool version_3(struct in der)
{
    struct in info, type, explicit, data, version;

    return tlv_get(&der, 0x30, &info) && tlv_get(&info, 0x06, &type) && tlv_get(&info, 0xA0, &explicit) &&
           tlv_get(&explicit, 0x30, &data) && tlv_get(&data, 0x02, &version) && version.n == 1 && version.p[0] == 3;
}

static bool oid_is(const ASN1_OBJECT *object, const char *oid)
{
    char text[80];

    return object != NULL && OBJ_obj2txt(text, sizeof text, object, 1) > 0 && strcmp(text, oid) == 0;
}

static int certificates_in(CMS_ContentInfo *cms)
{
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    int n = certs == NULL ? 0 : sk_X509_num(certs);

    sk_X509_pop_free(certs, X509_free);
    return n;
}

static bool lists_crls(CMS_ContentInfo *cms)
{
    STACK_OF(X509_CRL) *crls = CMS_get1_crls(cms);
    bool some = sk_X509_CRL_num(crls) > 0;

    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    return some;
}

/* "rsaEncryption when the signature algorithm is RSA with PKCS #1 v1.5", else PSS or ECDSA: SP 800-78-5, 3.2.1. */
static bool algorithms_right(CMS_SignerInfo *info)
{
    static const int signatures[] = { NID_rsaEncryption, NID_rsassaPss, NID_ecdsa_with_SHA256, NID_ecdsa_with_SHA384 };
    X509_ALGOR *digest = NULL, *signature = NULL;
    bool right = false;

    CMS_SignerInfo_get0_algs(info, NULL, NULL, &digest, &signature);
    int of_digest = digest == NULL ? NID_undef : OBJ_obj2nid(digest->algorithm);
    int of_signature = signature == NULL ? NID_undef : OBJ_obj2nid(signature->algorithm);
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++)
        right |= of_signature == signatures[i];
    return right && (of_digest == NID_sha256 || of_digest == NID_sha384);
}

/* What is wrong with the parts that both signatures have alike, or NULL. */
static const char *form_wrong(CMS_ContentInfo *cms, struct in der, const char *type, int certificates)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    CMS_SignerInfo *info = sk_CMS_SignerInfo_num(infos) == 1 ? sk_CMS_SignerInfo_value(infos, 0) : NULL;
    ASN1_OCTET_STRING *key_id = NULL;
    X509_NAME *issuer = NULL;
    ASN1_INTEGER *serial = NULL;

    if (!version_3(der))
        return "its version is not 3";
    if (!oid_is(CMS_get0_eContentType(cms), type))
        return "its content type is another one";
    if (info == NULL)
        return "it has not one signer";
    if (CMS_SignerInfo_get0_signer_id(info, &key_id, &issuer, &serial) != 1 || issuer == NULL || serial == NULL)
        return "its signer is not named by issuer and serial number";
    if (!algorithms_right(info))
        return "its algorithms are none of SP 800-78";
    if (certificates_in(cms) != certificates)
        return certificates == 0 ? "it holds a certificate" : "it does not hold one certificate";
    return lists_crls(cms) ? "it holds revocation lists" : NULL;
}

/* The pivSigner-DN attribute is the subject of the signer's certificate. */
static bool names_signer(CMS_ContentInfo *cms, X509 *signer)
{
    CMS_SignerInfo *info = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
    ASN1_OBJECT *oid = OBJ_txt2obj(oid_signer_name, 1);
    const ASN1_STRING *value = oid == NULL ? NULL : CMS_signed_get0_data_by_OBJ(info, oid, -3, V_ASN1_SEQUENCE);
    const unsigned char *p = value == NULL ? NULL : ASN1_STRING_get0_data(value);
    X509_NAME *name = p == NULL ? NULL : d2i_X509_NAME(NULL, &p, ASN1_STRING_length(value));
    bool same = name != NULL && signer != NULL && X509_NAME_cmp(name, X509_get_subject_name(signer)) == 0;

    X509_NAME_free(name);
    ASN1_OBJECT_free(oid);
    return same;
}

static CMS_ContentInfo *cms_read(struct in der)
{
    const unsigned char *p = der.p;

    return d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
}

bool dat_27(struct judge *j)
{
    struct in inside, der;

    if (!object_inside(j, OBJECT_CHUID, &inside) || !tlv_at(inside, "3E", &der) || der.n == 0)
        return fail(j, "the CHUID is not signed");
    CMS_ContentInfo *cms = cms_read(der);
    X509 *signer = cms_signer(der);
    const char *wrong = cms == NULL ? "it is no CMS structure" : form_wrong(cms, der, oid_chuid_object, 1);
    if (wrong == NULL && CMS_get0_content(cms) != NULL && *CMS_get0_content(cms) != NULL)
        wrong = "it carries its content";
    if (wrong == NULL && !names_signer(cms, signer))
        wrong = "the attribute pivSigner-DN is not the subject of its certificate";
    X509_free(signer);
    CMS_ContentInfo_free(cms);
    return wrong == NULL || fail(j, "the CHUID's signature: %s", wrong);
}

/* The mapping holds the object's container, or there is no such object. */
static bool held(struct judge *j, uint32_t tag, struct in map)
{
    struct in inside;
    uint16_t container;
    uint8_t number;

    if (!object_inside(j, tag, &inside))
        return false;
    if (inside.n == 0)
        return true;
    while (in_u8(&map, &number) && in_u16(&map, &container))
        if (tag_of_container(container) == tag)
            return true;
    return fail(j, "object %06X is not signed itself, and the security object does not hold it", (unsigned)tag);
}

bool dat_28(struct judge *j)
{
    static const uint32_t not_signed[] = { OBJECT_CCC, OBJECT_PRINTED, OBJECT_DISCOVERY, OBJECT_KEY_HISTORY,
                                         OBJECT_BIT_GROUP, OBJECT_PAIRING_CODE };
    struct in inside, map, der;

    if (!object_inside(j, OBJECT_SECURITY, &inside) || !tlv_at(inside, "BA", &map) || !tlv_at(inside, "BB", &der) ||
        !var_set(j, "map", map))
        return fail(j, "the security object is not a mapping and a signature");
    CMS_ContentInfo *cms = cms_read(der);
    const char *wrong = cms == NULL ? "it is no CMS structure" : form_wrong(cms, der, oid_lds_object, 0);
    CMS_ContentInfo_free(cms);
    if (wrong != NULL)
        return fail(j, "the security object's signature: %s", wrong);
    for (size_t i = 0; i < sizeof not_signed / sizeof not_signed[0]; i++)
        if (!held(j, not_signed[i], var(j, "map")))
            return false;
    return true;
}
