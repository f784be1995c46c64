/* SPDX-License-Identifier: BSD-2-Clause */
/* check_cardfile.c — a card file is replaced as a whole or not at all, by one writer at a time, and never by an older
 * copy. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conf/tries.h"
#include "tests/check_suites.h"
#include "tests/host.h"

START_TEST(what_was_created_opens)
{
    struct cardfile *file;
    struct card *card;

    host_must_open(&file, &card);
    ck_assert(same_card(card, host.made));
    ck_assert(cardfile_is_ours(file));
    ck_assert_uint_eq(host_generation(), 1);
    ck_assert_uint_eq(host_mode(host.path), 0600);
    ck_assert_uint_eq(host_pin_left(file), 3);
    ck_assert_int_eq(host_entries(), 1);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(a_name_is_taken_once)
{
    struct tries_lock lock;
    struct piv_env env = state_env(host.state);
    struct card *other = sample_card(&env);

    ck_assert_int_eq(cardfile_create(host.path, host.state, other, &three, &host.why), ERR_EXISTS);
    ck_assert_ptr_nonnull(strstr(host.why.text, host.path));
    /* … and no record stays behind for the card that was not made. */
    ck_assert_int_eq(tries_lock(host.state, other->guid, &lock), ERR_NOT_FOUND);
    card_free(other);
    ck_assert_int_eq(host_try(), ERR_NONE);
}
END_TEST

START_TEST(a_card_is_made_once)
{
    char other[SCRATCH_MAX + 32];

    snprintf(other, sizeof other, "%s/y.card", host.cards);
    ck_assert_int_eq(cardfile_create(other, host.state, host.made, &three, &host.why), ERR_EXISTS);
    ck_assert_int_ne(access(other, F_OK), 0);
    ck_assert_int_eq(host_try(), ERR_NONE);
}
END_TEST

