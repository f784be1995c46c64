/* SPDX-License-Identifier: BSD-2-Clause */
/* cardfile.c — reading a card file and checking it against its tries record, and replacing it as a whole. */
#include "conf/cardfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/cardio.h"
#include "conf/cardtext.h"
#include "conf/tries.h"
#include "conf/view.h"

struct cardfile {
    char path[PATH_MAX];        /* resolved: no symbolic link in it */
    struct state *state;
    uint8_t guid[16];
    enum file_kind kind;
    struct tries_memory memory; /* for the one thread that uses the env */
    struct tries_view view;     /* likewise */
    pthread_mutex_t mutex;      /* over head, and over the rename that makes it true */
    struct cardfile_head head;  /* what we read or wrote last */
};

enum err cardfile_head(const char *path, struct cardfile_head *head)
{
    char resolved[PATH_MAX];
    enum err e = card_resolve(path, resolved, NULL);

    return e != ERR_NONE ? e : card_read_head(resolved, head);
}

static bool same_head(const struct cardfile_head *a, const struct cardfile_head *b)
{
    return a->version == b->version && a->generation == b->generation &&
           memcmp(a->stamp, b->stamp, sizeof a->stamp) == 0;
}

static bool has_record(const struct tries *tries)
{
    static const struct tries none;

    return memcmp(tries->allowed, none.allowed, sizeof none.allowed) != 0;
}

/* settle — the file's generation is the record's, or one more: a crash between the two, mended here.  The name must
 * be durable before the record says so. */
static enum err settle(struct cardfile *file, struct tries_lock *lock, const struct tries *tries, uint64_t recorded)
{
    enum err e;

    if (file->head.generation == recorded)
        return ERR_NONE;
    if (file->head.generation != recorded + 1)
        return ERR_MISMATCH;
    e = card_sync_directory(file->path);
    return e != ERR_NONE ? e : tries_save(file->state, lock, file->guid, tries, file->head.generation);
}

/* enter, leave — the one lock, and what this process remembers of the record. */
static enum err enter(struct cardfile *file, struct tries_lock *lock)
{
    enum err e = tries_lock(file->state, file->guid, lock);

    if (e == ERR_NONE)
        lock->memory = file->memory;
    return e;
}

static void leave(struct cardfile *file, struct tries_lock *lock)
{
    file->memory = lock->memory;
    file->view.known = false;
    tries_unlock(lock);
}

/* read_card — file and card, without the tries record. */
static enum err read_card(struct cardfile *file, struct card **card, struct why *why)
{
    struct piv_env env = state_env(file->state);
    struct out text;
    enum err e = card_read_text(file->path, file->state, &text, &file->kind, why);

    *card = NULL;
    if (e == ERR_NONE)
        e = cardtext_read(&env, file->path, out_in(&text), &file->head, card, why);
    if (e == ERR_NONE)
        memcpy(file->guid, (*card)->guid, sizeof file->guid);
    if (e == ERR_NONE && (e = state_serve(file->state, file->guid, (*card)->test, why)) != ERR_NONE) {
        card_free(*card);
        *card = NULL;
    }
    free(text.p);
    return e;
}

/* read_again — under the lock, where nobody writes.  ERR_CHANGED: another card has been put there, under another
 * lock. */
static enum err read_again(struct cardfile *file, struct card **card, struct why *why)
{
    uint8_t guid[sizeof file->guid];
    enum err e;

    memcpy(guid, file->guid, sizeof guid);
    card_free(*card);
    e = read_card(file, card, why);
    return e == ERR_NONE && memcmp(guid, file->guid, sizeof guid) != 0 ? ERR_CHANGED : e;
}

static enum err explain(const struct cardfile *file, uint64_t recorded, enum err e, struct why *why)
{
    unsigned long long mine = file->head.generation, hosts = recorded;

    if (e != ERR_MISMATCH)
        return why_set(why, e, "%s: the tries record: %s", file->path, err_sentence(e));
    if (mine < hosts)
        return why_set(why, e,
                       "%s: an older copy was put back: it is write %llu of this card, the host has seen %llu; if it "
                       "is to be used, 'vpiv adopt' takes it into use", file->path, mine, hosts);
    return why_set(why, e,
                   "%s: newer than its tries record: write %llu of this card, the record knows of %llu; if the card is "
                   "yours, 'vpiv adopt' takes it into use", file->path, mine, hosts);
}

