/* SPDX-License-Identifier: BSD-2-Clause */
/* check_cardio.c — what is not a proper card file is refused at once; what is written is whole, and nobody else's. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/tries.h"
#include "tests/check_suites.h"
#include "tests/host.h"

/* Kinds of things that are in the way of a card, each refused at once and by name. */
static void put(const char *kind)
{
    FILE *f;

    if (strcmp(kind, "short link") == 0 || strcmp(kind, "device") == 0 || strcmp(kind, "dangling") == 0) {
        const char *target = kind[0] == 's' ? "x.card" : kind[1] == 'e' ? "/dev/zero" : "nothing";

        ck_assert_int_eq(symlink(target, host.path), 0);
    } else if (strcmp(kind, "fifo") == 0) {
        ck_assert_int_eq(mkfifo(host.path, 0600), 0);
    } else if (strcmp(kind, "directory") == 0) {
        ck_assert_int_eq(mkdir(host.path, 0700), 0);
    } else if (strcmp(kind, "gigabyte") == 0) {
        f = fopen(host.path, "w");
        ck_assert_int_eq(ftruncate(fileno(f), 1 << 30), 0);
        fclose(f);
        ck_assert_int_eq(chmod(host.path, 0600), 0);
    } else {
        write_whole(host.path, "hello\n", strcmp(kind, "empty") == 0 ? 0 : 6);
        ck_assert_int_eq(chmod(host.path, 0600), 0);
    }
}

static const struct {
    const char *kind;
    enum err e;
} kinds[] = {
    { "short link", ERR_OWNER }, { "device", ERR_OWNER },  { "dangling", ERR_NOT_FOUND }, { "fifo", ERR_OWNER },
    { "directory", ERR_OWNER },  { "gigabyte", ERR_FULL }, { "empty", ERR_DATA },         { "text", ERR_DATA },
};

START_TEST(what_is_no_card_file_is_refused_at_once)
{
    struct cardfile_head head;
    enum err e;

    ck_assert_int_eq(unlink(host.path), 0);
    put(kinds[_i].kind);
    e = host_try();
    ck_assert_msg(e == kinds[_i].e, "%s: %s: %s", kinds[_i].kind, err_name(e), host.why.text);
    /* By the name that the link leads to, where there is one. */
    ck_assert_ptr_eq(strstr(host.why.text, strcmp(kinds[_i].kind, "device") == 0 ? "/dev/zero" : host.path),
                     host.why.text);
    ck_assert_int_ne(cardfile_head(host.path, &head), ERR_NONE);
}
END_TEST

START_TEST(a_file_that_others_may_read_is_refused)
{
    static const unsigned modes[] = { 0640, 0604, 0620, 0602, 0644, 0666, 0777, 04600, 02600 };

    ck_assert_int_eq(chmod(host.path, modes[_i]), 0);
    ck_assert_int_eq(host_try(), ERR_OWNER);
    ck_assert_ptr_eq(strstr(host.why.text, host.path), host.why.text);
}
END_TEST

/* Root is no exception: else anybody could have root's pcscd work on a file of theirs. */
START_TEST(a_file_of_another_user_is_refused)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(host.path, 12345, 12345), 0);
    ck_assert_int_eq(host_try(), ERR_OWNER);
    ck_assert_int_eq(chmod(host.path, 0660), 0);
    ck_assert_int_eq(host_try(), ERR_OWNER);
}
END_TEST

START_TEST(a_shared_card_stays_shared)
{
    struct cardfile *file;
    struct card *card;

    umask(0077);
    ck_assert(state_shared(host.state));
    ck_assert_uint_eq(host_mode(host.path), 0660);
    host_must_open(&file, &card);
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    ck_assert_uint_eq(host_mode(host.path), 0660);
    ck_assert_int_eq(host_try(), ERR_NONE);
    card_free(card);
    cardfile_close(file);
}
END_TEST

/* Whoever wrote it last owns it; the group says that it is shared. */
START_TEST(a_shared_card_may_have_any_owner)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(host.path, 12345, (gid_t)-1), 0);
    ck_assert_int_eq(host_try(), ERR_NONE);
    ck_assert_int_eq(chown(host.path, 12345, 54321), 0);
    ck_assert_int_eq(host_try(), ERR_OWNER);
}
END_TEST

START_TEST(a_shared_card_for_others_is_refused)
{
    static const unsigned modes[] = { 0664, 0662, 0666, 0661, 0670, 02660 };

    ck_assert_int_eq(chmod(host.path, modes[_i]), 0);
    ck_assert_int_eq(host_try(), ERR_OWNER);
}
END_TEST

