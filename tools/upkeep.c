/* SPDX-License-Identifier: BSD-2-Clause */
/* upkeep.c — `vpiv adopt` and `vpiv remove`: what only the owner of a card's file may do. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/settings.h"
#include "tools/pick.h"

struct upkeep_options {
    bool yes;
};

static const struct option_row adopt_rows[] = {
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

static const struct option_row remove_rows[] = {
    { "yes", 'y', OPTION_FLAG, NULL, offsetof(struct upkeep_options, yes), "do not ask", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* The tries of a card whose record is lost are those that a new card gets. */
static bool fresh_tries(struct cli *cli, struct tries *tries)
{
    struct settings settings;
    struct why why = { "" };
    enum err e;

    settings_default(&settings);
    e = settings_read(cli->store.settings, &settings, &why);
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why), false;
    *tries = (struct tries){ .left = { (uint8_t)settings.pin_tries, (uint8_t)settings.puk_tries,
                                       (uint8_t)settings.pin_tries } };
    memcpy(tries->allowed, tries->left, sizeof tries->allowed);
    return true;
}

/* A card with a good record has nothing to be adopted: this is not a way round the PUK. */
static bool needs_adoption(struct cli *cli, const char *path, const char *card)
{
    static const struct tries none;
    struct cardfile *file = NULL;
    struct card *read = NULL;
    struct tries tries = none;
    struct why why = { "" };
    enum err e = cardfile_open(path, cli->state, &file, &read, &why);
    bool good = false;

    if (e == ERR_NONE) {
        struct piv_env env = cardfile_env(file);

        good = env.tries_read(env.ctx, &tries) == ERR_NONE && memcmp(&tries, &none, sizeof none) != 0;
    }
    card_free(read);
    cardfile_close(file);
    if (good)
        cli_refuse(cli, "%s: this host knows the card already; a blocked PIN is for 'vpiv unblock'", card);
    return !good;
}

int verb_adopt(struct cli *cli, int argc, char **argv)
{
    struct upkeep_options o = { false };
    struct why why = { "" };
    struct tries tries;
    char path[PATH_MAX];
    enum err e;

    if (!cli_options(cli, adopt_rows, &o, &argc, &argv) || !cli_store(cli) || !fresh_tries(cli, &tries))
        return cli->status;
    e = store_card_path(&cli->store, argv[0], path, &why);
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why);
    if (!cli_state(cli, false) || !needs_adoption(cli, path, argv[0]))
        return cli->status;
    e = cardfile_adopt(path, cli->state, &tries, &why);
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why);
    printf("%s: in use on this host, with %u tries for the PIN and %u for the PUK\n", argv[0],
           tries.left[PIN_APPLICATION], tries.left[PIN_PUK]);
    return CLI_DONE;
}

/* Nothing brings a removed card back: whoever has no --yes must type its name. */
static bool confirmed(struct cli *cli, const struct picked *p)
{
    char line[NAME_MAX + 2];

    if (!isatty(STDIN_FILENO))
        return cli_refuse(cli, "%s: nobody is there to be asked; --yes removes it without asking", p->name), false;
    fprintf(stderr, "%s will be gone for good, with %zu keys. Type its name to remove it: ", p->path, p->card->n_keys);
    if (fgets(line, sizeof line, stdin) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, p->name) != 0)
        return cli_refuse(cli, "%s: not removed", p->name), false;
    return true;
}

int verb_remove(struct cli *cli, int argc, char **argv)
{
    struct upkeep_options o = { false };
    struct why why = { "" };
    struct picked p;
    int status = CLI_DONE;
    enum err e;

    if (!cli_options(cli, remove_rows, &o, &argc, &argv) || !pick(cli, argv[0], &p))
        return cli->status;
    if (p.in_reader)
        status = cli_refuse(cli, "%s: it is in reader %u; 'vpiv eject -r %u' takes it out", p.name, p.reader, p.reader);
    else if (!o.yes && !confirmed(cli, &p))
        status = cli->status;
    else if ((e = cardfile_remove(p.file, &why)) != ERR_NONE)
        status = cli_fail(cli, e, &why);
    else
        printf("%s: removed\n", p.name);
    pick_clear(&p);
    return status;
}
