/* SPDX-License-Identifier: BSD-2-Clause */
/* import.c — `vpiv import`: PKCS#12 bundles become a card, or go onto one that is there; all of it or nothing. */
#include "tools/import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/crypto.h>

#include "applet/applet.h"
#include "conf/cardfile.h"
#include "tools/batch.h"
#include "tools/insert.h"
#include "tools/newcard.h"
#include "tools/pick.h"
#include "tools/report.h"
#include "tools/trial.h"

enum { EXTRA_CERTS_MAX = 16 };

struct import_options {
    const char *card, *slot, *pin_policy;
    const char *batch; /* folder or table */
    const char *passwords[BUNDLES_MAX];
    size_t n_passwords;
    const char *certs[EXTRA_CERTS_MAX];
    size_t n_certs;
    struct newcard_options fresh; /* its pin and management also open a card that is there */
    bool no_insert, chain_slots, dry_run;
    unsigned max_iterations;
};

static bool take_password(struct cli *cli, void *into, const char *value)
{
    struct import_options *o = into;

    if (o->n_passwords == BUNDLES_MAX)
        return cli_usage(cli, "too many passwords"), false;
    o->passwords[o->n_passwords++] = value;
    return true;
}

static bool take_cert(struct cli *cli, void *into, const char *value)
{
    struct import_options *o = into;

    if (o->n_certs == EXTRA_CERTS_MAX)
        return cli_usage(cli, "too many files with certificates"), false;
    o->certs[o->n_certs++] = value;
    return true;
}

