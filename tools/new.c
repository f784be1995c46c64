/* SPDX-License-Identifier: BSD-2-Clause */
/* new.c — `vpiv new`: a card without keys. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/crypto.h>

#include "tools/bundle.h"
#include "tools/certinfo.h"
#include "tools/insert.h"
#include "tools/newcard.h"
#include "tools/profile.h"

struct new_options {
    struct newcard_options fresh;
    bool no_insert;
    const char *profile; /* "piv": what an issuer of PIV cards writes */
    const char *signer, *signer_password;
    struct profile texts;
};

#define AT(member) offsetof(struct new_options, member)
static const struct option_row rows[] = {
    { "persona", 0, OPTION_TEXT, "NAME", AT(fresh.persona), "what the card looks like: command set and ATR", NULL },
    { "atr", 0, OPTION_TEXT, "NAME", AT(fresh.atr), "an ATR by its name, instead of the persona's", NULL },
    { "guid", 0, OPTION_TEXT, "HEX", AT(fresh.guid), "the card's GUID (random)", NULL },
    { "factory", 0, OPTION_FLAG, NULL, AT(fresh.factory),
      "PIN 123456, PUK 12345678 and the management key that everybody knows: for tests", NULL },
    { "pin", 0, OPTION_SECRET, "PASS", AT(fresh.pin), "the PIN, 6 to 8 digits", NULL },
    { "puk", 0, OPTION_SECRET, "PASS", AT(fresh.puk), "the PUK (random, shown once)", NULL },
    { "management-key", 0, OPTION_SECRET, "PASS", AT(fresh.management), "management key in hex (random)", NULL },
    { "management-algorithm", 0, OPTION_TEXT, "NAME", AT(fresh.algorithm), "3DES, AES-128, AES-192 or AES-256", NULL },
    { "pin-tries", 0, OPTION_NUMBER, "N", AT(fresh.pin_tries), "wrong PINs until it is blocked", NULL },
    { "puk-tries", 0, OPTION_NUMBER, "N", AT(fresh.puk_tries), "wrong PUKs until it is blocked", NULL },
    { "firmware", 0, OPTION_TEXT, "VERSION", AT(fresh.firmware), "of persona yubikey: 4.3.5, 5.4.3 or 5.7.1", NULL },
    { "serial", 0, OPTION_NUMBER, "N", AT(fresh.serial), "the serial number that a YubiKey tells (random)", NULL },
    { "global-pin", 0, OPTION_SECRET, "PASS", AT(fresh.global), "give the card a global PIN too", NULL },
    { "allow-rsa1024", 0, OPTION_FLAG, NULL, AT(fresh.allow_rsa1024), "the card may generate RSA-1024 keys", NULL },
    { "profile", 0, OPTION_TEXT, "piv", AT(profile),
      "printed information, a signed CHUID and a security object, as an issuer writes them", NULL },
    { "signer", 0, OPTION_TEXT, "FILE.p12", AT(signer), "the issuer's content signing key and certificate", NULL },
    { "signer-password", 0, OPTION_SECRET, "PASS", AT(signer_password), "pass phrase of that file", NULL },
    { "expires", 0, OPTION_TEXT, "YYYYMMDD", AT(texts.expires), "expiration date (20491231; a profile's: in six years)",
      NULL },
    { "name", 0, OPTION_TEXT, "TEXT", AT(texts.name), "printed information: name (the card's)", NULL },
    { "affiliation", 0, OPTION_TEXT, "TEXT", AT(texts.affiliation), "printed information: employee affiliation", NULL },
    { "card-serial", 0, OPTION_TEXT, "TEXT", AT(texts.serial), "printed information: agency card serial number", NULL },
    { "issuer", 0, OPTION_TEXT, "TEXT", AT(texts.issuer), "printed information: issuer identification", NULL },
    { "organization", 0, OPTION_TEXT, "TEXT", AT(texts.organization), "printed information: organization", NULL },
    { "organization2", 0, OPTION_TEXT, "TEXT", AT(texts.organization2), "printed information: its second line", NULL },
    { "no-insert", 0, OPTION_FLAG, NULL, AT(no_insert), "do not put the card into a reader", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

static int show(struct cli *cli, const struct newcard *plan, const struct card *card, const char *path, bool insert)
{
    char name[NAME_MAX + 1], guid[2 * sizeof card->guid + 1];
    unsigned reader = 0;
    bool inserted = insert && cli->store.system && insert_somewhere(cli, path, &reader);

    store_card_name(path, name);
    hex_text(in_of(card->guid, sizeof card->guid), guid);
    if (cli->json) {
        json_t *o = json_pack("{s:o, s:o, s:b, s:s, s:s, s:o}", "card", json_text(name), "path", json_text(path), "new",
                              1, "guid", guid, "persona", card->persona->name, "reader",
                              inserted ? json_integer(reader) : json_null());
        if (o != NULL)
            newcard_json(plan, o);
        return cli_json(cli, o);
    }
    printf("%s: new card, without keys (%s)\nGUID:            %s\n", name, path, guid);
    newcard_show(plan);
    printf("Next: '%s import -c %s FILE.p12' puts keys on it.\n", cli->program, name);
    if (inserted)
        printf("The card is in reader %u: programs see it now.\n", reader);
    return CLI_DONE;
}

/* The issuer's signing key is read like any bundle that is imported. */
static bool read_signer(struct cli *cli, const struct new_options *o, struct p12_library *library,
                        struct bundles *bundles, struct profile *profile)
{
    const struct ask ask = { o->signer_password, "--signer-password", "Pass phrase of the signer's file", false };
    struct secret *password = NULL;
    struct why why = { "" };
    const struct p12_key *key;
    enum err e;

    if (!cli_secret(cli, &ask, &password))
        return false;
    e = p12_library_open(library);
    if (e == ERR_NONE)
        e = bundle_read(bundles, library->ctx, o->signer, password, P12_ITERATIONS, &why);
    secret_free(password);
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why), false;
    key = bundles->of[0].p12->n_keys == 1 ? &bundles->of[0].p12->keys[0] : NULL;
    if (key == NULL || key->key == NULL || key->cert == P12_NONE)
        return cli_refuse(cli, "%s: a signer is one key with its certificate", o->signer), false;
    profile->signer_key = key->key;
    profile->signer = bundles->of[0].p12->certs[key->cert].cert;
    return true;
}

/* Six years, the most that FIPS 201-3 gives a card; less where the signer's certificate ends before: it must outlive
 * the card (SP 800-73-5 Part 1, 3.1.2.1). */
static void default_expiry(const X509 *signer, char text[9])
{
    enum { YEARS = 6 };
    time_t now = time(NULL);
    struct tm day, end;

    gmtime_r(&now, &day);
    day.tm_year += YEARS;
    day.tm_mday -= 1;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(signer), &end) == 1 && timegm(&end) < timegm(&day))
        day = end;
    timegm(&day); /* the day before the first of a month is one of the month before */
    strftime(text, 9, "%Y%m%d", &day);
}

