/* SPDX-License-Identifier: BSD-2-Clause */
/* tries.c — the tries record: which of its two files counts, what a torn one costs, and how the next is written. */
#include "conf/tries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/file.h"
#include "conf/record.h"

/* choose — the record that counts, or NULL; *torn says that the other one is invalid. */
static const struct record *choose(struct record records[RECORD_FILES], const struct tries_memory *memory, bool *torn)
{
    struct record *a = &records[0], *b = &records[1], *newest;

    /* A record whose write failed may be gone from the disk although it can still be read. */
    if (memory->doubt != 0) {
        a->valid = a->valid && a->sequence != memory->doubt;
        b->valid = b->valid && b->sequence != memory->doubt;
    }
    *torn = !a->valid || !b->valid;
    if (!a->valid && !b->valid)
        return NULL;
    if (*torn)
        newest = a->valid ? a : b;
    else if (a->sequence == b->sequence + 1)
        newest = a;
    else if (b->sequence == a->sequence + 1)
        newest = b;
    else
        return NULL;
    return newest->sequence < memory->seen ? NULL : newest;
}

/* The invalid one held either the record before this one or a decrement that was torn: nobody knows which. */
static enum err mend(const struct record_place *place, struct record *record)
{
    for (int i = 0; i < PIN_COUNT; i++) {
        if (record->tries.left[i] > 0)
            record->tries.left[i]--;
    }
    record->sequence++;
    return record_write(place, record);
}

static enum err load(const struct record_place *place, struct tries_lock *lock, struct record *record)
{
    struct record records[RECORD_FILES];
    const struct record *newest;
    bool torn;
    enum err e = record_read(place, records);

    if (e != ERR_NONE)
        return e;
    newest = choose(records, &lock->memory, &torn);
    if (newest == NULL) {
        *record = (struct record){ .valid = false };
        return ERR_NONE;
    }
    *record = *newest;
    if (record->sequence != lock->memory.seen)
        e = record_sync(place, record->sequence);
    if (e == ERR_NONE && torn) {
        e = mend(place, record);
        if (e != ERR_NONE)
            lock->memory.doubt = record->sequence;
    }
    if (e != ERR_NONE)
        return e;
    if (record->sequence >= lock->memory.doubt)
        lock->memory.doubt = 0;
    lock->memory.seen = lock->newest = record->sequence;
    return ERR_NONE;
}

/* RECORD_PATH: "tries/" and the GUID in hex. */
enum { RECORD_PATH = 6 + 32 + 1 };

static void record_path(const uint8_t guid[16], char path[RECORD_PATH])
{
    static const char digits[] = "0123456789abcdef";
    struct out out = out_of(path, RECORD_PATH);

    out_put(&out, in_of("tries/", 6));
    for (int i = 0; i < 16; i++) {
        out_u8(&out, (uint8_t)digits[guid[i] >> 4]);
        out_u8(&out, (uint8_t)digits[guid[i] & 15]);
    }
    out_u8(&out, 0);
}

enum err tries_directory(struct state *state, const uint8_t guid[16], int *fd)
{
    char path[RECORD_PATH];

    record_path(guid, path);
    *fd = openat(state_fd(state), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd >= 0)
        return ERR_NONE;
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? ERR_NOT_FOUND : ERR_STORE;
}

