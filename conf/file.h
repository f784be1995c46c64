/* SPDX-License-Identifier: BSD-2-Clause */
/* file.h — what conf/ asks of the file system, done carefully in one place: open without waiting, write whole, lock
 * for a bounded time, give a finished file its name.  Nothing here waits on a FIFO, a device or a link loop.
 */
#ifndef VPIV_CONF_FILE_H
#define VPIV_CONF_FILE_H

#include <limits.h>
#include <sys/stat.h>

#include "applet/tlv.h"

/* A card file is private (ours, nothing for group and others) or shared (mode 0660, of the group that shares the
 * store).  DESIGN.md 2.  Root is no exception: a file of somebody else is foreign, so that nobody can have root's own
 * pcscd read or replace a file of their choice.  */
enum file_kind { FILE_FOREIGN, FILE_PRIVATE, FILE_SHARED };

enum { FILE_NO_GROUP = -1 };

/* file_kind — group: the one that shares the state directory, or FILE_NO_GROUP; group "vpiv" counts always. */
enum file_kind file_kind(const struct stat *st, gid_t group);

/* group_vpiv — the number of group "vpiv", or FILE_NO_GROUP. */
gid_t group_vpiv(void);

/* file_open — open a regular file for reading.  `name` is relative to `dir` (AT_FDCWD: to the working directory); its
 * last part may not be a symbolic link.  ERR_NOT_FOUND; ERR_OWNER: not a regular file; ERR_STORE, with errno. */
enum err file_open(int dir, const char *name, int *fd, struct stat *st) MUST_CHECK;

/* file_read — from the file's start until its end or until `bytes` is full. */
enum err file_read(int fd, struct out *bytes) MUST_CHECK;

/* file_write — all of it, at the file's start. */
enum err file_write(int fd, struct in bytes) MUST_CHECK;

/* file_lock — flock(2), exclusive.  ERR_BUSY after LOCK_WAIT_MS. */
enum { LOCK_WAIT_MS = 1000 };
enum err file_lock(int fd) MUST_CHECK;

/* file_temporary — a new empty file ".BASE.XXXXXX" in `dir`, mode 0600.  name receives its name.
 * file_sweep — remove those that dead writers of BASE left behind; the caller holds the lock that writers take. */
enum err file_temporary(int dir, const char *base, char name[NAME_MAX + 1], int *fd) MUST_CHECK;
void file_sweep(int dir, const char *base);

/* file_publish — give a finished file its name.  ERR_EXISTS: the name is taken (it is not replaced). */
enum err file_publish(int dir, const char *temporary, const char *name) MUST_CHECK;

/* file_is_silent — the directory is on a file system whose changes inotify(7) does not tell of, when another machine
 * or process makes them. */
bool file_is_silent(const char *directory);

#endif
