/* SPDX-License-Identifier: BSD-2-Clause */
/* check_settings.c — every setting is read, bounded and explained; a file with a fault changes nothing. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/settings.h"
#include "tests/cards.h"
#include "tests/check_suites.h"

static char scratch[SCRATCH_MAX], path[SCRATCH_MAX + 16];
static struct settings settings;
static struct why why;

static void set_up(void)
{
    scratch_make(scratch);
    snprintf(path, sizeof path, "%s/vpiv.conf", scratch);
    settings_default(&settings);
    why = (struct why){ "" };
}

static void tear_down(void)
{
    scratch_remove(scratch);
}

static enum err read_settings(const char *text)
{
    write_whole(path, text, strlen(text));
    return settings_read(path, &settings, &why);
}

START_TEST(every_setting_has_a_default)
{
    ck_assert_int_eq(settings.pin_tries, 3);
    ck_assert_int_eq(settings.puk_tries, 3);
    ck_assert_str_eq(settings.persona, "piv");
    ck_assert_str_eq(settings.management_algorithm, "3DES");
    ck_assert_int_eq(settings.absent_ms, 0);
    ck_assert(!settings.pinpad);
    ck_assert_str_eq(settings.touch, "auto");
    ck_assert_int_eq(settings.touch_seconds, 15);
    ck_assert_int_eq(settings.slots, 1);
}
END_TEST

START_TEST(a_missing_or_empty_file_is_fine)
{
    struct settings before = settings;

    ck_assert_int_eq(settings_read(path, &settings, &why), ERR_NONE);
    ck_assert_int_eq(read_settings(""), ERR_NONE);
    ck_assert_int_eq(read_settings("# nothing\n"), ERR_NONE);
    ck_assert_mem_eq(&before, &settings, sizeof before);
    ck_assert_str_eq(why.text, "");
}
END_TEST

START_TEST(what_is_said_is_read_and_the_rest_kept)
{
    ck_assert_int_eq(read_settings("pin_tries = 10;\nmanagement_algorithm = \"aes-256\";\n"), ERR_NONE);
    ck_assert_int_eq(settings.pin_tries, 10);
    ck_assert_str_eq(settings.management_algorithm, "aes-256");
    ck_assert_int_eq(read_settings("puk_tries = 1\nabsent_ms: 10000\npinpad = TRUE\npersona = \"piv\""), ERR_NONE);
    ck_assert_int_eq(settings.pin_tries, 10);
    ck_assert_int_eq(settings.puk_tries, 1);
    ck_assert_int_eq(settings.absent_ms, 10000);
    ck_assert(settings.pinpad);
    for (int i = 0; i < 3; i++) {
        static const char *const words[] = { "never", "wait", "auto" };
        char text[64];

        snprintf(text, sizeof text, "touch = \"%s\"; touch_seconds = %d;", words[i], i == 0 ? 1 : i * 300);
        ck_assert_int_eq(read_settings(text), ERR_NONE);
        ck_assert_str_eq(settings.touch, words[i]);
        ck_assert_int_eq(settings.touch_seconds, i == 0 ? 1 : i * 300);
    }
}
END_TEST

static const struct {
    const char *text, *line, *says;
} faults[] = {
    { "\n\npin_tries = 0;", ":3:", "1 to 10" },
    { "pin_tries = 11;", ":1:", "1 to 10" },
    { "touch = \"always\";", ":1:", "auto, wait or never" },
    { "touch = \"\";", ":1:", "auto, wait or never" },
    { "touch = true;", ":1:", "auto, wait or never" },
    { "touch_seconds = 0;", ":1:", "1 to 600" },
    { "touch_seconds = 601;", ":1:", "1 to 600" },
    { "slots = 0;", ":1:", "1 to 16" },
    { "slots = 17;", ":1:", "1 to 16" },
    { "pin_tries = -3;", ":1:", "1 to 10" },
    { "pin_tries = \"3\";", ":1:", "1 to 10" },
    { "pin_tries = 3.0;", ":1:", "1 to 10" },
    { "pin_tries = 99999999999L;", ":1:", "1 to 10" },
    { "# 4294967299\n/* \n 4294967299 */ pin_tries = 4294967299;", ":3:", "as large as 4294967299" },
    { "pin_tries = 0x100000003;", ":1:", "as large as 0x100000003" },
    { "absent_ms = -18446744073709551615;", ":1:", "as large as 18446744073709551615" },
    { "absent_ms = 18446744073709551617L;", ":1:", "as large as 18446744073709551617" },
    { "absent_ms = 4294967296L;", ":1:", "0 to 10000" },
    { "persona = \"99999999999\\\"\"; persona99999999999 = 1;", ":1:", "persona" },
    { "absent_ms = 10001;", ":1:", "0 to 10000" },
    { "pinpad = 1;", ":1:", "true or false" },
    { "\npersona = \"visa\";", ":2:", "persona" },
    { "persona = piv;", ":1:", "" },
    { "persona = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\";", ":1:", "persona" },
    { "management_algorithm = \"RSA2048\";", ":1:", "AES-128" },
    { "pin_tries = 3;\npin_trys = 3;", ":2:", "puk_tries" },
    { "pin_tries = 3; pin_tries = 4;", ":1:", "" },
    { "pin_tries = ", ":1:", "" },
    { "puk_tries = 5;\n@include \"other.conf\"\n", ":", "@include" },
};