/* check_generation — under the lock, of the file as it is then: it may have been replaced since it was read. */
static enum err check_generation(struct cardfile *file, struct card **card, struct why *why)
{
    struct cardfile_head now;
    struct tries_lock lock;
    struct tries tries;
    uint64_t recorded = 0;
    enum err e = enter(file, &lock);

    /* A card without a record has no tries; it can be looked at all the same. */
    if (e == ERR_NOT_FOUND)
        return ERR_NONE;
    if (e != ERR_NONE)
        return explain(file, recorded, e, why);
    if (card_read_head(file->path, &now) != ERR_NONE || !same_head(&now, &file->head))
        e = read_again(file, card, why);
    if (e != ERR_NONE) {
        leave(file, &lock);
        return e;
    }
    e = tries_load(file->state, &lock, file->guid, &tries, &recorded);
    if (e == ERR_NONE && has_record(&tries)) {
        e = settle(file, &lock, &tries, recorded);
        /* What could not be mended now (a disk that is read-only) is mended before the next change. */
        e = e == ERR_MISMATCH ? e : ERR_NONE;
    }
    leave(file, &lock);
    return e == ERR_NONE ? e : explain(file, recorded, e, why);
}

static enum err file_new(const char *path, struct state *state, struct cardfile **out, struct why *why)
{
    struct cardfile *file = calloc(1, sizeof *file);
    enum err e;

    *out = NULL;
    if (file == NULL)
        return ERR_MEMORY;
    e = card_resolve(path, file->path, why);
    if (e == ERR_NONE && pthread_mutex_init(&file->mutex, NULL) != 0)
        e = ERR_MEMORY;
    if (e != ERR_NONE) {
        free(file);
        return e;
    }
    file->state = state;
    view_open(&file->view, NULL);
    *out = file;
    return ERR_NONE;
}

enum err cardfile_open(const char *path, struct state *state, struct cardfile **out, struct card **card,
                       struct why *why)
{
    static const int attempts = 5;
    struct cardfile *file;
    enum err e;

    *out = NULL;
    *card = NULL;
    e = file_new(path, state, &file, why);
    if (e != ERR_NONE)
        return e;
    e = ERR_CHANGED;
    for (int i = 0; e == ERR_CHANGED && i < attempts; i++) {
        card_free(*card);
        e = read_card(file, card, why);
        if (e == ERR_NONE)
            e = check_generation(file, card, why);
    }
    if (e == ERR_NONE) {
        *out = file;
        return ERR_NONE;
    }
    card_free(*card);
    *card = NULL;
    cardfile_close(file);
    return why_set(why, e, "%s: %s", path, err_sentence(e));
}

enum err cardfile_create(const char *path, struct state *state, const struct card *card, const struct tries *tries,
                         struct why *why)
{
    static const uint64_t first = 1;
    char resolved[PATH_MAX];
    struct cardfile_head head;
    struct out text;
    struct stat st;
    enum err e = card_new_path(path, resolved, why);

    if (e != ERR_NONE)
        return e;
    if (lstat(resolved, &st) == 0)
        return why_set(why, ERR_EXISTS, "%s: there is a file of this name already", path);
    e = state_serve(state, card->guid, card->test, why);
    if (e != ERR_NONE)
        return e;
    e = card_next_text(state, card, first, &head, &text);
    if (e == ERR_NONE)
        e = tries_create(state, card->guid, tries, first, why);
    if (e == ERR_NONE) {
        e = card_publish(resolved, state, out_in(&text));
        if (e == ERR_EXISTS)
            why_set(why, e, "%s: there is a file of this name already", path);
        else if (e != ERR_NONE)
            why_set(why, e, "%s: cannot be written: %s", path, e == ERR_STORE ? strerror(errno) : err_sentence(e));
        /* No card, no record: the same GUID may come again. */
        if (e != ERR_NONE)
            (void)!tries_remove(state, card->guid, NULL);
    }
    free(text.p);
    return e == ERR_NONE ? e : why_set(why, e, "%s: %s", path, err_sentence(e));
}

