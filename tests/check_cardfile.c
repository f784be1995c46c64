/* SPDX-License-Identifier: BSD-2-Clause */
/* check_cardfile.c — a card file is replaced as a whole or not at all, by one writer at a time, and never by an older
 * copy; what is not a proper card file is refused at once. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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

#include "conf/cardfile.h"
#include "conf/store.h"
#include "conf/tries.h"
#include "tests/cards.h"
#include "tests/check_suites.h"

static const struct tries three = { { 3, 3, 0 }, { 3, 3, 0 } };

static char scratch[SCRATCH_MAX], directory[SCRATCH_MAX + 16], cards[SCRATCH_MAX + 16], path[SCRATCH_MAX + 32];
static struct state *state;
static struct card *made;
static struct why why;

static void set_up_store(bool shared)
{
    struct piv_env env;

    umask(0022);
    scratch_make(scratch);
    snprintf(directory, sizeof directory, "%s/state", scratch);
    snprintf(cards, sizeof cards, "%s/cards", scratch);
    snprintf(path, sizeof path, "%s/x.card", cards);
    why = (struct why){ "" };
    ck_assert_msg(state_open(directory, true, shared, NULL, &state, &why) == ERR_NONE, "%s", why.text);
    ck_assert_int_eq(make_directories(cards, shared, &why), ERR_NONE);
    env = state_env(state);
    made = sample_card(&env);
    ck_assert_msg(cardfile_create(path, state, made, &three, &why) == ERR_NONE, "%s", why.text);
    ck_assert_str_eq(why.text, "");
}

static void set_up(void)
{
    set_up_store(false);
}

static void set_up_shared(void)
{
    set_up_store(true);
}

static void tear_down(void)
{
    card_free(made);
    made = NULL;
    state_close(state);
    scratch_remove(scratch);
}

static enum err open_path(const char *which, struct cardfile **file, struct card **card)
{
    enum err e;

    why = (struct why){ "" };
    e = cardfile_open(which, state, file, card, &why);
    ck_assert_msg((e == ERR_NONE) == (why.text[0] == '\0'), "%s: %s", err_name(e), why.text);
    ck_assert((e == ERR_NONE) == (*file != NULL) && (e == ERR_NONE) == (*card != NULL));
    return e;
}

static enum err try_open(void)
{
    struct cardfile *file;
    struct card *card;
    enum err e = open_path(path, &file, &card);

    card_free(card);
    cardfile_close(file);
    return e;
}

static void must_open(struct cardfile **file, struct card **card)
{
    ck_assert_msg(open_path(path, file, card) == ERR_NONE, "%s", why.text);
}

static enum err store(struct cardfile *file, const struct card *card)
{
    struct piv_env env = cardfile_env(file);

    return env.store(env.ctx, card);
}

static uint64_t generation(void)
{
    struct cardfile_head head;

    ck_assert_int_eq(cardfile_head(path, &head), ERR_NONE);
    return head.generation;
}

static int entries(void)
{
    DIR *stream = opendir(cards);
    int n = 0;

    ck_assert_ptr_nonnull(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return n;
}

static unsigned mode_of(const char *which)
{
    struct stat st;

    ck_assert_int_eq(stat(which, &st), 0);
    return st.st_mode & 07777;
}

static uint8_t pin_left(struct cardfile *file)
{
    struct piv_env env = cardfile_env(file);
    struct tries now;

    ck_assert_int_eq(env.tries_read(env.ctx, &now), ERR_NONE);
    return now.left[PIN_APPLICATION];
}

START_TEST(what_was_created_opens)
{
    struct cardfile *file;
    struct card *card;

    must_open(&file, &card);
    ck_assert(same_card(card, made));
    ck_assert(cardfile_is_ours(file));
    ck_assert_uint_eq(generation(), 1);
    ck_assert_uint_eq(mode_of(path), 0600);
    ck_assert_uint_eq(pin_left(file), 3);
    ck_assert_int_eq(entries(), 1);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(a_name_is_taken_once)
{
    struct tries_lock lock;
    struct piv_env env = state_env(state);
    struct card *other = sample_card(&env);

    ck_assert_int_eq(cardfile_create(path, state, other, &three, &why), ERR_EXISTS);
    ck_assert_ptr_nonnull(strstr(why.text, path));
    /* … and no record stays behind for the card that was not made. */
    ck_assert_int_eq(tries_lock(state, other->guid, &lock), ERR_NOT_FOUND);
    card_free(other);
    ck_assert_int_eq(try_open(), ERR_NONE);
}
END_TEST

