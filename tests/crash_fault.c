/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_fault.c — stands between libconf and the kernel (the linker's --wrap) and does to one call what a crash, a
 * full disk or a bad cable would. */
#include "tests/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const struct {
    const char *name;
    bool changes; /* the disk */
} calls[CALL_COUNT] = {
    [CALL_OPEN] = { "open", false },         [CALL_OPENAT] = { "openat", false },
    [CALL_CLOSE] = { "close", false },       [CALL_PREAD] = { "pread", false },
    [CALL_PWRITE] = { "pwrite", true },      [CALL_FSYNC] = { "fsync", true },
    [CALL_FDATASYNC] = { "fdatasync", true }, [CALL_RENAMEAT] = { "renameat", true },
    [CALL_RENAMEAT2] = { "renameat2", true }, [CALL_LINKAT] = { "linkat", true },
    [CALL_UNLINKAT] = { "unlinkat", true },  [CALL_MKDIR] = { "mkdir", true },
    [CALL_MKDIRAT] = { "mkdirat", true },    [CALL_FCHMOD] = { "fchmod", true },
    [CALL_FCHMODAT] = { "fchmodat", true },  [CALL_FCHOWN] = { "fchown", true },
    [CALL_FTRUNCATE] = { "ftruncate", true }, [CALL_FLOCK] = { "flock", false },
    [CALL_FSTAT] = { "fstat", false },       [CALL_FSTATAT] = { "fstatat", false },
    [CALL_STAT] = { "stat", false },         [CALL_LSTAT] = { "lstat", false },
    [CALL_REALPATH] = { "realpath", false },
};

static struct {
    bool armed;
    struct fault fault;
    unsigned count;
    bool over; /* end before the next call */
    bool unlocked;
    struct called calls[CALLS_MAX];
} now;

const char *call_name(enum call call)
{
    return calls[call].name;
}

bool call_changes(enum call call)
{
    return calls[call].changes;
}

void fault_arm(const struct fault *fault)
{
    now.armed = true;
    now.fault = *fault;
    now.count = 0;
    now.over = false;
}

unsigned fault_disarm(void)
{
    now.armed = false;
    return now.count;
}

void fault_unlock(bool unlocked)
{
    now.unlocked = unlocked;
}

const struct called *fault_calls(void)
{
    return now.calls;
}

/* struct strike — what happens to this call. */
struct strike {
    bool armed, hit;
};

/* True: the call is not made; errno says why. */
static bool strike(enum call call, size_t bytes, struct strike *s)
{
    *s = (struct strike){ now.armed, false };
    if (!now.armed)
        return false;
    if (now.over)
        _exit(DIED);
    if (now.count < CALLS_MAX)
        now.calls[now.count] = (struct called){ call, bytes };
    now.count++;
    s->hit = now.fault.kind != FAULT_NONE && now.count == now.fault.at;
    if (s->hit && now.fault.kind == FAULT_DIE_BEFORE)
        _exit(DIED);
    if ((s->hit && (now.fault.kind == FAULT_ERROR || now.fault.kind == FAULT_STUCK)) ||
        (now.fault.kind == FAULT_STUCK && now.count > now.fault.at && calls[call].changes)) {
        errno = now.fault.error;
        return true;
    }
    return false;
}

static void strike_after(const struct strike *s)
{
    if (s->hit && now.fault.kind == FAULT_DIE_AFTER)
        _exit(DIED);
}

/* The linker gives the calls of all that is linked here to __wrap_X, and knows the C library's as __real_X. */
#define WRAP(type, failed, id, name, parameters, arguments, then)                     \
    type __real_##name parameters;                                                    \
    type __wrap_##name parameters;                                                    \
    type __wrap_##name parameters                                                     \
    {                                                                                 \
        struct strike s;                                                              \
        type r = failed;                                                              \
        int saved;                                                                    \
                                                                                      \
        if (strike(id, 0, &s))                                                        \
            return r;                                                                 \
        r = __real_##name arguments;                                                  \
        saved = errno;                                                                \
        if (r != failed) {                                                            \
            now.armed = false; /* what the journal asks is not the program's */       \
            then;                                                                     \
            now.armed = s.armed;                                                      \
        }                                                                             \
        strike_after(&s);                                                             \
        errno = saved;                                                                \
        return r;                                                                     \
    }

#define NOTHING (void)0

WRAP(int, -1, CALL_FSYNC, fsync, (int fd), (fd), journal_synced(fd, false))
WRAP(int, -1, CALL_FDATASYNC, fdatasync, (int fd), (fd), journal_synced(fd, true))
WRAP(int, -1, CALL_RENAMEAT, renameat, (int dir, const char *from, int to_dir, const char *to),
     (dir, from, to_dir, to), journal_renamed(dir, from, to, false))
WRAP(int, -1, CALL_RENAMEAT2, renameat2, (int dir, const char *from, int to_dir, const char *to, unsigned flags),
     (dir, from, to_dir, to, flags), journal_renamed(dir, from, to, false))
WRAP(int, -1, CALL_LINKAT, linkat, (int dir, const char *from, int to_dir, const char *to, int flags),
     (dir, from, to_dir, to, flags), journal_renamed(dir, from, to, true))
