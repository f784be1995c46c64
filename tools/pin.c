/* SPDX-License-Identifier: BSD-2-Clause */
/* pin.c — `vpiv pin` and `vpiv unblock`: a new PIN or PUK, under the card's own rules and counters. */
#include <stdio.h>

#include "applet/applet.h"
#include "tools/newcard.h"
#include "tools/pick.h"

struct pin_options {
    const char *old_pin, *new_pin, *old_puk, *new_puk;
    bool puk;
};

#define AT(member) offsetof(struct pin_options, member)
static const struct option_row pin_rows[] = {
    { "pin", 0, OPTION_SECRET, "PASS", AT(old_pin), "the PIN as it is now", NULL },
    { "new-pin", 0, OPTION_SECRET, "PASS", AT(new_pin), "the new PIN, 6 to 8 digits", NULL },
    { "change-puk", 0, OPTION_FLAG, NULL, AT(puk), "change the PUK instead of the PIN", NULL },
    { "puk", 0, OPTION_SECRET, "PASS", AT(old_puk), "the PUK as it is now", NULL },
    { "new-puk", 0, OPTION_SECRET, "PASS", AT(new_puk), "the new PUK, 6 to 8 characters", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

static const struct option_row unblock_rows[] = {
    { "puk", 0, OPTION_SECRET, "PASS", AT(old_puk), "the PUK", NULL },
    { "new-pin", 0, OPTION_SECRET, "PASS", AT(new_pin), "the new PIN, 6 to 8 digits", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* One change: what is proved, what gets a new value, and how both are asked. */
struct change {
    enum pin proof, which;
    const char *proof_name;
    struct ask ask_old, ask_new;
};

/* A wrong one counts, here as everywhere. */
static int say(struct cli *cli, const struct change *c, const char *name, enum err e, uint8_t left)
{
    struct why why = { "" };

    if (e == ERR_WRONG)
        why_set(&why, e, "%s: wrong %s; %u %s left", name, c->proof_name, left, left == 1 ? "try is" : "tries are");
    else if (e == ERR_BLOCKED && c->proof == PIN_PUK)
        why_set(&why, e, "%s: the PUK is blocked; nothing brings it back", name);
    else if (e == ERR_BLOCKED)
        why_set(&why, e, "%s: the PIN is blocked; 'vpiv unblock' gives a new one with the PUK", name);
    else if (e != ERR_NONE)
        why_set(&why, e, "%s: %s", name, err_sentence(e));
    return e == ERR_NONE ? CLI_DONE : cli_fail(cli, e, &why);
}

static int carry_out(struct cli *cli, const struct change *c, struct picked *p)
{
    struct secret *old = NULL, *next = NULL;
    struct piv_env env;
    struct piv *piv;
    uint8_t left = 0;
    int status;

    if (!(c->proof == PIN_PUK ? ask_puk(cli, &c->ask_old, &old) : ask_pin(cli, &c->ask_old, &old)) ||
        !(c->which == PIN_PUK ? ask_puk(cli, &c->ask_new, &next) : ask_pin(cli, &c->ask_new, &next))) {
        secret_free(old);
        return cli->status;
    }
    env = cardfile_env(p->file);
    piv = piv_new(&env, p->card);
    p->card = NULL; /* taken */
    if (piv != NULL) {
        enum err e = piv_change(piv, c->proof, secret_in(old), c->which, secret_in(next), &left);

        status = say(cli, c, p->name, e, left);
    } else {
        status = cli_fail(cli, ERR_MEMORY, NULL);
    }
    piv_free(piv);
    secret_free(old);
    secret_free(next);
    return status;
}

static int change(struct cli *cli, const struct change *c, const char *card)
{
    struct picked p;
    int status;

    if (!pick(cli, card, &p))
        return cli->status;
    status = carry_out(cli, c, &p);
    if (status == CLI_DONE)
        printf("%s: new %s\n", p.name, c->which == PIN_PUK ? "PUK" : "PIN");
    pick_clear(&p);
    return status;
}

int verb_pin(struct cli *cli, int argc, char **argv)
{
    struct pin_options o = { NULL, NULL, NULL, NULL, false };

    if (!cli_options(cli, pin_rows, &o, &argc, &argv))
        return cli->status;
    const struct change pin = { PIN_APPLICATION, PIN_APPLICATION, "PIN",
                                { o.old_pin, "--pin", "PIN", false },
                                { o.new_pin, "--new-pin", "New PIN (6 to 8 digits)", true } };
    const struct change puk = { PIN_PUK, PIN_PUK, "PUK",
                                { o.old_puk, "--puk", "PUK", false },
                                { o.new_puk, "--new-puk", "New PUK (6 to 8 characters)", true } };

    if (o.puk ? o.old_pin != NULL || o.new_pin != NULL : o.old_puk != NULL || o.new_puk != NULL)
        return cli_usage(cli, "--pin and --new-pin change the PIN; --change-puk with --puk and --new-puk the PUK");
    return change(cli, o.puk ? &puk : &pin, argc > 0 ? argv[0] : NULL);
}

int verb_unblock(struct cli *cli, int argc, char **argv)
{
    struct pin_options o = { NULL, NULL, NULL, NULL, false };

    if (!cli_options(cli, unblock_rows, &o, &argc, &argv))
        return cli->status;
    const struct change unblock = { PIN_PUK, PIN_APPLICATION, "PUK",
                                    { o.old_puk, "--puk", "PUK", false },
                                    { o.new_pin, "--new-pin", "New PIN (6 to 8 digits)", true } };

    return change(cli, &unblock, argc > 0 ? argv[0] : NULL);
}
