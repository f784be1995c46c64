/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tries.c — the tries record is written in turn, by one process at a time, and its owner can adopt a lost one.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/check_suites.h"
#include "tests/slip.h"

/* Which file a process would write next, found by writing. */
static int newest_file(void)
{
    uint8_t *before[RECORD_FILES], *after;
    size_t n;
    int newest = -1;

    for (int i = 0; i < RECORD_FILES; i++)
        read_whole(slip.files[i], &before[i], &n);
    ck_assert_int_eq(slip_set_left(slip_left()), ERR_NONE);
    for (int i = 0; i < RECORD_FILES; i++) {
        read_whole(slip.files[i], &after, &n);
        if (memcmp(before[i], after, n) != 0)
            newest = i;
        free(before[i]);
        free(after);
    }
    ck_assert_int_ge(newest, 0);
    return newest;
}

START_TEST(a_new_record_holds_what_it_was_given)
{
    struct tries tries;
    uint64_t generation;

    ck_assert_int_eq(slip_load(&tries, &generation), ERR_NONE);
    ck_assert_mem_eq(&tries, &slip_three, sizeof tries);
    ck_assert_uint_eq(generation, SLIP_GENERATION);
    ck_assert_uint_eq(slip_peek(), 3);
}
END_TEST

START_TEST(a_record_is_not_made_twice)
{
    struct why why = { "" };

    ck_assert_int_eq(slip_set_left(1), ERR_NONE);
    ck_assert_int_eq(tries_create(slip.state, slip_guid, &slip_three, 1, &why), ERR_EXISTS);
    ck_assert_str_ne(why.text, "");
    ck_assert_uint_eq(slip_left(), 1);
}
END_TEST

START_TEST(the_files_are_written_in_turn_and_in_place)
{
    struct stat before[RECORD_FILES], after;
    int last = -1;

    for (int i = 0; i < RECORD_FILES; i++)
        ck_assert_int_eq(stat(slip.files[i], &before[i]), 0);
    for (int turn = 0; turn < 6; turn++) {
        int newest = newest_file();

        ck_assert_int_ne(newest, last);
        last = newest;
    }
    for (int i = 0; i < RECORD_FILES; i++) {
        ck_assert_int_eq(stat(slip.files[i], &after), 0);
        ck_assert_uint_eq(after.st_ino, before[i].st_ino);
        ck_assert_int_eq(after.st_size, RECORD_SIZE);
        ck_assert_uint_eq(after.st_mode & 07777, 0600);
    }
}
END_TEST

START_TEST(no_record_is_no_tries)
{
    struct tries_lock lock;
    struct tries tries;

    ck_assert_int_eq(tries_remove(slip.state, slip_guid, NULL), ERR_NONE);
    ck_assert_int_eq(tries_lock(slip.state, slip_guid, &lock), ERR_NOT_FOUND);
    ck_assert_int_eq(tries_peek(slip.state, slip_guid, &slip.memory, &tries), ERR_NONE);
    ck_assert_uint_eq(tries.left[PIN_APPLICATION] | tries.allowed[PIN_APPLICATION], 0);
}
END_TEST

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

START_TEST(a_held_lock_is_busy_after_a_second)
{
    struct tries_lock held, wanted;
    double start, waited;

    ck_assert_int_eq(tries_lock(slip.state, slip_guid, &held), ERR_NONE);
    start = seconds();
    ck_assert_int_eq(tries_lock(slip.state, slip_guid, &wanted), ERR_BUSY);
    waited = seconds() - start;
    ck_assert_msg(waited > 0.9 && waited < 3, "waited %f s", waited);
    ck_assert_uint_eq(slip_peek(), 3); /* who only looks does not wait */
    tries_unlock(&held);
    ck_assert_int_eq(tries_lock(slip.state, slip_guid, &wanted), ERR_NONE);
    tries_unlock(&wanted);
}
END_TEST

START_TEST(a_lock_on_a_removed_record_is_none)
{
    struct tries_lock lock;
    int old = open(slip.directory, O_RDONLY | O_DIRECTORY);

    ck_assert_int_ge(old, 0);
    ck_assert_int_eq(tries_remove(slip.state, slip_guid, NULL), ERR_NONE);
    ck_assert_int_eq(flock(old, LOCK_EX), 0);
    ck_assert_int_eq(tries_lock(slip.state, slip_guid, &lock), ERR_NOT_FOUND);
    close(old);
}
END_TEST

/* One guess of a process of its own: 1 = it was allowed. */
static int guess(void)
{
    struct tries_lock lock;
    struct tries tries;
    uint64_t generation;
    int allowed = 0;

    if (tries_lock(slip.state, slip_guid, &lock) != ERR_NONE)
        return 0;
    if (tries_load(slip.state, &lock, slip_guid, &tries, &generation) == ERR_NONE &&
        tries.left[PIN_APPLICATION] > 0) {
        tries.left[PIN_APPLICATION]--;
        allowed = tries_save(slip.state, &lock, slip_guid, &tries, generation) == ERR_NONE;
    }
    tries_unlock(&lock);
    return allowed;
}

START_TEST(eight_processes_get_three_guesses_together)
{
    enum { PROCESSES = 8 };
    pid_t children[PROCESSES];
    int total = 0;

    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0)
            _exit(guess() + guess() + guess());
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert(WIFEXITED(status));
        total += WEXITSTATUS(status);
    }
    ck_assert_int_eq(total, 3);
    ck_assert_uint_eq(slip_left(), 0);
}
END_TEST