START_TEST(a_card_is_made_once)
{
    char other[SCRATCH_MAX + 32];

    snprintf(other, sizeof other, "%s/y.card", cards);
    ck_assert_int_eq(cardfile_create(other, state, made, &three, &why), ERR_EXISTS);
    ck_assert_int_ne(access(other, F_OK), 0);
    ck_assert_int_eq(try_open(), ERR_NONE);
}
END_TEST

START_TEST(an_impossible_place_is_told)
{
    static const char *const places[] = { "missing/y.card", "x.card/y.card", "" };
    struct tries_lock lock;
    struct piv_env env = state_env(state);
    struct card *other = sample_card(&env);
    char where[SCRATCH_MAX + 64];

    snprintf(where, sizeof where, "%s/%s", cards, places[_i]);
    ck_assert_int_ne(cardfile_create(where, state, other, &three, &why), ERR_NONE);
    ck_assert_str_ne(why.text, "");
    ck_assert_int_eq(tries_lock(state, other->guid, &lock), ERR_NOT_FOUND);
    card_free(other);
    ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(a_store_replaces_the_whole_file)
{
    struct cardfile *file, *again;
    struct card *card, *now;

    must_open(&file, &card);
    for (uint32_t i = 1; i <= 5; i++) {
        card->serial = i;
        ck_assert_int_eq(store(file, card), ERR_NONE);
        ck_assert_uint_eq(generation(), i + 1);
        ck_assert(cardfile_is_ours(file));
        must_open(&again, &now);
        ck_assert(same_card(card, now));
        card_free(now);
        cardfile_close(again);
    }
    ck_assert_uint_eq(mode_of(path), 0600);
    ck_assert_int_eq(entries(), 1);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(each_write_has_its_own_stamp)
{
    struct cardfile_head head[2];
    struct cardfile *file;
    struct card *card;

    must_open(&file, &card);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(store(file, card), ERR_NONE);
        ck_assert_int_eq(cardfile_head(path, &head[i]), ERR_NONE);
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

    must_open(&mine, &a);
    must_open(&other, &b);
    b->serial = 77;
    ck_assert_int_eq(store(other, b), ERR_NONE);
    ck_assert(!cardfile_is_ours(mine));
    a->serial = 66;
    ck_assert_int_eq(store(mine, a), ERR_CHANGED);
    ck_assert(cardfile_is_ours(other));
    card_free(a);
    cardfile_close(mine);
    must_open(&mine, &a);
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

    must_open(&file, &card);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(!cardfile_is_ours(file));
    ck_assert_int_eq(store(file, card), ERR_CHANGED);
    ck_assert_int_eq(entries(), 0);
    ck_assert_int_eq(try_open(), ERR_NOT_FOUND);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(the_guid_is_kept)
{
    struct cardfile *file;
    struct card *card;

    must_open(&file, &card);
    card->guid[0] ^= 1;
    ck_assert_int_eq(store(file, card), ERR_DATA);
    ck_assert_int_eq(try_open(), ERR_NONE);
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

    snprintf(link, sizeof link, "%s/card", scratch);
    ck_assert_int_eq(symlink("cards/x.card", link), 0);
    ck_assert_int_eq(open_path(link, &file, &card), ERR_NONE);
    ck_assert_str_eq(cardfile_path(file), path);
    ck_assert_int_eq(store(file, card), ERR_NONE);
    ck_assert_int_eq(lstat(link, &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_uint_eq(generation(), 2);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(leftovers_of_the_dead_are_removed)
{
    static const char *const kept[] = { ".x.card.zzzzzz", ".x.card.01234", ".y.card.0a1b2c", "x.card.0a1b2c" };
    char leftover[SCRATCH_MAX + 64];
    struct cardfile *file;
    struct card *card;

    snprintf(leftover, sizeof leftover, "%s/.x.card.0a1b2c", cards);
    write_whole(leftover, "half", 4);
    for (size_t i = 0; i < 4; i++) {
        char other[SCRATCH_MAX + 64];

        snprintf(other, sizeof other, "%s/%s", cards, kept[i]);
        write_whole(other, "", 0);
    }
    must_open(&file, &card);
    ck_assert_int_eq(store(file, card), ERR_NONE);
    ck_assert_int_ne(access(leftover, F_OK), 0);
    ck_assert_int_eq(entries(), 1 + 4);
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

    must_open(&file, &card);
    read_whole(path, &before, &n);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ 500, limit.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(store(file, card), ERR_STORE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    read_whole(path, &after, &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(before, after, n);
    ck_assert_int_eq(entries(), 1);
    ck_assert(cardfile_is_ours(file));
    ck_assert_int_eq(store(file, card), ERR_NONE);
    free(before);
    free(after);
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
        snprintf(hex + 2 * i, 3, "%02x", (unsigned)made->guid[i]);
    for (int i = 0; i < 2; i++) {
        snprintf(record[i], sizeof record[i], "%s/tries/%s/%d", directory, hex, i);
        read_whole(record[i], &old[i], &n);
    }
    must_open(&file, &card);
    ck_assert_int_eq(store(file, card), ERR_NONE);
    for (int i = 0; i < 2; i++)
        write_whole(record[i], old[i], n);
    cardfile_close(file);
    card_free(card);
    must_open(&file, &card);
    ck_assert_int_eq(tries_lock(state, made->guid, &lock), ERR_NONE);
    ck_assert_int_eq(tries_load(state, &lock, made->guid, &tries, &recorded), ERR_NONE);
    tries_unlock(&lock);
    ck_assert_uint_eq(recorded, 2);
    /* Two behind is no crash: it is another record's card. */
    ck_assert_int_eq(store(file, card), ERR_NONE);
    for (int i = 0; i < 2; i++) {
        write_whole(record[i], old[i], n);
        free(old[i]);
    }
    ck_assert_int_eq(try_open(), ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(why.text, "newer"));
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

    read_whole(path, &old, &n);
    must_open(&file, &card);
    card->serial = 5;
    ck_assert_int_eq(store(file, card), ERR_NONE);
    write_whole(path, old, n);
    ck_assert(!cardfile_is_ours(file));
    ck_assert_int_eq(store(file, card), ERR_CHANGED);
    ck_assert_int_eq(try_open(), ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(why.text, "older copy"));
    ck_assert_int_eq(cardfile_adopt(path, state, &three, NULL), ERR_NONE);
    card_free(card);
    cardfile_close(file);
    must_open(&file, &card);
    ck_assert_uint_eq(card->serial, made->serial);
    ck_assert_int_eq(store(file, card), ERR_NONE);
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

    ck_assert_int_eq(tries_remove(state, made->guid, NULL), ERR_NONE);
    must_open(&file, &card);
    env = cardfile_env(file);
    ck_assert_uint_eq(pin_left(file), 0);
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_BLOCKED);
    ck_assert_uint_eq(left, 0);
    ck_assert_int_eq(env.tries_restore(env.ctx, PIN_APPLICATION), ERR_STORE);
    ck_assert_int_eq(env.tries_write(env.ctx, &three), ERR_STORE);
    ck_assert_int_eq(store(file, card), ERR_STORE);
    ck_assert_uint_eq(generation(), 1);
    ck_assert_int_eq(cardfile_adopt(path, state, &three, NULL), ERR_NONE);
    ck_assert_uint_eq(pin_left(file), 3);
    ck_assert_int_eq(store(file, card), ERR_NONE);
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

    must_open(&file, &card);
    must_open(&other, &same);
    env = cardfile_env(file);
    for (int expected = 2; expected >= 0; expected--) {
        ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_NONE);
        ck_assert_int_eq(left, expected);
        ck_assert_int_eq(pin_left(other), expected);
    }
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_BLOCKED);
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_GLOBAL, &left), ERR_BLOCKED);
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_PUK, &left), ERR_NONE);
    ck_assert_int_eq(env.tries_restore(env.ctx, PIN_APPLICATION), ERR_NONE);
    ck_assert_uint_eq(pin_left(file), 3);
    ck_assert_int_eq(env.tries_write(env.ctx, &five), ERR_NONE);
    ck_assert_uint_eq(pin_left(other), 5);
    /* A store keeps the tries, and tries do not change the file. */
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_NONE);
    ck_assert_uint_eq(generation(), 1);
    ck_assert_int_eq(store(file, card), ERR_NONE);
    ck_assert_uint_eq(pin_left(file), 4);
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

    snprintf(copy, sizeof copy, "%s/y.card", cards);
    read_whole(path, &bytes, &n);
    umask(0077);
    write_whole(copy, bytes, n);
    free(bytes);
    must_open(&file, &card);
    ck_assert_int_eq(open_path(copy, &second, &same), ERR_NONE);
    env = cardfile_env(second);
    ck_assert_int_eq(env.tries_spend(env.ctx, PIN_APPLICATION, &left), ERR_NONE);
    ck_assert_uint_eq(pin_left(file), 2);
    ck_assert_int_eq(store(file, card), ERR_NONE);
    ck_assert_int_eq(store(second, same), ERR_MISMATCH);
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

    snprintf(elsewhere, sizeof elsewhere, "%s/other", scratch);
    ck_assert_int_eq(state_open(elsewhere, true, false, NULL, &other, NULL), ERR_NONE);
    ck_assert_int_eq(cardfile_open(path, other, &file, &card, &why), ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(why.text, "host secret"));
    state_close(other);
}
END_TEST