#define AT(member) offsetof(struct import_options, member)
static const struct option_row rows[] = {
    { "card", 'c', OPTION_TEXT, "CARD", AT(card), "the card, made where it is missing (named like the file)", NULL },
    { "batch", 0, OPTION_TEXT, "SOURCE", AT(batch), "many cards: every bundle of a folder, or each line of a table",
      NULL },
    { "slot", 's', OPTION_TEXT, "SLOT", AT(slot), "9a, 9c, 9d, 9e or 82 to 95, for a single key", NULL },
    { "password", 'p', OPTION_CALL, "PASS", 0, "password of the file; given again, of the next one", take_password },
    { "cert", 0, OPTION_CALL, "FILE", 0, "certificate, PEM or DER, for a key that comes without one", take_cert },
    { "pin", 0, OPTION_SECRET, "PASS", AT(fresh.pin), "PIN of the card", NULL },
    { "puk", 0, OPTION_SECRET, "PASS", AT(fresh.puk), "PUK of a new card (random)", NULL },
    { "management-key", 0, OPTION_SECRET, "PASS", AT(fresh.management),
      "management key in hex: of a new card (random), or instead of the PIN", NULL },
    { "management-algorithm", 0, OPTION_TEXT, "NAME", AT(fresh.algorithm), "of a new card: 3DES, AES-128, -192, -256",
      NULL },
    { "persona", 0, OPTION_TEXT, "NAME", AT(fresh.persona), "what a new card looks like", NULL },
    { "pin-policy", 0, OPTION_TEXT, "WHEN", AT(pin_policy), "never, once or always; by default the slot's", NULL },
    { "chain-slots", 0, OPTION_FLAG, NULL, AT(chain_slots), "put CA certificates into retired slots too", NULL },
    { "max-iterations", 0, OPTION_NUMBER, "N", AT(max_iterations), "rounds of key derivation that are borne", NULL },
    { "no-insert", 0, OPTION_FLAG, NULL, AT(no_insert), "do not put a new card into a reader", NULL },
    { "dry-run", 'n', OPTION_FLAG, NULL, AT(dry_run), "show what would happen, write nothing", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* struct import — one run of the verb. */
struct import {
    struct cli *cli;
    struct import_options o;
    struct p12_library library;
    struct bundles bundles;
    struct slots_wish wish;
    struct slots slots;
    struct newcard fresh;
    char path[PATH_MAX], name[NAME_MAX + 1];
    bool exists;
    struct card *card;       /* what comes out */
};

/* ---- what was asked for ---- */

static bool take_wish(struct import *im)
{
    static const char *const policies[] = { [PIN_POLICY_DEFAULT] = "default", [PIN_POLICY_NEVER] = "never",
                                            [PIN_POLICY_ONCE] = "once", [PIN_POLICY_ALWAYS] = "always" };
    size_t policy = PIN_POLICY_DEFAULT;

    im->wish = (struct slots_wish){ .chain_slots = im->o.chain_slots, .now = time(NULL) };
    if (im->o.pin_policy != NULL)
        while (policy < sizeof policies / sizeof policies[0] && strcasecmp(policies[policy], im->o.pin_policy) != 0)
            policy++;
    if (policy == sizeof policies / sizeof policies[0])
        return cli_usage(im->cli, "--pin-policy: never, once, always or default"), false;
    im->wish.pin_policy = (enum pin_policy)policy;
    if (im->o.slot != NULL)
        im->wish.ref = keyref_by_name(im->o.slot);
    if (im->o.slot != NULL && (im->wish.ref == NULL || im->wish.ref->ref == KEYREF_ATTESTATION))
        return cli_usage(im->cli, "there is no slot %s to import into: 9a, 9c, 9d, 9e, 82 to 95", im->o.slot), false;
    if (im->o.max_iterations == 0)
        im->o.max_iterations = P12_ITERATIONS;
    if (im->o.max_iterations > INT32_MAX)
        return cli_usage(im->cli, "--max-iterations: at most %d", INT32_MAX), false;
    return true;
}

/* The card's name: "alice" for "…/alice.p12". */
static void name_after(const char *file, char name[NAME_MAX + 1])
{
    static const char *const endings[] = { ".p12", ".pfx" };
    const char *slash = strrchr(file, '/');
    size_t n;

    snprintf(name, NAME_MAX + 1, "%s", slash == NULL ? file : slash + 1);
    n = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (n > 4 && strcasecmp(name + n - 4, endings[i]) == 0)
            name[n - 4] = '\0';
}

static bool find_card(struct import *im, const char *first)
{
    const char *card = im->o.card;
    struct why why = { "" };
    struct stat st;
    char name[NAME_MAX + 1];
    enum err e;

    if (!cli_store(im->cli))
        return false;
    name_after(first, name);
    e = store_card_path(&im->cli->store, card != NULL ? card : name, im->path, &why);
    if (e != ERR_NONE && card == NULL)
        return cli_refuse(im->cli, "%s: no card can be named like this file: name it with -c", first), false;
    if (e != ERR_NONE)
        return cli_fail(im->cli, e, &why), false;
    store_card_name(im->path, im->name);
    im->exists = lstat(im->path, &st) == 0;
    if (im->exists && (im->o.fresh.puk != NULL || im->o.fresh.persona != NULL || im->o.fresh.algorithm != NULL))
        return cli_usage(im->cli, "--puk, --persona and --management-algorithm are for a new card, and %s is there",
                         im->name), false;
    return im->exists || newcard_plan(im->cli, &im->o.fresh, &im->fresh);
}

/* ---- the bundles ---- */

static enum err read_once(struct import *im, const char *file, const struct secret *password, struct why *why)
{
    *why = (struct why){ "" };
    return bundle_read(&im->bundles, im->library.ctx, file, password, im->o.max_iterations, why);
}

/* Without a password on the command line: many bundles have none, so nobody is asked until that has failed. */
static enum err read_asking(struct import *im, const char *file, struct why *why)
{
    char prompt[PATH_MAX + 16];
    const struct ask ask = { NULL, "--password", prompt, false };
    struct secret *password = secret_new(0);
    enum err e = password == NULL ? ERR_MEMORY : read_once(im, file, password, why);

    secret_drop(&password);
    if (e != ERR_WRONG)
        return e;
    snprintf(prompt, sizeof prompt, "Password of %s", file);
    if (!cli_secret(im->cli, &ask, &password))
        return ERR_ABSENT; /* has told why */
    e = read_once(im, file, password, why);
    secret_free(password);
    return e;
}

static bool read_bundle(struct import *im, const char *file, const struct secret *password)
{
    struct why why = { "" };
    struct bundle *bundle;
    enum err e = password != NULL ? read_once(im, file, password, &why) : read_asking(im, file, &why);

    if (e == ERR_ABSENT)
        return false;
    if (e == ERR_UNSUPPORTED && im->library.legacy == NULL)
        cli_warn(im->cli, "OpenSSL's legacy provider is not installed: older PKCS#12 files need it");
    for (size_t i = 0; i < im->o.n_certs && e == ERR_NONE; i++) {
        bundle = &im->bundles.of[im->bundles.n - 1];
        e = bundle_add_certs(bundle, im->library.ctx, im->o.certs[i], &why);
    }
    if (e == ERR_NONE)
        e = bundle_check(&im->bundles.of[im->bundles.n - 1], &why);
    if (e != ERR_NONE)
        cli_fail(im->cli, e, &why);
    return e == ERR_NONE;
}

static bool read_bundles(struct import *im, int n, char **files)
{
    struct secret *password = NULL;
    bool right = true;

    for (int i = 0; i < n && right; i++) {
        if ((size_t)i < im->o.n_passwords) { /* the last one is good for all that follow */
            const struct ask ask = { im->o.passwords[i], "--password", "Password", false };

            secret_drop(&password);
            right = cli_secret(im->cli, &ask, &password);
        }
        right = right && read_bundle(im, files[i], password);
    }
    secret_free(password);
    if (right && im->wish.ref != NULL && (im->bundles.n > 1 || im->bundles.of[0].p12->n_keys > 1))
        right = (cli_usage(im->cli, "-s is for a single key, and there are more"), false);
    return right;
}

/* ---- a new card, or one that is there ---- */

static enum err make_card(struct import *im, struct why *why)
{
    struct piv_env env = state_env(im->cli->state);
    enum err e = newcard_make(&env, &im->fresh, &im->card);

    if (e == ERR_NONE)
        e = slots_fill(&env, im->card, &im->bundles, &im->wish, &im->slots, why);
    if (e == ERR_NONE)
        e = trial_card(&env, im->card, im->fresh.pin, &im->slots, why);
    if (e == ERR_NONE)
        e = newcard_write(im->cli, im->path, im->card, &im->fresh, why);
    return e;
}

static int import_new(struct import *im)
{
    struct why why = { "" };
    enum err e;

    if (!newcard_secrets(im->cli, &im->o.fresh, im->name, &im->fresh) || !cli_state(im->cli, true))
        return im->cli->status;
    e = make_card(im, &why);
    return e == ERR_NONE ? CLI_DONE : cli_fail(im->cli, e, &why);
}

static enum err prove_pin(struct import *im, struct piv *piv, struct secret **pin, struct why *why)
{
    char prompt[NAME_MAX + 16];
    const struct ask ask = { im->o.fresh.pin, "--pin", prompt, false };
    uint8_t left = 0;
    enum err e;

    snprintf(prompt, sizeof prompt, "PIN of %s", im->name);
    if (!ask_pin(im->cli, &ask, pin))
        return ERR_ABSENT;
    e = piv_verify(piv, PIN_APPLICATION, secret_in(*pin), &left);
    if (e == ERR_WRONG)
        why_set(why, e, "%s: wrong PIN; %u %s left", im->name, left, left == 1 ? "try is" : "tries are");
    else if (e == ERR_BLOCKED)
        why_set(why, e, "%s: the PIN is blocked: '%s unblock' sets a new one with the PUK", im->name, im->cli->program);
    return e;
}

static enum err prove_management(struct import *im, struct piv *piv, struct why *why)
{
    const struct ask ask = { im->o.fresh.management, "--management-key", "Management key", false };
    const struct alg *alg = alg_by_id(piv_card(piv)->management.alg);
    struct secret *key = NULL;
    enum err e;

    if (alg == NULL || !ask_management(im->cli, &ask, alg, &key))
        return ERR_ABSENT;
    e = piv_authenticate_management(piv, secret_in(key));
    secret_free(key);
    return e == ERR_WRONG || e == ERR_SECURITY ? why_set(why, ERR_WRONG, "%s: wrong management key", im->name) : e;
}

/* Everything happens to a copy; the card itself changes with the last step. */
static enum err change_card(struct import *im, const struct piv_env *env, struct piv *piv, struct why *why)
{
    bool use_pin = im->o.fresh.pin != NULL || im->o.fresh.management == NULL;
    struct secret *pin = NULL;
    struct card *next = NULL;
    enum err e = ERR_NONE;

    if (!im->o.dry_run && use_pin)
        e = prove_pin(im, piv, &pin, why);
    if (e == ERR_NONE && !im->o.dry_run && im->o.fresh.management != NULL)
        e = prove_management(im, piv, why);
    if (e == ERR_NONE)
        e = card_copy(piv_card(piv), &next);
    if (e == ERR_NONE)
        e = slots_fill(env, next, &im->bundles, &im->wish, &im->slots, why);
    if (e == ERR_NONE)
        e = pin != NULL ? trial_card(env, next, pin, &im->slots, why)
                        : trial_keys(&im->bundles, im->wish.pin_policy, why);
    if (e == ERR_NONE)
        e = card_copy(next, &im->card);
    if (e == ERR_NONE && !im->o.dry_run && im->slots.changed) {
        e = piv_commit(piv, next);
        next = NULL;
    }
    card_free(next);
    secret_free(pin);
    return e;
}

static int import_existing(struct import *im)
{
    struct cardfile *file = NULL;
    struct card *card = NULL;
    struct piv *piv = NULL;
    struct why why = { "" };
    struct piv_env env;
    enum err e;

    if (!cli_state(im->cli, false))
        return im->cli->status;
    e = cardfile_open(im->path, im->cli->state, &file, &card, &why);
    if (e == ERR_NONE) {
        env = cardfile_env(file);
        piv = piv_new(&env, card);
        e = piv == NULL || piv_power(piv) == NULL ? ERR_MEMORY : change_card(im, &env, piv, &why);
    }
    piv_free(piv);
    cardfile_close(file);
    if (e == ERR_ABSENT && im->cli->status != CLI_DONE)
        return im->cli->status;
    return e == ERR_NONE ? CLI_DONE : cli_fail(im->cli, e, &why);
}

static int try_new(struct import *im)
{
    struct trial_world world;
    struct why why = { "" };
    enum err e = trial_world_open(&world);

    if (e == ERR_NONE)
        e = trial_blank(&world, im->fresh.persona, &im->card);
    if (e == ERR_NONE) {
        struct piv_env env = trial_env(&world);

        e = slots_fill(&env, im->card, &im->bundles, &im->wish, &im->slots, &why);
    }
    if (e == ERR_NONE)
        e = trial_keys(&im->bundles, im->wish.pin_policy, &why);
    trial_world_close(&world);
    return e == ERR_NONE ? CLI_DONE : cli_fail(im->cli, e, &why);
}

static int show(struct import *im)
{
    struct report report = {
        .name = im->name, .path = im->path, .bundles = &im->bundles, .slots = &im->slots, .card = im->card,
        .made = im->exists ? NULL : &im->fresh, .dry = im->o.dry_run,
    };

    if (im->exists)
        report.in_reader = pick_reader(&im->cli->store, im->path, &report.reader);
    else if (!im->o.dry_run && !im->o.no_insert && im->cli->store.system)
        report.in_reader = insert_somewhere(im->cli, im->path, &report.reader);
    if (im->cli->json)
        return cli_json(im->cli, report_json(&report));
    report_text(im->cli, &report);
    return CLI_DONE;
}

/* ---- many cards ---- */

enum { PASSED_ON_MAX = 64 };

/* What each card's import gets: the command line as it was, less what differs from card to card. */
static bool passed_on(int argc, char **argv, char *out[PASSED_ON_MAX])
{
    static const char *const own[] = { "--batch", "--password", "--pin", "-p" };
    size_t n = 0;

    for (int i = 1; i < argc; i++) {
        bool ours = strcmp(argv[i], "--json") == 0;

        for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
            size_t length = strlen(own[k]);

            if (strcmp(argv[i], own[k]) == 0) {
                ours = true;
                i++; /* its value */
                break;
            }
            if (strncmp(argv[i], own[k], length) == 0 && (argv[i][length] == '=' || own[k][1] != '-'))
                ours = true;
        }
        if (ours)
            continue;
        if (n == PASSED_ON_MAX - 1)
            return false;
        out[n++] = argv[i];
    }
    out[n] = NULL;
    return true;
}

static int import_batch(struct cli *cli, const struct import_options *o, int n_files, int argc, char **argv)
{
    char *arguments[PASSED_ON_MAX];

    if (n_files > 0 || o->card != NULL || o->slot != NULL || o->n_certs > 0 || o->n_passwords > 1)
        return cli_usage(cli, "--batch names files and cards itself: no FILE, -c, -s, --cert or second password");
    if (!passed_on(argc, argv, arguments))
        return cli_usage(cli, "too many options");
    return batch_run(cli, o->batch, arguments, o->n_passwords > 0 ? o->passwords[0] : NULL, o->fresh.pin);
}

int verb_import(struct cli *cli, int argc, char **argv)
{
    char *given[PASSED_ON_MAX * 2] = { NULL };
    int n_given = argc < PASSED_ON_MAX * 2 ? argc : 0;

    struct import *im = OPENSSL_zalloc(sizeof *im);
    int status = CLI_FAILED;

    if (im == NULL || !secret_heap()) {
        OPENSSL_free(im);
        return cli_refuse(cli, "there is no protected memory for secrets");
    }
    im->cli = cli;
    memcpy(given, argv, (size_t)n_given * sizeof *given); /* getopt reorders it */
    if (!cli_options(cli, rows, &im->o, &argc, &argv)) {
        status = cli->status;
    } else if (im->o.batch != NULL) {
        status = import_batch(cli, &im->o, argc, n_given, given);
    } else if (argc == 0) {
        status = cli_usage(cli, "a PKCS#12 file is missing");
    } else if (!take_wish(im) || !find_card(im, argv[0])) {
        status = cli->status;
    } else if (p12_library_open(&im->library) != ERR_NONE) {
        status = cli_refuse(cli, "OpenSSL could not be set up");
    } else if (!read_bundles(im, argc, argv)) {
        status = cli->status;
    } else {
        status = im->exists ? import_existing(im) : im->o.dry_run ? try_new(im) : import_new(im);
        if (status == CLI_DONE)
            status = show(im);
    }
    card_free(im->card);
    newcard_clear(&im->fresh);
    bundles_clear(&im->bundles);
    p12_library_close(&im->library);
    OPENSSL_free(im);
    return status;
}

/* ---- for `vpiv run -i` ---- */

enum err import_bundle(const struct piv_env *env, struct card *card, const char *path, const struct secret *password,
                       struct why *why)
{
    struct slots_wish wish = { .now = time(NULL) };
    struct slots *slots = OPENSSL_zalloc(sizeof *slots);
    struct bundles *bundles = OPENSSL_zalloc(sizeof *bundles);
    struct secret *none = secret_new(0);
    struct p12_library library = { .ctx = NULL };
    struct card *next = NULL, before;
    enum err e = slots == NULL || bundles == NULL || none == NULL ? ERR_MEMORY : p12_library_open(&library);

    if (e == ERR_NONE)
        e = bundle_read(bundles, library.ctx, path, password == NULL ? none : password, P12_ITERATIONS, why);
    if (e == ERR_NONE)
        e = bundle_check(&bundles->of[0], why);
    if (e == ERR_NONE)
        e = trial_keys(bundles, PIN_POLICY_DEFAULT, why);
    if (e == ERR_NONE)
        e = card_copy(card, &next);
    if (e == ERR_NONE)
        e = slots_fill(env, next, bundles, &wish, slots, why);
    if (e == ERR_NONE) { /* the caller's card takes over what the copy holds */
        before = *card;
        *card = *next;
        *next = before;
    }
    card_free(next);
    if (bundles != NULL)
        bundles_clear(bundles);
    p12_library_close(&library);
    secret_free(none);
    OPENSSL_free(bundles);
    OPENSSL_free(slots);
    return e;
}
