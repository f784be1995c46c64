/* SPDX-License-Identifier: BSD-2-Clause */
/* list.c — `vpiv list`: the cards and readers of a store, a line each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/touch.h"
#include "tools/certinfo.h"
#include "tools/pick.h"
#include "tools/plain.h"
#include "tools/system.h"

static const struct option_row rows[] = {
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

/* struct line — one card, as far as it can be read. */
struct line {
    const char *name;
    char path[PATH_MAX], slots[CARD_KEYS_MAX * 3 + 1], until[CERT_DATE];
    struct why why;          /* a broken card: what is wrong */
    bool in_reader, blocked;
    const char *ends;        /* "expired", "soon" or NULL */
    unsigned reader;
};

/* The earliest end of a certificate, and which slots hold keys. */
static void read_slots(const struct card *card, struct line *line)
{
    time_t now = time(NULL), soon = now + (time_t)CERT_SOON_DAYS * 86400;
    X509 *first = NULL;

    for (size_t i = 0; i < KEYREF_COUNT; i++) {
        X509 *cert;
        size_t n = strlen(line->slots);

        if (card_key(card, keyrefs[i].ref) == NULL)
            continue;
        snprintf(line->slots + n, sizeof line->slots - n, "%s%s", n == 0 ? "" : " ", keyrefs[i].name);
        cert = card_certificate(card, &keyrefs[i]);
        if (cert != NULL &&
            (first == NULL || ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(first)) < 0)) {
            X509_free(first);
            first = cert;
        } else {
            X509_free(cert);
        }
    }
    if (first != NULL) {
        cert_date(X509_get0_notAfter(first), false, line->until);
        line->ends = X509_cmp_time(X509_get0_notAfter(first), &now) < 0    ? "expired"
                     : X509_cmp_time(X509_get0_notAfter(first), &soon) < 0 ? "soon"
                                                                           : NULL;
    }
    X509_free(first);
}

static void read_card(struct cli *cli, const char *name, struct line *line)
{
    struct cardfile *file = NULL;
    struct card *card = NULL;
    struct tries tries;
    struct piv_env env;
    enum err e;

    *line = (struct line){ .name = name };
    e = store_card_path(&cli->store, name, line->path, &line->why);
    if (e == ERR_NONE)
        e = cardfile_open(line->path, cli->state, &file, &card, &line->why);
    if (e == ERR_NONE) {
        env = cardfile_env(file);
        line->blocked = env.tries_read(env.ctx, &tries) != ERR_NONE || tries.left[PIN_APPLICATION] == 0;
        read_slots(card, line);
    } else {
        why_set(&line->why, e, "%s", err_sentence(e));
    }
    line->in_reader = pick_reader(&cli->store, line->path, &line->reader);
    card_free(card);
    cardfile_close(file);
}

static void text_card(const struct line *line, int width)
{
    char reader[16] = "-";

    if (line->in_reader)
        snprintf(reader, sizeof reader, "%u", line->reader);
    printf("%-*s  %-6s  ", width, line->name, reader);
    if (line->why.text[0] != '\0')
        printf("broken: %s\n", line->why.text);
    else
        printf("%s%s%s%s%s%s%s\n", line->slots[0] == '\0' ? "no keys" : line->slots,
               line->until[0] == '\0' ? "" : ", until ", line->until, line->ends == NULL ? "" : " (",
               line->ends == NULL ? "" : line->ends, line->ends == NULL ? "" : ")",
               line->blocked ? ", PIN blocked" : "");
}

static json_t *json_card(const struct line *line)
{
    return json_pack("{s:o, s:o, s:o, s:s, s:o, s:b, s:o}", "card", json_text(line->name), "path",
                     json_text(line->path), "reader", line->in_reader ? json_integer(line->reader) : json_null(),
                     "slots", line->slots, "valid_until",
                     line->until[0] == '\0' ? json_null() : json_string(line->until), "pin_blocked", line->blocked,
                     "error", line->why.text[0] == '\0' ? json_null() : json_text(line->why.text));
}

/* struct view — one reader: what is in it and which of its keys waits for a touch, or "". */
struct view {
    char card[NAME_MAX + 1], touch[TOUCH_KEY_MAX];
};