WRAP(int, -1, CALL_UNLINKAT, unlinkat, (int dir, const char *name, int flags), (dir, name, flags),
     journal_removed(dir, name))
WRAP(int, -1, CALL_MKDIR, mkdir, (const char *path, mode_t mode), (path, mode),
     journal_created(AT_FDCWD, path, true))
WRAP(int, -1, CALL_MKDIRAT, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode),
     journal_created(dir, path, true))
WRAP(int, -1, CALL_FCHMOD, fchmod, (int fd, mode_t mode), (fd, mode), journal_mode(fd, mode))
WRAP(int, -1, CALL_FCHMODAT, fchmodat, (int dir, const char *path, mode_t mode, int flags),
     (dir, path, mode, flags), NOTHING)
WRAP(int, -1, CALL_FCHOWN, fchown, (int fd, uid_t owner, gid_t group), (fd, owner, group), NOTHING)
WRAP(int, -1, CALL_FTRUNCATE, ftruncate, (int fd, off_t n), (fd, n), journal_size(fd, n))
WRAP(int, -1, CALL_FSTAT, fstat, (int fd, struct stat *st), (fd, st), NOTHING)
WRAP(int, -1, CALL_FSTATAT, fstatat, (int dir, const char *path, struct stat *st, int flags),
     (dir, path, st, flags), NOTHING)
WRAP(int, -1, CALL_STAT, stat, (const char *path, struct stat *st), (path, st), NOTHING)
WRAP(int, -1, CALL_LSTAT, lstat, (const char *path, struct stat *st), (path, st), NOTHING)
WRAP(ssize_t, -1, CALL_PREAD, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), NOTHING)
WRAP(char *, NULL, CALL_REALPATH, realpath, (const char *path, char *resolved), (path, resolved), NOTHING)

/* A lock that is none, where the control asks for it. */
int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);
int __wrap_flock(int fd, int how)
{
    struct strike s;
    int r;

    if (strike(CALL_FLOCK, 0, &s))
        return -1;
    r = now.unlocked ? 0 : __real_flock(fd, how);
    strike_after(&s);
    return r;
}

/* A descriptor is gone whatever close answers. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    struct strike s;
    bool failed = strike(CALL_CLOSE, 0, &s);
    int error = errno, r = __real_close(fd);

    strike_after(&s);
    if (!failed)
        return r;
    errno = error;
    return -1;
}

static bool is_new(int dir, const char *path, int flags)
{
    struct stat st;

    return (flags & O_CREAT) != 0 && __real_fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0;
}

/* mode is there with O_CREAT alone. */
#define MODE(flags, mode)                 \
    do {                                  \
        if ((flags) & O_CREAT) {          \
            va_list list;                 \
                                          \
            va_start(list, flags);        \
            mode = va_arg(list, mode_t);  \
            va_end(list);                 \
        }                                 \
    } while (0)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    struct strike s;
    mode_t mode = 0;
    int fd;

    MODE(flags, mode);
    if (strike(CALL_OPEN, 0, &s))
        return -1;
    fd = __real_open(path, flags, mode);
    strike_after(&s);
    return fd;
}

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...)
{
    struct strike s;
    mode_t mode = 0;
    bool new;
    int fd;

    MODE(flags, mode);
    if (strike(CALL_OPENAT, 0, &s))
        return -1;
    new = is_new(dir, path, flags);
    fd = __real_openat(dir, path, flags, mode);
    now.armed = false;
    if (fd >= 0 && new)
        journal_created(dir, path, false);
    now.armed = s.armed;
    strike_after(&s);
    return fd;
}

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);

/* Part of a write arrives; what stands behind it is garbage, or as it was. */
static void write_part(int fd, const void *p, size_t n, off_t at)
{
    size_t part = now.fault.bytes < n ? now.fault.bytes : n;
    uint8_t *garbage;

    if (part > 0 && __real_pwrite(fd, p, part, at) != (ssize_t)part)
        abort();
    if (now.fault.kind != FAULT_GARBAGE_DIE || part == n)
        return;
    garbage = malloc(n - part);
    if (garbage == NULL)
        abort();
    for (size_t i = 0; i < n - part; i++)
        garbage[i] = (uint8_t)(0xA5 ^ i * 31);
    if (__real_pwrite(fd, garbage, n - part, at + (off_t)part) != (ssize_t)(n - part))
        abort();
    free(garbage);
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
    struct strike s;
    ssize_t r;

    if (strike(CALL_PWRITE, n, &s))
        return -1;
    if (s.hit && now.fault.kind == FAULT_LOST_DIE) {
        now.over = true;
        return (ssize_t)n;
    }
    if (s.hit && now.fault.kind >= FAULT_PREFIX_DIE) {
        write_part(fd, p, n, at);
        if (now.fault.kind == FAULT_PREFIX_DIE || now.fault.kind == FAULT_GARBAGE_DIE)
            _exit(DIED);
        errno = now.fault.error;
        return now.fault.kind == FAULT_SHORT ? (ssize_t)now.fault.bytes : -1;
    }
    r = __real_pwrite(fd, p, n, at);
    now.armed = false;
    if (r > 0)
        journal_written(fd, p, (size_t)r, at);
    now.armed = s.armed;
    strike_after(&s);
    return r;
}