START_TEST(a_store_replaces_the_whole_file)
{
    struct cardfile *file, *again;
    struct card *card, *now;

    host_must_open(&file, &card);
    for (uint32_t i = 1; i <= 5; i++) {
        card->serial = i;
        ck_assert_int_eq(host_store(file, card), ERR_NONE);
        ck_assert_uint_eq(host_generation(), i + 1);
        ck_assert(cardfile_is_ours(file));
        host_must_open(&again, &now);
        ck_assert(same_card(card, now));
        card_free(now);
        cardfile_close(again);
    }
    ck_assert_uint_eq(host_mode(host.path), 0600);
    ck_assert_int_eq(host_entries(), 1);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(each_write_has_its_own_stamp)
{
    struct cardfile_head head[2];
    struct cardfile *file;
    struct card *card;

    host_must_open(&file, &card);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(host_store(file, card), ERR_NONE);
        ck_assert_int_eq(cardfile_head(host.path, &head[i]), ERR_NONE);
    }
    ck_assert_mem_ne(head[0].stamp, head[1].stamp, CARDFILE_STAMP);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(another_writer_is_noticed)
{
    struct cardfile *mine, *other;
    struct card *a, *b;

    host_must_open(&mine, &a);
    host_must_open(&other, &b);
    b->serial = 77;
    ck_assert_int_eq(host_store(other, b), ERR_NONE);
    ck_assert(!cardfile_is_ours(mine));
    a->serial = 66;
    ck_assert_int_eq(host_store(mine, a), ERR_CHANGED);
    ck_assert(cardfile_is_ours(other));
    card_free(a);
    cardfile_close(mine);
    host_must_open(&mine, &a);
    ck_assert_uint_eq(a->serial, 77);
    card_free(a);
    card_free(b);
    cardfile_close(mine);
    cardfile_close(other);
}
END_TEST

START_TEST(a_card_that_is_gone_is_not_stored)
{
    struct cardfile *file;
    struct card *card;

    host_must_open(&file, &card);
    ck_assert_int_eq(unlink(host.path), 0);
    ck_assert(!cardfile_is_ours(file));
    ck_assert_int_eq(host_store(file, card), ERR_CHANGED);
    ck_assert_int_eq(host_entries(), 0);
    ck_assert_int_eq(host_try(), ERR_NOT_FOUND);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(the_guid_is_kept)
{
    struct cardfile *file;
    struct card *card;

    host_must_open(&file, &card);
    card->guid[0] ^= 1;
    ck_assert_int_eq(host_store(file, card), ERR_DATA);
    ck_assert_int_eq(host_try(), ERR_NONE);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(a_reader_s_link_stays_a_link)
{
    char link[SCRATCH_MAX + 16];
    struct cardfile *file;
    struct card *card;
    struct stat st;

    snprintf(link, sizeof link, "%s/card", host.scratch);
    ck_assert_int_eq(symlink("cards/x.card", link), 0);
    ck_assert_int_eq(host_open(link, &file, &card), ERR_NONE);
    ck_assert_str_eq(cardfile_path(file), host.path);
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    ck_assert_int_eq(lstat(link, &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_uint_eq(host_generation(), 2);
    card_free(card);
    cardfile_close(file);
}
END_TEST

/* The card is durable, its record not: whoever comes next mends it. */
START_TEST(a_record_one_behind_is_mended)
{
    char record[2][SCRATCH_MAX + 128], hex[33];
    uint8_t *old[2];
    size_t n;
    struct cardfile *file;
    struct card *card;
    struct tries_lock lock;
    struct tries tries;
    uint64_t recorded;

    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned)host.made->guid[i]);
    for (int i = 0; i < 2; i++) {
        snprintf(record[i], sizeof record[i], "%s/tries/%s/%d", host.directory, hex, i);
        read_whole(record[i], &old[i], &n);
    }
    host_must_open(&file, &card);
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    for (int i = 0; i < 2; i++)
        write_whole(record[i], old[i], n);
    cardfile_close(file);
    card_free(card);
    host_must_open(&file, &card);
    ck_assert_int_eq(tries_lock(host.state, host.made->guid, &lock), ERR_NONE);
    ck_assert_int_eq(tries_load(host.state, &lock, host.made->guid, &tries, &recorded), ERR_NONE);
    tries_unlock(&lock);
    ck_assert_uint_eq(recorded, 2);
    /* Two behind is no crash: it is another record's card. */
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    for (int i = 0; i < 2; i++) {
        write_whole(record[i], old[i], n);
        free(old[i]);
    }
    ck_assert_int_eq(host_try(), ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(host.why.text, "newer"));
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(an_older_copy_is_refused_until_its_owner_adopts_it)
{
    struct cardfile *file;
    struct card *card;
    uint8_t *old;
    size_t n;

    read_whole(host.path, &old, &n);
    host_must_open(&file, &card);
    card->serial = 5;
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    write_whole(host.path, old, n);
    ck_assert(!cardfile_is_ours(file));
    ck_assert_int_eq(host_store(file, card), ERR_CHANGED);
    ck_assert_int_eq(host_try(), ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(host.why.text, "older copy"));
    ck_assert_int_eq(cardfile_adopt(host.path, host.state, &three, NULL), ERR_NONE);
    card_free(card);
    cardfile_close(file);
    host_must_open(&file, &card);
    ck_assert_uint_eq(card->serial, host.made->serial);
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    free(old);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(a_card_without_a_record_has_no_tries_and_is_not_changed)
{
    struct cardfile *file;
    struct card *card;
    struct piv_env env;
    uint8_t left = 9;

    ck_assert_int_eq(tries_remove(host.state, host.made->guid, NULL), ERR_NONE);
    host_must_open(&file, &card);
    env = cardfile_env(file);
    ck_assert_uint_eq(host_pin_left(file), 0);
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_BLOCKED);
    ck_assert_uint_eq(left, 0);
    ck_assert_int_eq(env.tries_restore(env.ctx, PIN_APPLICATION), ERR_STORE);
    ck_assert_int_eq(env.tries_write(env.ctx, &three), ERR_STORE);
    ck_assert_int_eq(host_store(file, card), ERR_STORE);
    ck_assert_uint_eq(host_generation(), 1);
    ck_assert_int_eq(cardfile_adopt(host.path, host.state, &three, NULL), ERR_NONE);
    ck_assert_uint_eq(host_pin_left(file), 3);
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(tries_are_spent_and_restored)
{
    struct cardfile *file, *other;
    struct card *card, *same;
    struct piv_env env;
    struct tries five = { { 5, 4, 0 }, { 5, 4, 0 } };
    uint8_t left;

    host_must_open(&file, &card);
    host_must_open(&other, &same);
    env = cardfile_env(file);
    for (int expected = 2; expected >= 0; expected--) {
        ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_NONE);
        ck_assert_int_eq(left, expected);
        ck_assert_int_eq(host_pin_left(other), expected);
    }
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_BLOCKED);
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_GLOBAL, &left), ERR_BLOCKED);
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_PUK, &left), ERR_NONE);
    ck_assert_int_eq(env.tries_restore(env.ctx, PIN_APPLICATION), ERR_NONE);
    ck_assert_uint_eq(host_pin_left(file), 3);
    ck_assert_int_eq(env.tries_write(env.ctx, &five), ERR_NONE);
    ck_assert_uint_eq(host_pin_left(other), 5);
    /* A store keeps the tries, and tries do not change the file. */
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_NONE);
    ck_assert_uint_eq(host_generation(), 1);
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    ck_assert_uint_eq(host_pin_left(file), 4);
    ck_assert(cardfile_is_ours(file));
    card_free(card);
    card_free(same);
    cardfile_close(file);
    cardfile_close(other);
}
END_TEST

