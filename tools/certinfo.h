/* SPDX-License-Identifier: BSD-2-Clause */
/* certinfo.h — a certificate in words: names, dates, usage, and what people should know about it. */
#ifndef VPIV_TOOLS_CERTINFO_H
#define VPIV_TOOLS_CERTINFO_H

#include <jansson.h>
#include <time.h>

#include <openssl/x509.h>

#include "applet/alg.h"

enum { CERT_TEXT = 512, CERT_DATE = 24, CERT_SOON_DAYS = 30, CERT_REMARKS_MAX = 8, CERT_REMARK = 120 };

/* cert_subject, cert_issuer — RFC 4514, UTF-8, cut where it is too long; never with a control character. */
void cert_subject(const X509 *cert, char text[CERT_TEXT]);
void cert_issuer(const X509 *cert, char text[CERT_TEXT]);

/* cert_serial — hex, with "-" before a negative one. */
void cert_serial(const X509 *cert, char text[CERT_TEXT]);

/* cert_date — "2027-01-31", or with `exact` "2027-01-31T23:59:59Z"; "?" where the certificate has nonsense. */
void cert_date(const ASN1_TIME *time, bool exact, char text[CERT_DATE]);

/* cert_usage — key usage and extended key usage by their names, in one line; "" when nothing is said. */
void cert_usage(const X509 *cert, char text[CERT_TEXT]);

/* struct cert_remarks — what people should know: expired, not yet valid, soon to expire, weak. */
struct cert_remarks {
    size_t n;
    char text[CERT_REMARKS_MAX][CERT_REMARK];
};
void cert_remarks(const X509 *cert, time_t now, struct cert_remarks *remarks);
void cert_remark(struct cert_remarks *remarks, const char *format, ...) PRINTF_LIKE(2, 3);

/* cert_json — subject, issuer, serial, not_before, not_after, usage; NULL: out of memory.  Owned by the caller. */
json_t *cert_json(const X509 *cert);

/* json_text — a JSON string of bytes that may not be UTF-8: then null. */
json_t *json_text(const char *text);

/* hex_text — n bytes as 2n small digits and a zero. */
void hex_text(struct in bytes, char *text);

#endif