/* Whoever waited for the lock may hold a directory that has been removed or exchanged meanwhile. */
static bool has_its_name(struct state *state, const uint8_t guid[16], int fd)
{
    char path[RECORD_PATH];
    struct stat mine, named;

    record_path(guid, path);
    return fstat(fd, &mine) == 0 && fstatat(state_fd(state), path, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

enum err tries_lock(struct state *state, const uint8_t guid[16], struct tries_lock *lock)
{
    static const int attempts = 3;
    enum err e = ERR_BUSY;

    *lock = (struct tries_lock){ .fd = -1 };
    for (int i = 0; i < attempts; i++) {
        e = tries_directory(state, guid, &lock->fd);
        if (e != ERR_NONE)
            return e;
        e = file_lock(lock->fd);
        if (e == ERR_NONE && has_its_name(state, guid, lock->fd))
            return ERR_NONE;
        close(lock->fd);
        lock->fd = -1;
        if (e != ERR_NONE)
            return e;
    }
    return ERR_BUSY;
}

void tries_unlock(struct tries_lock *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
}

enum err tries_load(struct state *state, struct tries_lock *lock, const uint8_t guid[16], struct tries *tries,
                    uint64_t *generation)
{
    struct record record = { .valid = false };
    struct record_place place;
    enum err e = record_place(&place, state, lock->fd, guid);

    memset(tries, 0, sizeof *tries);
    *generation = 0;
    lock->newest = 0;
    if (e == ERR_NONE)
        e = load(&place, lock, &record);
    secret_free(place.key);
    if (e == ERR_NONE && record.valid) {
        *tries = record.tries;
        *generation = record.generation;
    }
    return e;
}

enum err tries_save(struct state *state, struct tries_lock *lock, const uint8_t guid[16], const struct tries *tries,
                    uint64_t generation)
{
    struct record record = { true, lock->newest + 1, generation, *tries };
    struct record_place place;
    enum err e;

    /* Where nothing valid was found, nothing may grow: only tries_adopt makes a record out of none. */
    if (lock->newest == 0)
        return ERR_STORE;
    e = record_place(&place, state, lock->fd, guid);
    if (e == ERR_NONE) {
        e = record_write(&place, &record);
        if (e != ERR_NONE)
            lock->memory.doubt = record.sequence;
    }
    secret_free(place.key);
    if (e != ERR_NONE)
        return e;
    lock->memory.doubt = 0;
    lock->memory.seen = lock->newest = record.sequence;
    return ERR_NONE;
}

/* Both valid, neighbours, not older than what we have seen and not in doubt: nobody is writing, or a write is whole.
 */
static enum err peek(const struct record_place *place, const struct tries_memory *memory, struct tries *tries,
                     bool *whole)
{
    struct record records[RECORD_FILES];
    const struct record *newest;
    bool torn;
    enum err e = record_read(place, records);

    *whole = false;
    if (e != ERR_NONE)
        return e;
    newest = choose(records, memory, &torn);
    if (newest != NULL && !torn) {
        *tries = newest->tries;
        *whole = true;
    }
    return ERR_NONE;
}

enum err tries_peek(struct state *state, const uint8_t guid[16], struct tries_memory *memory, struct tries *tries)
{
    struct tries_lock lock;
    struct record_place place;
    uint64_t generation;
    bool whole = false;
    int fd;
    enum err e = tries_directory(state, guid, &fd);

    memset(tries, 0, sizeof *tries);
    if (e == ERR_NONE) {
        e = record_place(&place, state, fd, guid);
        if (e == ERR_NONE)
            e = peek(&place, memory, tries, &whole);
        secret_free(place.key);
        close(fd);
    }
    if (e == ERR_NONE && !whole)
        e = tries_lock(state, guid, &lock);
    if (e == ERR_NONE && !whole) {
        lock.memory = *memory;
        e = tries_load(state, &lock, guid, tries, &generation);
        *memory = lock.memory;
        tries_unlock(&lock);
    }
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

/* make_directory — one directory of the state; *made says that it was not there. */
static enum err make_directory(struct state *state, const char *path, bool *made)
{
    bool done;
    int fd;

    *made = mkdirat(state_fd(state), path, 0700) == 0;
    if (!*made)
        return errno == EEXIST ? ERR_NONE : ERR_STORE;
    if (!state_shared(state))
        return ERR_NONE;
    /* Not by its name: whoever shares the directory above could put a link there, and root would follow it. */
    fd = openat(state_fd(state), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    done = fd >= 0 && fchmod(fd, 02770) == 0;
    if (fd >= 0)
        close(fd);
    return done ? ERR_NONE : ERR_STORE;
}

static enum err sync_path(struct state *state, const char *path)
{
    int fd = openat(state_fd(state), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err e = fd >= 0 && fsync(fd) == 0 ? ERR_NONE : ERR_STORE;

    if (fd >= 0)
        close(fd);
    return e;
}

/* The directories, durably, and the lock. */
static enum err make_place(struct state *state, const uint8_t guid[16], struct tries_lock *lock)
{
    char path[RECORD_PATH];
    bool made;
    enum err e = make_directory(state, "tries", &made);

    record_path(guid, path);
    if (e == ERR_NONE && made && fsync(state_fd(state)) != 0)
        e = ERR_STORE;
    if (e == ERR_NONE)
        e = make_directory(state, path, &made);
    if (e == ERR_NONE && made)
        e = sync_path(state, "tries");
    return e != ERR_NONE ? e : tries_lock(state, guid, lock);
}

/* Two records, so that both files are valid: `sequence` and the next. */
static enum err write_pair(const struct record_place *place, const struct tries *tries, uint64_t generation,
                           uint64_t sequence)
{
    struct record record = { true, sequence, generation, *tries };
    enum err e = record_write(place, &record);

    record.sequence++;
    return e != ERR_NONE ? e : record_write(place, &record);
}

static enum err explain(struct state *state, const uint8_t guid[16], enum err e, struct why *why)
{
    char path[RECORD_PATH];

    record_path(guid, path);
    if (e == ERR_EXISTS)
        return why_set(why, e, "%s/%s: this host has a tries record of this card already", state_directory(state),
                       path);
    return why_set(why, e, "%s/%s: the tries record cannot be written: %s", state_directory(state), path,
                   e == ERR_STORE ? strerror(errno) : err_sentence(e));
}

static bool has_files(int fd)
{
    struct stat st;

    return fstatat(fd, "0", &st, AT_SYMLINK_NOFOLLOW) == 0 || fstatat(fd, "1", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum err tries_create(struct state *state, const uint8_t guid[16], const struct tries *tries, uint64_t generation,
                      struct why *why)
{
    struct tries_lock lock;
    struct record_place place;
    enum err e = make_place(state, guid, &lock);

    if (e != ERR_NONE)
        return explain(state, guid, e, why);
    e = has_files(lock.fd) ? ERR_EXISTS : record_place(&place, state, lock.fd, guid);
    if (e == ERR_NONE) {
        e = write_pair(&place, tries, generation, 1);
        secret_free(place.key);
    }
    tries_unlock(&lock);
    if (e == ERR_NONE)
        return ERR_NONE;
    explain(state, guid, e, why);
    /* Half a record is no use to anybody; what cannot be removed either does no harm. */
    if (e != ERR_EXISTS)
        (void)!tries_remove(state, guid, NULL);
    return e;
}

/* Higher than any that a process which serves the card may remember, also where an older copy was put back that would
 * count for others: nobody guesses once in a microsecond.  Who dies between the two writes adopts again. */
static uint64_t fresh_sequence(const struct record records[RECORD_FILES])
{
    struct timespec now = { 0, 0 };
    uint64_t highest;

    clock_gettime(CLOCK_REALTIME, &now);
    highest = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    for (int i = 0; i < RECORD_FILES; i++) {
        if (records[i].valid && records[i].sequence > highest)
            highest = records[i].sequence;
    }
    return highest + 1;
}

/* What is no record of ours goes when the owner asks for a new one: a link, a FIFO, a file that has a second name. */
static void clear_way(int dir, const char *name, bool directory)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (directory ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode) && st.st_nlink == 1 && (st.st_mode & 0600) == 0600)
        return;
    /* What cannot be removed is in the way of the new record, and that is what will be said. */
    (void)!unlinkat(dir, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
}

enum err tries_adopt(struct state *state, const uint8_t guid[16], const struct tries *tries, uint64_t generation,
                     struct why *why)
{
    struct record records[RECORD_FILES];
    struct tries_lock lock;
    struct record_place place;
    char path[RECORD_PATH];
    uint64_t sequence;
    enum err e;

    record_path(guid, path);
    clear_way(state_fd(state), path, true);
    e = make_place(state, guid, &lock);
    if (e != ERR_NONE)
        return explain(state, guid, e, why);
    e = record_place(&place, state, lock.fd, guid);
    if (e == ERR_NONE) {
        /* What cannot be read is no record that counts; what can be is asked for its number before it goes. */
        if (record_read(&place, records) != ERR_NONE)
            memset(records, 0, sizeof records);
        sequence = fresh_sequence(records);
        clear_way(lock.fd, "0", false);
        clear_way(lock.fd, "1", false);
        e = write_pair(&place, tries, generation, sequence);
    }
    secret_free(place.key);
    tries_unlock(&lock);
    return e == ERR_NONE ? e : explain(state, guid, e, why);
}

enum err tries_remove(struct state *state, const uint8_t guid[16], struct why *why)
{
    char path[RECORD_PATH];
    struct tries_lock lock;
    enum err e = tries_lock(state, guid, &lock);

    if (e != ERR_NONE)
        return e == ERR_NOT_FOUND ? e : explain(state, guid, e, why);
    record_path(guid, path);
    if ((unlinkat(lock.fd, "0", 0) != 0 && errno != ENOENT) || (unlinkat(lock.fd, "1", 0) != 0 && errno != ENOENT) ||
        unlinkat(state_fd(state), path, AT_REMOVEDIR) != 0)
        e = ERR_STORE;
    if (e != ERR_NONE)
        explain(state, guid, e, why);
    else
        e = sync_path(state, "tries");
    tries_unlock(&lock);
    return e;
}
