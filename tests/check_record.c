/* SPDX-License-Identifier: BSD-2-Clause */
/* check_record.c — a damaged, torn, exchanged or older record never grants a guess too many, and one fault costs an
 * honest owner at most one. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check_suites.h"
#include "tests/slip.h"

START_TEST(both_files_gone_is_no_tries)
{
    for (int i = 0; i < RECORD_FILES; i++)
        ck_assert_int_eq(unlink(slip.files[i]), 0);
    ck_assert_uint_eq(slip_left(), 0);
    ck_assert_uint_eq(slip_peek(), 0);
    ck_assert_int_eq(slip_set_left(3), ERR_STORE);
    ck_assert_uint_eq(slip_left(), 0);
}
END_TEST

/* Deleting one file again and again: each time costs one, and nothing comes back. */
START_TEST(one_file_gone_costs_one)
{
    for (int expected = 2; expected >= 0; expected--) {
        ck_assert_int_eq(unlink(slip.files[_i]), 0);
        slip.memory = (struct tries_memory){ 0, 0 };
        ck_assert_uint_eq(expected == 2 ? slip_peek() : slip_left(), expected);
        ck_assert_uint_eq(slip_left(), expected);
        ck_assert_uint_eq(slip_peek(), expected);
        ck_assert_int_eq(slip_set_left((uint8_t)expected), ERR_NONE);
    }
}
END_TEST

/* All other cases of damage: bits of either file, lengths of either file. */
static void check_damaged(int file, const uint8_t *bytes, size_t n, bool newest)
{
    uint8_t *good[RECORD_FILES];
    size_t size;

    for (int i = 0; i < RECORD_FILES; i++)
        read_whole(slip.files[i], &good[i], &size);
    write_whole(slip.files[file], bytes, n);
    slip.memory = (struct tries_memory){ 0, 0 };
    /* 2 left in the newest, 3 in the one before. */
    ck_assert_uint_eq(slip_left(), newest ? 2 : 1);
    ck_assert_uint_eq(slip_left(), newest ? 2 : 1);
    ck_assert_uint_eq(slip_peek(), newest ? 2 : 1);
    for (int i = 0; i < RECORD_FILES; i++) {
        write_whole(slip.files[i], good[i], RECORD_SIZE);
        free(good[i]);
    }
}

START_TEST(every_flipped_bit_costs_one)
{
    int newest;
    uint8_t *good;
    size_t n;

    ck_assert_int_eq(slip_set_left(2), ERR_NONE);
    ck_assert_int_eq(slip_set_left(3), ERR_NONE);
    ck_assert_int_eq(slip_set_left(2), ERR_NONE);
    newest = 1; /* created with 1 and 2; 3, 4, 5 followed */
    read_whole(slip.files[_i], &good, &n);
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

    ck_assert_int_eq(slip_set_left(2), ERR_NONE);
    ck_assert_int_eq(slip_set_left(3), ERR_NONE);
    ck_assert_int_eq(slip_set_left(2), ERR_NONE);
    read_whole(slip.files[_i], &good, &n);
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
        write_whole(slip.files[i], "", 0);
    ck_assert_uint_eq(slip_left(), 0);
    ck_assert_uint_eq(slip_peek(), 0);
}
END_TEST

/* The MAC covers the number, the number the file: a copy into the other file counts as torn. */
START_TEST(one_file_copied_over_the_other_costs_one)
{
    uint8_t *bytes;
    size_t n;

    read_whole(slip.files[_i], &bytes, &n);
    write_whole(slip.files[1 - _i], bytes, n);
    free(bytes);
    ck_assert_uint_eq(slip_left(), 2);
}
END_TEST

START_TEST(numbers_that_are_not_neighbours_are_no_tries)
{
    uint8_t *old;
    size_t n;

    read_whole(slip.files[1], &old, &n);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(slip_set_left(1), ERR_NONE);
    write_whole(slip.files[1], old, n);
    free(old);
    ck_assert_uint_eq(slip_peek(), 0);
    slip.memory = (struct tries_memory){ 0, 0 };
    ck_assert_uint_eq(slip_left(), 0);
    ck_assert_uint_eq(slip_peek(), 0);
}
END_TEST

START_TEST(a_process_knows_an_older_copy)
{
    uint8_t *old[RECORD_FILES];
    size_t n;

    for (int i = 0; i < RECORD_FILES; i++)
        read_whole(slip.files[i], &old[i], &n);
    ck_assert_int_eq(slip_set_left(1), ERR_NONE);
    for (int i = 0; i < RECORD_FILES; i++) {
        write_whole(slip.files[i], old[i], n);
        free(old[i]);
    }
    ck_assert_uint_eq(slip_peek(), 0);
    ck_assert_uint_eq(slip_left(), 0);
    ck_assert_int_eq(slip_set_left(3), ERR_STORE);
}
END_TEST

