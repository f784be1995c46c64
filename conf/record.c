/* SPDX-License-Identifier: BSD-2-Clause */
/* record.c — bytes and files of one tries record. */
#include "conf/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "applet/seal.h"
#include "conf/file.h"

enum { MAC_SIZE = 32, RECORD_BODY = RECORD_SIZE - MAC_SIZE };
static const uint8_t magic[8] = { 'V', 'P', 'I', 'V', 'T', 'R', 'Y', '1' };

static const char *file_of(uint64_t sequence)
{
    return sequence % 2 == 0 ? "0" : "1";
}

enum err record_place(struct record_place *place, struct state *state, int fd, const uint8_t guid[16])
{
    struct piv_env env = state_env(state);

    *place = (struct record_place){ fd, state_shared(state), state_lib(state), guid, NULL };
    return derive_host(&env, "tries", guid, &place->key);
}

static void put_u64(struct out *out, uint64_t v)
{
    out_u32(out, (uint32_t)(v >> 32));
    out_u32(out, (uint32_t)v);
}

static bool take_u64(struct in *in, uint64_t *v)
{
    uint32_t high, low;

    if (!in_u32(in, &high) || !in_u32(in, &low))
        return false;
    *v = (uint64_t)high << 32 | low;
    return true;
}

static enum err seal_record(const struct record_place *place, struct in body, uint8_t seal[MAC_SIZE])
{
    return mac(place->lib, secret_in(place->key), body, in_of(NULL, 0), seal);
}

static enum err decode(const struct record_place *place, struct in bytes, unsigned file, struct record *record)
{
    uint8_t seal[MAC_SIZE];
    struct in body, head, guid, left, allowed, zero;
    enum err e;

    record->valid = false;
    if (!in_take(&bytes, RECORD_BODY, &body) || bytes.n != MAC_SIZE)
        return ERR_NONE;
    e = seal_record(place, body, seal);
    if (e != ERR_NONE)
        return e;
    record->valid = CRYPTO_memcmp(bytes.p, seal, sizeof seal) == 0 && in_take(&body, sizeof magic, &head) &&
                    in_equal(head, in_of(magic, sizeof magic)) && in_take(&body, 16, &guid) &&
                    in_equal(guid, in_of(place->guid, 16)) && take_u64(&body, &record->sequence) &&
                    take_u64(&body, &record->generation) && in_take(&body, PIN_COUNT, &left) &&
                    in_take(&body, PIN_COUNT, &allowed) && in_take(&body, body.n, &zero) &&
                    record->sequence % RECORD_FILES == file;
    if (record->valid) {
        memcpy(record->tries.left, left.p, PIN_COUNT);
        memcpy(record->tries.allowed, allowed.p, PIN_COUNT);
    }
    return ERR_NONE;
}

/* What is not there, not a file, of another size or not ours is an invalid record.  What cannot be read just now is
 * an error: nobody may be charged, or let in, for that. */
static enum err read_one(const struct record_place *place, unsigned file, struct record *record)
{
    uint8_t bytes[RECORD_SIZE];
    struct out buffer = out_of(bytes, sizeof bytes);
    struct stat st;
    int fd;
    enum err e = file_open(place->fd, file_of(file), &fd, &st);

    record->valid = false;
    if (e != ERR_NONE)
        return e == ERR_STORE || e == ERR_MEMORY ? e : ERR_NONE;
    if (st.st_size == RECORD_SIZE) {
        e = file_read(fd, &buffer);
        if (e == ERR_NONE && buffer.n != RECORD_SIZE)
            e = ERR_STORE;
        if (e == ERR_NONE)
            e = decode(place, out_in(&buffer), file, record);
    }
    close(fd);
    return e;
}

enum err record_read(const struct record_place *place, struct record records[RECORD_FILES])
{
    enum err e = read_one(place, 0, &records[0]);

    return e != ERR_NONE ? e : read_one(place, 1, &records[1]);
}

static enum err encode(const struct record_place *place, const struct record *record, uint8_t bytes[RECORD_SIZE])
{
    struct out out = out_of(bytes, RECORD_BODY);

    out_put(&out, in_of(magic, sizeof magic));
    out_put(&out, in_of(place->guid, 16));
    put_u64(&out, record->sequence);
    put_u64(&out, record->generation);
    out_put(&out, in_of(record->tries.left, PIN_COUNT));
    out_put(&out, in_of(record->tries.allowed, PIN_COUNT));
    out_zero(&out, out.cap - out.n);
    return seal_record(place, out_in(&out), bytes + RECORD_BODY);
}

/* A file that has another name too is somebody else's, put there by whoever may write in the directory, or a backup's:
 * it stays as it is, and a new one gets the name. */
static enum err open_to_write(const struct record_place *place, const char *name, int *fd, struct stat *st)
{
    const int flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;

    *fd = openat(place->fd, name, flags, 0600);
    if (*fd < 0)
        return ERR_STORE;
    if (fstat(*fd, st) == 0 && S_ISREG(st->st_mode)) {
        if (st->st_nlink == 1)
            return ERR_NONE;
        close(*fd);
        if (unlinkat(place->fd, name, 0) != 0 || (*fd = openat(place->fd, name, flags | O_EXCL, 0600)) < 0)
            return ERR_STORE;
        if (fstat(*fd, st) == 0)
            return ERR_NONE;
    }
    close(*fd);
    return ERR_STORE;
}

/* In place: a few bytes and one fdatasync, where a replacement costs five times as much (PROOFS.md A2). */
enum err record_write(const struct record_place *place, const struct record *record)
{
    uint8_t bytes[RECORD_SIZE];
    struct stat st;
    enum err e = encode(place, record, bytes);
    int fd;

    if (e == ERR_NONE)
        e = open_to_write(place, file_of(record->sequence), &fd, &st);
    if (e != ERR_NONE)
        return e;
    if (st.st_size == 0 && place->shared && fchmod(fd, 0660) != 0)
        e = ERR_STORE;
    if (e == ERR_NONE && st.st_size > RECORD_SIZE && ftruncate(fd, RECORD_SIZE) != 0)
        e = ERR_STORE;
    if (e == ERR_NONE)
        e = file_write(fd, in_of(bytes, sizeof bytes));
    if (e == ERR_NONE && fdatasync(fd) != 0)
        e = ERR_STORE;
    if (e == ERR_NONE && st.st_size == 0 && fsync(place->fd) != 0)
        e = ERR_STORE;
    close(fd);
    return e;
}

/* The last one to write it may have died before its sync.  What we build on it must not outlive it. */
enum err record_sync(const struct record_place *place, uint64_t sequence)
{
    struct stat st;
    int fd;
    enum err e = file_open(place->fd, file_of(sequence), &fd, &st);

    if (e != ERR_NONE)
        return ERR_STORE;
    if (fdatasync(fd) != 0)
        e = ERR_STORE;
    close(fd);
    return e;
}