/* Kinds of things that are in the way of a card, each refused at once and by name. */
static void put(const char *kind)
{
    FILE *f;

    if (strcmp(kind, "short link") == 0 || strcmp(kind, "device") == 0 || strcmp(kind, "dangling") == 0) {
        const char *target = kind[0] == 's' ? "x.card" : kind[1] == 'e' ? "/dev/zero" : "nothing";

        ck_assert_int_eq(symlink(target, path), 0);
    } else if (strcmp(kind, "fifo") == 0) {
        ck_assert_int_eq(mkfifo(path, 0600), 0);
    } else if (strcmp(kind, "directory") == 0) {
        ck_assert_int_eq(mkdir(path, 0700), 0);
    } else if (strcmp(kind, "gigabyte") == 0) {
        f = fopen(path, "w");
        ck_assert_int_eq(ftruncate(fileno(f), 1 << 30), 0);
        fclose(f);
        ck_assert_int_eq(chmod(path, 0600), 0);
    } else {
        write_whole(path, "hello\n", strcmp(kind, "empty") == 0 ? 0 : 6);
        ck_assert_int_eq(chmod(path, 0600), 0);
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

    ck_assert_int_eq(unlink(path), 0);
    put(kinds[_i].kind);
    e = try_open();
    ck_assert_msg(e == kinds[_i].e, "%s: %s: %s", kinds[_i].kind, err_name(e), why.text);
    /* By the name that the link leads to, where there is one. */
    ck_assert_ptr_eq(strstr(why.text, strcmp(kinds[_i].kind, "device") == 0 ? "/dev/zero" : path), why.text);
    ck_assert_int_ne(cardfile_head(path, &head), ERR_NONE);
}
END_TEST

START_TEST(a_file_that_others_may_read_is_refused)
{
    static const unsigned modes[] = { 0640, 0604, 0620, 0602, 0644, 0666, 0777, 04600, 02600 };

    ck_assert_int_eq(chmod(path, modes[_i]), 0);
    ck_assert_int_eq(try_open(), ERR_OWNER);
    ck_assert_ptr_eq(strstr(why.text, path), why.text);
}
END_TEST

/* Root is no exception: else anybody could have root's pcscd work on a file of theirs. */
START_TEST(a_file_of_another_user_is_refused)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(path, 12345, 12345), 0);
    ck_assert_int_eq(try_open(), ERR_OWNER);
    ck_assert_int_eq(chmod(path, 0660), 0);
    ck_assert_int_eq(try_open(), ERR_OWNER);
}
END_TEST

