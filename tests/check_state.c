/* SPDX-License-Identifier: BSD-2-Clause */
/* check_state.c — the host secret is made once, kept from others, and never replaced. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/state.h"
#include "tests/cards.h"
#include "tests/check_suites.h"

static char scratch[SCRATCH_MAX], directory[SCRATCH_MAX + 16], key[SCRATCH_MAX + 32];
static struct state *state;
static struct why why;

static void set_up(void)
{
    scratch_make(scratch);
    snprintf(directory, sizeof directory, "%s/a/state", scratch);
    snprintf(key, sizeof key, "%s/host.key", directory);
    state = NULL;
    why = (struct why){ "" };
}

static void tear_down(void)
{
    state_close(state);
    scratch_remove(scratch);
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    ck_assert_int_eq(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static enum err open_again(bool create, bool shared)
{
    state_close(state);
    state = NULL;
    why = (struct why){ "" };
    return state_open(directory, create, shared, NULL, &state, &why);
}

START_TEST(without_being_asked_nothing_is_made)
{
    ck_assert_int_eq(open_again(false, false), ERR_NOT_FOUND);
    ck_assert_ptr_null(state);
    ck_assert_ptr_nonnull(strstr(why.text, directory));
    ck_assert_int_ne(access(directory, F_OK), 0);
}
END_TEST

START_TEST(a_private_state_is_ours_alone)
{
    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    ck_assert_uint_eq(mode_of(directory), 0700);
    ck_assert_uint_eq(mode_of(key), 0600);
    ck_assert(!state_shared(state));
    ck_assert_str_eq(state_directory(state), directory);
}
END_TEST

START_TEST(a_shared_state_is_its_groups)
{
    umask(0077);
    ck_assert_int_eq(open_again(true, true), ERR_NONE);
    ck_assert_uint_eq(mode_of(directory), 02770);
    ck_assert_uint_eq(mode_of(key), 0640);
    ck_assert(state_shared(state));
    /* It says so itself, whatever the next one asks for. */
    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    ck_assert(state_shared(state));
}
END_TEST

START_TEST(the_secret_is_made_once)
{
    uint8_t *first, *second;
    size_t n, m;
    struct piv_env env;

    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    read_whole(key, &first, &n);
    ck_assert_uint_eq(n, HOST_SECRET_SIZE);
    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    read_whole(key, &second, &m);
    ck_assert_uint_eq(m, n);
    ck_assert_mem_eq(first, second, n);
    env = state_env(state);
    ck_assert(secret_equal(env.host, in_of(first, n)));
    free(first);
    free(second);
}
END_TEST

START_TEST(many_makers_agree)
{
    enum { MAKERS = 8 };
    int pipes[2];
    uint8_t first[HOST_SECRET_SIZE], next[HOST_SECRET_SIZE];

    ck_assert_int_eq(pipe(pipes), 0);
    for (int i = 0; i < MAKERS; i++) {
        pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0) {
            if (open_again(true, false) != ERR_NONE)
                _exit(1);
            struct piv_env env = state_env(state);
            _exit(write(pipes[1], env.host->p, env.host->n) == HOST_SECRET_SIZE ? 0 : 1);
        }
    }
    for (int i = 0; i < MAKERS; i++) {
        int status;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(read(pipes[0], i == 0 ? first : next, HOST_SECRET_SIZE), HOST_SECRET_SIZE);
        if (i > 0)
            ck_assert_mem_eq(first, next, HOST_SECRET_SIZE);
    }
}
END_TEST

/* The wrong size, and everything that is not a private regular file: told, and never replaced. */
START_TEST(a_secret_of_another_size_is_refused)
{
    static const size_t sizes[] = { 0, 1, 31, 33, 64 };
    uint8_t bytes[64] = { 0 }, *after;
    size_t n;

    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    write_whole(key, bytes, sizes[_i]);
    ck_assert_int_eq(open_again(true, false), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(why.text, key));
    read_whole(key, &after, &n);
    ck_assert_uint_eq(n, sizes[_i]);
    free(after);
}
END_TEST

