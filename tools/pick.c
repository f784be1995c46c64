/* SPDX-License-Identifier: BSD-2-Clause */
/* pick.c — finds the card that is meant, and opens it to be read. */
#include "tools/pick.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool reader_entry(const struct store *store, unsigned number, const char *entry, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%u%s%s", store->readers, number, *entry == '\0' ? "" : "/", entry) < PATH_MAX;
}

static bool same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

bool pick_reader(const struct store *store, const char *path, unsigned *number)
{
    char entry[PATH_MAX];
    struct stat st;

    if (store->readers[0] == '\0')
        return false;
    for (*number = 0; *number < READERS_MAX; ++*number) {
        if (!reader_entry(store, *number, "", entry) || stat(entry, &st) != 0)
            return false;
        if (reader_entry(store, *number, "card", entry) && same_file(entry, path))
            return true;
    }
    return false;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_card(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return n > strlen(".card") && d->d_name[0] != '.' && strcmp(d->d_name + n - strlen(".card"), ".card") == 0;
}

size_t store_cards(const struct store *store, char ***names)
{
    struct dirent **found = NULL;
    int n = scandir(store->cards, &found, is_card, by_name);
    size_t kept = 0;

    *names = n > 0 ? calloc((size_t)n, sizeof **names) : NULL;
    for (int i = 0; i < n; i++) {
        char name[NAME_MAX + 1];

        store_card_name(found[i]->d_name, name);
        if (*names != NULL && ((*names)[kept] = strdup(name)) != NULL)
            kept++;
        free(found[i]);
    }
    free(found);
    return kept;
}

/* The card in the first reader that has one; its state may be the reader's own. */
static bool find_inserted(struct cli *cli, struct picked *p, char state[PATH_MAX])
{
    char path[PATH_MAX];
    struct stat st;

    for (unsigned n = 0; cli->store.readers[0] != '\0' && n < READERS_MAX; n++) {
        if (!reader_entry(&cli->store, n, "", path) || stat(path, &st) != 0)
            return false;
        if (!reader_entry(&cli->store, n, "card", path) || realpath(path, p->path) == NULL)
            continue;
        if (!reader_entry(&cli->store, n, "state", state) || stat(state, &st) != 0)
            state[0] = '\0';
        return true;
    }
    return false;
}

static bool find_only(struct cli *cli, struct picked *p)
{
    char **names = NULL;
    size_t n = store_cards(&cli->store, &names);
    struct why why = { "" };
    enum err e = ERR_NONE;

    if (n == 0)
        cli_refuse(cli, "there is no card in %s: '%s import FILE.p12' or '%s new CARD' makes one", cli->store.cards,
                   cli->program, cli->program);
    else if (n > 1)
        cli_refuse(cli, "there are %zu cards (%s, %s%s): say which one", n, names[0], names[1], n > 2 ? ", …" : "");
    else if ((e = store_card_path(&cli->store, names[0], p->path, &why)) != ERR_NONE)
        cli_fail(cli, e, &why);
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return n == 1 && e == ERR_NONE;
}

static bool find(struct cli *cli, const char *card, struct picked *p, char state[PATH_MAX])
{
    struct why why = { "" };
    enum err e;

    state[0] = '\0';
    if (card == NULL)
        return find_inserted(cli, p, state) || find_only(cli, p);
    e = store_card_path(&cli->store, card, p->path, &why);
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why), false;
    return true;
}

bool pick(struct cli *cli, const char *card, struct picked *p)
{
    char state[PATH_MAX];
    struct why why = { "" };
    struct piv_env env;
    enum err e = ERR_NONE;

    memset(p, 0, sizeof *p);
    if (!cli_store(cli) || !find(cli, card, p, state))
        return false;
    if (!secret_heap())
        return cli_refuse(cli, "there is no protected memory for secrets"), false;
    if (state[0] != '\0')
        e = state_open(state, false, false, NULL, &p->own, &why);
    else if (!cli_state(cli, false))
        return false;
    store_card_name(p->path, p->name);
    if (e == ERR_NONE)
        e = cardfile_open(p->path, p->own != NULL ? p->own : cli->state, &p->file, &p->card, &why);
    if (e == ERR_NONE) {
        env = cardfile_env(p->file);
        e = env.tries_read(env.ctx, &p->tries);
        p->in_reader = pick_reader(&cli->store, p->path, &p->reader);
    }
    if (e == ERR_NONE)
        return true;
    pick_clear(p);
    return cli_fail(cli, e, &why), false;
}

void pick_clear(struct picked *p)
{
    card_free(p->card);
    cardfile_close(p->file);
    state_close(p->own);
    p->card = NULL;
    p->file = NULL;
    p->own = NULL;
}
