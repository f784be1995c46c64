/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_report.c — one line a row, in three formats, and the totals. */
#include "tools/conform_report.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

static const char *const said[VERDICT_COUNT] = { "ok", "not ok", "not applicable" };
static const char *const in_json[VERDICT_COUNT] = { "pass", "fail", "n/a" };

void report_begin(struct report *report, enum report_format format, unsigned planned, const char *card, bool yubikey)
{
    *report = (struct report){ .format = format };
    if (format == REPORT_TAP)
        printf("1..%u\n# ", planned);
    if (format != REPORT_JSON)
        printf("%s: judged as a card of persona %s\n", card, yubikey ? "yubikey" : "piv");
}

/* "ok       VER-03  a wrong PIN costs one try", and behind it what there is to say. */
static void text_row(const struct row *row, const struct result *result)
{
    printf("%-14s  %-6s  %s", said[result->verdict], row->id, row->what);
    if (result->text[0] != '\0')
        printf(": %s", result->text);
    if (result->came[0] != '\0')
        printf(" (came: %s)", result->came);
    if (result->verdict == VERDICT_FAIL)
        printf(" [%s]", row->clause);
    putchar('\n');
}

static void tap_row(unsigned number, const struct row *row, const struct result *result)
{
    bool failed = result->verdict == VERDICT_FAIL;

    printf("%s %u - %s %s", failed ? "not ok" : "ok", number, row->id, row->what);
    if (result->verdict == VERDICT_NOT_APPLICABLE)
        printf(" # SKIP %s", result->text);
    putchar('\n');
    if (failed)
        printf("# %s [%s]\n", result->text, row->clause);
    if (result->came[0] != '\0')
        printf("# came: %s\n", result->came);
}

/* One object a line; no summary: who reads it can count. */
static void json_row(const struct row *row, const struct result *result)
{
    json_t *line = json_pack("{s:s, s:s, s:s, s:s}", "id", row->id, "result", in_json[result->verdict], "what",
                             row->what, "clause", row->clause);

    if (line != NULL && result->text[0] != '\0')
        json_object_set_new(line, result->verdict == VERDICT_FAIL ? "failure" : "reason", json_string(result->text));
    if (line != NULL && result->came[0] != '\0')
        json_object_set_new(line, "came", json_string(result->came));
    if (line != NULL)
        json_dumpf(line, stdout, JSON_COMPACT);
    json_decref(line);
    putchar('\n');
}

void report_row(struct report *report, size_t group, const struct row *row, const struct result *result)
{
    report->rows++;
    report->count[group][result->verdict]++;
    if (report->format == REPORT_TAP)
        tap_row(report->rows, row, result);
    else if (report->format == REPORT_JSON)
        json_row(row, result);
    else
        text_row(row, result);
    fflush(stdout);
}

static void total(const char *prefix, const char *name, const char *title, const unsigned count[VERDICT_COUNT])
{
    printf("%s%-4s %4u ok %4u not ok %4u not applicable   %s\n", prefix, name, count[VERDICT_PASS],
           count[VERDICT_FAIL], count[VERDICT_NOT_APPLICABLE], title);
}

void report_end(const struct report *report)
{
    unsigned all[VERDICT_COUNT] = { 0 };
    const char *prefix = report->format == REPORT_TAP ? "# " : "";

    if (report->format == REPORT_JSON)
        return;
    if (report->format == REPORT_TEXT)
        putchar('\n');
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        unsigned rows = 0;
        for (size_t v = 0; v < VERDICT_COUNT; v++) {
            rows += report->count[g][v];
            all[v] += report->count[g][v];
        }
        if (rows > 0)
            total(prefix, groups[g].name, groups[g].title, report->count[g]);
    }
    total(prefix, "all", "", all);
}

unsigned report_failed(const struct report *report)
{
    unsigned failed = 0;

    for (size_t g = 0; g < GROUP_COUNT; g++)
        failed += report->count[g][VERDICT_FAIL];
    return failed;
}
