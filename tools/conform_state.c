/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_state.c — state P: which keys the card holds by its certificates, and making those that are missing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "applet/keyref.h"
#include "tools/conform_judge.h"

enum { INFLATED_MAX = 65536, CERTIFICATE_DAYS = 365 };

/* The keys of state P: one of each kind that every client knows. */
static const struct {
    uint8_t ref, alg;
} personal[] = {
    { 0x9A, ALG_RSA2048 }, { 0x9C, ALG_P256 }, { 0x9D, ALG_P256 },
    { 0x9E, ALG_P256 },    { 0x82, ALG_RSA2048 }, { 0x95, ALG_P384 },
};

uint32_t certificate_tag(uint8_t ref)
{
    const struct keyref *row = keyref_by_ref(ref);

    return row == NULL ? 0 : row->certificate;
}

struct slot *slot_of(struct judge *j, uint8_t ref)
{
    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (j->slots[i].ref == ref)
            return &j->slots[i];
    return NULL;
}

/* gzip, RFC 1952; what would grow beyond the bound is refused. */
static bool inflate_all(struct in in, struct out *out)
{
    z_stream z = { .next_in = (unsigned char *)(uintptr_t)in.p, .avail_in = (unsigned)in.n,
                   .next_out = out->p, .avail_out = (unsigned)out->cap };

    if (inflateInit2(&z, 15 + 32) != Z_OK)
        return false;
    bool good = inflate(&z, Z_FINISH) == Z_STREAM_END;
    out->n = z.total_out;
    inflateEnd(&z);
    return good;
}

static X509 *certificate_parse(struct in object)
{
    struct in cert, info;
    uint8_t *space = NULL;
    X509 *x = NULL;

    if (!tlv_at(object, "53/70", &cert))
        return NULL;
    if (tlv_at(object, "53/71", &info) && info.n == 1 && (info.p[0] & 0x81) != 0) {
        struct out out = { .cap = INFLATED_MAX, .p = space = malloc(INFLATED_MAX) };
        if (space != NULL && inflate_all(cert, &out))
            cert = out_in(&out);
    }
    const unsigned char *p = cert.p;
    x = d2i_X509(NULL, &p, (long)cert.n);
    free(space);
    return x;
}

X509 *certificate_read(struct judge *j, uint32_t tag)
{
    bool there = playf(j, "get %06X -> * 9000|6982|6A82+", tag) && j->sw == 0x9000;

    j->result->came[0] = '\0';
    return there ? certificate_parse(j->data) : NULL;
}

static void slot_set(struct slot *slot, EVP_PKEY *pub)
{
    const struct alg *alg = pub == NULL ? NULL : alg_of_key(pub);

    EVP_PKEY_free(slot->pub);
    slot->pub = pub;
    slot->alg = alg == NULL ? 0 : alg->id;
}

void state_learn(struct judge *j)
{
    if (j->learned)
        return;
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        j->slots[i].ref = keyrefs[i].ref;
        if (keyrefs[i].yubikey)
            continue;
        X509 *x = certificate_read(j, keyrefs[i].certificate);
        slot_set(&j->slots[i], x == NULL ? NULL : X509_get_pubkey(x));
        X509_free(x);
    }
    j->learned = true;
}

void state_spoil(struct judge *j, uint8_t ref)
{
    struct slot *slot = slot_of(j, ref);

    if (slot != NULL) {
        slot_set(slot, NULL);
        slot->replaced = true;
    }
    j->personal = false;
}

bool state_clear(struct judge *j)
{
    bool asked = false, good = true;

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        uint32_t tag = certificate_tag(j->slots[i].ref);
        if (!j->slots[i].replaced || tag == 0)
            continue;
        good = (asked || play(j, "reset; select; adm")) && playf(j, "put %06X _ -> 9000", tag) && good;
        asked = true;
    }
    return good;
}

static bool certificate_name(X509_NAME *name, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) == 1;
}

