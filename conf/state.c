/* SPDX-License-Identifier: BSD-2-Clause */
/* state.c — the host secret: made once, read with care; and the environments that need no card file. */
#include "conf/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "conf/file.h"
#include "conf/seed.h"
#include "conf/store.h"

#define HOST_KEY "host.key"
#define CREDENTIAL "vpiv.host.key" /* systemd.exec(5), LoadCredential= and LoadCredentialEncrypted= */

/* A card in memory alone: where its tries are. */
struct memory {
    struct memory *next;
    struct state *state;
    struct tries *tries;
};

struct state {
    char directory[PATH_MAX];
    int fd;
    bool shared;
    gid_t group;             /* of the directory */
    OSSL_LIB_CTX *lib;
    struct secret *host;
    struct seed seed, cards; /* as it was read; as it stands for the card that was opened last */
    struct memory *memories;
};

/* A private directory is ours and nobody else writes in it; a shared one is setgid, and others see nothing of it. */
static enum err check_directory(struct state *state, struct why *why)
{
    struct stat st;

    if (fstat(state->fd, &st) != 0)
        return why_set(why, ERR_STORE, "%s: %s", state->directory, strerror(errno));
    state->shared = (st.st_mode & S_ISGID) != 0 && (st.st_mode & 0070) == 0070;
    state->group = st.st_gid;
    if (state->shared && (st.st_mode & 0007) == 0)
        return ERR_NONE;
    if (!state->shared && (st.st_mode & 0022) == 0 && st.st_uid == geteuid())
        return ERR_NONE;
    return why_set(
        why, ERR_OWNER,
        "%s: neither private (your own, not writable by others) nor shared (mode 2770): it is mode %04o of "
        "user %u",
        state->directory, (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid);
}

/* 0600 and ours; in a shared directory 0640 of its group, whoever made it. */
static bool key_is_kept(const struct state *state, const struct stat *st)
{
    if (st->st_uid == geteuid() && (st->st_mode & 07177) == 0)
        return true;
    return state->shared && st->st_gid == state->group && (st->st_mode & 07137) == 0;
}

/* read_credential — what systemd gives the service, and nobody else: sealed on disk by the TPM, if its owner wants. */
static enum err read_credential(const struct state *state, struct out *bytes, struct why *why)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX];
    struct stat st;
    int fd;
    enum err e = ERR_NONE;

    if (directory == NULL || snprintf(path, sizeof path, "%s/" CREDENTIAL, directory) >= (int)sizeof path ||
        file_open(AT_FDCWD, path, &fd, &st) != ERR_NONE)
        return why_set(why, ERR_DATA, "%s/" HOST_KEY ": it is empty, so the host secret is the systemd credential "
                       CREDENTIAL ", and this program has none", state->directory);
    if (st.st_size != HOST_SECRET_SIZE)
        e = why_set(why, ERR_DATA, "%s: %lld bytes, where a host secret has %d", path, (long long)st.st_size,
                    (int)HOST_SECRET_SIZE);
    else if (file_read(fd, bytes) != ERR_NONE || bytes->n != HOST_SECRET_SIZE)
        e = why_set(why, ERR_STORE, "%s: cannot be read", path);
    close(fd);
    return e;
}

static enum err read_key(struct state *state, struct why *why)
{
    struct secret *host = secret_new(HOST_SECRET_SIZE);
    struct out bytes;
    struct stat st;
    int fd;
    enum err e = host == NULL ? ERR_MEMORY : file_open(state->fd, HOST_KEY, &fd, &st);

    if (e != ERR_NONE) {
        secret_free(host);
        if (e == ERR_OWNER)
            return why_set(why, e, "%s/" HOST_KEY ": not a regular file", state->directory);
        return e == ERR_STORE ? why_set(why, e, "%s/" HOST_KEY ": %s", state->directory, strerror(errno)) : e;
    }
    bytes = secret_out(host);
    if (!key_is_kept(state, &st))
        e = why_set(why, ERR_OWNER,
                    "%s/" HOST_KEY ": mode %04o of user %u and group %u: others may read it, or it is "
                    "not yours",
                    state->directory, (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid, (unsigned)st.st_gid);
    else if (st.st_size == 0)
        e = read_credential(state, &bytes, why);
    else if (st.st_size != HOST_SECRET_SIZE)
        e = why_set(why, ERR_DATA, "%s/" HOST_KEY ": %lld bytes, where a host secret has %d", state->directory,
                    (long long)st.st_size, (int)HOST_SECRET_SIZE);
    else if (file_read(fd, &bytes) != ERR_NONE || bytes.n != HOST_SECRET_SIZE)
        e = why_set(why, ERR_STORE, "%s/" HOST_KEY ": cannot be read", state->directory);
    close(fd);
    if (e == ERR_NONE)
        state->host = host;
    else
        secret_free(host);
    return e;
}

static enum err fill_key(const struct state *state, int fd)
{
    struct secret *host = secret_new(HOST_SECRET_SIZE);
    enum err e = host == NULL ? ERR_MEMORY : ERR_NONE;

