/* SPDX-License-Identifier: BSD-2-Clause */
/* check_store.c — where things are: XDG directories, names of cards, directories made on the way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/store.h"
#include "tests/cards.h"
#include "tests/check_suites.h"

static void clean_environment(void)
{
    static const char *const names[] = { "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "VPIV_READER_DIR" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    setenv("HOME", "/home/anna", 1);
}

START_TEST(the_systems_paths_are_built_in)
{
    struct store store;

    ck_assert_int_eq(store_system(&store, NULL), ERR_NONE);
    ck_assert(store.system);
    ck_assert_str_eq(store.state, VPIV_STATEDIR);
    ck_assert_str_eq(store.cards, VPIV_STATEDIR "/cards");
    ck_assert_str_eq(store.readers, VPIV_STATEDIR "/readers");
    ck_assert_str_eq(store.settings, VPIV_SYSCONFDIR "/vpiv/vpiv.conf");
}
END_TEST

START_TEST(home_is_the_default)
{
    struct store store;

    ck_assert_int_eq(store_user(&store, NULL), ERR_NONE);
    ck_assert(!store.system);
    ck_assert_str_eq(store.cards, "/home/anna/.local/share/vpiv/cards");
    ck_assert_str_eq(store.state, "/home/anna/.local/state/vpiv");
    ck_assert_str_eq(store.settings, "/home/anna/.config/vpiv/vpiv.conf");
    ck_assert_str_eq(store.readers, "");
}
END_TEST

START_TEST(xdg_goes_before_home)
{
    struct store store;

    setenv("XDG_DATA_HOME", "/d", 1);
    setenv("XDG_STATE_HOME", "/s", 1);
    setenv("XDG_CONFIG_HOME", "/c", 1);
    setenv("VPIV_READER_DIR", "/run/readers", 1);
    unsetenv("HOME");
    ck_assert_int_eq(store_user(&store, NULL), ERR_NONE);
    ck_assert_str_eq(store.cards, "/d/vpiv/cards");
    ck_assert_str_eq(store.state, "/s/vpiv");
    ck_assert_str_eq(store.settings, "/c/vpiv/vpiv.conf");
    ck_assert_str_eq(store.readers, "/run/readers");
}
END_TEST

START_TEST(a_relative_base_directory_is_ignored)
{
    struct store store;

    setenv("XDG_DATA_HOME", "data", 1);
    setenv("XDG_STATE_HOME", "", 1);
    ck_assert_int_eq(store_user(&store, NULL), ERR_NONE);
    ck_assert_str_eq(store.cards, "/home/anna/.local/share/vpiv/cards");
    ck_assert_str_eq(store.state, "/home/anna/.local/state/vpiv");
}
END_TEST

START_TEST(without_a_home_there_is_no_store)
{
    struct store store;
    struct why why = { "" };
    char lengthy[PATH_MAX + 1];

    unsetenv("HOME");
    ck_assert_int_eq(store_user(&store, &why), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(why.text, "HOME"));
    setenv("HOME", "not/absolute", 1);
    ck_assert_int_eq(store_user(&store, NULL), ERR_DATA);
    memset(lengthy, 'a', PATH_MAX);
    lengthy[0] = '/';
    lengthy[PATH_MAX] = '\0';
    setenv("HOME", lengthy, 1);
    ck_assert_int_eq(store_user(&store, NULL), ERR_DATA);
    setenv("HOME", "/home/anna", 1);
    setenv("VPIV_READER_DIR", "readers", 1);
    ck_assert_int_eq(store_user(&store, NULL), ERR_DATA);
}
END_TEST

static const struct {
    const char *card, *path; /* NULL: refused */
} names[] = {
    { "anna", "/cards/anna.card" },
    { "anna.card", "/cards/anna.card" },
    { "anna.card.card", "/cards/anna.card.card" },
    { "Zoë Müller", "/cards/Zoë Müller.card" },
    { "a.b", "/cards/a.b.card" },
    { "./anna", "./anna" },
    { "/x/anna.card", "/x/anna.card" },
    { "dir/", "dir/" },
    { "", NULL },
    { ".", NULL },
    { "..", NULL },
    { ".hidden", NULL },
    { ".card", NULL },
    { "line\nbreak", NULL },
    { "del\x7f", NULL },
};

START_TEST(a_card_is_a_name_or_a_path)
{
    struct store store = { .cards = "/cards" };
    struct why why = { "" };
    char path[PATH_MAX];

    if (names[_i].path != NULL) {
        ck_assert_int_eq(store_card_path(&store, names[_i].card, path, &why), ERR_NONE);
        ck_assert_str_eq(path, names[_i].path);
    } else {
        ck_assert_int_eq(store_card_path(&store, names[_i].card, path, &why), ERR_DATA);
        ck_assert_str_ne(why.text, "");
    }
}
END_TEST

