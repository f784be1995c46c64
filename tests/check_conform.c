/* SPDX-License-Identifier: BSD-2-Clause */
/* check_conform.c — the conformance rows against the applet in this process, and against a card that lies.
 * A program of its own, for it takes half a minute. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet/card.h"
#include "tools/conform.h"

static struct wire wire;
static struct judge *judge;
static struct secret *pin, *puk, *management;

static void open_judge(const char *persona, uint8_t alg)
{
    struct why why = { "" };

    ck_assert_msg(wire_applet_open(&wire, persona, alg, &why), "%s", why.text);
    ck_assert(factory_pin(&pin) == ERR_NONE && factory_puk(&puk) == ERR_NONE);
    ck_assert(factory_management(alg, &management) == ERR_NONE);
    struct terms terms = { .yubikey = strcmp(persona, "yubikey") == 0, .destructive = true, .house = true, .pin = pin,
                           .puk = puk, .management = management,
                           .management_alg = alg };
    judge = judge_new(&wire, &terms, &why);
    ck_assert_msg(judge != NULL, "%s", why.text);
}

static void close_judge(void)
{
    judge_free(judge);
    wire_applet_close(&wire);
    secret_drop(&pin);
    secret_drop(&puk);
    secret_drop(&management);
}

/* What went wrong, all of it: one row that fails must not hide the others. */
static char wrong[8192];

static void note(const char *id, const char *text)
{
    size_t n = strlen(wrong), room = sizeof wrong - n;

    snprintf(wrong + n, room, "\n%s: %.*s", id, room > 300 ? 250 : 0, text);
}

static unsigned play_group(const struct group *group, unsigned turn)
{
    unsigned played = 0;

    for (const struct row *row = group->rows; row->id != NULL; row++) {
        struct result result;
        if (row_turn(row) != turn)
            continue;
        judge_row(judge, row, &result);
        played += result.verdict != VERDICT_NOT_APPLICABLE;
        if (result.verdict == VERDICT_FAIL)
            note(row->id, result.text);
    }
    return played;
}

/* How many rows really run: fewer means that some have become "not applicable" unnoticed. */
static const unsigned least[PERSONA_COUNT] = { 232, 280 };

START_TEST(every_row_that_applies_passes)
{
    unsigned played = 0;

    open_judge(personas[_i].name, 0x03);
    for (unsigned turn = 0; turn < TURN_COUNT; turn++)
        for (size_t g = 0; g < GROUP_COUNT; g++)
            played += play_group(&groups[g], turn);
    close_judge();
    ck_assert_msg(wrong[0] == '\0', "%s", wrong);
    ck_assert_uint_ge(played, least[_i]);
}
END_TEST

/* The handshake with each algorithm of a management key. */
START_TEST(management_rows_pass_with_every_cipher)
{
    static const uint8_t ciphers[] = { 0x08, 0x0A, 0x0C };

    open_judge("piv", ciphers[_i]);
    for (size_t g = 0; g < GROUP_COUNT; g++)
        if (strcmp(groups[g].name, "GAM") == 0)
            for (unsigned turn = 0; turn < TURN_COUNT; turn++)
                play_group(&groups[g], turn);
    close_judge();
    ck_assert_msg(wrong[0] == '\0', "%s", wrong);
}
END_TEST

START_TEST(the_plan_is_whole)
{
    size_t n = 0;

    for (size_t g = 0; g < GROUP_COUNT; g++) {
        unsigned last = 0;
        for (const struct row *row = groups[g].rows; row->id != NULL; row++, n++) {
            unsigned number;
            ck_assert_msg(sscanf(row->id + strlen(groups[g].name), "-%2u", &number) == 1, "%s", row->id);
            ck_assert_msg(number == ++last, "%s is out of order", row->id);
            ck_assert_msg(strncmp(row->id, groups[g].name, strlen(groups[g].name)) == 0, "%s", row->id);
            ck_assert_ptr_eq(conform_by_id(row->id), row);
        }
    }
    ck_assert_uint_eq(n, 386);
}
END_TEST

/* A card that lies once: answer number `lie` has another status word. */
static struct {
    struct wire honest;
    unsigned answers, lie;
} liar;

static bool lying_send(void *ctx, struct in command, struct out *answer)
{
    bool good = liar.honest.send(ctx, command, answer);

    if (good && ++liar.answers == liar.lie && answer->n >= 2) {
        bool success = answer->p[answer->n - 2] == 0x90 || answer->p[answer->n - 2] == 0x61;
        answer->p[answer->n - 2] = success ? 0x6F : 0x90;
        answer->p[answer->n - 1] = 0x00;
    }
    return good;
}

enum { LIES_MAX = 6 };

static bool among(const char *id, const char *const *ids)
{
    for (; *ids != NULL; ids++)
        if (strcmp(id, *ids) == 0)
            return true;
    return false;
}

/* Slow to play again and again: they draw keys, or measure. */
static bool slow(const struct row *row)
{
    static const char *const ids[] = { "GAM-17", "GAM-23", "GAS-15", "GAS-30", "SEC-07", "YK-23", "YK-24", "YK-27",
                                       NULL };

    return row_turn(row) == TURN_LATE || among(row->id, ids);
}