enum err cardfile_adopt(const char *path, struct state *state, const struct tries *tries, struct why *why)
{
    struct cardfile *file;
    struct card *card;
    enum err e = file_new(path, state, &file, why);

    if (e != ERR_NONE)
        return e;
    e = read_card(file, &card, why);
    if (e == ERR_NONE)
        e = tries_adopt(state, file->guid, tries, file->head.generation, why);
    card_free(card);
    cardfile_close(file);
    return e;
}

enum err cardfile_remove(struct cardfile *file, struct why *why)
{
    struct tries_lock lock;
    enum err e = enter(file, &lock);
    bool recorded = e == ERR_NONE;

    /* A card without a record has nothing to lock, and can go all the same. */
    if (e != ERR_NONE && e != ERR_NOT_FOUND)
        return why_set(why, e, "%s: %s", file->path, err_sentence(e));
    e = unlink(file->path) == 0 ? card_sync_directory(file->path) : ERR_STORE;
    if (e != ERR_NONE)
        why_set(why, e, "%s: %s", file->path, strerror(errno));
    if (recorded)
        leave(file, &lock);
    return e == ERR_NONE && recorded ? tries_remove(file->state, file->guid, why) : e;
}

void cardfile_close(struct cardfile *file)
{
    if (file == NULL)
        return;
    view_close(&file->view);
    pthread_mutex_destroy(&file->mutex);
    free(file);
}

void cardfile_follow(struct cardfile *file, int *events)
{
    view_close(&file->view);
    view_open(&file->view, events);
}

const char *cardfile_path(const struct cardfile *file)
{
    return file->path;
}

bool cardfile_is_ours(struct cardfile *file)
{
    struct cardfile_head now;
    bool ours;

    pthread_mutex_lock(&file->mutex);
    ours = card_read_head(file->path, &now) == ERR_NONE && same_head(&now, &file->head);
    pthread_mutex_unlock(&file->mutex);
    return ours;
}

/* replace — from here on the file is `head`'s.  cardfile_is_ours, from another thread, must never see the one without
 * the other. */
static enum err replace(struct cardfile *file, int dir, const char *temporary, const struct cardfile_head *head)
{
    struct cardfile_head before = file->head;
    enum err e;

    pthread_mutex_lock(&file->mutex);
    e = renameat(dir, temporary, dir, card_base(file->path)) == 0 ? ERR_NONE : ERR_STORE;
    if (e == ERR_NONE)
        file->head = *head;
    pthread_mutex_unlock(&file->mutex);
    if (e != ERR_NONE) {
        unlinkat(dir, temporary, 0);
        return e;
    }
    if (fsync(dir) == 0)
        return ERR_NONE;
    /* The new card has the name, but nobody knows whether it will last: it is not ours until it is read again. */
    pthread_mutex_lock(&file->mutex);
    file->head = before;
    pthread_mutex_unlock(&file->mutex);
    return ERR_STORE;
}

/* check_unchanged — the file is what we read or wrote last, and the record is of this file. */
static enum err check_unchanged(struct cardfile *file, struct tries_lock *lock, struct tries *tries)
{
    struct cardfile_head now;
    uint64_t recorded;
    enum err e;

    e = card_read_head(file->path, &now);
    if (e == ERR_STORE)
        return e;
    if (e != ERR_NONE || !same_head(&now, &file->head))
        return ERR_CHANGED;
    e = tries_load(file->state, lock, file->guid, tries, &recorded);
    if (e == ERR_NONE && !has_record(tries))
        e = ERR_STORE;
    return e != ERR_NONE ? e : settle(file, lock, tries, recorded);
}

static enum err put_in_place(struct cardfile *file, const struct cardfile_head *head, struct in text)
{
    char temporary[NAME_MAX + 1];
    const char *base = card_base(file->path);
    int dir;
    enum err e = card_directory(file->path, &dir);

    if (e != ERR_NONE)
        return e;
    file_sweep(dir, base);
    e = card_write_temporary(dir, base, text, file->state, file->kind, temporary);
    if (e == ERR_NONE)
        e = replace(file, dir, temporary, head);
    close(dir);
    return e;
}