START_TEST(a_shared_card_stays_shared)
{
    struct cardfile *file;
    struct card *card;

    umask(0077);
    ck_assert(state_shared(state));
    ck_assert_uint_eq(mode_of(path), 0660);
    must_open(&file, &card);
    ck_assert_int_eq(store(file, card), ERR_NONE);
    ck_assert_uint_eq(mode_of(path), 0660);
    ck_assert_int_eq(try_open(), ERR_NONE);
    card_free(card);
    cardfile_close(file);
}
END_TEST

/* Whoever wrote it last owns it; the group says that it is shared. */
START_TEST(a_shared_card_may_have_any_owner)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
    ck_assert_int_eq(try_open(), ERR_NONE);
    ck_assert_int_eq(chown(path, 12345, 54321), 0);
    ck_assert_int_eq(try_open(), ERR_OWNER);
}
END_TEST

START_TEST(a_shared_card_for_others_is_refused)
{
    static const unsigned modes[] = { 0664, 0662, 0666, 0661, 0670, 02660 };

    ck_assert_int_eq(chmod(path, modes[_i]), 0);
    ck_assert_int_eq(try_open(), ERR_OWNER);
}
END_TEST

/* A shared card in a directory that would give its next version to another group stays as it is. */
START_TEST(a_shared_card_is_not_given_to_another_group)
{
    struct cardfile *file;
    struct card *card;

    if (geteuid() != 0)
        return;
    must_open(&file, &card);
    ck_assert_int_eq(chown(cards, (uid_t)-1, 54321), 0);
    ck_assert_int_eq(chmod(cards, 02770), 0);
    ck_assert_int_eq(store(file, card), ERR_OWNER);
    ck_assert_int_eq(entries(), 1);
    ck_assert_uint_eq(generation(), 1);
    card_free(card);
    cardfile_close(file);
}
END_TEST

