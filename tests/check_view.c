/* SPDX-License-Identifier: BSD-2-Clause */
/* check_view.c — who looks at the tries record often reads it once, and misses no change. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/view.h"
#include "tests/check_suites.h"
#include "tests/slip.h"

static struct tries_view view;
static struct tries_memory memory;
static int events;

static void view_make(void)
{
    slip_make();
    events = -1;
    view_open(&view, &events);
    memory = (struct tries_memory){ 0, 0 };
}

static void view_remove(void)
{
    view_close(&view);
    if (events >= 0)
        close(events);
    slip_remove();
}

static uint8_t left(void)
{
    struct tries tries;

    ck_assert_int_eq(view_read(&view, slip.state, slip_guid, &memory, &tries), ERR_NONE);
    return tries.left[PIN_APPLICATION];
}

/* A change that nobody is told of, which no process makes by writing: so it can be seen who reads. */
static void spoil_in_secret(void)
{
    for (int i = 0; i < RECORD_FILES; i++) {
        int fd = open(slip.files[i], O_RDWR);
        uint8_t *bytes = mmap(NULL, RECORD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        ck_assert_ptr_ne(bytes, MAP_FAILED);
        bytes[0] ^= 1;
        ck_assert_int_eq(munmap(bytes, RECORD_SIZE), 0);
        close(fd);
    }
}

START_TEST(it_reads_once_until_something_happens)
{
    ck_assert_uint_eq(left(), 3);
    ck_assert_uint_eq(left(), 3);
    ck_assert_int_ge(events, 0);
    spoil_in_secret();
    ck_assert_uint_eq(left(), 3);
    ck_assert_int_eq(utimensat(AT_FDCWD, slip.files[0], NULL, 0), 0);
    ck_assert_uint_eq(left(), 0);
}
END_TEST

START_TEST(without_events_it_reads_each_time)
{
    view_close(&view);
    ck_assert_uint_eq(left(), 3);
    spoil_in_secret();
    ck_assert_uint_eq(left(), 0);
}
END_TEST

START_TEST(each_guess_of_another_process_is_seen_at_once)
{
    for (int round = 0; round < 50; round++) {
        uint8_t next = (uint8_t)(round % 4);
        pid_t child = fork();
        int status;

        ck_assert_int_ge(child, 0);
        if (child == 0)
            _exit(slip_set_left(next) == ERR_NONE ? 0 : 1);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
        ck_assert_uint_eq(left(), next);
        ck_assert_uint_eq(left(), next);
    }
}
END_TEST

/* What hands and other programs do to the files: the view says what a look without a view says. */
static void remove_newest(void)
{
    ck_assert_int_eq(unlink(slip.files[0]), 0);
}

static void truncate_newest(void)
{
    ck_assert_int_eq(truncate(slip.files[0], 0), 0);
}

static void move_away(void)
{
    char to[sizeof slip.directory + 8];

    snprintf(to, sizeof to, "%s.away", slip.directory);
    ck_assert_int_eq(rename(slip.directory, to), 0);
}

static void exchange_files(void)
{
    ck_assert_int_eq(renameat2(AT_FDCWD, slip.files[0], AT_FDCWD, slip.files[1], RENAME_EXCHANGE), 0);
}

static void put_another_in_place(void)
{
    move_away();
    ck_assert_int_eq(tries_adopt(slip.state, slip_guid, &(struct tries){ { 1, 1, 0 }, { 3, 3, 0 } }, 7, NULL), ERR_NONE);
}

static void remove_all(void)
{
    ck_assert_int_eq(tries_remove(slip.state, slip_guid, NULL), ERR_NONE);
}

static void (*const hands[])(void) = {
    remove_newest, truncate_newest, move_away, exchange_files, put_another_in_place, remove_all,
};

START_TEST(whatever_happens_to_the_files_is_seen)
{
    uint8_t seen;

    ck_assert_uint_eq(left(), 3);
    ck_assert_uint_eq(left(), 3);
    hands[_i]();
    seen = left();
    ck_assert_uint_lt(seen, 3);
    ck_assert_uint_eq(seen, slip_peek());
    ck_assert_uint_eq(left(), seen);
}
END_TEST

START_TEST(a_record_that_comes_back_is_followed)
{
    ck_assert_uint_eq(left(), 3);
    remove_all();
    ck_assert_uint_eq(left(), 0);
    ck_assert_int_eq(tries_adopt(slip.state, slip_guid, &slip_three, 7, NULL), ERR_NONE);
    ck_assert_uint_eq(left(), 3);
    ck_assert_uint_eq(left(), 3);
    ck_assert_int_eq(slip_set_left(2), ERR_NONE);
    ck_assert_uint_eq(left(), 2);
}
END_TEST

Suite *suite_view(void)
{
    Suite *suite = suite_create("view");
    TCase *looks = tcase_create("looks");

    tcase_add_checked_fixture(looks, view_make, view_remove);
    tcase_add_test(looks, it_reads_once_until_something_happens);
    tcase_add_test(looks, without_events_it_reads_each_time);
    tcase_add_test(looks, each_guess_of_another_process_is_seen_at_once);
    tcase_add_loop_test(looks, whatever_happens_to_the_files_is_seen, 0, (int)(sizeof hands / sizeof *hands));
    tcase_add_test(looks, a_record_that_comes_back_is_followed);
    suite_add_tcase(suite, looks);
    return suite;
}