static enum err cardfile_store(void *ctx, const struct card *next)
{
    struct cardfile *file = ctx;
    struct cardfile_head head;
    struct tries_lock lock;
    struct tries tries;
    struct out text;
    enum err e = card_next_text(file->state, next, file->head.generation + 1, &head, &text);

    if (e == ERR_NONE && memcmp(next->guid, file->guid, sizeof file->guid) != 0)
        e = ERR_DATA;
    if (e == ERR_NONE)
        e = enter(file, &lock);
    if (e == ERR_NONE) {
        e = check_unchanged(file, &lock, &tries);
        if (e == ERR_NONE)
            e = put_in_place(file, &head, out_in(&text));
        /* The card is durable now.  A record that stays one behind is mended by whoever comes next. */
        if (e == ERR_NONE)
            (void)!tries_save(file->state, &lock, file->guid, &tries, head.generation);
        leave(file, &lock);
    }
    free(text.p);
    return e == ERR_NOT_FOUND ? ERR_STORE : e;
}

static enum err cardfile_tries_read(void *ctx, struct tries *now)
{
    struct cardfile *file = ctx;

    return view_read(&file->view, file->state, file->guid, &file->memory, now);
}

/* change_tries — read, change, write, in one go under the lock.  change says whether there is anything to write. */
static enum err change_tries(struct cardfile *file, enum err (*change)(struct tries *, const void *),
                             const void *about, struct tries *now)
{
    struct tries_lock lock;
    uint64_t generation;
    enum err e = enter(file, &lock);

    memset(now, 0, sizeof *now);
    if (e != ERR_NONE)
        return e;
    e = tries_load(file->state, &lock, file->guid, now, &generation);
    if (e == ERR_NONE)
        e = change(now, about);
    if (e == ERR_NONE)
        e = tries_save(file->state, &lock, file->guid, now, generation);
    leave(file, &lock);
    return e;
}

static enum err spend(struct tries *tries, const void *about)
{
    enum pin which = *(const enum pin *)about;

    if (tries->left[which] == 0)
        return ERR_BLOCKED;
    tries->left[which]--;
    return ERR_NONE;
}

static enum err restore(struct tries *tries, const void *about)
{
    enum pin which = *(const enum pin *)about;

    tries->left[which] = tries->allowed[which];
    return ERR_NONE;
}

static enum err overwrite(struct tries *tries, const void *about)
{
    *tries = *(const struct tries *)about;
    return ERR_NONE;
}

static enum err cardfile_tries_spend(void *ctx, enum pin which, uint8_t *left)
{
    struct tries now;
    enum err e = change_tries(ctx, spend, &which, &now);

    *left = now.left[which];
    return e == ERR_NOT_FOUND ? ERR_BLOCKED : e;
}

static enum err cardfile_tries_restore(void *ctx, enum pin which)
{
    struct tries now;
    enum err e = change_tries(ctx, restore, &which, &now);

    return e == ERR_NOT_FOUND ? ERR_STORE : e;
}

static enum err cardfile_tries_write(void *ctx, const struct tries *next)
{
    struct tries now;
    enum err e = change_tries(ctx, overwrite, next, &now);

    return e == ERR_NOT_FOUND ? ERR_STORE : e;
}

static enum err cardfile_random(void *ctx, uint8_t *p, size_t n)
{
    struct cardfile *file = ctx;
    struct piv_env env = state_env(file->state);

    return env.random(env.ctx, p, n);
}

static uint64_t cardfile_clock(void *ctx)
{
    struct cardfile *file = ctx;
    struct piv_env env = state_env(file->state);

    return env.clock(env.ctx);
}

struct piv_env cardfile_env(struct cardfile *file)
{
    struct piv_env env = state_env(file->state);

    env.ctx = file;
    env.random = cardfile_random;
    env.clock = cardfile_clock;
    env.store = cardfile_store;
    env.tries_read = cardfile_tries_read;
    env.tries_spend = cardfile_tries_spend;
    env.tries_restore = cardfile_tries_restore;
    env.tries_write = cardfile_tries_write;
    return env;
}
