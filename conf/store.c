/* SPDX-License-Identifier: BSD-2-Clause */
/* store.c — paths: the built-in ones of the system, the XDG base directories of a user, names of cards. */
#include "conf/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"

#define CARD_SUFFIX ".card"

/* The longest name: a temporary file ".NAME.card.XXXXXX" must fit as well. */
enum { CARD_NAME_MAX = NAME_MAX - 13 };

static enum err join(char path[PATH_MAX], const char *directory, const char *rest, struct why *why)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", directory, rest);

    if (n < 0 || n >= PATH_MAX)
        return why_set(why, ERR_DATA, "%.100s…: the path is too long", directory);
    return ERR_NONE;
}

enum err store_system(struct store *store, struct why *why)
{
    enum err e;

    store->system = true;
    if ((e = join(store->cards, VPIV_STATEDIR, "cards", why)) != ERR_NONE ||
        (e = join(store->readers, VPIV_STATEDIR, "readers", why)) != ERR_NONE ||
        (e = join(store->settings, VPIV_SYSCONFDIR, "vpiv/vpiv.conf", why)) != ERR_NONE)
        return e;
    if (sizeof VPIV_STATEDIR > sizeof store->state)
        return why_set(why, ERR_DATA, "%.100s…: the path is too long", VPIV_STATEDIR);
    strcpy(store->state, VPIV_STATEDIR);
    return ERR_NONE;
}

/* XDG Base Directory Specification: a relative path in a variable is invalid and ignored. */
static enum err xdg(char path[PATH_MAX], const char *variable, const char *below_home, const char *rest,
                    struct why *why)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    char directory[PATH_MAX];
    enum err e;

    if (base != NULL && base[0] == '/')
        return join(path, base, rest, why);
    if (home == NULL || home[0] != '/')
        return why_set(why, ERR_DATA, "neither %s nor HOME is set to an absolute path", variable);
    e = join(directory, home, below_home, why);
    return e != ERR_NONE ? e : join(path, directory, rest, why);
}

enum err store_user(struct store *store, struct why *why)
{
    const char *readers = getenv("VPIV_READER_DIR");
    enum err e;

    store->system = false;
    store->readers[0] = '\0';
    if ((e = xdg(store->cards, "XDG_DATA_HOME", ".local/share", "vpiv/cards", why)) != ERR_NONE ||
        (e = xdg(store->state, "XDG_STATE_HOME", ".local/state", "vpiv", why)) != ERR_NONE ||
        (e = xdg(store->settings, "XDG_CONFIG_HOME", ".config", "vpiv/vpiv.conf", why)) != ERR_NONE)
        return e;
    if (readers == NULL || readers[0] == '\0')
        return ERR_NONE;
    if (readers[0] != '/' || strlen(readers) >= sizeof store->readers)
        return why_set(why, ERR_DATA, "VPIV_READER_DIR: not an absolute path, or too long");
    strcpy(store->readers, readers);
    return ERR_NONE;
}

static bool is_card_name(const char *name, size_t n)
{
    if (n == 0 || n > CARD_NAME_MAX || name[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return false;
    }
    return true;
}

/* Length of a card's name in `base`: without ".card", unless that is all of it. */
static size_t name_length(const char *base)
{
    size_t n = strlen(base), suffix = strlen(CARD_SUFFIX);

    return n > suffix && strcmp(base + n - suffix, CARD_SUFFIX) == 0 ? n - suffix : n;
}

enum err store_card_path(const struct store *store, const char *card, char path[PATH_MAX], struct why *why)
{
    size_t n = name_length(card);
    char file[NAME_MAX + 1];

    if (strchr(card, '/') != NULL) {
        if (strlen(card) >= PATH_MAX)
            return why_set(why, ERR_DATA, "%.100s…: the path is too long", card);
        strcpy(path, card);
        return ERR_NONE;
    }
    if (!is_card_name(card, n))
        return why_set(why, ERR_DATA,
                       "“%.100s” cannot be the name of a card: 1 to %d bytes, no leading dot, no control characters",
                       card, (int)CARD_NAME_MAX);
    snprintf(file, sizeof file, "%.*s" CARD_SUFFIX, (int)n, card);
    return join(path, store->cards, file, why);
}

void store_card_name(const char *path, char name[NAME_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;

    snprintf(name, NAME_MAX + 1, "%.*s", (int)name_length(base), base);
}

/* A new shared directory hands its group on to what is made in it (setgid).  The group itself comes from the parent;
 * where that does not share yet, root gives it to group vpiv.  Nobody else may, and pcscd from 2.4 on, which is not
 * root, would be killed for the attempt. */
static enum err share(const char *path, struct why *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    gid_t vpiv = geteuid() == 0 ? group_vpiv() : (gid_t)FILE_NO_GROUP;
    struct stat st;
    bool done;

    if (fd < 0)
        return why_set(why, ERR_STORE, "%s: %s", path, strerror(errno));
    done = fstat(fd, &st) == 0;
    if (done && vpiv != (gid_t)FILE_NO_GROUP && (st.st_mode & S_ISGID) == 0)
        done = fchown(fd, (uid_t)-1, vpiv) == 0;
    if (!done || fchmod(fd, 02770) != 0) {
        why_set(why, ERR_STORE, "%s: %s", path, strerror(errno));
        close(fd);
        return ERR_STORE;
    }
    close(fd);
    return ERR_NONE;
}

/* What shares the store is its top directory and all below it, not the directories that lead there. */
static bool is_store(const char *part, const char *whole)
{
    size_t n = strlen(VPIV_STATEDIR);

    return strcmp(part, whole) == 0 ||
           (strncmp(part, VPIV_STATEDIR, n) == 0 && (part[n] == '/' || part[n] == '\0'));
}

/* A new directory lasts when the one that names it has been synced. */
static enum err sync_parent(const char *path, struct why *why)
{
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX];
    int fd;
    bool done;

    snprintf(parent, sizeof parent, "%.*s", slash == NULL || slash == path ? 1 : (int)(slash - path),
             slash == NULL ? "." : path);
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* One that we may write in but not list cannot be synced. */
    done = fd >= 0 ? fsync(fd) == 0 : errno == EACCES;
    if (!done)
        why_set(why, ERR_STORE, "%s: %s", parent, strerror(errno));
    if (fd >= 0)
        close(fd);
    return done ? ERR_NONE : ERR_STORE;
}

enum err make_directories(const char *path, bool shared, struct why *why)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    struct stat st;

    if (n == 0 || n >= sizeof part)
        return why_set(why, ERR_DATA, "%.100s: not a path, or too long", path);
    for (size_t i = 1; i <= n; i++) {
        enum err e;

        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, shared && !is_store(part, path) ? 0755 : 0700) == 0) {
            if ((shared && is_store(part, path) && (e = share(part, why)) != ERR_NONE) ||
                (e = sync_parent(part, why)) != ERR_NONE)
                return e;
        } else if (errno != EEXIST) {
            return why_set(why, ERR_STORE, "%s: cannot be made: %s", part, strerror(errno));
        }
    }
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return why_set(why, ERR_STORE, "%s: not a directory", path);
    return ERR_NONE;
}
