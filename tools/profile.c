/* SPDX-License-Identifier: BSD-2-Clause */
/* profile.c — printed information, signed CHUID and security object. */
#include "tools/profile.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1t.h>
#include <openssl/cms.h>

/* Object identifiers of SP 800-73-5 Part 1, 3.1.2.1, and of the LDS security object. */
static const char oid_chuid_object[] = "2.16.840.1.101.3.6.1";   /* id-PIV-CHUIDSecurityObject */
static const char oid_signer_name[] = "2.16.840.1.101.3.6.5";    /* pivSigner-DN */
static const char oid_lds_object[] = "1.3.27.1.1.1";             /* icao-ldsSecurityObject */

/* --- printed information -------------------------------------------------------------------------------- */

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < 0x20 || *text > 0x7E)
            return false;
    return true;
}

/* YYYYMMDD to a real date. */
static bool parse_date(const char *text, struct tm *date)
{
    struct tm again;
    time_t t;

    *date = (struct tm){ .tm_isdst = 0 };
    if (strlen(text) != 8 || strspn(text, "0123456789") != 8 ||
        sscanf(text, "%4d%2d%2d", &date->tm_year, &date->tm_mon, &date->tm_mday) != 3)
        return false;
    date->tm_year -= 1900;
    date->tm_mon -= 1;
    again = *date;
    t = timegm(&again); /* normalises: 31 February becomes another day */
    return t != (time_t)-1 && again.tm_mday == date->tm_mday && again.tm_mon == date->tm_mon;
}

/* The expiration date as it is printed: YYYYMMMDD with the month in English, whatever the locale. */
static bool printed_date(const char *text, char printed[10])
{
    static const char months[12][4] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                        "JUL", "AUG", "SEP", "OCT", "NOV", "DEC" };
    struct tm date;

    if (!parse_date(text, &date))
        return false;
    snprintf(printed, 10, "%.4s%s%.2s", text, months[date.tm_mon], text + 6);
    return true;
}

static enum err put_printed(struct card *card, const struct profile *p, const char *expires, struct why *why)
{
    char printed[10];
    uint8_t room[256];
    struct out out = out_of(room, sizeof room);
    const struct {
        uint8_t tag;
        size_t most;
        const char *what, *text;
        bool optional;
    } rows[] = {
        { 0x01, 125, "the name", p->name, false },
        { 0x02, 20, "the employee affiliation", p->affiliation, false },
        { 0x04, 9, "the expiration date", printed, false },
        { 0x05, 20, "the agency card serial number", p->serial, false },
        { 0x06, 15, "the issuer identification", p->issuer, false },
        { 0x07, 20, "the first line of the organization", p->organization, true },
        { 0x08, 20, "the second line of the organization", p->organization2, true },
    };

    if (!printed_date(expires, printed))
        return why_set(why, ERR_DATA, "the expiration date %s is not a date: write YYYYMMDD", expires);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = rows[i].text == NULL ? "" : rows[i].text;

        if (strlen(text) > rows[i].most || !is_ascii(text))
            return why_set(why, ERR_DATA, "%s must be at most %zu ASCII characters", rows[i].what, rows[i].most);
        if (rows[i].text != NULL || !rows[i].optional)
            tlv_put(&out, rows[i].tag, in_of(text, strlen(text)));
    }
    tlv_put(&out, 0xFE, in_of(NULL, 0));
    return out.bad ? ERR_FULL : card_put_object(card, OBJECT_PRINTED, out_in(&out));
}

/* --- CHUID ---------------------------------------------------------------------------------------------- */

/* The elements before the signature, with the expiration date that the profile wants. */
static enum err chuid_elements(const struct card *card, const char *wanted, struct out *out, char expires[9])
{
    struct in chuid = card_object(card, OBJECT_CHUID), value;
    uint32_t tag;

