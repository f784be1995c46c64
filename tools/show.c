/* SPDX-License-Identifier: BSD-2-Clause */
/* show.c — `vpiv show`: what is on a card, with what people should know about it. */
#include <stdio.h>
#include <string.h>

#include "applet/key.h"
#include "tools/certinfo.h"
#include "tools/p12.h"
#include "tools/pick.h"

static const struct option_row rows[] = {
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* struct place — one slot: a key, a certificate, or both. */
struct place {
    const struct keyref *ref;
    const struct card_key *key;   /* or NULL */
    X509 *cert;                   /* or NULL; owned */
    struct cert_remarks remarks;
};

static const char *policy_word(uint8_t policy)
{
    static const char *const words[] = { "default", "never", "once", "always" };

    return policy < sizeof words / sizeof words[0] ? words[policy] : "?";
}

static const char *touch_word(uint8_t policy)
{
    static const char *const words[] = { "default", "never", "always", "cached" };

    return policy < sizeof words / sizeof words[0] ? words[policy] : "?";
}

static const char *origin_word(uint8_t origin)
{
    return origin == ORIGIN_GENERATED ? "generated" : origin == ORIGIN_IMPORTED ? "imported" : "?";
}

static const char *alg_word(uint8_t id)
{
    const struct alg *alg = alg_by_id(id);

    return alg == NULL ? "?" : alg->name;
}

static bool belong_together(const struct card_key *key, const X509 *cert)
{
    const struct alg *alg = alg_by_id(key->alg);
    EVP_PKEY *of_key = alg == NULL ? NULL : key_public(NULL, alg, bytes_in(&key->public));
    EVP_PKEY *of_cert = p12_public(NULL, cert);
    bool same = of_key != NULL && of_cert != NULL && EVP_PKEY_eq(of_key, of_cert) == 1;

    EVP_PKEY_free(of_key);
    EVP_PKEY_free(of_cert);
    return same;
}

static bool place_read(const struct card *card, const struct keyref *ref, struct place *place)
{
    *place = (struct place){ .ref = ref, .key = card_key(card, ref->ref), .cert = card_certificate(card, ref) };
    if (place->cert != NULL)
        cert_remarks(place->cert, time(NULL), &place->remarks);
    else if (place->key != NULL)
        cert_remark(&place->remarks, "the key has no certificate: most programs do not see it");
    if (place->cert == NULL && card_object(card, ref->certificate).n > 0)
        cert_remark(&place->remarks, "what is stored as its certificate cannot be read");
    if (place->cert != NULL && place->key != NULL && !belong_together(place->key, place->cert))
        cert_remark(&place->remarks, "certificate and key do not belong together");
    return place->key != NULL || place->cert != NULL || place->remarks.n > 0;
}

/* ---- in words ---- */

static void text_place(const struct place *p)
{
    char text[CERT_TEXT], from[CERT_DATE], to[CERT_DATE];

    printf("\n%s  %s\n", p->ref->name, p->ref->use);
    if (p->key != NULL)
        printf("    key      %s, %s, PIN %s, touch %s\n", alg_word(p->key->alg), origin_word(p->key->origin),
               policy_word(p->key->pin_policy), touch_word(p->key->touch_policy));
    else
        printf("    key      none\n");
    if (p->key != NULL && p->key->label != NULL)
        printf("    label    %s\n", p->key->label);
    if (p->cert != NULL) {
        cert_subject(p->cert, text);
        printf("    subject  %s\n", text);
        cert_issuer(p->cert, text);
        printf("    issuer   %s\n", text);
        cert_serial(p->cert, text);
        cert_date(X509_get0_notBefore(p->cert), false, from);
        cert_date(X509_get0_notAfter(p->cert), false, to);
        printf("    serial   %s\n    valid    %s to %s\n", text, from, to);
        cert_usage(p->cert, text);
        printf("    usage    %s\n", text[0] == '\0' ? "not said" : text);
    }
    for (size_t i = 0; i < p->remarks.n; i++)
        printf("    warning: %s\n", p->remarks.text[i]);
}

static void guid_text(const struct card *card, char text[37])
{
    char hex[33];

    hex_text(in_of(card->guid, sizeof card->guid), hex);
    snprintf(text, 37, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static X509 *chain_cert(const struct card *card, size_t i)
{
    const uint8_t *at = card->chain[i].p;

    return d2i_X509(NULL, &at, (long)card->chain[i].n);
}

static void text_chain(const struct card *card)
{
    char text[CERT_TEXT], to[CERT_DATE];

    if (card->n_chain > 0)
        printf("\nCA certificates in the card file (vpiv cert --chain):\n");
    for (size_t i = 0; i < card->n_chain; i++) {
        X509 *cert = chain_cert(card, i);

        if (cert == NULL)
            continue;
        cert_subject(cert, text);
        cert_date(X509_get0_notAfter(cert), false, to);
        printf("    %s  until %s\n", text, to);
        X509_free(cert);
    }
}

static int show_text(const struct picked *p)
{
    const struct card *card = p->card;
    const struct atr *atr = card_atr(card);
    char guid[37], bytes[2 * sizeof atr->bytes + 1];
    struct place place;
    bool any = false;

    guid_text(card, guid);
    hex_text(in_of(atr->bytes, atr->n), bytes);
    printf("%s  %s\nGUID     %s\npersona  %s\nATR      %s (%s%s)\n", p->name, p->path, guid, card->persona->name, bytes,
           atr->name, card->atr == NULL ? ", automatic" : "");
    printf("tries    PIN %u of %u, PUK %u of %u\n", p->tries.left[PIN_APPLICATION], p->tries.allowed[PIN_APPLICATION],
           p->tries.left[PIN_PUK], p->tries.allowed[PIN_PUK]);
    printf("9B       %s%s\n", alg_word(card->management.alg), card->management.standard ? ", the factory's key" : "");
    if (p->in_reader)
        printf("reader   %u\n", p->reader);
    if (card->test)
        printf("a test card: readers of the system refuse it\n");
    if (p->tries.allowed[PIN_APPLICATION] == 0)
        printf("warning: this host has no record of its tries; if the card is yours, 'vpiv adopt' takes it into use\n");
    else if (p->tries.left[PIN_APPLICATION] == 0)
        printf("warning: the PIN is blocked; 'vpiv unblock' sets a new one with the PUK\n");
    for (size_t i = 0; i < KEYREF_COUNT; i++) {
        if (place_read(card, &keyrefs[i], &place)) {
            text_place(&place);
            any = true;
        }
        X509_free(place.cert);
    }
    if (!any)
        printf("\nno keys yet: 'vpiv import -c %s FILE.p12' puts some on it\n", p->name);
    text_chain(card);
    return CLI_DONE;
}

/* ---- as JSON ---- */

static json_t *json_place(const struct place *p)
{
    json_t *o = json_object(), *warnings = json_array();

    for (size_t i = 0; i < p->remarks.n; i++)
        json_array_append_new(warnings, json_text(p->remarks.text[i]));
    json_object_set_new(o, "slot", json_string(p->ref->name));
    json_object_set_new(o, "use", json_string(p->ref->use));
    if (p->key != NULL) {
        json_object_set_new(o, "key", json_string(alg_word(p->key->alg)));
        json_object_set_new(o, "origin", json_string(origin_word(p->key->origin)));
        json_object_set_new(o, "pin_policy", json_string(policy_word(p->key->pin_policy)));
        json_object_set_new(o, "touch_policy", json_string(touch_word(p->key->touch_policy)));
        json_object_set_new(o, "label", json_text(p->key->label));
    } else {
        json_object_set_new(o, "key", json_null());
    }
    json_object_set_new(o, "certificate", p->cert == NULL ? json_null() : cert_json(p->cert));
    json_object_set_new(o, "warnings", warnings);
    return o;
}

static json_t *json_tries(const struct tries *tries, enum pin which)
{
    return json_pack("{s:i, s:i}", "left", tries->left[which], "allowed", tries->allowed[which]);
}

static json_t *json_chain(const struct card *card)
{
    json_t *chain = json_array();

    for (size_t i = 0; i < card->n_chain; i++) {
        X509 *cert = chain_cert(card, i);

        if (cert != NULL)
            json_array_append_new(chain, cert_json(cert));
        X509_free(cert);
    }
    return chain;
}

static int show_json(struct cli *cli, const struct picked *p)
{
    const struct card *card = p->card;
    const struct atr *atr = card_atr(card);
    json_t *o = json_object(), *slots = json_array();
    char guid[37], bytes[2 * sizeof atr->bytes + 1];
    struct place place;

    guid_text(card, guid);
    hex_text(in_of(atr->bytes, atr->n), bytes);
    for (size_t i = 0; i < KEYREF_COUNT; i++) {
        if (place_read(card, &keyrefs[i], &place))
            json_array_append_new(slots, json_place(&place));
        X509_free(place.cert);
    }
    json_object_set_new(o, "card", json_text(p->name));
    json_object_set_new(o, "path", json_text(p->path));
    json_object_set_new(o, "guid", json_string(guid));
    json_object_set_new(o, "persona", json_string(card->persona->name));
    json_object_set_new(o, "atr", json_string(bytes));
    json_object_set_new(o, "atr_name", json_string(atr->name));
    json_object_set_new(o, "test", json_boolean(card->test));
    json_object_set_new(o, "pin", json_tries(&p->tries, PIN_APPLICATION));
    json_object_set_new(o, "puk", json_tries(&p->tries, PIN_PUK));
    json_object_set_new(o, "management_algorithm", json_string(alg_word(card->management.alg)));
    json_object_set_new(o, "management_factory", json_boolean(card->management.standard));
    json_object_set_new(o, "reader", p->in_reader ? json_integer(p->reader) : json_null());
    json_object_set_new(o, "slots", slots);
    json_object_set_new(o, "chain", json_chain(card));
    return cli_json(cli, o);
}

int verb_show(struct cli *cli, int argc, char **argv)
{
    struct picked p;
    int status;

    if (!cli_options(cli, rows, NULL, &argc, &argv) || !pick(cli, argc > 0 ? argv[0] : NULL, &p))
        return cli->status;
    status = cli->json ? show_json(cli, &p) : show_text(&p);
    pick_clear(&p);
    return status;
}