/* Killed at any moment: never more than before, and never a lock that stays. */
START_TEST(a_killed_writer_costs_at_most_one)
{
    for (int round = 0; round < 40; round++) {
        struct timespec pause = { 0, 50000 * round };
        pid_t child;
        uint8_t left;

        ck_assert_int_eq(tries_adopt(slip.state, slip_guid, &slip_three, 1, NULL), ERR_NONE);
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            for (;;) {
                if (slip_set_left(2) != ERR_NONE || slip_set_left(3) != ERR_NONE)
                    _exit(1);
            }
        }
        nanosleep(&pause, NULL);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        slip.memory = (struct tries_memory){ 0, 0 };
        left = slip_left();
        ck_assert_msg(left == 1 || left == 2 || left == 3, "%u left", (unsigned)left);
    }
}
END_TEST

START_TEST(the_owner_adopts_what_was_lost)
{
    ck_assert_int_eq(slip_set_left(1), ERR_NONE);
    for (int i = 0; i < RECORD_FILES; i++)
        ck_assert_int_eq(unlink(slip.files[i]), 0);
    ck_assert_uint_eq(slip_left(), 0);
    ck_assert_int_eq(tries_adopt(slip.state, slip_guid, &slip_three, 9, NULL), ERR_NONE);
    /* A process that has seen higher numbers of the lost record takes the new one too. */
    ck_assert_uint_eq(slip_left(), 3);
    ck_assert_uint_eq(slip_peek(), 3);
    ck_assert_int_eq(slip_set_left(2), ERR_NONE);
    ck_assert_uint_eq(slip_left(), 2);
}
END_TEST

/* A record of before counts for who starts afresh; who has seen later ones goes by what he remembers. */
START_TEST(who_serves_the_card_takes_what_was_adopted_over_an_older_copy)
{
    uint8_t *old[RECORD_FILES];
    size_t n;

    for (int i = 0; i < RECORD_FILES; i++)
        read_whole(slip.files[i], &old[i], &n);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(slip_set_left(2), ERR_NONE);
    for (int i = 0; i < RECORD_FILES; i++) {
        write_whole(slip.files[i], old[i], n);
        free(old[i]);
    }
    ck_assert_uint_eq(slip_left(), 0);
    ck_assert_int_eq(tries_adopt(slip.state, slip_guid, &slip_three, 9, NULL), ERR_NONE);
    ck_assert_uint_eq(slip_left(), 3);
}
END_TEST

/* Stopped between its two records, an adoption leaves none that counts: it is done again. */
START_TEST(half_an_adoption_is_adopted_again)
{
    uint8_t *old;
    size_t n;

    for (int i = 0; i < RECORD_FILES; i++) {
        read_whole(slip.files[i], &old, &n);
        ck_assert_int_eq(tries_adopt(slip.state, slip_guid, &slip_three, 9, NULL), ERR_NONE);
        ck_assert_uint_eq(slip_left(), 3);
        write_whole(slip.files[i], old, n);
        free(old);
        ck_assert_uint_eq(slip_left(), 0);
        ck_assert_int_eq(tries_adopt(slip.state, slip_guid, &slip_three, 9, NULL), ERR_NONE);
        ck_assert_uint_eq(slip_left(), 3);
    }
}
END_TEST

START_TEST(adoption_goes_over_a_valid_record)
{
    struct tries tries;
    uint64_t generation;

    ck_assert_int_eq(slip_set_left(0), ERR_NONE);
    ck_assert_int_eq(tries_adopt(slip.state, slip_guid, &slip_three, 9, NULL), ERR_NONE);
    ck_assert_int_eq(slip_load(&tries, &generation), ERR_NONE);
    ck_assert_mem_eq(&tries, &slip_three, sizeof tries);
    ck_assert_uint_eq(generation, 9);
}
END_TEST

Suite *suite_tries(void)
{
    Suite *suite = suite_create("tries");
    TCase *record = tcase_create("record"), *locking = tcase_create("lock");

    tcase_add_checked_fixture(record, slip_make, slip_remove);
    tcase_add_test(record, a_new_record_holds_what_it_was_given);
    tcase_add_test(record, a_record_is_not_made_twice);
    tcase_add_test(record, the_files_are_written_in_turn_and_in_place);
    tcase_add_test(record, no_record_is_no_tries);
    tcase_add_test(record, the_owner_adopts_what_was_lost);
    tcase_add_test(record, who_serves_the_card_takes_what_was_adopted_over_an_older_copy);
    tcase_add_test(record, half_an_adoption_is_adopted_again);
    tcase_add_test(record, adoption_goes_over_a_valid_record);
    suite_add_tcase(suite, record);
    tcase_add_checked_fixture(locking, slip_make, slip_remove);
    tcase_set_timeout(locking, 60);
    tcase_add_test(locking, a_held_lock_is_busy_after_a_second);
    tcase_add_test(locking, a_lock_on_a_removed_record_is_none);
    tcase_add_test(locking, eight_processes_get_three_guesses_together);
    tcase_add_test(locking, a_killed_writer_costs_at_most_one);
    suite_add_tcase(suite, locking);
    return suite;
}