    if (e == ERR_NONE && RAND_priv_bytes_ex(state->lib, host->p, host->n, 0) != 1)
        e = ERR_CRYPTO;
    if (e == ERR_NONE)
        e = file_write(fd, secret_in(host));
    secret_free(host);
    if (e == ERR_NONE && ((state->shared && fchmod(fd, 0640) != 0) || fsync(fd) != 0))
        e = ERR_STORE;
    return e;
}

/* Whole on disk before it has its name, and never over one that is there: whoever loses the race reads the winner's.
 */
static enum err make_key(struct state *state, struct why *why)
{
    char temporary[NAME_MAX + 1];
    int fd;
    enum err e = file_temporary(state->fd, HOST_KEY, temporary, &fd);

    if (e == ERR_NONE) {
        e = fill_key(state, fd);
        close(fd);
        if (e == ERR_NONE)
            e = file_publish(state->fd, temporary, HOST_KEY);
        if (e != ERR_NONE)
            unlinkat(state->fd, temporary, 0);
        else if (fsync(state->fd) != 0)
            e = ERR_STORE;
    }
    if (e == ERR_NONE || e == ERR_EXISTS)
        return ERR_NONE;
    return why_set(why, e, "%s/" HOST_KEY ": cannot be made: %s", state->directory,
                   e == ERR_STORE ? strerror(errno) : err_sentence(e));
}

static enum err open_directory(struct state *state, struct why *why)
{
    state->fd = open(state->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->fd >= 0)
        return check_directory(state, why);
    if (errno == ENOENT)
        return why_set(why, ERR_NOT_FOUND, "%s: there is no such directory", state->directory);
    return why_set(why, ERR_STORE, "%s: %s", state->directory, strerror(errno));
}

static enum err read_seed(struct state *state, struct why *why)
{
    enum err e = seed_read(state->fd, state->lib, &state->seed);

    state->cards = state->seed;
    if (e == ERR_NONE && state->seed.set && state->shared)
        e = why_set(why, ERR_SECURITY, "%s/seed: other people's cards are in here, and would be predictable",
                    state->directory);
    return e == ERR_NONE ? e : why_set(why, e, "%s/seed: %s", state->directory, err_sentence(e));
}

enum err state_open(const char *directory, bool create, bool shared, OSSL_LIB_CTX *lib, struct state **out,
                    struct why *why)
{
    struct state *state = calloc(1, sizeof *state);
    enum err e = ERR_NONE;

    *out = NULL;
    if (state == NULL)
        return ERR_MEMORY;
    state->fd = -1;
    state->lib = lib;
    if (snprintf(state->directory, sizeof state->directory, "%s", directory) >= (int)sizeof state->directory)
        e = why_set(why, ERR_DATA, "%.100s…: the path is too long", directory);
    if (e == ERR_NONE && create)
        e = make_directories(directory, shared, why);
    if (e == ERR_NONE)
        e = open_directory(state, why);
    if (e == ERR_NONE)
        e = read_key(state, why);
    if (e == ERR_NOT_FOUND && state->fd >= 0 && create) {
        e = make_key(state, why);
        if (e == ERR_NONE)
            e = read_key(state, why);
    }
    if (e == ERR_NONE)
        e = read_seed(state, why);
    if (e == ERR_NOT_FOUND)
        why_set(why, e, "%s/" HOST_KEY ": there is no host secret", directory);
    if (e == ERR_NONE)
        *out = state;
    else
        state_close(state);
    return e;
}

void state_close(struct state *state)
{
    if (state == NULL)
        return;
    while (state->memories != NULL) {
        struct memory *memory = state->memories;

        state->memories = memory->next;
        free(memory);
    }
    secret_free(state->host);
    if (state->fd >= 0)
        close(state->fd);
    free(state);
}

const char *state_directory(const struct state *state)
{
    return state->directory;
}

bool state_shared(const struct state *state)
{
    return state->shared;
}

int state_fd(const struct state *state)
{
    return state->fd;
}

gid_t state_group(const struct state *state)
{
    return state->shared ? state->group : (gid_t)FILE_NO_GROUP;
}

OSSL_LIB_CTX *state_lib(const struct state *state)
{
    return state->lib;
}

enum err state_serve(struct state *state, const uint8_t guid[16], bool test, struct why *why)
{
    if (!state->seed.set)
        return ERR_NONE;
    if (!test)
        return why_set(why, ERR_SECURITY, "%s/seed: this is no test card, and would be predictable", state->directory);
    state->cards = state->seed;
    return seed_start(&state->cards, state->lib, guid, 16);
}

static enum err state_random(void *ctx, uint8_t *p, size_t n)
{
    struct state *state = ctx;