/* An empty host.key stands for systemd's credential, and nothing is made in its place. */
START_TEST(a_secret_may_be_a_credential)
{
    uint8_t secret[HOST_SECRET_SIZE + 1] = "0123456789abcdef0123456789ABCDEF", *after;
    char credential[SCRATCH_MAX + 32];
    struct piv_env env;
    size_t n;

    snprintf(credential, sizeof credential, "%s/vpiv.host.key", scratch);
    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    write_whole(key, secret, 0);
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    ck_assert_int_eq(open_again(true, false), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(why.text, "credential"));
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", scratch, 1), 0);
    ck_assert_int_eq(open_again(true, false), ERR_DATA);
    write_whole(credential, secret, HOST_SECRET_SIZE - 1);
    ck_assert_int_eq(open_again(true, false), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(why.text, credential));
    write_whole(credential, secret, HOST_SECRET_SIZE);
    ck_assert_int_eq(open_again(false, false), ERR_NONE);
    env = state_env(state);
    ck_assert(secret_equal(env.host, in_of(secret, HOST_SECRET_SIZE)));
    read_whole(key, &after, &n);
    ck_assert_uint_eq(n, 0);
    free(after);
    /* A secret of one's own comes first. */
    write_whole(key, "fedcba9876543210fedcba9876543210", HOST_SECRET_SIZE);
    ck_assert_int_eq(open_again(false, false), ERR_NONE);
    env = state_env(state);
    ck_assert(!secret_equal(env.host, in_of(secret, HOST_SECRET_SIZE)));
}
END_TEST

START_TEST(a_secret_that_others_may_read_is_refused)
{
    static const unsigned modes[] = { 0604, 0640, 0644, 0660, 0666, 0700, 0602, 04600 };

    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    ck_assert_int_eq(chmod(key, modes[_i]), 0);
    ck_assert_int_eq(open_again(true, false), ERR_OWNER);
    ck_assert_ptr_nonnull(strstr(why.text, key));
}
END_TEST

START_TEST(a_shared_secret_is_not_for_others)
{
    static const unsigned modes[] = { 0644, 0660, 0642, 0750 };

    ck_assert_int_eq(open_again(true, true), ERR_NONE);
    ck_assert_int_eq(chmod(key, modes[_i]), 0);
    ck_assert_int_eq(open_again(true, true), ERR_OWNER);
}
END_TEST

START_TEST(a_directory_that_others_write_is_refused)
{
    static const unsigned modes[] = { 0770, 0777, 0702, 02771, 02777 };

    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    ck_assert_int_eq(chmod(directory, modes[_i]), 0);
    ck_assert_int_eq(open_again(true, false), ERR_OWNER);
    ck_assert_ptr_nonnull(strstr(why.text, directory));
}
END_TEST

START_TEST(what_is_not_a_file_is_no_secret)
{
    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    ck_assert_int_eq(unlink(key), 0);
    if (_i == 0)
        ck_assert_int_eq(mkfifo(key, 0600), 0);
    else if (_i == 1)
        ck_assert_int_eq(mkdir(key, 0700), 0);
    else
        ck_assert_int_eq(symlink(_i == 2 ? "host.key" : "/dev/zero", key), 0);
    ck_assert_int_eq(open_again(true, false), ERR_OWNER);
    ck_assert_str_ne(why.text, "");
}
END_TEST

START_TEST(an_impossible_directory_is_told)
{
    char file[SCRATCH_MAX + 16];

    snprintf(file, sizeof file, "%s/a", scratch);
    write_whole(file, "x", 1);
    ck_assert_int_eq(open_again(true, false), ERR_STORE);
    ck_assert_ptr_nonnull(strstr(why.text, file));
    ck_assert_int_eq(open_again(false, false), ERR_STORE);
    ck_assert_str_ne(why.text, "");
}
END_TEST

