/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tries.c — the tries record never grants a guess too many, and a fault costs an honest owner at most one. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conf/record.h"
#include "conf/tries.h"
#include "tests/cards.h"
#include "tests/check_suites.h"

static const uint8_t guid[16] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                  0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x00 };
static const struct tries three = { { 3, 3, 0 }, { 3, 3, 0 } };
enum { GENERATION = 7 };

static char scratch[SCRATCH_MAX], directory[SCRATCH_MAX + 64], files[RECORD_FILES][SCRATCH_MAX + 80];
static struct state *state;
static struct tries_memory memory;

static void set_up(void)
{
    struct why why = { "" };

    scratch_make(scratch);
    ck_assert_int_eq(state_open(scratch, true, false, NULL, &state, &why), ERR_NONE);
    ck_assert_int_eq(tries_create(state, guid, &three, GENERATION, &why), ERR_NONE);
    ck_assert_str_eq(why.text, "");
    snprintf(directory, sizeof directory, "%s/tries/112233445566778899aabbccddeeff00", scratch);
    for (int i = 0; i < RECORD_FILES; i++)
        snprintf(files[i], sizeof files[i], "%s/%d", directory, i);
    memory = (struct tries_memory){ 0, 0 };
}

static void tear_down(void)
{
    state_close(state);
    scratch_remove(scratch);
}

/* What a host does for one guess, or one look. */
static enum err load(struct tries *tries, uint64_t *generation)
{
    struct tries_lock lock;
    enum err e = tries_lock(state, guid, &lock);

    memset(tries, 0, sizeof *tries);
    if (e != ERR_NONE)
        return e;
    lock.memory = memory;
    e = tries_load(state, &lock, guid, tries, generation);
    memory = lock.memory;
    tries_unlock(&lock);
    return e;
}

static enum err set_left(uint8_t left)
{
    struct tries_lock lock;
    struct tries tries;
    uint64_t generation;
    enum err e = tries_lock(state, guid, &lock);

    if (e != ERR_NONE)
        return e;
    lock.memory = memory;
    e = tries_load(state, &lock, guid, &tries, &generation);
    if (e == ERR_NONE) {
        tries.left[PIN_APPLICATION] = left;
        e = tries_save(state, &lock, guid, &tries, generation);
    }
    memory = lock.memory;
    tries_unlock(&lock);
    return e;
}

static uint8_t left_now(void)
{
    struct tries tries;
    uint64_t generation;

    ck_assert_int_eq(load(&tries, &generation), ERR_NONE);
    return tries.left[PIN_APPLICATION];
}

static uint8_t peek_now(void)
{
    struct tries tries;

    ck_assert_int_eq(tries_peek(state, guid, &memory, &tries), ERR_NONE);
    return tries.left[PIN_APPLICATION];
}