/* Two names of one card share the record; the copy that falls behind is an older copy. */
START_TEST(a_copy_under_another_name_shares_the_tries)
{
    char copy[SCRATCH_MAX + 32];
    struct cardfile *file, *second;
    struct card *card, *same;
    struct piv_env env;
    uint8_t *bytes, left;
    size_t n;

    snprintf(copy, sizeof copy, "%s/y.card", host.cards);
    read_whole(host.path, &bytes, &n);
    umask(0077);
    write_whole(copy, bytes, n);
    free(bytes);
    host_must_open(&file, &card);
    ck_assert_int_eq(host_open(copy, &second, &same), ERR_NONE);
    env = cardfile_env(second);
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_NONE);
    ck_assert_uint_eq(host_pin_left(file), 2);
    ck_assert_int_eq(host_store(file, card), ERR_NONE);
    ck_assert_int_eq(host_store(second, same), ERR_MISMATCH);
    card_free(card);
    card_free(same);
    cardfile_close(file);
    cardfile_close(second);
}
END_TEST

START_TEST(another_host_secret_is_told)
{
    char elsewhere[SCRATCH_MAX + 16];
    struct state *other;
    struct cardfile *file;
    struct card *card;

    snprintf(elsewhere, sizeof elsewhere, "%s/other", host.scratch);
    ck_assert_int_eq(state_open(elsewhere, true, false, NULL, &other, NULL), ERR_NONE);
    ck_assert_int_eq(cardfile_open(host.path, other, &file, &card, &host.why), ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(host.why.text, "host secret"));
    state_close(other);
}
END_TEST

/* One process that stores `n` times, reading again whenever another was first, or held the lock for a second (a slow
 * disk); its exit status says how often it succeeded. */
static void write_often(int n)
{
    int done = 0;

    for (int i = 0; i < n; i++) {
        struct cardfile *file;
        struct card *card;

        enum err e = cardfile_open(host.path, host.state, &file, &card, NULL);

        if (e == ERR_BUSY)
            continue;
        if (e != ERR_NONE)
            _exit(255);
        e = host_store(file, card);
        if (e != ERR_NONE && e != ERR_CHANGED && e != ERR_BUSY)
            _exit(254);
        done += e == ERR_NONE;
        card_free(card);
        cardfile_close(file);
    }
    _exit(done);
}