/* A shared card in a directory that would give its next version to another group stays as it is. */
START_TEST(a_shared_card_is_not_given_to_another_group)
{
    struct cardfile *file;
    struct card *card;

    if (geteuid() != 0)
        return;
    host_must_open(&file, &card);
    ck_assert_int_eq(chown(host.cards, (uid_t)-1, 54321), 0);
    ck_assert_int_eq(chmod(host.cards, 02770), 0);
    ck_assert_int_eq(host_store(file, card), ERR_OWNER);
    ck_assert_int_eq(host_entries(), 1);
    ck_assert_uint_eq(host_generation(), 1);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(a_private_place_in_a_shared_store_stays_private)
{
    struct piv_env env = state_env(host.state);
    struct card *other = sample_card(&env);
    char private[SCRATCH_MAX + 32];

    snprintf(private, sizeof private, "%s/y.card", host.scratch);
    ck_assert_int_eq(cardfile_create(private, host.state, other, &three, &host.why), ERR_NONE);
    ck_assert_uint_eq(host_mode(private), 0600);
    card_free(other);
}
END_TEST

START_TEST(an_impossible_place_is_told)
{
    static const char *const places[] = { "missing/y.card", "x.card/y.card", "" };
    struct tries_lock lock;
    struct piv_env env = state_env(host.state);
    struct card *other = sample_card(&env);
    char where[SCRATCH_MAX + 64];

    snprintf(where, sizeof where, "%s/%s", host.cards, places[_i]);
    ck_assert_int_ne(cardfile_create(where, host.state, other, &three, &host.why), ERR_NONE);
    ck_assert_str_ne(host.why.text, "");
    ck_assert_int_eq(tries_lock(host.state, other->guid, &lock), ERR_NOT_FOUND);
    card_free(other);
    ck_assert_int_eq(host_entries(), 1);
}
END_TEST

START_TEST(leftovers_of_the_dead_are_removed)
{
    static const char *const kept[] = { ".x.card.zzzzzz", ".x.card.01234", ".y.card.0a1b2c", "x.card.0a1b2c" };
    char leftover[SCRATCH_MAX + 64];
    struct cardfile *file;
    struct card *card;

    snprintf(leftover, sizeof leftover, "%s/.x.card.0a1b2c", host.cards);
    write_whole(leftover, "half", 4);
    for (size_t i = 0; i < 4; i++) {
        char other[SCRATCH_MAX + 64];

        snprintf(other, sizeof other, "%s/%s", host.cards, kept[i]);
        write_whole(other, "", 0);
    }
    host_must_open(&file, &card);
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    ck_assert_int_ne(access(leftover, F_OK), 0);
    ck_assert_int_eq(host_entries(), 1 + 4);
    card_free(card);
    cardfile_close(file);
}
END_TEST

/* The disk is full, as far as this process can tell: files end after 500 bytes. */
START_TEST(a_failed_write_changes_nothing)
{
    struct rlimit limit, small;
    struct cardfile *file;
    struct card *card;
    uint8_t *before, *after;
    size_t n, m;

    host_must_open(&file, &card);
    read_whole(host.path, &before, &n);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ 500, limit.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(host_store(file, card), ERR_STORE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    read_whole(host.path, &after, &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(before, after, n);
    ck_assert_int_eq(host_entries(), 1);
    ck_assert(cardfile_is_ours(file));
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    free(before);
    free(after);
    card_free(card);
    cardfile_close(file);
}
END_TEST

Suite *suite_cardio(void)
{
    Suite *suite = suite_create("cardio");
    TCase *files = tcase_create("file"), *shared = tcase_create("shared"), *disk = tcase_create("disk");

    tcase_add_checked_fixture(files, host_private, host_remove);
    tcase_add_loop_test(files, what_is_no_card_file_is_refused_at_once, 0, (int)(sizeof kinds / sizeof kinds[0]));
    tcase_add_loop_test(files, a_file_that_others_may_read_is_refused, 0, 9);
    tcase_add_test(files, a_file_of_another_user_is_refused);
    suite_add_tcase(suite, files);
    tcase_add_checked_fixture(shared, host_shared, host_remove);
    tcase_add_test(shared, a_shared_card_stays_shared);
    tcase_add_test(shared, a_shared_card_may_have_any_owner);
    tcase_add_loop_test(shared, a_shared_card_for_others_is_refused, 0, 6);
    tcase_add_test(shared, a_shared_card_is_not_given_to_another_group);
    tcase_add_test(shared, a_private_place_in_a_shared_store_stays_private);
    suite_add_tcase(suite, shared);
    tcase_add_checked_fixture(disk, host_private, host_remove);
    tcase_add_loop_test(disk, an_impossible_place_is_told, 0, 3);
    tcase_add_test(disk, leftovers_of_the_dead_are_removed);
    tcase_add_test(disk, a_failed_write_changes_nothing);
    suite_add_tcase(suite, disk);
    return suite;
}
