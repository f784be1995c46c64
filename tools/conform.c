/* SPDX-License-Identifier: BSD-2-Clause */
/* conform.c — `vpiv conform`: judge the card in any PC/SC reader, or the card of this program, row by row. */
#include "tools/conform.h"

#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "applet/alg.h"
#include "applet/card.h"
#include "tools/conform_report.h"
#include "tools/vpiv.h"

struct conform_options {
    const char *reader, *persona, *pin, *puk, *management, *management_alg;
    bool applet, tap, destructive, full;
};

#define AT(member) offsetof(struct conform_options, member)

static const struct option_row rows[] = {
    { "reader", 'r', OPTION_TEXT, "READER", AT(reader), "number, name or a part of the name (the one with a card)",
      NULL },
    { "applet", 0, OPTION_FLAG, NULL, AT(applet), "judge a new card in this process, without pcscd", NULL },
    { "destructive", 0, OPTION_FLAG, NULL, AT(destructive),
      "also play rows that write, block and replace every key; PIN, PUK and key are the factory's unless given", NULL },
    { "full", 0, OPTION_FLAG, NULL, AT(full), "repeat as often as the plan says, not a sample (takes minutes)", NULL },
    { "persona", 0, OPTION_TEXT, "PERSONA", AT(persona), "piv or yubikey (as the card says that it is)", NULL },
    { "pin", 0, OPTION_SECRET, "PASS", AT(pin), "the card's PIN", NULL },
    { "puk", 0, OPTION_SECRET, "PASS", AT(puk), "the card's PUK", NULL },
    { "management-key", 0, OPTION_SECRET, "PASS", AT(management), "the card management key, in hex", NULL },
    { "management-algorithm", 0, OPTION_TEXT, "ALG", AT(management_alg), "3DES, AES-128, AES-192 or AES-256 (3DES)",
      NULL },
    { "tap", 0, OPTION_FLAG, NULL, AT(tap), "print TAP", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* struct given — the secrets of the command line, owned. */
struct given {
    struct secret *pin, *puk, *management;
};

static void given_free(struct given *given)
{
    secret_free(given->pin);
    secret_free(given->puk);
    secret_free(given->management);
}

typedef enum err (*from_text)(struct in text, struct secret **out);

static enum err hex_from_text(struct in text, struct secret **out)
{
    size_t n;
    struct secret *key = secret_new(text.n / 2 + 1), *copy = secret_new(text.n + 1);
    enum err e = key == NULL || copy == NULL ? ERR_MEMORY : ERR_DATA;

    if (e == ERR_DATA) {
        memcpy(copy->p, text.p, text.n);
        if (OPENSSL_hexstr2buf_ex(key->p, key->n, &n, (const char *)copy->p, '\0') == 1) {
            *out = secret_copy(in_of(key->p, n));
            e = *out == NULL ? ERR_MEMORY : ERR_NONE;
        }
    }
    secret_free(key);
    secret_free(copy);
    return e;
}

/* One secret of the command line in the form of the wire. */
static bool take_secret(struct cli *cli, const char *spec, const char *option, from_text convert, struct secret **out)
{
    const struct ask ask = { .spec = spec, .option = option };
    struct secret *text = NULL;

    if (spec == NULL)
        return true;
    if (!cli_secret(cli, &ask, &text))
        return false;
    enum err e = convert(secret_in(text), out);
    secret_free(text);
    return e == ERR_NONE || (cli_refuse(cli, "%s: not of the right form", option), false);
}

/* Rows that write are played on cards that nobody needs: there the factory values may be tried. */
static bool factory(struct cli *cli, const struct terms *terms, struct given *given)
{
    enum err e = ERR_NONE;

    if (given->pin == NULL)
        e = factory_pin(&given->pin);
    if (e == ERR_NONE && given->puk == NULL)
        e = factory_puk(&given->puk);
    if (e == ERR_NONE && given->management == NULL)
        e = factory_management(terms->management_alg, &given->management);
    return e == ERR_NONE || (cli_fail(cli, e, NULL), false);
}

static bool take_terms(struct cli *cli, const struct conform_options *o, struct terms *terms, struct given *given)
{
    const struct alg *alg = alg_by_name(o->management_alg == NULL ? "3DES" : o->management_alg);

    if (alg == NULL || alg->family != ALG_CIPHER)
        return cli_usage(cli, "%s: no algorithm of a management key (3DES, AES-128, AES-192, AES-256)",
                         o->management_alg), false;
    if (o->persona != NULL && strcmp(o->persona, "piv") != 0 && strcmp(o->persona, "yubikey") != 0)
        return cli_usage(cli, "%s: no persona (piv, yubikey)", o->persona), false;
    *terms = (struct terms){ .destructive = o->destructive || o->applet, .full = o->full, .house = o->applet,
                               .management_alg = alg->id };
    if (!secret_heap())
        return cli_refuse(cli, "there is no protected memory for secrets"), false;
    if (!take_secret(cli, o->pin, "--pin", pin_from_text, &given->pin) ||
        !take_secret(cli, o->puk, "--puk", puk_from_text, &given->puk) ||
        !take_secret(cli, o->management, "--management-key", hex_from_text, &given->management))
        return false;
    if (given->management != NULL && given->management->n != alg->size)
        return cli_refuse(cli, "--management-key: %s has %zu bytes", alg->name, alg->size), false;
    if (terms->destructive && !factory(cli, terms, given))
        return false;
    terms->pin = given->pin;
    terms->puk = given->puk;
    terms->management = given->management;
    return true;
}

/* Chosen by the prefix of its ids or by its own id; without arguments all are. */
static bool chosen(const struct group *group, const struct row *row, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcasecmp(argv[i], group->name) == 0 || strcasecmp(argv[i], row->id) == 0)
            return true;
    return argc == 0;
}

static bool arguments_known(struct cli *cli, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        bool known = false;
        for (size_t g = 0; g < GROUP_COUNT && !known; g++)
            for (const struct row *row = groups[g].rows; row->id != NULL && !known; row++)
                known = chosen(&groups[g], row, 1, &argv[i]);
        if (!known)
            return cli_usage(cli, "%s: there is no such group or row", argv[i]), false;
    }
    return true;
}

