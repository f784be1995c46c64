/* SPDX-License-Identifier: BSD-2-Clause */
/* place.c — the private directory of `vpiv run`: where it lies, how it comes and how it goes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/run.h"

enum {
    RANDOM = 6,       /* bytes in the name, as hex */
    SWEEP_AGE = 10,   /* seconds: a younger one may be between mkdir and lock */
    DEPTH_MAX = 32,
};

/* fits_parser — pcscd's configuration takes these characters and no others, quoted or not (configfile.l). */
static bool fits_parser(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789=/-._@:";

    return path[strspn(path, plain)] == '\0';
}

/* is_safe — ours, or one in which nobody else can rename what is ours. */
static bool is_safe(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0
        && ((st.st_mode & S_ISVTX) != 0 || (st.st_uid == geteuid() && (st.st_mode & S_IWOTH) == 0));
}

static bool random_name(const struct run_plan *plan, char name[32])
{
    unsigned char bytes[RANDOM];

    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return false;
    strcpy(name, plan->keep ? RUN_PREFIX RUN_KEPT : RUN_PREFIX);
    for (size_t i = 0; i < sizeof bytes; i++)
        sprintf(name + strlen(name), "%02x", bytes[i]);
    return true;
}

bool place_choose(struct cli *cli, struct run_plan *plan)
{
    const char *bases[] = { getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/dev/shm", "/tmp" };
    size_t inside = strlen("/" RUN_PREFIX RUN_KEPT) + 2 * (size_t)RANDOM;

    if (!random_name(plan, plan->name))
        return cli_refuse(cli, "no random numbers: %s", strerror(errno)), false;
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        const char *base = bases[i];
        if (base == NULL || *base != '/' || !fits_parser(base) || !is_safe(base)
            || strlen(base) + inside >= sizeof plan->directory)
            continue;
        snprintf(plan->base, sizeof plan->base, "%s", base);
        snprintf(plan->directory, sizeof plan->directory, "%s/%s", base, plan->name);
        return true;
    }
    cli_refuse(cli, "no directory for a private reader: set TMPDIR to one that you alone can write, "
               "with a short name of plain characters");
    return false;
}

static bool is_ours(const char *name)
{
    size_t n = strlen(RUN_PREFIX);

    return strncmp(name, RUN_PREFIX, n) == 0 && strlen(name + n) == 2 * (size_t)RANDOM
        && name[n + strspn(name + n, "0123456789abcdef")] == '\0';
}

static int open_directory(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void remove_entries(int fd, int depth);

static void remove_tree(int at, const char *name, int depth)
{
    int fd = depth < DEPTH_MAX ? open_directory(at, name) : -1;

    if (fd >= 0)
        remove_entries(fd, depth); /* closes it */
    unlinkat(at, name, AT_REMOVEDIR);
}

static void remove_entries(int fd, int depth)
{
    DIR *dir = fdopendir(fd);
    const struct dirent *d;

    if (dir == NULL) {
        close(fd);
        return;
    }
    while ((d = readdir(dir)) != NULL) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, d->d_name, 0) != 0)
            remove_tree(fd, d->d_name, depth + 1);
    }
    closedir(dir);
}

void place_end(struct cli *cli, const struct run_plan *plan)
{
    char socket[RUN_PATH_MAX];

    if (plan->keep) {
        snprintf(socket, sizeof socket, "%s/pcscd.sock", plan->directory);
        unlink(socket);
        cli_warn(cli, "%s stays: its cards, pcscd.log and all else", plan->directory);
        return;
    }
    remove_tree(AT_FDCWD, plan->directory, 0);
}

/* sweep_one — its keeper holds a lock for as long as it lives. */
static void sweep_one(int base, const char *name)
{
    int fd = open_directory(base, name);
    struct stat st;

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && time(NULL) - st.st_ctime > SWEEP_AGE
        && flock(fd, LOCK_EX | LOCK_NB) == 0)
        remove_tree(base, name, 0);
    close(fd);
}

void place_sweep(const struct run_plan *plan)
{
    DIR *dir = opendir(plan->base);
    const struct dirent *d;

    if (dir == NULL)
        return;
    while ((d = readdir(dir)) != NULL)
        if (is_ours(d->d_name))
            sweep_one(dirfd(dir), d->d_name);
    closedir(dir);
}

int place_make(const struct run_plan *plan)
{
    int fd;

    if (mkdir(plan->directory, 0700) != 0)
        return -1;
    fd = open_directory(AT_FDCWD, plan->directory);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}