START_TEST(writers_at_once_lose_nothing)
{
    enum { WRITERS = 4, WRITES = 25 };
    pid_t children[WRITERS];
    uint64_t total = 0;

    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0)
            write_often(WRITES);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;

        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert(WIFEXITED(status));
        ck_assert_int_le(WEXITSTATUS(status), WRITES);
        total += (uint64_t)WEXITSTATUS(status);
    }
    ck_assert_uint_gt(total, 0);
    ck_assert_uint_eq(host_generation(), 1 + total);
    ck_assert_int_eq(host_entries(), 1);
    ck_assert_int_eq(host_try(), ERR_NONE);
}
END_TEST

START_TEST(a_killed_writer_leaves_a_whole_card)
{
    for (int round = 0; round < 40; round++) {
        struct timespec pause = { 0, 100000 * round };
        struct cardfile *file;
        struct card *card;
        pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0)
            write_often(1000000);
        nanosleep(&pause, NULL);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        host_must_open(&file, &card);
        ck_assert(same_card(card, host.made));
        ck_assert_int_eq(host_store(file, card), ERR_NONE);
        ck_assert_int_eq(host_entries(), 1);
        card_free(card);
        cardfile_close(file);
    }
}
END_TEST

static atomic_bool stop;

static void *watch(void *ctx)
{
    uintptr_t strangers = 0;

    while (!atomic_load(&stop))
        strangers += !cardfile_is_ours(ctx);
    return (void *)strangers;
}

/* The driver's watcher looks from another thread, at any instant of a store. */
START_TEST(an_own_write_is_never_taken_for_a_swap)
{
    struct cardfile *file;
    struct card *card;
    pthread_t thread;
    void *strangers;

    host_must_open(&file, &card);
    atomic_store(&stop, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, watch, file), 0);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(host_store(file, card), ERR_NONE);
    atomic_store(&stop, true);
    ck_assert_int_eq(pthread_join(thread, &strangers), 0);
    ck_assert_uint_eq((uintptr_t)strangers, 0);
    card_free(card);
    cardfile_close(file);
}
END_TEST

Suite *suite_cardfile(void)
{
    Suite *suite = suite_create("cardfile");
    TCase *life = tcase_create("life"), *record = tcase_create("record"), *many = tcase_create("many");

    tcase_add_checked_fixture(life, host_private, host_remove);
    tcase_add_test(life, what_was_created_opens);
    tcase_add_test(life, a_name_is_taken_once);
    tcase_add_test(life, a_card_is_made_once);
    tcase_add_test(life, a_store_replaces_the_whole_file);
    tcase_add_test(life, each_write_has_its_own_stamp);
    tcase_add_test(life, another_writer_is_noticed);
    tcase_add_test(life, a_card_that_is_gone_is_not_stored);
    tcase_add_test(life, the_guid_is_kept);
    tcase_add_test(life, a_reader_s_link_stays_a_link);
    suite_add_tcase(suite, life);
    tcase_add_checked_fixture(record, host_private, host_remove);
    tcase_add_test(record, a_record_one_behind_is_mended);
    tcase_add_test(record, an_older_copy_is_refused_until_its_owner_adopts_it);
    tcase_add_test(record, a_card_without_a_record_has_no_tries_and_is_not_changed);
    tcase_add_test(record, tries_are_spent_and_restored);
    tcase_add_test(record, a_copy_under_another_name_shares_the_tries);
    tcase_add_test(record, another_host_secret_is_told);
    suite_add_tcase(suite, record);
    tcase_add_checked_fixture(many, host_private, host_remove);
    tcase_set_timeout(many, 120);
    tcase_add_test(many, writers_at_once_lose_nothing);
    tcase_add_test(many, a_killed_writer_leaves_a_whole_card);
    tcase_add_test(many, an_own_write_is_never_taken_for_a_swap);
    suite_add_tcase(suite, many);
    return suite;
}