/* False: there is no reader n. */
static bool read_reader(const struct store *store, unsigned n, struct view *view)
{
    char path[PATH_MAX], real[PATH_MAX];
    struct stat st;
    bool felt;

    *view = (struct view){ "", "" };
    if (store->readers[0] == '\0' || !reader_entry(store, n, "", path) || stat(path, &st) != 0)
        return false;
    if (!touch_asked(path, view->touch, &felt))
        view->touch[0] = '\0';
    if (reader_entry(store, n, "card", path) && realpath(path, real) != NULL)
        store_card_name(real, view->card);
    return true;
}

/* text_users — who may do what with the system's cards; one's own are one's own. */
static void text_users(struct cli *cli)
{
    char *members = cli->store.system ? system_members() : NULL;

    if (!cli->store.system)
        return;
    printf("\nused by: every program that pcscd lets in; PIN and touch are the card's to ask\n"
           "managed by: root%s%s%s%s\n",
           members == NULL ? "" : ", group vpiv", members == NULL || *members == '\0' ? "" : " (",
           members == NULL ? "" : members, members == NULL || *members == '\0' ? "" : ")");
    free(members);
    fflush(stdout);
    system_hint(cli);
}

static json_t *json_users(const struct cli *cli)
{
    static const char *const words[] = {
        [PCSCD_NONE] = "none", [PCSCD_CURRENT] = "current", [PCSCD_STALE] = "restart",
    };
    char *members = system_members();
    json_t *users = cli->store.system
        ? json_pack("{s:b, s:o, s:s}", "group", members != NULL, "members",
                    members == NULL ? json_null() : json_text(members), "pcscd", words[system_pcscd()])
        : json_null();

    free(members);
    return users;
}

static int list_text(struct cli *cli, char *const *names, size_t n)
{
    struct view view;
    struct line line;
    int width = (int)strlen("CARD");

    for (size_t i = 0; i < n; i++)
        if ((int)strlen(names[i]) > width)
            width = (int)strlen(names[i]);
    if (n == 0)
        printf("no cards in %s: '%s import FILE.p12' or '%s new CARD' makes one\n", cli->store.cards, cli->program,
               cli->program);
    else
        printf("%-*s  %-6s  %s\n", width, "CARD", "READER", "KEYS");
    for (size_t i = 0; i < n; i++) {
        read_card(cli, names[i], &line);
        plain_text(names[i]);
        plain_text(line.why.text);
        text_card(&line, width);
    }
    for (unsigned r = 0; r < READERS_MAX && read_reader(&cli->store, r, &view); r++)
        printf("%sreader %u: %s%s%s%s\n", r == 0 ? "\n" : "", r,
               view.card[0] == '\0' ? "empty" : plain_text(view.card),
               view.touch[0] == '\0' ? "" : ", key ", view.touch, view.touch[0] == '\0' ? "" : " waits for a touch");
    text_users(cli);
    return CLI_DONE;
}

static int list_json(struct cli *cli, char *const *names, size_t n)
{
    json_t *cards = json_array(), *readers = json_array();
    struct view view;
    struct line line;

    for (size_t i = 0; i < n; i++) {
        read_card(cli, names[i], &line);
        json_array_append_new(cards, json_card(&line));
    }
    for (unsigned r = 0; r < READERS_MAX && read_reader(&cli->store, r, &view); r++)
        json_array_append_new(readers, json_pack("{s:i, s:o, s:o}", "reader", (int)r, "card",
                                                 view.card[0] == '\0' ? json_null() : json_text(view.card), "touch",
                                                 view.touch[0] == '\0' ? json_null() : json_string(view.touch)));
    return cli_json(cli, json_pack("{s:o, s:o, s:o}", "cards", cards, "readers", readers, "system", json_users(cli)));
}

int verb_list(struct cli *cli, int argc, char **argv)
{
    char **names = NULL;
    size_t n;
    int status;

    if (!cli_options(cli, rows, NULL, &argc, &argv) || !cli_store(cli))
        return cli->status;
    if (cli->store.system && access(cli->store.cards, R_OK | X_OK) != 0 && errno == EACCES)
        return cli_refuse(cli, "%s: the system's cards are for root and group vpiv to manage", cli->store.cards);
    n = store_cards(&cli->store, &names);
    if (n > 0 && !cli_state(cli, false))
        status = cli->status;
    else
        status = cli->json ? list_json(cli, names, n) : list_text(cli, names, n);
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return status;
}
