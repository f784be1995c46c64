/* SPDX-License-Identifier: BSD-2-Clause */
/* check_err.c — the table of errors is whole, and struct why keeps what was said first. */
#include <string.h>

#include "applet/err.h"
#include "tests/check_suites.h"

START_TEST(every_error_has_name_sentence_and_status_word)
{
    enum err e = (enum err)_i;

    ck_assert_str_ne(err_name(e), "");
    ck_assert_str_ne(err_sentence(e), "");
    if (e == ERR_NONE)
        ck_assert_uint_eq(sw_of(e), SW_SUCCESS);
    else
        ck_assert_uint_ne(sw_of(e), SW_SUCCESS);
    for (int other = 0; other < _i; other++)
        ck_assert_str_ne(err_name(e), err_name((enum err)other));
}
END_TEST

START_TEST(the_first_to_speak_wins)
{
    struct why why = { "" };

    ck_assert_int_eq(why_set(&why, ERR_DATA, "line %d", 7), ERR_DATA);
    ck_assert_int_eq(why_set(&why, ERR_STORE, "something else"), ERR_STORE);
    ck_assert_str_eq(why.text, "line 7");
}
END_TEST

START_TEST(nobody_to_tell_is_fine)
{
    ck_assert_int_eq(why_set(NULL, ERR_FULL, "%s", "unheard"), ERR_FULL);
}
END_TEST

START_TEST(a_long_reason_is_cut_not_overrun)
{
    struct why why = { "" };
    char lengthy[2 * sizeof why.text];

    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    ck_assert_int_eq(why_set(&why, ERR_DATA, "%s", lengthy), ERR_DATA);
    ck_assert_uint_lt(strlen(why.text), sizeof why.text);
}
END_TEST

Suite *suite_err(void)
{
    Suite *suite = suite_create("err");
    TCase *rows = tcase_create("table");
    TCase *why = tcase_create("why");

    tcase_add_loop_test(rows, every_error_has_name_sentence_and_status_word, 0, ERR_COUNT);
    suite_add_tcase(suite, rows);
    tcase_add_test(why, the_first_to_speak_wins);
    tcase_add_test(why, nobody_to_tell_is_fine);
    tcase_add_test(why, a_long_reason_is_cut_not_overrun);
    suite_add_tcase(suite, why);
    return suite;
}