    if (state->seed.set)
        return seed_bytes(&state->cards, state->lib, p, n);
    return RAND_priv_bytes_ex(state->lib, p, n, 0) == 1 ? ERR_NONE : ERR_CRYPTO;
}

static uint64_t state_clock(void *ctx)
{
    struct timespec t;

    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static enum err refuse_store(void *ctx, const struct card *next)
{
    (void)ctx, (void)next;
    return ERR_STORE;
}

static enum err refuse_tries(void *ctx, struct tries *now)
{
    (void)ctx, (void)now;
    return ERR_STORE;
}

static enum err refuse_spend(void *ctx, enum pin which, uint8_t *left)
{
    (void)ctx, (void)which, (void)left;
    return ERR_STORE;
}

static enum err refuse_restore(void *ctx, enum pin which)
{
    (void)ctx, (void)which;
    return ERR_STORE;
}

static enum err refuse_write(void *ctx, const struct tries *next)
{
    (void)ctx, (void)next;
    return ERR_STORE;
}

struct piv_env state_env(struct state *state)
{
    return (struct piv_env){
        .ctx = state,
        .lib = state->lib,
        .host = state->host,
        .random = state_random,
        .clock = state_clock,
        .store = refuse_store,
        .tries_read = refuse_tries,
        .tries_spend = refuse_spend,
        .tries_restore = refuse_restore,
        .tries_write = refuse_write,
    };
}

static enum err memory_random(void *ctx, uint8_t *p, size_t n)
{
    const struct memory *memory = ctx;

    return memory == NULL ? ERR_MEMORY : state_random(memory->state, p, n);
}

static enum err memory_store(void *ctx, const struct card *next)
{
    (void)next;
    return ctx == NULL ? ERR_MEMORY : ERR_NONE;
}

static enum err memory_read(void *ctx, struct tries *now)
{
    const struct memory *memory = ctx;

    if (memory == NULL)
        return ERR_MEMORY;
    *now = *memory->tries;
    return ERR_NONE;
}

static enum err memory_spend(void *ctx, enum pin which, uint8_t *left)
{
    const struct memory *memory = ctx;

    if (memory == NULL)
        return ERR_MEMORY;
    if (memory->tries->left[which] == 0)
        return ERR_BLOCKED;
    *left = --memory->tries->left[which];
    return ERR_NONE;
}

static enum err memory_restore(void *ctx, enum pin which)
{
    const struct memory *memory = ctx;

    if (memory == NULL)
        return ERR_MEMORY;
    memory->tries->left[which] = memory->tries->allowed[which];
    return ERR_NONE;
}

static enum err memory_write(void *ctx, const struct tries *next)
{
    const struct memory *memory = ctx;

    if (memory == NULL)
        return ERR_MEMORY;
    *memory->tries = *next;
    return ERR_NONE;
}

struct piv_env state_env_memory(struct state *state, struct tries *tries)
{
    struct memory *memory = calloc(1, sizeof *memory);
    struct piv_env env = state_env(state);

    if (memory != NULL) {
        *memory = (struct memory){ state->memories, state, tries };
        state->memories = memory;
    }
    env.ctx = memory;
    env.random = memory_random;
    env.store = memory_store;
    env.tries_read = memory_read;
    env.tries_spend = memory_spend;
    env.tries_restore = memory_restore;
    env.tries_write = memory_write;
    return env;
}
