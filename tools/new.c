/* SPDX-License-Identifier: BSD-2-Clause */
/* new.c — `vpiv new`: a card without keys. */
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "tools/certinfo.h"
#include "tools/insert.h"
#include "tools/newcard.h"

struct new_options {
    struct newcard_options fresh;
    bool no_insert;
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
    { "management-key", 0, OPTION_SECRET, "PASS", AT(fresh.management), "the management key in hex (random, shown once)",
      NULL },
    { "management-algorithm", 0, OPTION_TEXT, "NAME", AT(fresh.algorithm), "3DES, AES-128, AES-192 or AES-256", NULL },
    { "pin-tries", 0, OPTION_NUMBER, "N", AT(fresh.pin_tries), "wrong PINs until it is blocked", NULL },
    { "puk-tries", 0, OPTION_NUMBER, "N", AT(fresh.puk_tries), "wrong PUKs until it is blocked", NULL },
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
        json_t *o = json_pack("{s:o, s:o, s:b, s:s, s:s, s:o}", "card", json_text(name), "path", json_text(path), "new", 1,
                              "guid", guid, "persona", card->persona->name, "reader",
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

    if (!cli_options(cli, rows, &o, &argc, &argv) || !newcard_plan(cli, &o.fresh, &plan))
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