START_TEST(a_private_place_in_a_shared_store_stays_private)
{
    struct piv_env env = state_env(state);
    struct card *other = sample_card(&env);
    char private[SCRATCH_MAX + 32];

    snprintf(private, sizeof private, "%s/y.card", scratch);
    ck_assert_int_eq(cardfile_create(private, state, other, &three, &why), ERR_NONE);
    ck_assert_uint_eq(mode_of(private), 0600);
    card_free(other);
}
END_TEST

/* One process that stores `n` times, reading again whenever another was first; its exit status says how often it
 * succeeded. */
static void write_often(int n)
{
    int done = 0;

    for (int i = 0; i < n; i++) {
        struct cardfile *file;
        struct card *card;

        if (cardfile_open(path, state, &file, &card, NULL) != ERR_NONE)
            _exit(255);
        enum err e = store(file, card);
        if (e != ERR_NONE && e != ERR_CHANGED)
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
    ck_assert_uint_eq(generation(), 1 + total);
    ck_assert_int_eq(entries(), 1);
    ck_assert_int_eq(try_open(), ERR_NONE);
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
        must_open(&file, &card);
        ck_assert(same_card(card, made));
        ck_assert_int_eq(store(file, card), ERR_NONE);
        ck_assert_int_eq(entries(), 1);
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

    must_open(&file, &card);
    atomic_store(&stop, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, watch, file), 0);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(store(file, card), ERR_NONE);
    atomic_store(&stop, true);
    ck_assert_int_eq(pthread_join(thread, &strangers), 0);
    ck_assert_uint_eq((uintptr_t)strangers, 0);
    card_free(card);
    cardfile_close(file);
}
END_TEST