START_TEST(the_longest_name_leaves_room_for_a_temporary_file)
{
    struct store store = { .cards = "/cards" };
    char name[NAME_MAX + 2], path[PATH_MAX], lengthy[PATH_MAX + 2];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_int_eq(store_card_path(&store, name, path, NULL), ERR_DATA);
    name[NAME_MAX - 12] = '\0';
    ck_assert_int_eq(store_card_path(&store, name, path, NULL), ERR_DATA);
    name[NAME_MAX - 13] = '\0';
    ck_assert_int_eq(store_card_path(&store, name, path, NULL), ERR_NONE);
    ck_assert_uint_eq(strlen(path), strlen("/cards/") + NAME_MAX - 13 + strlen(".card"));
    memset(lengthy, '/', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    ck_assert_int_eq(store_card_path(&store, lengthy, path, NULL), ERR_DATA);
}
END_TEST

START_TEST(a_path_gives_the_name_back)
{
    char name[NAME_MAX + 1];

    store_card_name("/var/lib/vpiv/cards/anna.card", name);
    ck_assert_str_eq(name, "anna");
    store_card_name("anna", name);
    ck_assert_str_eq(name, "anna");
    store_card_name("/x/.card", name);
    ck_assert_str_eq(name, ".card");
    store_card_name("/x/", name);
    ck_assert_str_eq(name, "");
}
END_TEST

static char scratch[SCRATCH_MAX];

static void set_up(void)
{
    scratch_make(scratch);
}

static void tear_down(void)
{
    scratch_remove(scratch);
}

static void check_mode(const char *below, unsigned mode)
{
    char path[SCRATCH_MAX + 32];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", scratch, below);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, mode);
}

START_TEST(directories_are_made_private)
{
    char path[SCRATCH_MAX + 32];

    umask(0022);
    snprintf(path, sizeof path, "%s/a/b//c/", scratch);
    ck_assert_int_eq(make_directories(path, false, NULL), ERR_NONE);
    ck_assert_int_eq(make_directories(path, false, NULL), ERR_NONE);
    check_mode("a", 0700);
    check_mode("a/b/c", 0700);
}
END_TEST

START_TEST(a_shared_directory_hands_on_its_group)
{
    char path[SCRATCH_MAX + 32];

    umask(0022);
    snprintf(path, sizeof path, "%s/a/b", scratch);
    ck_assert_int_eq(make_directories(path, true, NULL), ERR_NONE);
    check_mode("a", 0755);
    check_mode("a/b", 02770);
}
END_TEST

START_TEST(what_is_in_the_way_is_named)
{
    char file[SCRATCH_MAX + 16], path[SCRATCH_MAX + 32], lengthy[PATH_MAX + 1];
    struct why why = { "" };

    snprintf(file, sizeof file, "%s/file", scratch);
    snprintf(path, sizeof path, "%s/below", file);
    write_whole(file, "x", 1);
    ck_assert_int_eq(make_directories(path, false, &why), ERR_STORE);
    ck_assert_ptr_nonnull(strstr(why.text, file));
    ck_assert_int_eq(make_directories(file, false, NULL), ERR_STORE);
    ck_assert_int_eq(make_directories("", false, NULL), ERR_DATA);
    memset(lengthy, 'a', PATH_MAX);
    lengthy[PATH_MAX] = '\0';
    ck_assert_int_eq(make_directories(lengthy, false, NULL), ERR_DATA);
}
END_TEST

Suite *suite_store(void)
{
    Suite *suite = suite_create("store");
    TCase *paths = tcase_create("paths"), *directories = tcase_create("directories");

    tcase_add_checked_fixture(paths, clean_environment, NULL);
    tcase_add_test(paths, the_systems_paths_are_built_in);
    tcase_add_test(paths, home_is_the_default);
    tcase_add_test(paths, xdg_goes_before_home);
    tcase_add_test(paths, a_relative_base_directory_is_ignored);
    tcase_add_test(paths, without_a_home_there_is_no_store);
    tcase_add_loop_test(paths, a_card_is_a_name_or_a_path, 0, (int)(sizeof names / sizeof names[0]));
    tcase_add_test(paths, the_longest_name_leaves_room_for_a_temporary_file);
    tcase_add_test(paths, a_path_gives_the_name_back);
    suite_add_tcase(suite, paths);
    tcase_add_checked_fixture(directories, set_up, tear_down);
    tcase_add_test(directories, directories_are_made_private);
    tcase_add_test(directories, a_shared_directory_hands_on_its_group);
    tcase_add_test(directories, what_is_in_the_way_is_named);
    suite_add_tcase(suite, directories);
    return suite;
}
