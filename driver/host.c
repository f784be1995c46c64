/* SPDX-License-Identifier: BSD-2-Clause */
/* host.c — from the entry in a reader's directory to a card that answers. */
#include "driver/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "driver/vault.h"

/* under — `path` is `top` or lies below it; both without links. */
static bool under(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool is_system(const char *directory)
{
    char path[PATH_MAX], top[PATH_MAX];

    /* Where the built-in directory does not exist nothing can lie in it but by name. */
    return under(realpath(directory, path) != NULL ? path : directory,
                 realpath(VPIV_STATEDIR, top) != NULL ? top : VPIV_STATEDIR);
}

/* open_state — the reader's entry `state` leads to it; a reader without one stands in the system's layout,
 * STATE/readers/N (DESIGN.md 2). */
static enum err open_state(const char *directory, OSSL_LIB_CTX *lib, struct state **out, struct why *why)
{
    char entry[PATH_MAX], path[PATH_MAX];
    struct stat st;
    int n = snprintf(entry, sizeof entry, "%s/state", directory);

    if (n > 0 && (size_t)n < sizeof entry && lstat(entry, &st) != 0 && errno == ENOENT)
        n = snprintf(entry, sizeof entry, "%s/../..", directory);
    if (n < 0 || (size_t)n >= sizeof entry || realpath(entry, path) == NULL)
        return why_set(why, ERR_STORE, "%s: the directory with this reader's host key cannot be reached: %s",
                       entry, strerror(errno));
    return state_open(path, false, false, lib, out, why);
}

static bool env_vault(void *ctx, bool inside)
{
    (void)ctx; /* the card's; the vault is the thread's */
    if (inside)
        return vault_enter();
    vault_leave();
    return true;
}

/* warn_of_tries — a card without a record can be looked at, but every PIN is answered as blocked: somebody will look
 * for the reason. */
static void warn_of_tries(const struct piv_env *env, const char *path, struct why *why)
{
    struct tries now;

    if (env->tries_read(env->ctx, &now) == ERR_NONE && now.allowed[PIN_APPLICATION] == 0)
        (void)why_set(why, ERR_NONE, "%s: this host has no valid record of its tries, so its PIN and PUK are blocked; "
                      "if the card is yours, 'vpiv adopt' takes it into use", path);
}

enum err host_open(const struct seat *seat, const char *path, struct host **out, struct why *why)
{
    struct host *h = calloc(1, sizeof *h);
    struct card *card = NULL;
    enum err e = ERR_MEMORY;

    if (h == NULL)
        goto out;
    snprintf(h->path, sizeof h->path, "%s", path);
    e = open_state(seat->directory, seat->lib, &h->state, why);
    if (e == ERR_NONE)
        e = cardfile_open(h->path, h->state, &h->file, &card, why);
    if (e != ERR_NONE)
        goto out;
    if (card->test && is_system(seat->directory)) {
        e = why_set(why, ERR_SECURITY, "%s: a throw-away card of `vpiv run` (anyone can guess its PIN); "
                    "a system reader takes none: make one with `vpiv new` or `vpiv import`", h->path);
        goto out;
    }
    cardfile_follow(h->file, seat->events);
    struct piv_env stored = cardfile_env(h->file), env = cut_env(&h->cut, &stored);
    env.vault = env_vault;
    env.touch = seat->touch;
    env.touch_ctx = seat->touch_ctx;
    h->piv = piv_new(&env, card);
    card = NULL;
    e = h->piv != NULL ? ERR_NONE : ERR_MEMORY;
    if (e == ERR_NONE)
        warn_of_tries(&env, h->path, why);
out:
    card_free(card);
    if (e != ERR_NONE) {
        (void)why_set(why, e, "%s: %s", path, err_sentence(e));
        host_close(h);
        h = NULL;
    }
    *out = h;
    return e;
}

void host_close(struct host *h)
{
    if (h == NULL)
        return;
    piv_free(h->piv);
    cardfile_close(h->file);
    state_close(h->state);
    free(h);
    vault_sweep();
}

bool host_same(const struct host *h, const char *path)
{
    return strcmp(h->path, path) == 0 && cardfile_is_ours(h->file);
}