START_TEST(a_fault_is_told_with_its_line_and_changes_nothing)
{
    struct settings before = settings;
    char text[256];

    snprintf(text, sizeof text, "%s", faults[_i].text);
    ck_assert_int_eq(read_settings(text), ERR_DATA);
    ck_assert_mem_eq(&before, &settings, sizeof before);
    ck_assert_ptr_eq(strstr(why.text, path), why.text);
    ck_assert_msg(strstr(why.text, faults[_i].line) != NULL, "%s", why.text);
    ck_assert_msg(strstr(why.text, faults[_i].says) != NULL, "%s", why.text);
}
END_TEST

START_TEST(what_is_not_a_small_file_is_refused_at_once)
{
    char *large = malloc(100000);

    if (_i == 0) {
        ck_assert_int_eq(mkfifo(path, 0600), 0);
    } else if (_i == 1) {
        ck_assert_int_eq(mkdir(path, 0700), 0);
    } else if (_i == 2) {
        ck_assert_int_eq(symlink("vpiv.conf", path), 0);
    } else if (_i == 3) {
        ck_assert_int_eq(symlink("/dev/zero", path), 0);
    } else {
        memset(large, _i == 4 ? '\n' : '\0', 100000);
        write_whole(path, large, _i == 4 ? 100000 : 10);
    }
    free(large);
    ck_assert_int_ne(settings_read(path, &settings, &why), ERR_NONE);
    ck_assert_ptr_eq(strstr(why.text, path), why.text);
}
END_TEST

START_TEST(a_link_to_a_file_is_followed)
{
    char other[SCRATCH_MAX + 16];

    snprintf(other, sizeof other, "%s/other", scratch);
    write_whole(other, "pin_tries = 7;", 14);
    ck_assert_int_eq(symlink("other", path), 0);
    ck_assert_int_eq(settings_read(path, &settings, &why), ERR_NONE);
    ck_assert_int_eq(settings.pin_tries, 7);
}
END_TEST

/* The example shows every setting, each at its default. */
START_TEST(the_example_shows_the_defaults)
{
    char file[PATH_MAX], *text, *names;
    struct settings before = settings;
    uint8_t *bytes;
    size_t n;

    ck_assert_int_eq(read_settings("nothing = 1;"), ERR_DATA);
    names = strstr(why.text, "there are: ");
    ck_assert_ptr_nonnull(names);
    names += strlen("there are: ");
    source_path("conf/vpiv.conf.in", file);
    read_whole(file, &bytes, &n);
    text = calloc(1, n + 1);
    memcpy(text, bytes, n);
    for (char *at = text; (at = strstr(at, "\n#")) != NULL; at++) {
        if (at[2] != ' ')
            at[1] = ' ';
    }
    for (char *name = strtok(names, ", "); name != NULL; name = strtok(NULL, ", ")) {
        char line[64];

        snprintf(line, sizeof line, "\n %s = ", name);
        ck_assert_msg(strstr(text, line) != NULL, "%s", name);
    }
    memset(&settings, 0, sizeof settings);
    why = (struct why){ "" };
    ck_assert_msg(read_settings(text) == ERR_NONE, "%s", why.text);
    ck_assert_mem_eq(&before, &settings, sizeof before);
    free(text);
    free(bytes);
}
END_TEST

Suite *suite_settings(void)
{
    Suite *suite = suite_create("settings");
    TCase *reading = tcase_create("reading");

    tcase_add_checked_fixture(reading, set_up, tear_down);
    tcase_add_test(reading, every_setting_has_a_default);
    tcase_add_test(reading, a_missing_or_empty_file_is_fine);
    tcase_add_test(reading, what_is_said_is_read_and_the_rest_kept);
    tcase_add_loop_test(reading, a_fault_is_told_with_its_line_and_changes_nothing, 0,
                        (int)(sizeof faults / sizeof faults[0]));
    tcase_add_loop_test(reading, what_is_not_a_small_file_is_refused_at_once, 0, 6);
    tcase_add_test(reading, a_link_to_a_file_is_followed);
    tcase_add_test(reading, the_example_shows_the_defaults);
    suite_add_tcase(suite, reading);
    return suite;
}