    expires[0] = '\0';
    while (!in_end(&chuid)) {
        if (!tlv_next(&chuid, &tag, &value))
            return ERR_DATA;
        if (tag == 0x3E || tag == 0xFE)
            continue;
        if (tag == 0x35) {
            if (value.n != 8)
                return ERR_DATA;
            memcpy(expires, wanted != NULL ? wanted : (const char *)value.p, 8);
            expires[8] = '\0';
            value = in_of(expires, 8);
        }
        tlv_put(out, tag, value);
    }
    return out->bad || expires[0] == '\0' ? ERR_DATA : ERR_NONE;
}

static bool add_signer_name(CMS_SignerInfo *info, const X509 *signer)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(oid_signer_name, 1);
    unsigned char *der = NULL;
    int n = i2d_X509_NAME(X509_get_subject_name(signer), &der);
    bool ok = oid != NULL && n > 0 && CMS_signed_add1_attr_by_OBJ(info, oid, V_ASN1_SEQUENCE, der, n) == 1;

    OPENSSL_free(der);
    ASN1_OBJECT_free(oid);
    return ok;
}

/* The hash that belongs to the signer's key, or NULL: no such key signs a PIV card.  SP 800-78-5, table 2. */
static const EVP_MD *digest_of_signer(const struct profile *p)
{
    const struct alg *alg = alg_of_key(p->signer_key);

    switch (alg == NULL ? 0 : alg->id) {
    case ALG_RSA2048:
    case ALG_RSA3072:
    case ALG_RSA4096:
    case ALG_P256:
        return EVP_sha256();
    case ALG_P384:
        return EVP_sha384();
    default:
        return NULL;
    }
}

/* CMS SignedData over `content` with one signer; DER into out. */
static enum err sign(const struct profile *p, const char *type, bool detached, bool chuid, struct in content,
                     struct out *out)
{
    unsigned flags = CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP | (detached ? CMS_DETACHED : 0);
    unsigned signer_flags = CMS_BINARY | CMS_NOSMIMECAP | (chuid ? 0 : CMS_NOCERTS);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
    ASN1_OBJECT *oid = OBJ_txt2obj(type, 1);
    BIO *bio = BIO_new_mem_buf(content.p, (int)content.n);
    CMS_SignerInfo *info = NULL;
    unsigned char *der = NULL;
    int n = 0;

    if (cms != NULL && oid != NULL && bio != NULL && CMS_set1_eContentType(cms, oid) == 1)
        info = CMS_add1_signer(cms, (X509 *)p->signer, p->signer_key, digest_of_signer(p),
                               signer_flags | CMS_PARTIAL);
    if (info != NULL && (!chuid || add_signer_name(info, p->signer)) && CMS_final(cms, bio, NULL, flags) == 1)
        n = i2d_CMS_ContentInfo(cms, &der);
    if (n > 0)
        out_put(out, in_of(der, (size_t)n));
    OPENSSL_free(der);
    BIO_free(bio);
    ASN1_OBJECT_free(oid);
    CMS_ContentInfo_free(cms);
    return n <= 0 ? ERR_CRYPTO : out->bad ? ERR_FULL : ERR_NONE;
}

enum { SIGNATURE_MAX = 8192 };

static enum err put_chuid(struct card *card, const struct profile *p, char expires[9])
{
    static const uint8_t end[] = { 0xFE, 0x00 };
    uint8_t room[512], *signature = OPENSSL_malloc(SIGNATURE_MAX), *whole = OPENSSL_malloc(SIGNATURE_MAX);
    struct out elements = out_of(room, sizeof room), signed_part, object = out_of(whole, whole ? SIGNATURE_MAX : 0);
    struct out cms = out_of(signature, signature ? SIGNATURE_MAX : 0);
    size_t n;
    enum err e = chuid_elements(card, p->expires, &elements, expires);

