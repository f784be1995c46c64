/* SPDX-License-Identifier: BSD-2-Clause */
/* cert.c — `vpiv cert` and `vpiv uri`: a card's certificates as PEM, and how PKCS#11 programs call its keys. */
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tools/certinfo.h"
#include "tools/pick.h"

struct cert_options {
    const char *card, *slot, *type;
    bool chain;
};

#define AT(member) offsetof(struct cert_options, member)
static const struct option_row cert_rows[] = {
    { "card", 'c', OPTION_TEXT, "CARD", AT(card), "the card (the one in the reader, or the only one)", NULL },
    { "chain", 0, OPTION_FLAG, NULL, AT(chain), "its CA certificates too, as far as the card has them", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

static const struct option_row uri_rows[] = {
    { "slot", 's', OPTION_TEXT, "SLOT", AT(slot), "only this key, and nothing but the URI", NULL },
    { "type", 't', OPTION_TEXT, "TYPE", AT(type), "add type=TYPE: private, cert or public", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* ---- vpiv cert ---- */

/* The slot to show where none is named: 9A, or else the first one with a certificate. */
static const struct keyref *first_slot(const struct card *card)
{
    for (size_t i = 0; i < KEYREF_COUNT; i++)
        if (card_object(card, keyrefs[i].certificate).n > 0)
            return &keyrefs[i];
    return NULL;
}

/* The certificate of the chain that issued `cert` and was not shown before; owned. */
static X509 *next_in_chain(const struct card *card, const X509 *cert, bool *shown)
{
    for (size_t i = 0; i < card->n_chain; i++) {
        const uint8_t *at = card->chain[i].p;
        X509 *ca = shown[i] ? NULL : d2i_X509(NULL, &at, (long)card->chain[i].n);

        if (ca != NULL && X509_check_issued(ca, (X509 *)cert) == X509_V_OK && X509_cmp(ca, cert) != 0) {
            shown[i] = true;
            return ca;
        }
        X509_free(ca);
    }
    return NULL;
}

static int put_pem(struct cli *cli, const struct card *card, X509 *cert, bool chain)
{
    BIO *out = BIO_new_fp(stdout, BIO_NOCLOSE);
    bool shown[CARD_CHAIN_MAX] = { false }, right = out != NULL && PEM_write_bio_X509(out, cert) == 1;
    X509 *at = cert, *next;

    while (right && chain && (next = next_in_chain(card, at, shown)) != NULL) {
        right = PEM_write_bio_X509(out, next) == 1;
        if (at != cert)
            X509_free(at);
        at = next;
    }
    if (at != cert)
        X509_free(at);
    BIO_free(out);
    ERR_clear_error();
    return right ? CLI_DONE : cli_refuse(cli, "the certificate could not be written");
}

int verb_cert(struct cli *cli, int argc, char **argv)
{
    struct cert_options o = { .card = NULL };
    const struct keyref *ref = NULL;
    struct picked p;
    X509 *cert;
    int status;

    if (!cli_options(cli, cert_rows, &o, &argc, &argv))
        return cli->status;
    if (argc > 0 && (ref = keyref_by_name(argv[0])) == NULL)
        return cli_usage(cli, "there is no slot %s: 9a, 9c, 9d, 9e, 82 to 95", argv[0]);
    if (!pick(cli, o.card, &p))
        return cli->status;
    if (ref == NULL)
        ref = first_slot(p.card);
    cert = ref == NULL ? NULL : card_certificate(p.card, ref);
    if (cert == NULL)
        status = cli_refuse(cli, "%s: there is no certificate%s%s", p.name, ref == NULL ? " on it" : " in slot ",
                            ref == NULL ? "" : ref->name);
    else
        status = put_pem(cli, p.card, cert, o.chain);
    X509_free(cert);
    pick_clear(&p);
    return status;
}

/* ---- vpiv uri ---- */

/* OpenSC numbers the keys of a PIV card so (card-piv's PKCS#15 emulation): CKA_ID. */
static bool id_of(const struct keyref *ref, unsigned *id)
{
    static const uint8_t first[] = { KEYREF_AUTHENTICATION, KEYREF_SIGNATURE, KEYREF_KEY_MANAGEMENT,
                                     KEYREF_CARD_AUTHENTICATION };

    for (unsigned i = 0; i < sizeof first; i++)
        if (ref->ref == first[i])
            return *id = i + 1, true;
    if (ref->ref < KEYREF_RETIRED_FIRST || ref->ref > KEYREF_RETIRED_LAST)
        return false;
    *id = 5u + ref->ref - KEYREF_RETIRED_FIRST;
    return true;
}

/* RFC 7512.  Of the token only what never changes: its maker as OpenSC has it, and its serial number, which OpenSC
 * takes from the last 8 bytes of the GUID.  (Its label is the common name in slot 9a: another one after renewal.) */
static bool uri_of(const struct card *card, const struct keyref *ref, const char *type, char uri[128])
{
    char serial[17];
    unsigned id;

    if (!id_of(ref, &id))
        return false;
    hex_text(in_of(card->guid + 8, 8), serial);
    snprintf(uri, 128, "pkcs11:manufacturer=piv_II;serial=%s;id=%%%02X%s%s", serial, id, type == NULL ? "" : ";type=",
             type == NULL ? "" : type);
    return true;
}

/* Does OpenSC show this slot?  It goes by certificates. */
static bool visible(const struct card *card, const struct keyref *ref)
{
    unsigned id;

    return id_of(ref, &id) && card_key(card, ref->ref) != NULL && card_object(card, ref->certificate).n > 0;
}

static int put_uris(struct cli *cli, const struct picked *p, const struct cert_options *o)
{
    json_t *list = json_array();
    char uri[128];
    size_t n = 0;

    for (size_t i = 0; i < KEYREF_COUNT; i++) {
        if (!visible(p->card, &keyrefs[i]) || !uri_of(p->card, &keyrefs[i], o->type, uri))
            continue;
        n++;
        if (cli->json)
            json_array_append_new(list, json_pack("{s:s, s:s}", "slot", keyrefs[i].name, "uri", uri));
        else
            printf("%s  %s\n", keyrefs[i].name, uri);
    }
    if (cli->json)
        return cli_json(cli, list);
    json_decref(list);
    return n > 0 ? CLI_DONE : cli_refuse(cli, "%s: there is no key with a certificate on it", p->name);
}

static int put_uri(struct cli *cli, const struct picked *p, const struct keyref *ref, const struct cert_options *o)
{
    char uri[128];

    if (!visible(p->card, ref) || !uri_of(p->card, ref, o->type, uri))
        return cli_refuse(cli, "%s: there is no key with a certificate in slot %s", p->name, ref->name);
    if (cli->json)
        return cli_json(cli, json_pack("{s:s, s:s}", "slot", ref->name, "uri", uri));
    printf("%s\n", uri);
    return CLI_DONE;
}

int verb_uri(struct cli *cli, int argc, char **argv)
{
    static const char *const types[] = { "private", "cert", "public" };
    struct cert_options o = { .card = NULL };
    const struct keyref *ref = NULL;
    struct picked p;
    size_t t = 0;
    int status;

    if (!cli_options(cli, uri_rows, &o, &argc, &argv))
        return cli->status;
    while (o.type != NULL && t < sizeof types / sizeof types[0] && strcmp(types[t], o.type) != 0)
        t++;
    if (t == sizeof types / sizeof types[0])
        return cli_usage(cli, "--type: private, cert or public");
    if (o.slot != NULL && (ref = keyref_by_name(o.slot)) == NULL)
        return cli_usage(cli, "there is no slot %s: 9a, 9c, 9d, 9e, 82 to 95", o.slot);
    if (!pick(cli, argc > 0 ? argv[0] : NULL, &p))
        return cli->status;
    status = ref == NULL ? put_uris(cli, &p, &o) : put_uri(cli, &p, ref, &o);
    pick_clear(&p);
    return status;
}
