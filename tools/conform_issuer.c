/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_issuer.c — rows of group 11 about what an issuer writes: certificates' profile, printed information. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509v3.h>

#include "applet/object.h"
#include "tools/conform_data.h"

/* The arc of the Federal Common Policy's certificate policies, and FIPS 201's own object identifiers. */
static const char oid_common[] = "2.16.840.1.101.3.2.1.3.";
static const char oid_card_auth[] = "2.16.840.1.101.3.6.8", oid_fascn[] = "2.16.840.1.101.3.6.6";

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

bool has_purpose(X509 *x, const char *oid)
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