/* Which file a process would write next, found by writing. */
static int newest_file(void)
{
    uint8_t *before[RECORD_FILES], *after;
    size_t n;
    int newest = -1;

    for (int i = 0; i < RECORD_FILES; i++)
        read_whole(files[i], &before[i], &n);
    ck_assert_int_eq(set_left(left_now()), ERR_NONE);
    for (int i = 0; i < RECORD_FILES; i++) {
        read_whole(files[i], &after, &n);
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

    ck_assert_int_eq(load(&tries, &generation), ERR_NONE);
    ck_assert_mem_eq(&tries, &three, sizeof tries);
    ck_assert_uint_eq(generation, GENERATION);
    ck_assert_uint_eq(peek_now(), 3);
}
END_TEST

START_TEST(a_record_is_not_made_twice)
{
    struct why why = { "" };

    ck_assert_int_eq(set_left(1), ERR_NONE);
    ck_assert_int_eq(tries_create(state, guid, &three, 1, &why), ERR_EXISTS);
    ck_assert_str_ne(why.text, "");
    ck_assert_uint_eq(left_now(), 1);
}
END_TEST

START_TEST(the_files_are_written_in_turn_and_in_place)
{
    struct stat before[RECORD_FILES], after;
    int last = -1;

    for (int i = 0; i < RECORD_FILES; i++)
        ck_assert_int_eq(stat(files[i], &before[i]), 0);
    for (int turn = 0; turn < 6; turn++) {
        int newest = newest_file();

        ck_assert_int_ne(newest, last);
        last = newest;
    }
    for (int i = 0; i < RECORD_FILES; i++) {
        ck_assert_int_eq(stat(files[i], &after), 0);
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

    ck_assert_int_eq(tries_remove(state, guid, NULL), ERR_NONE);
    ck_assert_int_eq(tries_lock(state, guid, &lock), ERR_NOT_FOUND);
    ck_assert_int_eq(tries_peek(state, guid, &memory, &tries), ERR_NONE);
    ck_assert_uint_eq(tries.left[PIN_APPLICATION] | tries.allowed[PIN_APPLICATION], 0);
}
END_TEST

START_TEST(both_files_gone_is_no_tries)
{
    for (int i = 0; i < RECORD_FILES; i++)
        ck_assert_int_eq(unlink(files[i]), 0);
    ck_assert_uint_eq(left_now(), 0);
    ck_assert_uint_eq(peek_now(), 0);
    ck_assert_int_eq(set_left(3), ERR_STORE);
    ck_assert_uint_eq(left_now(), 0);
}
END_TEST

/* Deleting one file again and again: each time costs one, and nothing comes back. */
START_TEST(one_file_gone_costs_one)
{
    for (int expected = 2; expected >= 0; expected--) {
        ck_assert_int_eq(unlink(files[_i]), 0);
        memory = (struct tries_memory){ 0, 0 };
        ck_assert_uint_eq(expected == 2 ? peek_now() : left_now(), expected);
        ck_assert_uint_eq(left_now(), expected);
        ck_assert_uint_eq(peek_now(), expected);
        ck_assert_int_eq(set_left((uint8_t)expected), ERR_NONE);
    }
}
END_TEST

/* All other cases of damage: bits of either file, lengths of either file. */
static void check_damaged(int file, const uint8_t *bytes, size_t n, bool newest)
{
    uint8_t *good[RECORD_FILES];
    size_t size;

    for (int i = 0; i < RECORD_FILES; i++)
        read_whole(files[i], &good[i], &size);
    write_whole(files[file], bytes, n);
    memory = (struct tries_memory){ 0, 0 };
    /* 2 left in the newest, 3 in the one before. */
    ck_assert_uint_eq(left_now(), newest ? 2 : 1);
    ck_assert_uint_eq(left_now(), newest ? 2 : 1);
    ck_assert_uint_eq(peek_now(), newest ? 2 : 1);
    for (int i = 0; i < RECORD_FILES; i++) {
        write_whole(files[i], good[i], RECORD_SIZE);
        free(good[i]);
    }
}

START_TEST(every_flipped_bit_costs_one)
{
    int newest;
    uint8_t *good;
    size_t n;

    ck_assert_int_eq(set_left(2), ERR_NONE);
    ck_assert_int_eq(set_left(3), ERR_NONE);
    ck_assert_int_eq(set_left(2), ERR_NONE);
    newest = 1; /* created with 1 and 2; 3, 4, 5 followed */
    read_whole(files[_i], &good, &n);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check_damaged(_i, good, n, _i == newest);
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(good);
}
END_TEST

START_TEST(every_torn_write_costs_one)
{
    uint8_t *good, longer[RECORD_SIZE + 1] = { 0 };
    size_t n;

    ck_assert_int_eq(set_left(2), ERR_NONE);
    ck_assert_int_eq(set_left(3), ERR_NONE);
    ck_assert_int_eq(set_left(2), ERR_NONE);
    read_whole(files[_i], &good, &n);
    for (size_t length = 0; length < n; length++)
        check_damaged(_i, good, length, _i == 1);
    memcpy(longer, good, n);
    check_damaged(_i, longer, sizeof longer, _i == 1);
    free(good);
}
END_TEST

START_TEST(both_damaged_is_no_tries)
{
    for (int i = 0; i < RECORD_FILES; i++)
        write_whole(files[i], "", 0);
    ck_assert_uint_eq(left_now(), 0);
    ck_assert_uint_eq(peek_now(), 0);
}
END_TEST

/* The MAC covers the number, the number the file: a copy into the other file counts as torn. */
START_TEST(one_file_copied_over_the_other_costs_one)
{
    uint8_t *bytes;
    size_t n;

    read_whole(files[_i], &bytes, &n);
    write_whole(files[1 - _i], bytes, n);
    free(bytes);
    ck_assert_uint_eq(left_now(), 2);
}
END_TEST

START_TEST(numbers_that_are_not_neighbours_are_no_tries)
{
    uint8_t *old;
    size_t n;

    read_whole(files[1], &old, &n);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(set_left(1), ERR_NONE);
    write_whole(files[1], old, n);
    free(old);
    ck_assert_uint_eq(peek_now(), 0);
    memory = (struct tries_memory){ 0, 0 };
    ck_assert_uint_eq(left_now(), 0);
    ck_assert_uint_eq(peek_now(), 0);
}
END_TEST

START_TEST(a_process_knows_an_older_copy)
{
    uint8_t *old[RECORD_FILES];
    size_t n;

    for (int i = 0; i < RECORD_FILES; i++)
        read_whole(files[i], &old[i], &n);
    ck_assert_int_eq(set_left(1), ERR_NONE);
    for (int i = 0; i < RECORD_FILES; i++) {
        write_whole(files[i], old[i], n);
        free(old[i]);
    }
    ck_assert_uint_eq(peek_now(), 0);
    ck_assert_uint_eq(left_now(), 0);
    ck_assert_int_eq(set_left(3), ERR_STORE);
}
END_TEST

START_TEST(another_card_is_no_record)
{
    static const uint8_t other[16] = { 9 };
    char from[sizeof directory], copy[sizeof files[0]];
    struct tries tries;
    uint8_t *bytes;
    size_t n;

    snprintf(from, sizeof from, "%s/tries/09000000000000000000000000000000", scratch);
    ck_assert_int_eq(tries_create(state, other, &three, 1, NULL), ERR_NONE);
    for (int i = 0; i < RECORD_FILES; i++) {
        snprintf(copy, sizeof copy, "%s/%d", from, i);
        read_whole(files[i], &bytes, &n);
        write_whole(copy, bytes, n);
        free(bytes);
    }
    ck_assert_int_eq(tries_peek(state, other, &memory, &tries), ERR_NONE);
    ck_assert_uint_eq(tries.left[PIN_APPLICATION], 0);
}
END_TEST

START_TEST(another_host_secret_is_no_record)
{
    char key[SCRATCH_MAX + 16];
    uint8_t secret[HOST_SECRET_SIZE] = { 1 };

    state_close(state);
    snprintf(key, sizeof key, "%s/host.key", scratch);
    write_whole(key, secret, sizeof secret);
    ck_assert_int_eq(state_open(scratch, false, false, NULL, &state, NULL), ERR_NONE);
    ck_assert_uint_eq(left_now(), 0);
}
END_TEST

/* A write that stops in the middle, for real: the file size limit is 64 bytes.  What follows may cost one, no more. */
START_TEST(a_failed_write_costs_at_most_one)
{
    struct rlimit limit, small;

    ck_assert_int_eq(set_left(3), ERR_NONE);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ RECORD_SIZE / 2, limit.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(set_left(2), ERR_STORE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_uint_eq(peek_now(), 2);
    ck_assert_uint_eq(left_now(), 2);
    ck_assert_uint_eq(left_now(), 2);
    memory = (struct tries_memory){ 0, 0 };
    ck_assert_uint_eq(left_now(), 2);
}
END_TEST

/* The bytes are all there, but the sync failed: they may be gone after a power cut. */
START_TEST(a_write_in_doubt_does_not_count)
{
    ck_assert_int_eq(set_left(2), ERR_NONE);
    memory.doubt = memory.seen;
    memory.seen--;
    ck_assert_uint_eq(peek_now(), 2);
    ck_assert_uint_eq(left_now(), 2); /* 3 of the one before, less one */
    ck_assert_uint_eq(memory.doubt, 0);
    ck_assert_int_eq(set_left(1), ERR_NONE);
    ck_assert_uint_eq(left_now(), 1);
}
END_TEST

/* Things that must neither wait nor be written to. */
START_TEST(what_is_not_a_file_is_no_record)
{
    static const char *const kinds[] = { "fifo", "directory", "link", "loop" };
    const char *kind = kinds[_i];

    for (int i = 0; i < RECORD_FILES; i++) {
        ck_assert_int_eq(unlink(files[i]), 0);
        if (strcmp(kind, "fifo") == 0)
            ck_assert_int_eq(mkfifo(files[i], 0600), 0);
        else if (strcmp(kind, "directory") == 0)
            ck_assert_int_eq(mkdir(files[i], 0700), 0);
        else
            ck_assert_int_eq(symlink(strcmp(kind, "link") == 0 ? "/dev/zero" : files[i], files[i]), 0);
    }
    ck_assert_uint_eq(left_now(), 0);
    ck_assert_uint_eq(peek_now(), 0);
    ck_assert_int_eq(set_left(3), ERR_STORE);
    ck_assert_int_ne(tries_adopt(state, guid, &three, 1, NULL), ERR_NONE);
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

    ck_assert_int_eq(tries_lock(state, guid, &held), ERR_NONE);
    start = seconds();
    ck_assert_int_eq(tries_lock(state, guid, &wanted), ERR_BUSY);
    waited = seconds() - start;
    ck_assert_msg(waited > 0.9 && waited < 3, "waited %f s", waited);
    ck_assert_uint_eq(peek_now(), 3); /* who only looks does not wait */
    tries_unlock(&held);
    ck_assert_int_eq(tries_lock(state, guid, &wanted), ERR_NONE);
    tries_unlock(&wanted);
}
END_TEST

START_TEST(a_lock_on_a_removed_record_is_none)
{
    struct tries_lock lock;
    int old = open(directory, O_RDONLY | O_DIRECTORY);

    ck_assert_int_ge(old, 0);
    ck_assert_int_eq(tries_remove(state, guid, NULL), ERR_NONE);
    ck_assert_int_eq(flock(old, LOCK_EX), 0);
    ck_assert_int_eq(tries_lock(state, guid, &lock), ERR_NOT_FOUND);
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

    if (tries_lock(state, guid, &lock) != ERR_NONE)
        return 0;
    if (tries_load(state, &lock, guid, &tries, &generation) == ERR_NONE && tries.left[PIN_APPLICATION] > 0) {
        tries.left[PIN_APPLICATION]--;
        allowed = tries_save(state, &lock, guid, &tries, generation) == ERR_NONE;
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
    ck_assert_uint_eq(left_now(), 0);
}
END_TEST

/* Killed at any moment: never more than before, and never a lock that stays. */
START_TEST(a_killed_writer_costs_at_most_one)
{
    for (int round = 0; round < 40; round++) {
        struct timespec pause = { 0, 50000 * round };
        pid_t child;
        uint8_t left;

        ck_assert_int_eq(tries_adopt(state, guid, &three, 1, NULL), ERR_NONE);
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            for (;;) {
                if (set_left(2) != ERR_NONE || set_left(3) != ERR_NONE)
                    _exit(1);
            }
        }
        nanosleep(&pause, NULL);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        memory = (struct tries_memory){ 0, 0 };
        left = left_now();
        ck_assert_msg(left == 1 || left == 2 || left == 3, "%u left", (unsigned)left);
    }
}
END_TEST

START_TEST(the_owner_adopts_what_was_lost)
{
    ck_assert_int_eq(set_left(1), ERR_NONE);
    for (int i = 0; i < RECORD_FILES; i++)
        ck_assert_int_eq(unlink(files[i]), 0);
    ck_assert_uint_eq(left_now(), 0);
    ck_assert_int_eq(tries_adopt(state, guid, &three, 9, NULL), ERR_NONE);
    /* A process that has seen higher numbers of the lost record takes the new one too. */
    ck_assert_uint_eq(left_now(), 3);
    ck_assert_uint_eq(peek_now(), 3);
    ck_assert_int_eq(set_left(2), ERR_NONE);
    ck_assert_uint_eq(left_now(), 2);
}
END_TEST

START_TEST(adoption_goes_over_a_valid_record)
{
    struct tries tries;
    uint64_t generation;

    ck_assert_int_eq(set_left(0), ERR_NONE);
    ck_assert_int_eq(tries_adopt(state, guid, &three, 9, NULL), ERR_NONE);
    ck_assert_int_eq(load(&tries, &generation), ERR_NONE);
    ck_assert_mem_eq(&tries, &three, sizeof tries);
    ck_assert_uint_eq(generation, 9);
}
END_TEST

Suite *suite_tries(void)
{
    Suite *suite = suite_create("tries");
    TCase *record = tcase_create("record"), *damage = tcase_create("damage"), *locking = tcase_create("lock");

    tcase_add_checked_fixture(record, set_up, tear_down);
    tcase_add_test(record, a_new_record_holds_what_it_was_given);
    tcase_add_test(record, a_record_is_not_made_twice);
    tcase_add_test(record, the_files_are_written_in_turn_and_in_place);
    tcase_add_test(record, no_record_is_no_tries);
    tcase_add_test(record, the_owner_adopts_what_was_lost);
    tcase_add_test(record, adoption_goes_over_a_valid_record);
    suite_add_tcase(suite, record);
    tcase_add_checked_fixture(damage, set_up, tear_down);
    tcase_set_timeout(damage, 60);
    tcase_add_test(damage, both_files_gone_is_no_tries);
    tcase_add_loop_test(damage, one_file_gone_costs_one, 0, RECORD_FILES);
    tcase_add_loop_test(damage, every_flipped_bit_costs_one, 0, RECORD_FILES);
    tcase_add_loop_test(damage, every_torn_write_costs_one, 0, RECORD_FILES);
    tcase_add_test(damage, both_damaged_is_no_tries);
    tcase_add_loop_test(damage, one_file_copied_over_the_other_costs_one, 0, RECORD_FILES);
    tcase_add_test(damage, numbers_that_are_not_neighbours_are_no_tries);
    tcase_add_test(damage, a_process_knows_an_older_copy);
    tcase_add_test(damage, another_card_is_no_record);
    tcase_add_test(damage, another_host_secret_is_no_record);
    tcase_add_test(damage, a_failed_write_costs_at_most_one);
    tcase_add_test(damage, a_write_in_doubt_does_not_count);
    tcase_add_loop_test(damage, what_is_not_a_file_is_no_record, 0, 4);
    suite_add_tcase(suite, damage);
    tcase_add_checked_fixture(locking, set_up, tear_down);
    tcase_set_timeout(locking, 60);
    tcase_add_test(locking, a_held_lock_is_busy_after_a_second);
    tcase_add_test(locking, a_lock_on_a_removed_record_is_none);
    tcase_add_test(locking, eight_processes_get_three_guesses_together);
    tcase_add_test(locking, a_killed_writer_costs_at_most_one);
    suite_add_tcase(suite, locking);
    return suite;
}
