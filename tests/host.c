/* SPDX-License-Identifier: BSD-2-Clause */
/* host.c — a host for tests: a scratch directory with state, cards and one card file in it. */
#include "tests/host.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <check.h>

#include "conf/store.h"
#include "tests/cards.h"

const struct tries three = { { 3, 3, 0 }, { 3, 3, 0 } };

struct host host;

static void host_make(bool shared)
{
    struct piv_env env;

    umask(0022);
    scratch_make(host.scratch);
    snprintf(host.directory, sizeof host.directory, "%s/state", host.scratch);
    snprintf(host.cards, sizeof host.cards, "%s/cards", host.scratch);
    snprintf(host.path, sizeof host.path, "%s/x.card", host.cards);
    host.why = (struct why){ "" };
    ck_assert_msg(state_open(host.directory, true, shared, NULL, &host.state, &host.why) == ERR_NONE, "%s",
                  host.why.text);
    ck_assert_int_eq(make_directories(host.cards, shared, &host.why), ERR_NONE);
    env = state_env(host.state);
    host.made = sample_card(&env);
    ck_assert_msg(cardfile_create(host.path, host.state, host.made, &three, &host.why) == ERR_NONE, "%s",
                  host.why.text);
    ck_assert_str_eq(host.why.text, "");
}

void host_private(void)
{
    host_make(false);
}

void host_shared(void)
{
    host_make(true);
}

void host_remove(void)
{
    card_free(host.made);
    host.made = NULL;
    state_close(host.state);
    scratch_remove(host.scratch);
}

enum err host_open(const char *which, struct cardfile **file, struct card **card)
{
    enum err e;

    host.why = (struct why){ "" };
    e = cardfile_open(which, host.state, file, card, &host.why);
    ck_assert_msg((e == ERR_NONE) == (host.why.text[0] == '\0'), "%s: %s", err_name(e), host.why.text);
    ck_assert((e == ERR_NONE) == (*file != NULL) && (e == ERR_NONE) == (*card != NULL));
    return e;
}

enum err host_try(void)
{
    struct cardfile *file;
    struct card *card;
    enum err e = host_open(host.path, &file, &card);

    card_free(card);
    cardfile_close(file);
    return e;
}

void host_must_open(struct cardfile **file, struct card **card)
{
    ck_assert_msg(host_open(host.path, file, card) == ERR_NONE, "%s", host.why.text);
}

enum err host_store(struct cardfile *file, const struct card *card)
{
    struct piv_env env = cardfile_env(file);

    return env.store(env.ctx, card);
}

uint64_t host_generation(void)
{
    struct cardfile_head head;

    ck_assert_int_eq(cardfile_head(host.path, &head), ERR_NONE);
    return head.generation;
}

int host_entries(void)
{
    DIR *stream = opendir(host.cards);
    int n = 0;

    ck_assert_ptr_nonnull(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return n;
}

unsigned host_mode(const char *which)
{
    struct stat st;

    ck_assert_int_eq(stat(which, &st), 0);
    return st.st_mode & 07777;
}

uint8_t host_pin_left(struct cardfile *file)
{
    struct piv_env env = cardfile_env(file);
    struct tries now;

    ck_assert_int_eq(env.tries_read(env.ctx, &now), ERR_NONE);
    return now.left[PIN_APPLICATION];
}