static X509 *certificate_new(struct judge *j, EVP_PKEY *pub, const char *name, size_t padding)
{
    X509 *x = X509_new();
    ASN1_OCTET_STRING *comment = ASN1_OCTET_STRING_new();
    bool good = x != NULL && comment != NULL;

    if (j->issuer == NULL)
        j->issuer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    good = good && j->issuer != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 && certificate_name(X509_get_subject_name(x), name) &&
           certificate_name(X509_get_issuer_name(x), "vpiv conform") &&
           X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(x), CERTIFICATE_DAYS, 0, NULL) != NULL && X509_set_pubkey(x, pub) == 1;
    if (good && padding > 0) { /* an extension that nobody reads makes it as long as the row wants */
        uint8_t *filler = calloc(1, padding);
        ASN1_OBJECT *oid = OBJ_txt2obj("2.25.1", 1);
        X509_EXTENSION *ext = NULL;
        good = filler != NULL && ASN1_OCTET_STRING_set(comment, filler, (int)padding) == 1 &&
               (ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, comment)) != NULL && X509_add_ext(x, ext, -1) == 1;
        X509_EXTENSION_free(ext);
        ASN1_OBJECT_free(oid);
        free(filler);
    }
    good = good && X509_sign(x, j->issuer, EVP_sha256()) > 0;
    ASN1_OCTET_STRING_free(comment);
    if (!good) {
        X509_free(x);
        x = NULL;
    }
    return x;
}

bool certificate_object(struct judge *j, EVP_PKEY *pub, const char *name, size_t padding, struct out *out)
{
    X509 *x = certificate_new(j, pub, name, padding);
    unsigned char *der = NULL;
    int n = x == NULL ? -1 : i2d_X509(x, &der);

    X509_free(x);
    if (n <= 0)
        return fail(j, "no certificate could be made for %s", name);
    tlv_put(out, 0x70, in_of(der, (size_t)n));
    tlv_put_u8(out, 0x71, 0x00);
    tlv_put(out, 0xFE, in_of(NULL, 0));
    OPENSSL_free(der);
    return !out->bad;
}

bool state_key(struct judge *j, uint8_t ref, uint8_t alg)
{
    struct slot *slot = slot_of(j, ref);
    uint8_t space[8192];
    struct out out = out_of(space, sizeof space);
    struct in inside;
    char name[32];

    snprintf(name, sizeof name, "conform %02X", ref);
    /* SP 800-73-5 Part 2, 3.3.2 generates no retired keys. */
    const char *answer = ref <= KEYREF_RETIRED_LAST ? "9000~6A80|6A81|6A86|6A88" : "9000";
    if (slot == NULL || !playf(j, "generate %02X %02X -> * %s+", ref, alg, answer))
        return false;
    if (j->sw != 0x9000) {
        slot->refused = true;
        j->result->came[0] = '\0';
        return true;
    }
    EVP_PKEY *pub = tlv_at(j->data, "7F49", &inside) ? public_from_template(alg, inside) : NULL;
    if (pub == NULL)
        return fail(j, "GENERATE for %02X answered with no public key", ref);
    slot_set(slot, pub);
    slot->replaced = true;
    return certificate_object(j, pub, name, 0, &out) && var_set(j, "made", out_in(&out)) &&
           playf(j, "put %06X {made} -> 9000", certificate_tag(ref));
}

bool state_personalise(struct judge *j)
{
    bool asked = false;

    if (j->personal)
        return true;
    state_learn(j);
    for (size_t i = 0; i < sizeof personal / sizeof personal[0]; i++) {
        struct slot *slot = slot_of(j, personal[i].ref);
        if (slot != NULL && (slot->alg == personal[i].alg || slot->refused))
            continue;
        if (!asked && !play(j, "adm"))
            return false;
        asked = true;
        if (!state_key(j, personal[i].ref, personal[i].alg))
            return false;
    }
    j->personal = true;
    return true;
}
