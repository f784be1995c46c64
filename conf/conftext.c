/* SPDX-License-Identifier: BSD-2-Clause */
/* conftext.c — reads it with care, before libconfig sees it. */
#include "conf/conftext.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/file.h"

/* Not through libconfig's own reading of files: it would wait on a FIFO. */
static enum err read_text(const char *path, char *text, struct why *why)
{
    struct out out = out_of(text, CONFTEXT_MAX);
    char resolved[PATH_MAX];
    struct stat st;
    int fd;
    enum err e;

    if (realpath(path, resolved) == NULL)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND
                                                   : why_set(why, ERR_STORE, "%s: %s", path, strerror(errno));
    e = file_open(AT_FDCWD, resolved, &fd, &st);
    if (e != ERR_NONE)
        return e == ERR_OWNER ? why_set(why, ERR_DATA, "%s: not a regular file", path)
                              : why_set(why, e, "%s: %s", path, strerror(errno));
    e = file_read(fd, &out);
    close(fd);
    if (e != ERR_NONE)
        return why_set(why, e, "%s: cannot be read", path);
    if (out.n == CONFTEXT_MAX)
        return why_set(why, ERR_DATA, "%s: larger than %d bytes", path, (int)CONFTEXT_MAX - 1);
    text[out.n] = '\0';
    if (strlen(text) != out.n || strstr(text, "@include") != NULL)
        return why_set(why, ERR_DATA, "%s: zero bytes and @include are not allowed", path);
    return ERR_NONE;
}

enum err conftext_read(const char *path, char **text, struct why *why)
{
    enum err e;

    *text = malloc(CONFTEXT_MAX + 1);
    e = *text == NULL ? ERR_MEMORY : read_text(path, *text, why);
    if (e != ERR_NONE) {
        free(*text);
        *text = NULL;
    }
    return e;
}
