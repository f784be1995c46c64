/* SPDX-License-Identifier: BSD-2-Clause */
/* option.c — a verb's rows of options become getopt_long's tables and the help text. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vpiv.h"

enum { ROWS_MAX = 48, LONG_BASE = 256 };

static bool take_system(struct cli *cli, void *into, const char *value)
{
    (void)into, (void)value;
    cli->where = WHERE_SYSTEM;
    return true;
}

static bool take_user(struct cli *cli, void *into, const char *value)
{
    (void)into, (void)value;
    cli->where = WHERE_USER;
    return true;
}

static bool take_json(struct cli *cli, void *into, const char *value)
{
    (void)into, (void)value;
    cli->json = true;
    return true;
}

/* Options that verbs share, and the flag of the verbs that have them (0 = all). */
static const struct {
    unsigned flag;
    struct option_row row;
} common[] = {
    { VERB_JSON, { "json", 0, OPTION_CALL, NULL, 0, "show it as JSON", take_json } },
    { VERB_STORE, { "system", 0, OPTION_CALL, NULL, 0, "the system's store (root's default)", take_system } },
    { VERB_STORE, { "user", 0, OPTION_CALL, NULL, 0, "one's own store (others' default)", take_user } },
    { 0, { "help", 'h', OPTION_FLAG, NULL, 0, "show this help", NULL } },
};

/* struct table — the rows that count for one verb, as getopt_long wants them. */
struct table {
    const struct option_row *row[ROWS_MAX];
    struct option longs[ROWS_MAX + 1];
    char letters[2 + 2 * ROWS_MAX + 1];
    int n;
};

static void table_add(struct table *t, const struct option_row *row)
{
    char *end = t->letters + strlen(t->letters);

    if (t->n == ROWS_MAX)
        abort(); /* the tables are ours: a test runs every verb's help */
    t->row[t->n] = row;
    t->longs[t->n] = (struct option){ row->name, row->value != NULL ? required_argument : no_argument, NULL,
                                      LONG_BASE + t->n };
    if (row->letter != 0) {
        *end++ = row->letter;
        if (row->value != NULL)
            *end++ = ':';
        *end = '\0';
    }
    t->n++;
}

static void table_make(struct table *t, const struct verb *verb, const struct option_row *rows)
{
    memset(t, 0, sizeof *t);
    /* ':' tells a missing value from an unknown option; '+' stops at the first argument. */
    strcpy(t->letters, verb->flags & VERB_COMMAND ? "+:" : ":");
    for (; rows != NULL && rows->name != NULL; rows++)
        table_add(t, rows);
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (common[i].flag == 0 || (common[i].flag & verb->flags) != 0)
            table_add(t, &common[i].row);
}

static const struct option_row *table_find(const struct table *t, int c)
{
    if (c >= LONG_BASE)
        return t->row[c - LONG_BASE];
    for (int i = 0; i < t->n; i++)
        if (t->row[i]->letter == c)
            return t->row[i];
    return NULL;
}

static void show_help(const struct cli *cli, const struct table *t)
{
    bool secret = false;

    printf("Usage: %s %s [options]%s%s\n%s.\n\n", cli->program, cli->verb->name,
           *cli->verb->arguments ? " " : "", cli->verb->arguments, cli->verb->summary);
    for (int i = 0; i < t->n; i++) {
        const struct option_row *row = t->row[i];
        char left[64];
        int n = snprintf(left, sizeof left, "  %c%c%s --%s%s%s", row->letter ? '-' : ' ',
                         row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name,
                         row->value ? " " : "", row->value ? row->value : "");
        printf("%-32s%s%s\n", left, n >= 32 ? "\n                                " : "", row->help);
        secret = secret || row->kind == OPTION_SECRET;
    }
    if (secret)
        puts("\nPASS is pass:TEXT, env:NAME, file:PATH, fd:NUMBER or stdin; without it you are asked.\n"
             "Several from stdin, one fd: or one file: take a line each.  All can see a pass:TEXT.");
}

static bool take_number(struct cli *cli, const struct option_row *row, void *at, const char *value)
{
    char *end;

    errno = 0;
    unsigned long v = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || v > UINT_MAX) {
        cli_usage(cli, "--%s: '%s' is not a number", row->name, value);
        return false;
    }
    *(unsigned *)at = (unsigned)v;
    return true;
}

static bool take(struct cli *cli, const struct option_row *row, void *into, const char *value)
{
    void *at = into == NULL ? NULL : (char *)into + row->offset;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return true;
    case OPTION_TEXT:
    case OPTION_SECRET:
        *(const char **)at = value;
        return true;
    case OPTION_NUMBER:
        return take_number(cli, row, at, value);
    case OPTION_CALL:
        return row->take(cli, into, value);
    }
    return false;
}

/* The option that getopt_long has just stumbled over, as the user wrote it. */
static const char *culprit(char **argv, char text[3])
{
    if (optopt > 0 && optopt < LONG_BASE) {
        snprintf(text, 3, "-%c", optopt);
        return text;
    }
    return argv[optind - 1];
}

static bool check_count(struct cli *cli, int n)
{
    const struct verb *verb = cli->verb;

    if (n < verb->least)
        cli_usage(cli, "%s is missing", verb->arguments);
    else if (verb->most >= 0 && n > verb->most)
        cli_usage(cli, "too many arguments");
    else
        return true;
    return false;
}

bool cli_options(struct cli *cli, const struct option_row *rows, void *into, int *argc, char ***argv)
{
    struct table t;
    char text[3];
    int c;

    table_make(&t, cli->verb, rows);
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(*argc, *argv, t.letters, t.longs, NULL)) != -1) {
        const struct option_row *row = table_find(&t, c);

        if (c == ':')
            return cli_usage(cli, "%s wants a value", culprit(*argv, text)), false;
        if (row == NULL)
            return cli_usage(cli, "there is no option %s here", culprit(*argv, text)), false;
        if (row->letter == 'h' && row->take == NULL && strcmp(row->name, "help") == 0)
            return show_help(cli, &t), cli->status = CLI_DONE, false;
        if (!take(cli, row, into, optarg))
            return false;
    }
    *argc -= optind;
    *argv += optind;
    return check_count(cli, *argc);
}
