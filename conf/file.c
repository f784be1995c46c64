/* SPDX-License-Identifier: BSD-2-Clause */
/* file.c — careful file system calls for conf/. */
#include "conf/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* ".BASE." before the random part, and its length. */
enum { SUFFIX = 6, TEMPORARY_EXTRA = 1 + 1 + SUFFIX };

/* A group's entry lists its members: the buffer grows until it fits, within reason. */
gid_t group_vpiv(void)
{
    gid_t found = (gid_t)FILE_NO_GROUP;
    int error = ERANGE;

    for (size_t size = 4096; error == ERANGE && size <= 1 << 22; size *= 4) {
        char *buffer = malloc(size);
        struct group entry, *result = NULL;

        if (buffer == NULL)
            break;
        error = getgrnam_r("vpiv", &entry, buffer, size, &result);
        if (error == 0 && result != NULL)
            found = entry.gr_gid;
        free(buffer);
    }
    return found;
}

enum file_kind file_kind(const struct stat *st, gid_t group)
{
    if (!S_ISREG(st->st_mode))
        return FILE_FOREIGN;
    if (st->st_uid == geteuid() && (st->st_mode & 07077) == 0)
        return FILE_PRIVATE;
    /* A shared file belongs to whoever wrote it last: its owner says nothing. */
    if ((st->st_mode & 07777) != 0660)
        return FILE_FOREIGN;
    if (group != (gid_t)FILE_NO_GROUP && st->st_gid == group)
        return FILE_SHARED;
    group = group_vpiv();
    return group != (gid_t)FILE_NO_GROUP && st->st_gid == group ? FILE_SHARED : FILE_FOREIGN;
}

/* The file is looked at before it is opened: opening a FIFO can wait, opening a device can do anything.  Who swaps
 * the two in between meets O_NONBLOCK, and the second look. */
enum err file_open(int dir, const char *name, int *fd, struct stat *st)
{
    enum err e;

    *fd = -1;
    if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_STORE;
    if (!S_ISREG(st->st_mode))
        return ERR_OWNER;
    *fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : errno == ELOOP ? ERR_OWNER : ERR_STORE;
    if (fstat(*fd, st) != 0)
        e = ERR_STORE;
    else if (!S_ISREG(st->st_mode))
        e = ERR_OWNER;
    else
        return ERR_NONE;
    close(*fd);
    *fd = -1;
    return e;
}

enum err file_read(int fd, struct out *bytes)
{
    while (bytes->n < bytes->cap) {
        ssize_t n = pread(fd, bytes->p + bytes->n, bytes->cap - bytes->n, (off_t)bytes->n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_STORE;
        if (n == 0)
            break;
        if (out_room(bytes, (size_t)n) == NULL)
            return ERR_STORE;
    }
    return ERR_NONE;
}

enum err file_write(int fd, struct in bytes)
{
    off_t at = 0;

    while (!in_end(&bytes)) {
        ssize_t n = pwrite(fd, bytes.p, bytes.n, at);
        struct in written;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || !in_take(&bytes, (size_t)n, &written))
            return ERR_STORE;
        at += n;
    }
    return ERR_NONE;
}

static int64_t monotonic_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* flock has no time limit of its own, and an alarm would be a signal in somebody else's process: ask again, after
 * pauses about as long as a holder needs (0.2 ms for a guess, 3 ms for a card file). */
enum err file_lock(int fd)
{
    struct timespec pause = { 0, 200000 };
    int64_t end = monotonic_ms() + LOCK_WAIT_MS;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ERR_STORE;
        if (monotonic_ms() >= end)
            return ERR_BUSY;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 3000000)
            pause.tv_nsec += pause.tv_nsec / 4;
    }
    return ERR_NONE;
}

enum err file_temporary(int dir, const char *base, char name[NAME_MAX + 1], int *fd)
{
    static const int attempts = 64;

    if (strlen(base) + TEMPORARY_EXTRA > NAME_MAX)
        return ERR_DATA;
    for (int i = 0; i < attempts; i++) {
        uint32_t random;

        if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
            return ERR_STORE;
        snprintf(name, NAME_MAX + 1, ".%s.%06x", base, (unsigned)(random & 0xFFFFFF));
        *fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (*fd >= 0)
            return ERR_NONE;
        if (errno != EEXIST)
            return ERR_STORE;
    }
    return ERR_STORE;
}

static bool is_temporary(const char *name, const char *base)
{
    size_t n = strlen(base);

    return strlen(name) == n + TEMPORARY_EXTRA && name[0] == '.' && strncmp(name + 1, base, n) == 0 &&
           name[n + 1] == '.' && strspn(name + n + 2, "0123456789abcdef") == SUFFIX;
}

void file_sweep(int dir, const char *base)
{
    /* A descriptor of its own: reading a directory moves the position that a dup would share. */
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(stream)) != NULL) {
        if (is_temporary(entry->d_name, base))
            unlinkat(dir, entry->d_name, 0);
    }
    closedir(stream);
}

/* renameat2 first: it works where there are no hard links; link where the file system does not know the flag. */
enum err file_publish(int dir, const char *temporary, const char *name)
{
    if (renameat2(dir, temporary, dir, name, RENAME_NOREPLACE) == 0)
        return ERR_NONE;
    if (errno == EINVAL || errno == ENOSYS) {
        if (linkat(dir, temporary, dir, name, 0) == 0) {
            unlinkat(dir, temporary, 0);
            return ERR_NONE;
        }
    }
    return errno == EEXIST ? ERR_EXISTS : ERR_STORE;
}

/* Changes that another machine or process makes there are not reported to inotify. */
static const long silent_file_systems[] = {
    NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, 0xFF534D42 /* cifs */, 0xFE534D42 /* smb2 */, 0x65735546 /* fuse */,
    0x01021997 /* 9p */, AFS_SUPER_MAGIC, CODA_SUPER_MAGIC, 0x00C36400 /* ceph */,
};

bool file_is_silent(const char *directory)
{
    struct statfs fs;

    if (statfs(directory, &fs) != 0)
        return false;
    for (size_t i = 0; i < sizeof silent_file_systems / sizeof *silent_file_systems; i++)
        if ((unsigned long)fs.f_type == (unsigned long)silent_file_systems[i])
            return true;
    return false;
}