/* SP 800-73-5 Part 1, 3.1.2.1: who checks the card's signatures looks for this purpose. */
static void remark_signer(struct cli *cli, const char *file, const X509 *signer)
{
    char usage[CERT_TEXT];

    cert_usage(signer, usage);
    if (strstr(usage, "2.16.840.1.101.3.6.7") == NULL)
        cli_warn(cli, "%s: the certificate is not for signing PIV content (extended key usage 2.16.840.1.101.3.6.7)",
                 file);
}

/* What the options ask for beside an ordinary card. */
static bool apply_profile(struct cli *cli, const struct new_options *o, const char *name, struct card *card)
{
    struct p12_library library = { NULL, NULL, NULL };
    struct bundles bundles = { .n = 0 };
    struct profile profile = o->texts;
    struct why why = { "" };
    char expires[9];
    bool ok = true;
    enum err e;

    if (o->profile == NULL && profile.expires == NULL)
        return true;
    if (o->profile != NULL) {
        if (profile.name == NULL)
            profile.name = name;
        ok = read_signer(cli, o, &library, &bundles, &profile);
    }
    if (ok && o->profile != NULL) {
        remark_signer(cli, o->signer, profile.signer);
        default_expiry(profile.signer, expires);
        if (profile.expires == NULL)
            profile.expires = expires;
    }
    if (ok && (e = profile_apply(card, &profile, &why)) != ERR_NONE) {
        cli_fail(cli, e, &why);
        ok = false;
    }
    bundles_clear(&bundles);
    p12_library_close(&library);
    return ok;
}

/* The texts belong to a profile, and a profile to its signer. */
static bool check_profile(struct cli *cli, const struct new_options *o)
{
    const struct profile *p = &o->texts;

    if (o->profile != NULL && strcmp(o->profile, "piv") != 0)
        return cli_usage(cli, "--profile: there is no '%s'; there is piv", o->profile), false;
    if (o->profile != NULL && o->signer == NULL)
        return cli_usage(cli, "--profile piv needs --signer FILE.p12, the issuer's content signing key"), false;
    if (o->profile == NULL && (o->signer != NULL || p->name != NULL || p->affiliation != NULL || p->serial != NULL ||
                               p->issuer != NULL || p->organization != NULL || p->organization2 != NULL))
        return cli_usage(cli, "printed information and a signer belong to --profile piv"), false;
    return true;
}

static int make(struct cli *cli, const struct new_options *o, struct newcard *plan, const char *path)
{
    char name[NAME_MAX + 1];
    struct card *card = NULL;
    struct why why = { "" };
    struct piv_env env;
    int status;
    enum err e;

    store_card_name(path, name);
    if (!newcard_secrets(cli, &o->fresh, name, plan) || !cli_state(cli, true))
        return cli->status;
    env = state_env(cli->state);
    e = newcard_make(&env, plan, &card);
    if (e == ERR_NONE && !apply_profile(cli, o, name, card)) {
        card_free(card);
        return cli->status;
    }
    if (e == ERR_NONE)
        e = newcard_write(cli, path, card, plan, &why);
    status = e == ERR_NONE ? show(cli, plan, card, path, !o->no_insert) : cli_fail(cli, e, &why);
    card_free(card);
    return status;
}

int verb_new(struct cli *cli, int argc, char **argv)
{
    struct new_options o = { .no_insert = false };
    struct newcard plan;
    struct why why = { "" };
    char path[PATH_MAX];
    struct stat st;
    int status;
    enum err e;

    if (!cli_options(cli, rows, &o, &argc, &argv) || !check_profile(cli, &o) || !newcard_plan(cli, &o.fresh, &plan))
        return cli->status;
    e = store_card_path(&cli->store, argv[0], path, &why);
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why);
    if (lstat(path, &st) == 0)
        return cli_refuse(cli, "%s: this card is there already", path);
    status = make(cli, &o, &plan, path);
    newcard_clear(&plan);
    return status;
}