static void lie_to(const struct row *row)
{
    struct result result;

    bool makes = row->start[0] == 'P'; /* the first time makes the keys that the row starts from */
    for (int honest = 0; honest < 1 + makes; honest++) {
        liar.answers = liar.lie = 0;
        judge_row(judge, row, &result);
        if (result.verdict == VERDICT_NOT_APPLICABLE)
            return;
        ck_assert_msg(result.verdict == VERDICT_PASS, "%s: %s", row->id, result.text);
    }
    unsigned n = liar.answers, most = slow(row) ? 1 : LIES_MAX;
    /* Which key references are empty is found by trying: there a lie leads to the next one. */
    bool late = slow(row) || strstr(row->start, "empty") != NULL;
    unsigned first = late && n > LIES_MAX ? n - LIES_MAX : 1;
    unsigned step = n - first > most ? (n - first) / most + (most == 1) : 1;
    for (unsigned lie = first; lie <= n; lie += step) {
        liar.answers = 0;
        liar.lie = lie;
        judge_row(judge, row, &result);
        if (result.verdict != VERDICT_FAIL || result.text[0] == '\0') {
            char text[80];
            snprintf(text, sizeof text, "answer %u of %u was changed, and it passes or says nothing", lie, n);
            note(row->id, text);
        }
    }
}

START_TEST(no_row_passes_when_an_answer_is_changed)
{
    /* Random commands, whose answers do not matter one by one. */
    static const char *const any_answer[] = { "SEC-01", "SEC-02", NULL };
    bool yubikey = strcmp(personas[_i].name, "yubikey") == 0;

    open_judge(personas[_i].name, 0x03);
    liar.honest = wire;
    wire.send = lying_send;
    for (size_t g = 0; g < GROUP_COUNT; g++)
        for (const struct row *row = groups[g].rows; row->id != NULL; row++)
            if ((strcmp(groups[g].name, "YK") == 0) == yubikey && !among(row->id, any_answer))
                lie_to(row);
    close_judge();
    ck_assert_msg(wrong[0] == '\0', "%s", wrong);
}
END_TEST

/* A card that makes another choice than ours: one status word in place of another. */
static struct {
    struct wire honest;
    uint16_t ours, its;
} other;

static bool other_send(void *ctx, struct in command, struct out *answer)
{
    bool good = other.honest.send(ctx, command, answer);
    size_t n = answer->n;

    if (good && n >= 2 && (answer->p[n - 2] << 8 | answer->p[n - 1]) == other.ours) {
        answer->p[n - 2] = (uint8_t)(other.its >> 8);
        answer->p[n - 1] = (uint8_t)other.its;
    }
    return good;
}

/* What the standard leaves open (or names two words for) may not fail a card; what it says may. */
START_TEST(choices_that_the_standard_leaves_are_no_failures)
{
    static const struct {
        const char *id;
        uint16_t ours, its;
        bool allowed;
    } rows[] = {
        { "VER-07", 0x6983, 0x63C0, true },  { "VER-06", 0x6983, 0x63C0, false }, { "GET-15", 0x6A80, 0x6A82, true },
        { "GET-21", 0x6985, 0x6A88, true },  { "GET-07", 0x6982, 0x9000, false }, { "CLA-01", 0x6E00, 0x6D00, true },
        { "PUT-11", 0x6A81, 0x6A82, true },  { "CRD-16", 0x6A86, 0x6A80, true },  { "CRD-06", 0x6A80, 0x6A81, false },
        { "VER-12", 0x6A86, 0x6A80, false }, { "GAM-05", 0x6A86, 0x6A80, true },  { "GAM-07", 0x6982, 0x63C0, false },
        { "SEL-07", 0x6A82, 0x6A81, false }, { "GET-14", 0x6A86, 0x9000, false }, { "CRD-15", 0x6A88, 0x6A86, false },
    };

    open_judge("piv", 0x03);
    other.honest = wire;
    wire.send = other_send;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = conform_by_id(rows[i].id);
        struct result strict, result;
        other.ours = rows[i].ours;
        other.its = rows[i].its;
        judge_allow(judge, false);
        judge_row(judge, row, &strict);
        judge_allow(judge, true);
        judge_row(judge, row, &result);
        if (strict.verdict != VERDICT_FAIL || (result.verdict == VERDICT_PASS) != rows[i].allowed)
            note(rows[i].id, result.verdict == VERDICT_PASS ? "passes" : result.text);
        if (rows[i].allowed && strstr(result.came, "6") == NULL)
            note(rows[i].id, "does not say what came");
    }
    close_judge();
    ck_assert_msg(wrong[0] == '\0', "%s", wrong);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conform");
    TCase *rows = tcase_create("rows"), *lies = tcase_create("lies");

    tcase_set_timeout(rows, 120);
    tcase_set_timeout(lies, 300);
    tcase_add_test(rows, the_plan_is_whole);
    tcase_add_loop_test(rows, every_row_that_applies_passes, 0, PERSONA_COUNT);
    tcase_add_loop_test(rows, management_rows_pass_with_every_cipher, 0, 3);
    tcase_add_test(lies, choices_that_the_standard_leaves_are_no_failures);
    tcase_add_loop_test(lies, no_row_passes_when_an_answer_is_changed, 0, PERSONA_COUNT);
    suite_add_tcase(suite, rows);
    suite_add_tcase(suite, lies);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
