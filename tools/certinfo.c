/* SPDX-License-Identifier: BSD-2-Clause */
/* certinfo.c — a certificate in words. */
#include "tools/certinfo.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tools/p12.h"
#include "tools/plain.h"

/* Cut at a character's start, so that what is left is still UTF-8. */
static void cut(const char *from, size_t n, char *text, size_t room)
{
    bool whole = n < room;

    if (!whole) {
        n = room - 1;
        while (n > 0 && ((unsigned char)from[n] & 0xC0) == 0x80)
            n--;
    }
    memcpy(text, from, n);
    text[n] = '\0';
}

static void name_text(const X509_NAME *name, char text[CERT_TEXT])
{
    BIO *out = BIO_new(BIO_s_mem());
    char *p;
    long n;

    text[0] = '\0';
    if (out == NULL)
        return;
    /* RFC 4514, but letters beyond ASCII as they are. */
    if (X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        n = BIO_get_mem_data(out, &p);
        if (n > 0)
            cut(p, (size_t)n, text, CERT_TEXT);
        plain_text(text); /* RFC 4514 escapes no control character beyond ASCII */
    }
    BIO_free(out);
    ERR_clear_error();
}

void cert_subject(const X509 *cert, char text[CERT_TEXT])
{
    name_text(X509_get_subject_name(cert), text);
    if (text[0] == '\0')
        strcpy(text, "(no subject)");
}

void cert_issuer(const X509 *cert, char text[CERT_TEXT])
{
    name_text(X509_get_issuer_name(cert), text);
    if (text[0] == '\0')
        strcpy(text, "(no issuer)");
}

void cert_serial(const X509 *cert, char text[CERT_TEXT])
{
    BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = n == NULL ? NULL : BN_bn2hex(n);

    snprintf(text, CERT_TEXT, "%s", hex == NULL ? "?" : hex);
    for (char *c = text; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'F')
            *c = (char)(*c - 'A' + 'a');
    OPENSSL_free(hex);
    BN_free(n);
    ERR_clear_error();
}

void cert_date(const ASN1_TIME *time, bool exact, char text[CERT_DATE])
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1 ||
        strftime(text, CERT_DATE, exact ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d", &tm) == 0)
        strcpy(text, "?");
    ERR_clear_error();
}

/* ---- usage ---- */

static void append(char text[CERT_TEXT], const char *separator, const char *word)
{
    size_t n = strlen(text);

    snprintf(text + n, CERT_TEXT - n, "%s%s", n == 0 ? "" : separator, word);
}

void cert_usage(const X509 *cert, char text[CERT_TEXT])
{
    /* RFC 5280, 4.2.1.3. */
    static const struct {
        uint32_t bit;
        const char *name;
    } bits[] = {
        { KU_DIGITAL_SIGNATURE, "digitalSignature" }, { KU_NON_REPUDIATION, "nonRepudiation" },
        { KU_KEY_ENCIPHERMENT, "keyEncipherment" },   { KU_DATA_ENCIPHERMENT, "dataEncipherment" },
        { KU_KEY_AGREEMENT, "keyAgreement" },         { KU_KEY_CERT_SIGN, "keyCertSign" },
        { KU_CRL_SIGN, "cRLSign" },                   { KU_ENCIPHER_ONLY, "encipherOnly" },
        { KU_DECIPHER_ONLY, "decipherOnly" },
    };
    uint32_t usage = X509_get_key_usage((X509 *)cert); /* its cache of extensions is not const */
    EXTENDED_KEY_USAGE *purposes = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    char name[80];

    text[0] = '\0';
    for (size_t i = 0; usage != UINT32_MAX && i < sizeof bits / sizeof bits[0]; i++)
        if (usage & bits[i].bit)
            append(text, ", ", bits[i].name);
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
        const ASN1_OBJECT *purpose = sk_ASN1_OBJECT_value(purposes, i);
        int nid = OBJ_obj2nid(purpose);

        if (nid != NID_undef)
            append(text, i == 0 ? "; " : ", ", OBJ_nid2sn(nid));
        else if (OBJ_obj2txt(name, sizeof name, purpose, 1) > 0)
            append(text, i == 0 ? "; " : ", ", name);
    }
    EXTENDED_KEY_USAGE_free(purposes);
    ERR_clear_error();
}

/* ---- remarks ---- */

void cert_remark(struct cert_remarks *remarks, const char *format, ...)
{
    va_list args;

    if (remarks->n == CERT_REMARKS_MAX)
        return;
    va_start(args, format);
    vsnprintf(remarks->text[remarks->n++], CERT_REMARK, format, args);
    va_end(args);
}

static void remark_dates(const X509 *cert, time_t now, struct cert_remarks *remarks)
{
    time_t soon = now + (time_t)CERT_SOON_DAYS * 86400;
    char date[CERT_DATE];

    cert_date(X509_get0_notAfter(cert), false, date);
    if (X509_cmp_time(X509_get0_notAfter(cert), &now) < 0)
        cert_remark(remarks, "the certificate expired on %s", date);
    else if (X509_cmp_time(X509_get0_notAfter(cert), &soon) < 0)
        cert_remark(remarks, "the certificate expires soon, on %s", date);
    cert_date(X509_get0_notBefore(cert), false, date);
    if (X509_cmp_time(X509_get0_notBefore(cert), &now) > 0)
        cert_remark(remarks, "the certificate is not valid before %s", date);
}

void cert_remarks(const X509 *cert, time_t now, struct cert_remarks *remarks)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    const struct alg *alg = key == NULL ? NULL : alg_of_key(key);
    int digest = NID_undef;

    *remarks = (struct cert_remarks){ .n = 0 };
    remark_dates(cert, now, remarks);
    if (alg != NULL && alg->weak)
        cert_remark(remarks, "%s is too weak for today", alg->name);
    if (X509_get_signature_info((X509 *)cert, &digest, NULL, NULL, NULL) == 1 &&
        (digest == NID_sha1 || digest == NID_md5) &&
        X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) != 0)
        cert_remark(remarks, "the certificate is signed with %s, which many programs refuse", OBJ_nid2sn(digest));
    ERR_clear_error();
}

/* ---- JSON ---- */

json_t *json_text(const char *text)
{
    json_t *s = text == NULL ? NULL : json_string(text);

    return s == NULL ? json_null() : s;
}

json_t *cert_json(const X509 *cert)
{
    char subject[CERT_TEXT], issuer[CERT_TEXT], serial[CERT_TEXT], usage[CERT_TEXT], from[CERT_DATE], to[CERT_DATE];

    cert_subject(cert, subject);
    cert_issuer(cert, issuer);
    cert_serial(cert, serial);
    cert_usage(cert, usage);
    cert_date(X509_get0_notBefore(cert), true, from);
    cert_date(X509_get0_notAfter(cert), true, to);
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s}", "subject", json_text(subject), "issuer", json_text(issuer),
                     "serial", serial, "not_before", from, "not_after", to, "usage", usage);
}

void hex_text(struct in bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t b;

    while (in_u8(&bytes, &b)) {
        *text++ = digits[b >> 4];
        *text++ = digits[b & 15];
    }
    *text = '\0';
}
