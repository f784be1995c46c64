/* SPDX-License-Identifier: BSD-2-Clause */
/* touch.c — how a waiting operation shows itself, and how it is touched. */
#include "conf/touch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "conf/file.h"

#define ENTRY "touch"

static const char *const modes[TOUCH_MODES] = { [TOUCH_AUTO] = "auto", [TOUCH_WAIT] = "wait", [TOUCH_NEVER] = "never" };

enum touch_mode touch_mode_by_name(const char *name)
{
    enum touch_mode mode = TOUCH_AUTO;

    while (mode < TOUCH_MODES && strcmp(modes[mode], name) != 0)
        mode++;
    return mode;
}

static int open_directory(const char *directory)
{
    return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Whole, locked and readable for the group that shares the reader before it has its name. */
static enum err make(int dir, struct in line, int *fd)
{
    char temporary[NAME_MAX + 1];
    enum err e;

    file_sweep(dir, ENTRY); /* one operation at a time waits in a reader: these are of dead ones */
    e = file_temporary(dir, ENTRY, temporary, fd);
    if (e != ERR_NONE)
        return e;
    e = file_write(*fd, line);
    if (e == ERR_NONE && (fchmod(*fd, 0640) != 0 || flock(*fd, LOCK_EX | LOCK_NB) != 0 ||
                          renameat(dir, temporary, dir, ENTRY) != 0))
        e = ERR_STORE;
    if (e != ERR_NONE) {
        int saved = errno;
        unlinkat(dir, temporary, 0);
        close(*fd);
        errno = saved;
    }
    return e;
}

enum err touch_ask(const char *directory, const char *key, enum touch_mode mode, int *fd)
{
    char line[32];
    int dir = open_directory(directory), n;
    enum err e;

    *fd = -1;
    if (dir < 0)
        return ERR_STORE;
    n = snprintf(line, sizeof line, "%s%s\n", key, mode == TOUCH_NEVER ? " never" : "");
    e = n < 0 || (size_t)n >= sizeof line ? ERR_DATA : make(dir, in_of(line, (size_t)n), fd);
    if (e != ERR_NONE)
        *fd = -1;
    close(dir);
    return e;
}

static bool entry_path(const char *directory, char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/" ENTRY, directory);

    return n > 0 && n < PATH_MAX;
}

bool touch_stands(const char *directory)
{
    char path[PATH_MAX];
    struct stat st;

    return entry_path(directory, path) && lstat(path, &st) == 0;
}

void touch_end(const char *directory, int fd)
{
    char path[PATH_MAX];

    if (entry_path(directory, path))
        (void)unlink(path);
    if (fd >= 0)
        close(fd);
}

bool touch_asked(const char *directory, char key[TOUCH_KEY_MAX], bool *felt)
{
    char path[PATH_MAX], line[32], word[8] = "";
    struct out out = out_of(line, sizeof line - 1);
    struct stat st;
    int fd;
    bool asked;

    if (!entry_path(directory, path) || file_open(AT_FDCWD, path, &fd, &st) != ERR_NONE)
        return false;
    asked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK && file_read(fd, &out) == ERR_NONE;
    close(fd);
    line[out.n] = '\0';
    asked = asked && sscanf(line, "%7[0-9a-f] %7s", key, word) >= 1;
    *felt = strcmp(word, modes[TOUCH_NEVER]) != 0;
    return asked;
}

enum err touch_give(const char *directory)
{
    char path[PATH_MAX];

    if (!entry_path(directory, path))
        return ERR_NOT_FOUND;
    if (unlink(path) == 0)
        return ERR_NONE;
    return errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE;
}