static void add_files(Suite *suite)
{
    TCase *files = tcase_create("file"), *shared = tcase_create("shared");

    tcase_add_checked_fixture(files, set_up, tear_down);
    tcase_add_loop_test(files, what_is_no_card_file_is_refused_at_once, 0, (int)(sizeof kinds / sizeof kinds[0]));
    tcase_add_loop_test(files, a_file_that_others_may_read_is_refused, 0, 9);
    tcase_add_test(files, a_file_of_another_user_is_refused);
    suite_add_tcase(suite, files);
    tcase_add_checked_fixture(shared, set_up_shared, tear_down);
    tcase_add_test(shared, a_shared_card_stays_shared);
    tcase_add_test(shared, a_shared_card_may_have_any_owner);
    tcase_add_loop_test(shared, a_shared_card_for_others_is_refused, 0, 6);
    tcase_add_test(shared, a_shared_card_is_not_given_to_another_group);
    tcase_add_test(shared, a_private_place_in_a_shared_store_stays_private);
    suite_add_tcase(suite, shared);
}

Suite *suite_cardfile(void)
{
    Suite *suite = suite_create("cardfile");
    TCase *life = tcase_create("life"), *record = tcase_create("record"), *many = tcase_create("many");

    tcase_add_checked_fixture(life, set_up, tear_down);
    tcase_add_test(life, what_was_created_opens);
    tcase_add_test(life, a_name_is_taken_once);
    tcase_add_test(life, a_card_is_made_once);
    tcase_add_loop_test(life, an_impossible_place_is_told, 0, 3);
    tcase_add_test(life, a_store_replaces_the_whole_file);
    tcase_add_test(life, each_write_has_its_own_stamp);
    tcase_add_test(life, another_writer_is_noticed);
    tcase_add_test(life, a_card_that_is_gone_is_not_stored);
    tcase_add_test(life, the_guid_is_kept);
    tcase_add_test(life, a_reader_s_link_stays_a_link);
    tcase_add_test(life, leftovers_of_the_dead_are_removed);
    tcase_add_test(life, a_failed_write_changes_nothing);
    suite_add_tcase(suite, life);
    tcase_add_checked_fixture(record, set_up, tear_down);
    tcase_add_test(record, a_record_one_behind_is_mended);
    tcase_add_test(record, an_older_copy_is_refused_until_its_owner_adopts_it);
    tcase_add_test(record, a_card_without_a_record_has_no_tries_and_is_not_changed);
    tcase_add_test(record, tries_are_spent_and_restored);
    tcase_add_test(record, a_copy_under_another_name_shares_the_tries);
    tcase_add_test(record, another_host_secret_is_told);
    suite_add_tcase(suite, record);
    add_files(suite);
    tcase_add_checked_fixture(many, set_up, tear_down);
    tcase_set_timeout(many, 120);
    tcase_add_test(many, writers_at_once_lose_nothing);
    tcase_add_test(many, a_killed_writer_leaves_a_whole_card);
    tcase_add_test(many, an_own_write_is_never_taken_for_a_swap);
    suite_add_tcase(suite, many);
    return suite;
}
