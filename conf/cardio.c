/* SPDX-License-Identifier: BSD-2-Clause */
/* cardio.c — bytes of a card file, from and to the disk. */
#include "conf/cardio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "conf/cardtext.h"

const char *card_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* open_directory — of a resolved path. */
enum err card_directory(const char *path, int *fd)
{
    char directory[PATH_MAX];

    snprintf(directory, sizeof directory, "%.*s", (int)(card_base(path) - path), path);
    *fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd >= 0 ? ERR_NONE : ERR_STORE;
}

/* Where a reader's link leads to.  A loop of links, and a name that leads nowhere, end here. */
enum err card_resolve(const char *path, char resolved[PATH_MAX], struct why *why)
{
    if (realpath(path, resolved) != NULL)
        return ERR_NONE;
    if (errno == ENOENT || errno == ENOTDIR)
        return why_set(why, ERR_NOT_FOUND, "%s: there is no such card", path);
    if (errno == ELOOP)
        return why_set(why, ERR_OWNER, "%s: a loop of symbolic links", path);
    return why_set(why, ERR_STORE, "%s: %s", path, strerror(errno));
}

static enum err check_file(const char *path, const struct state *state, const struct stat *st, enum file_kind *kind,
                           struct why *why)
{
    *kind = file_kind(st, state_group(state));
    if (*kind == FILE_FOREIGN)
        return why_set(why, ERR_OWNER,
                       "%s: neither private (your own, mode 0600) nor shared (group vpiv, mode 0660): "
                       "it is mode %04o of user %u and group %u",
                       path, (unsigned)(st->st_mode & 07777), (unsigned)st->st_uid, (unsigned)st->st_gid);
    if (st->st_size > CARDFILE_MAX)
        return why_set(why, ERR_FULL, "%s: larger than a card file can be (%d bytes)", path, (int)CARDFILE_MAX);
    return ERR_NONE;
}

/* read_text — the whole file, owned by the caller (free). */
enum err card_read_text(const char *path, const struct state *state, struct out *text, enum file_kind *kind,
                          struct why *why)
{
    struct stat st;
    int fd;
    enum err e = file_open(AT_FDCWD, path, &fd, &st);

    *text = out_of(NULL, 0);
    if (e != ERR_NONE)
        return why_set(why, e, "%s: %s", path, e == ERR_OWNER ? "not a regular file" : strerror(errno));
    e = check_file(path, state, &st, kind, why);
    if (e == ERR_NONE) {
        /* One byte more: a file that grew meanwhile is seen to be too large, or fails its seal. */
        size_t room = (size_t)st.st_size + 1;
        uint8_t *p = malloc(room);

        *text = out_of(p, p != NULL ? room : 0);
        e = p == NULL ? ERR_MEMORY : file_read(fd, text);
        if (e == ERR_STORE)
            why_set(why, e, "%s: cannot be read: %s", path, strerror(errno));
    }
    close(fd);
    return e;
}

enum err card_read_head(const char *path, struct cardfile_head *head)
{
    uint8_t bytes[CARDTEXT_HEAD_MAX];
    struct out line = out_of(bytes, sizeof bytes);
    struct stat st;
    int fd;
    enum err e = file_open(AT_FDCWD, path, &fd, &st);

    if (e != ERR_NONE)
        return e;
    e = file_read(fd, &line);
    close(fd);
    return e != ERR_NONE ? e : cardtext_head(out_in(&line), head);
}

enum err card_sync_directory(const char *path)
{
    int fd;
    enum err e = card_directory(path, &fd);

    if (e != ERR_NONE)
        return e;
    e = fsync(fd) == 0 ? ERR_NONE : ERR_STORE;
    close(fd);
    return e;
}

/* write_temporary — the text as a finished file of the wanted kind beside its name. */
enum err card_write_temporary(int dir, const char *base, struct in text, const struct state *state,
                                enum file_kind kind, char name[NAME_MAX + 1])
{
    struct stat st;
    int fd;
    enum err e = file_temporary(dir, base, name, &fd);

    if (e != ERR_NONE)
        return e;
    if (kind == FILE_SHARED && fchmod(fd, 0660) != 0)
        e = ERR_STORE;
    /* The group comes from the setgid directory.  One that gives another group would hand the card to strangers. */
    if (e == ERR_NONE && (fstat(fd, &st) != 0 || file_kind(&st, state_group(state)) != kind))
        e = ERR_OWNER;
    if (e == ERR_NONE)
        e = file_write(fd, text);
    if (e == ERR_NONE && fsync(fd) != 0)
        e = ERR_STORE;
    close(fd);
    if (e != ERR_NONE)
        unlinkat(dir, name, 0);
    return e;
}

/* next_text — what the file will hold; owned by the caller (free), also on failure. */
enum err card_next_text(struct state *state, const struct card *card, uint64_t generation,
                          struct cardfile_head *head, struct out *text)
{
    struct piv_env env = state_env(state);
    uint8_t *p = malloc(CARDFILE_MAX);

    *text = out_of(p, p != NULL ? CARDFILE_MAX : 0);
    *head = (struct cardfile_head){ .version = CARDFILE_VERSION, .generation = generation };
    if (p == NULL)
        return ERR_MEMORY;
    if (RAND_bytes_ex(env.lib, head->stamp, sizeof head->stamp, 0) != 1)
        return ERR_CRYPTO;
    return cardtext_write(&env, head, card, text);
}

enum err card_new_path(const char *path, char resolved[PATH_MAX], struct why *why)
{
    const char *base = card_base(path);
    char directory[PATH_MAX], real[PATH_MAX];

    if (base[0] == '\0' || strlen(path) >= sizeof directory)
        return why_set(why, ERR_DATA, "%.200s: not the name of a card file, or too long", path);
    snprintf(directory, sizeof directory, "%.*s", (int)(base - path), path);
    if (realpath(base == path ? "." : directory, real) == NULL)
        return why_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE, "%s: %s", directory, strerror(errno));
    if (snprintf(resolved, PATH_MAX, "%s/%s", strcmp(real, "/") == 0 ? "" : real, base) >= PATH_MAX)
        return why_set(why, ERR_DATA, "%.200s…: the path is too long", path);
    return ERR_NONE;
}

/* A new card is shared where its directory hands on the group that shares the state. */
static enum file_kind kind_for(int dir, const struct state *state)
{
    struct stat st;

    return state_shared(state) && fstat(dir, &st) == 0 && (st.st_mode & S_ISGID) != 0 &&
           st.st_gid == state_group(state) ? FILE_SHARED : FILE_PRIVATE;
}

enum err card_publish(const char *path, const struct state *state, struct in text)
{
    char temporary[NAME_MAX + 1];
    const char *base = card_base(path);
    int dir;
    enum err e = card_directory(path, &dir);

    if (e != ERR_NONE)
        return e;
    e = card_write_temporary(dir, base, text, state, kind_for(dir, state), temporary);
    if (e == ERR_NONE) {
        e = file_publish(dir, temporary, base);
        if (e != ERR_NONE) {
            unlinkat(dir, temporary, 0);
        } else if (fsync(dir) != 0) {
            unlinkat(dir, base, 0);
            e = ERR_STORE;
        }
    }
    close(dir);
    return e;
}
