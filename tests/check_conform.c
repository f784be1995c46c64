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

static void open_judge(uint8_t alg)
{
    struct why why = { "" };

    ck_assert_msg(wire_applet_open(&wire, "piv", alg, &why), "%s", why.text);
    ck_assert(factory_pin(&pin) == ERR_NONE && factory_puk(&puk) == ERR_NONE);
    ck_assert(factory_management(alg, &management) == ERR_NONE);
    struct terms terms = { .destructive = true, .pin = pin, .puk = puk, .management = management,
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

static void play_group(const struct group *group)
{
    for (unsigned turn = 0; turn < TURN_COUNT; turn++) {
        for (const struct row *row = group->rows; row->id != NULL; row++) {
            struct result result;
            if (row_turn(row) != turn)
                continue;
            judge_row(judge, row, &result);
            ck_assert_msg(result.verdict != VERDICT_FAIL, "%s: %s", row->id, result.text);
        }
    }
}

START_TEST(every_row_that_applies_passes)
{
    open_judge(0x03);
    play_group(&groups[_i]);
    close_judge();
}
END_TEST

/* The handshake with each algorithm of a management key. */
START_TEST(management_rows_pass_with_every_cipher)
{
    static const uint8_t ciphers[] = { 0x08, 0x0A, 0x0C };

    open_judge(ciphers[_i]);
    for (size_t g = 0; g < GROUP_COUNT; g++)
        if (strcmp(groups[g].name, "GAM") == 0)
            play_group(&groups[g]);
    close_judge();
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
    ck_assert_uint_eq(n, 382);
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

/* Rows whose answers do not matter one by one: random commands, searches through what is there. */
static bool does_not_mind(const char *id)
{
    static const char *const ids[] = { "SEC-01", "SEC-02" };

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

/* Slow to play again and again: they draw keys, or measure. */
static bool slow(const struct row *row)
{
    return row_turn(row) == TURN_LATE || strcmp(row->id, "GAM-17") == 0 || strcmp(row->id, "GAM-23") == 0 ||
           strcmp(row->id, "GAS-30") == 0 || strcmp(row->id, "SEC-07") == 0;
}

static void lie_to(const struct row *row)
{
    struct result result;

    for (int honest = 0; honest < 2; honest++) { /* the first time makes what the row starts from */
        liar.answers = liar.lie = 0;
        judge_row(judge, row, &result);
        if (result.verdict == VERDICT_NOT_APPLICABLE)
            return;
        ck_assert_msg(result.verdict == VERDICT_PASS, "%s: %s", row->id, result.text);
    }
    unsigned n = liar.answers, most = slow(row) ? 2 : LIES_MAX, step = n > most ? n / most : 1;
    for (unsigned lie = 1; lie <= n; lie += step) {
        liar.answers = 0;
        liar.lie = lie;
        judge_row(judge, row, &result);
        ck_assert_msg(result.verdict == VERDICT_FAIL, "%s passes though answer %u of %u was changed", row->id, lie, n);
        ck_assert_msg(result.text[0] != '\0', "%s fails without a word", row->id);
    }
}

START_TEST(no_row_passes_when_an_answer_is_changed)
{
    open_judge(0x03);
    liar.honest = wire;
    wire.send = lying_send;
    for (const struct row *row = groups[_i].rows; row->id != NULL; row++)
        if (!does_not_mind(row->id))
            lie_to(row);
    close_judge();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conform");
    TCase *rows = tcase_create("rows"), *lies = tcase_create("lies");

    tcase_set_timeout(rows, 120);
    tcase_set_timeout(lies, 300);
    tcase_add_test(rows, the_plan_is_whole);
    tcase_add_loop_test(rows, every_row_that_applies_passes, 0, GROUP_COUNT);
    tcase_add_loop_test(rows, management_rows_pass_with_every_cipher, 0, 3);
    tcase_add_loop_test(lies, no_row_passes_when_an_answer_is_changed, 0, GROUP_COUNT);
    suite_add_tcase(suite, rows);
    suite_add_tcase(suite, lies);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