/* Every chosen row, turn by turn; within a turn in the order of the plan. */
static unsigned play_all(struct judge *judge, struct report *report, int argc, char **argv)
{
    unsigned planned = 0;

    for (unsigned turn = 0; turn < TURN_COUNT; turn++) {
        for (size_t g = 0; g < GROUP_COUNT; g++) {
            for (const struct row *row = groups[g].rows; row->id != NULL; row++) {
                struct result result;
                if (row_turn(row) != turn || !chosen(&groups[g], row, argc, argv))
                    continue;
                planned++;
                if (judge == NULL)
                    continue;
                judge_row(judge, row, &result);
                report_row(report, g, row, &result);
            }
        }
    }
    return planned;
}

int verb_conform(struct cli *cli, int argc, char **argv)
{
    struct conform_options o = { .applet = false };
    struct given given = { NULL, NULL, NULL };
    struct terms terms;
    struct wire wire = { .ctx = NULL };
    struct why why = { "" };
    struct judge *judge = NULL;
    struct report report;
    int status = CLI_FAILED;

    if (!cli_options(cli, rows, &o, &argc, &argv))
        return cli->status;
    if (!arguments_known(cli, argc, argv) || !take_terms(cli, &o, &terms, &given)) {
        given_free(&given);
        return cli->status;
    }
    bool open = o.applet ? wire_applet_open(&wire, o.persona == NULL ? "piv" : o.persona, terms.management_alg, &why)
                         : wire_pcsc_open(&wire, o.reader, &why);
    terms.yubikey = open && (o.persona == NULL ? conform_is_yubikey(&wire) : strcmp(o.persona, "yubikey") == 0);
    if (open)
        judge = judge_new(&wire, &terms, &why);
    if (judge == NULL) {
        status = cli_fail(cli, ERR_ABSENT, &why);
    } else {
        enum report_format format = cli->json ? REPORT_JSON : o.tap ? REPORT_TAP : REPORT_TEXT;
        report_begin(&report, format, play_all(NULL, NULL, argc, argv), wire.name, terms.yubikey);
        play_all(judge, &report, argc, argv);
        report_end(&report);
        status = report_failed(&report) == 0 ? CLI_DONE : CLI_FAILED;
        if (!judge_end(judge, &why))
            status = cli_fail(cli, ERR_DATA, &why);
    }
    judge_free(judge);
    if (o.applet)
        wire_applet_close(&wire);
    else
        wire_pcsc_close(&wire);
    given_free(&given);
    return status;
}