START_TEST(the_plain_env_stores_nothing)
{
    uint8_t a[64] = { 0 }, b[64] = { 0 }, left;
    struct tries tries = { { 0 }, { 0 } };
    struct piv_env env;
    uint64_t before;

    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    env = state_env(state);
    ck_assert_int_eq(env.random(env.ctx, a, sizeof a), ERR_NONE);
    ck_assert_int_eq(env.random(env.ctx, b, sizeof b), ERR_NONE);
    ck_assert_mem_ne(a, b, sizeof a);
    before = env.clock(env.ctx);
    ck_assert_uint_ge(env.clock(env.ctx), before);
    ck_assert_int_eq(env.store(env.ctx, NULL), ERR_STORE);
    ck_assert_int_eq(env.tries_read(env.ctx, &tries), ERR_STORE);
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_PUK, &left), ERR_STORE);
    ck_assert_int_eq(env.tries_restore(env.ctx, PIN_PUK), ERR_STORE);
    ck_assert_int_eq(env.tries_write(env.ctx, &tries), ERR_STORE);
}
END_TEST

START_TEST(cards_in_memory_keep_their_own_tries)
{
    struct tries one = { { 1, 3, 0 }, { 3, 3, 0 } }, two = { { 2, 3, 0 }, { 3, 3, 0 } }, now;
    struct piv_env a, b;
    uint8_t left;

    ck_assert_int_eq(open_again(true, false), ERR_NONE);
    a = state_env_memory(state, &one);
    b = state_env_memory(state, &two);
    ck_assert_int_eq(a.store(a.ctx, NULL), ERR_NONE);
    ck_assert_int_eq(a.tries_spend(a.ctx, PIN_APPLICATION, &left), ERR_NONE);
    ck_assert_uint_eq(left, 0);
    ck_assert_int_eq(a.tries_spend(a.ctx, PIN_APPLICATION, &left), ERR_BLOCKED);
    ck_assert_int_eq(b.tries_spend(b.ctx, PIN_APPLICATION, &left), ERR_NONE);
    ck_assert_uint_eq(left, 1);
    ck_assert_int_eq(a.tries_restore(a.ctx, PIN_APPLICATION), ERR_NONE);
    ck_assert_int_eq(a.tries_read(a.ctx, &now), ERR_NONE);
    ck_assert_uint_eq(now.left[PIN_APPLICATION], 3);
    ck_assert_int_eq(a.tries_write(a.ctx, &two), ERR_NONE);
    ck_assert_mem_eq(&one, &two, sizeof one);
}
END_TEST

Suite *suite_state(void)
{
    Suite *suite = suite_create("state");
    TCase *secret = tcase_create("secret"), *env = tcase_create("env");

    tcase_add_checked_fixture(secret, set_up, tear_down);
    tcase_add_test(secret, without_being_asked_nothing_is_made);
    tcase_add_test(secret, a_private_state_is_ours_alone);
    tcase_add_test(secret, a_shared_state_is_its_groups);
    tcase_add_test(secret, the_secret_is_made_once);
    tcase_add_test(secret, many_makers_agree);
    tcase_add_loop_test(secret, a_secret_of_another_size_is_refused, 0, 5);
    tcase_add_test(secret, a_secret_may_be_a_credential);
    tcase_add_loop_test(secret, a_secret_that_others_may_read_is_refused, 0, 8);
    tcase_add_loop_test(secret, a_shared_secret_is_not_for_others, 0, 4);
    tcase_add_loop_test(secret, a_directory_that_others_write_is_refused, 0, 5);
    tcase_add_loop_test(secret, what_is_not_a_file_is_no_secret, 0, 4);
    tcase_add_test(secret, an_impossible_directory_is_told);
    suite_add_tcase(suite, secret);
    tcase_add_checked_fixture(env, set_up, tear_down);
    tcase_add_test(env, the_plain_env_stores_nothing);
    tcase_add_test(env, cards_in_memory_keep_their_own_tries);
    suite_add_tcase(suite, env);
    return suite;
}