    n = elements.n;
    if (e == ERR_NONE && p->signer != NULL) {
        /* All but the signature itself is signed, FE too: GSA's conformance tool reads the standard this way. */
        signed_part = elements;
        out_put(&signed_part, in_of(end, sizeof end));
        e = signed_part.bad ? ERR_FULL : sign(p, oid_chuid_object, true, true, out_in(&signed_part), &cms);
    }
    if (e == ERR_NONE) {
        out_put(&object, in_of(room, n));
        tlv_put(&object, 0x3E, out_in(&cms));
        out_put(&object, in_of(end, sizeof end));
        e = object.bad ? ERR_FULL : card_put_object(card, OBJECT_CHUID, out_in(&object));
    }
    OPENSSL_free(signature);
    OPENSSL_free(whole);
    return e;
}

/* --- security object ------------------------------------------------------------------------------------ */

/* LDSSecurityObject, ICAO Doc 9303 part 10, 4.6.2.3. */
typedef struct {
    ASN1_INTEGER *number;
    ASN1_OCTET_STRING *hash;
} DATA_GROUP_HASH;

ASN1_SEQUENCE(DATA_GROUP_HASH) = {
    ASN1_SIMPLE(DATA_GROUP_HASH, number, ASN1_INTEGER),
    ASN1_SIMPLE(DATA_GROUP_HASH, hash, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(DATA_GROUP_HASH)

DEFINE_STACK_OF(DATA_GROUP_HASH)

typedef struct {
    ASN1_INTEGER *version;
    X509_ALGOR *algorithm;
    STACK_OF(DATA_GROUP_HASH) *hashes;
} LDS_SECURITY_OBJECT;

ASN1_SEQUENCE(LDS_SECURITY_OBJECT) = {
    ASN1_SIMPLE(LDS_SECURITY_OBJECT, version, ASN1_INTEGER),
    ASN1_SIMPLE(LDS_SECURITY_OBJECT, algorithm, X509_ALGOR),
    ASN1_SEQUENCE_OF(LDS_SECURITY_OBJECT, hashes, DATA_GROUP_HASH),
} static_ASN1_SEQUENCE_END(LDS_SECURITY_OBJECT)

/* Which objects are protected: all that are not signed themselves (SP 800-73-5 Part 1, 3.1.7), and the CHUID.  Not
 * certificates, by the standard's advice.  The key history comes with keys, when the issuer has gone. */
static const uint32_t protected_objects[] = { OBJECT_CCC, OBJECT_CHUID, OBJECT_PRINTED, OBJECT_DISCOVERY };

/* What is hashed of an object: what stands inside 53, and of the discovery object, which has no 53, all of it.  So
 * GSA's conformance tool does. */
static struct in hashed_part(const struct card *card, uint32_t tag, struct out *scratch, struct out *whole)
{
    struct in content;

    if (card_read_object(card, tag, scratch, &content) != ERR_NONE)
        return in_of(NULL, 0);
    if (tag != OBJECT_DISCOVERY)
        return content;
    tlv_put(whole, tag, content);
    return out_in(whole);
}

/* Add one data group; its number is its place, from 1. */
static bool add_group(LDS_SECURITY_OBJECT *lds, uint8_t number, struct in content, const EVP_MD *digest)
{
    DATA_GROUP_HASH *group = (DATA_GROUP_HASH *)ASN1_item_new(ASN1_ITEM_rptr(DATA_GROUP_HASH));
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (group != NULL && EVP_Digest(content.p, content.n, hash, &n, digest, NULL) == 1 &&
        ASN1_INTEGER_set(group->number, number) == 1 && ASN1_OCTET_STRING_set(group->hash, hash, (int)n) == 1 &&
        sk_DATA_GROUP_HASH_push(lds->hashes, group) > 0)
        return true;
    ASN1_item_free((ASN1_VALUE *)group, ASN1_ITEM_rptr(DATA_GROUP_HASH));
    return false;
}

/* The hashes as DER, and beside them which number stands for which container.  They are of the kind that the
 * signature is of (SP 800-78-5, 3.2.3). */
static enum err hash_objects(const struct card *card, const EVP_MD *digest, struct out *der, struct out *map)
{
    LDS_SECURITY_OBJECT *lds = (LDS_SECURITY_OBJECT *)ASN1_item_new(ASN1_ITEM_rptr(LDS_SECURITY_OBJECT));
    unsigned char *bytes = NULL;
    uint8_t number = 0;
    bool ok = lds != NULL && ASN1_INTEGER_set(lds->version, 0) == 1 &&
              X509_ALGOR_set0(lds->algorithm, OBJ_nid2obj(EVP_MD_get_type(digest)), V_ASN1_UNDEF, NULL) == 1;
    int n;

    for (size_t i = 0; ok && i < sizeof protected_objects / sizeof protected_objects[0]; i++) {
        uint8_t room[2][CARD_SCRATCH];
        struct out scratch = out_of(room[0], CARD_SCRATCH), whole = out_of(room[1], CARD_SCRATCH);
        struct in content = hashed_part(card, protected_objects[i], &scratch, &whole);

        if (content.n == 0)
            continue;
        ok = add_group(lds, ++number, content, digest);
        out_u8(map, number);
        out_u16(map, object_by_tag(protected_objects[i])->container);
    }
    n = ok ? ASN1_item_i2d((ASN1_VALUE *)lds, &bytes, ASN1_ITEM_rptr(LDS_SECURITY_OBJECT)) : 0;
    if (n > 0)
        out_put(der, in_of(bytes, (size_t)n));
    OPENSSL_free(bytes);
    ASN1_item_free((ASN1_VALUE *)lds, ASN1_ITEM_rptr(LDS_SECURITY_OBJECT));
    return n <= 0 ? ERR_CRYPTO : der->bad || map->bad ? ERR_FULL : ERR_NONE;
}

static enum err put_security_object(struct card *card, const struct profile *p)
{
    uint8_t der[512], map[64], signature[2048], whole[2304];
    struct out lds = out_of(der, sizeof der), mapping = out_of(map, sizeof map);
    struct out cms = out_of(signature, sizeof signature), object = out_of(whole, sizeof whole);
    enum err e = hash_objects(card, digest_of_signer(p), &lds, &mapping);

    if (e == ERR_NONE)
        e = sign(p, oid_lds_object, false, false, out_in(&lds), &cms);
    if (e != ERR_NONE)
        return e;
    tlv_put(&object, 0xBA, out_in(&mapping));
    tlv_put(&object, 0xBB, out_in(&cms));
    tlv_put(&object, 0xFE, in_of(NULL, 0));
    return object.bad ? ERR_FULL : card_put_object(card, OBJECT_SECURITY, out_in(&object));
}

enum err profile_apply(struct card *card, const struct profile *p, struct why *why)
{
    char expires[9];
    struct tm date;
    enum err e;

    if (p->expires != NULL && !parse_date(p->expires, &date))
        return why_set(why, ERR_DATA, "the expiration date %s is not a date: write YYYYMMDD", p->expires);
    if (p->signer != NULL && X509_check_private_key((X509 *)p->signer, p->signer_key) != 1)
        return why_set(why, ERR_MISMATCH, "the signer's certificate and private key do not belong together");
    if (p->signer != NULL && digest_of_signer(p) == NULL)
        return why_set(why, ERR_UNSUPPORTED, "the signer's key signs no PIV card: it must be RSA of 2048, 3072 or 4096 "
                                             "bits, P-256 or P-384");
    if ((e = put_chuid(card, p, expires)) != ERR_NONE)
        return why_set(why, e, "the CHUID could not be made: %s", err_sentence(e));
    if (p->name != NULL && (e = put_printed(card, p, expires, why)) != ERR_NONE)
        return e;
    if (p->signer != NULL && (e = put_security_object(card, p)) != ERR_NONE)
        return why_set(why, e, "the security object could not be made: %s", err_sentence(e));
    return ERR_NONE;
}