START_TEST(another_card_is_no_record)
{
    static const uint8_t other[16] = { 9 };
    char from[sizeof slip.directory], copy[sizeof slip.files[0]];
    struct tries tries;
    uint8_t *bytes;
    size_t n;

    snprintf(from, sizeof from, "%s/tries/09000000000000000000000000000000", slip.scratch);
    ck_assert_int_eq(tries_create(slip.state, other, &slip_three, 1, NULL), ERR_NONE);
    for (int i = 0; i < RECORD_FILES; i++) {
        snprintf(copy, sizeof copy, "%s/%d", from, i);
        read_whole(slip.files[i], &bytes, &n);
        write_whole(copy, bytes, n);
        free(bytes);
    }
    ck_assert_int_eq(tries_peek(slip.state, other, &slip.memory, &tries), ERR_NONE);
    ck_assert_uint_eq(tries.left[PIN_APPLICATION], 0);
}
END_TEST

START_TEST(another_host_secret_is_no_record)
{
    char key[SCRATCH_MAX + 16];
    uint8_t secret[HOST_SECRET_SIZE] = { 1 };

    state_close(slip.state);
    snprintf(key, sizeof key, "%s/host.key", slip.scratch);
    write_whole(key, secret, sizeof secret);
    ck_assert_int_eq(state_open(slip.scratch, false, false, NULL, &slip.state, NULL), ERR_NONE);
    ck_assert_uint_eq(slip_left(), 0);
}
END_TEST

/* A write that stops in the middle, for real: the file size limit is 64 bytes.  What follows may cost one, no more.
 */
START_TEST(a_failed_write_costs_at_most_one)
{
    struct rlimit limit, small;

    ck_assert_int_eq(slip_set_left(3), ERR_NONE);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ RECORD_SIZE / 2, limit.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(slip_set_left(2), ERR_STORE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_uint_eq(slip_peek(), 2);
    ck_assert_uint_eq(slip_left(), 2);
    ck_assert_uint_eq(slip_left(), 2);
    slip.memory = (struct tries_memory){ 0, 0 };
    ck_assert_uint_eq(slip_left(), 2);
}
END_TEST

/* The bytes are all there, but the sync failed: they may be gone after a power cut. */
START_TEST(a_write_in_doubt_does_not_count)
{
    ck_assert_int_eq(slip_set_left(2), ERR_NONE);
    slip.memory.doubt = slip.memory.seen;
    slip.memory.seen--;
    ck_assert_uint_eq(slip_peek(), 2);
    ck_assert_uint_eq(slip_left(), 2); /* 3 of the one before, less one */
    ck_assert_uint_eq(slip.memory.doubt, 0);
    ck_assert_int_eq(slip_set_left(1), ERR_NONE);
    ck_assert_uint_eq(slip_left(), 1);
}
END_TEST

/* Things that must neither wait nor be written to.  The owner who adopts the card has them removed. */
START_TEST(what_is_not_a_file_is_no_record)
{
    static const char *const kinds[] = { "fifo", "directory", "link", "loop" };
    const char *kind = kinds[_i];

    for (int i = 0; i < RECORD_FILES; i++) {
        ck_assert_int_eq(unlink(slip.files[i]), 0);
        if (strcmp(kind, "fifo") == 0)
            ck_assert_int_eq(mkfifo(slip.files[i], 0600), 0);
        else if (strcmp(kind, "directory") == 0)
            ck_assert_int_eq(mkdir(slip.files[i], 0700), 0);
        else
            ck_assert_int_eq(symlink(strcmp(kind, "link") == 0 ? "/dev/zero" : slip.files[i], slip.files[i]), 0);
    }
    ck_assert_uint_eq(slip_left(), 0);
    ck_assert_uint_eq(slip_peek(), 0);
    ck_assert_int_eq(slip_set_left(3), ERR_STORE);
    ck_assert_int_eq(tries_adopt(slip.state, slip_guid, &slip_three, 1, NULL), ERR_NONE);
    ck_assert_uint_eq(slip_left(), 3);
}
END_TEST

/* A file of somebody else under the name of a record is not written to: whoever may write in the directory could have
 * linked it there, and the one who writes is root. */
START_TEST(a_linked_file_keeps_its_content)
{
    static const char content[] = "a file of somebody else, longer than a record: ................................"
                                  ".....................................................................";
    char other[SCRATCH_MAX + 16];
    struct stat st;
    uint8_t *bytes;
    size_t n;

    snprintf(other, sizeof other, "%s/other", slip.scratch);
    write_whole(other, content, sizeof content);
    ck_assert_int_eq(unlink(slip.files[_i]), 0);
    ck_assert_int_eq(link(other, slip.files[_i]), 0);
    ck_assert_uint_eq(slip_left(), 2);
    ck_assert_int_eq(slip_set_left(1), ERR_NONE);
    ck_assert_int_eq(slip_set_left(1), ERR_NONE);
    ck_assert_uint_eq(slip_left(), 1);
    read_whole(other, &bytes, &n);
    ck_assert_uint_eq(n, sizeof content);
    ck_assert_mem_eq(bytes, content, n);
    ck_assert_int_eq(stat(other, &st), 0);
    ck_assert_uint_eq(st.st_nlink, 1);
    free(bytes);
}
END_TEST

Suite *suite_record(void)
{
    Suite *suite = suite_create("record");
    TCase *damage = tcase_create("damage");

    tcase_add_checked_fixture(damage, slip_make, slip_remove);
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
    tcase_add_loop_test(damage, a_linked_file_keeps_its_content, 0, RECORD_FILES);
    tcase_add_loop_test(damage, what_is_not_a_file_is_no_record, 0, 4);
    suite_add_tcase(suite, damage);
    return suite;
}
