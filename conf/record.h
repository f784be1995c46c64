/* SPDX-License-Identifier: BSD-2-Clause */
/* record.h — one tries record as 128 bytes, in two files; tries.c says which of the two counts.
 *
 *   offset size                      all numbers big-endian
 *        0    8  magic "VPIVTRY1"
 *        8   16  GUID of the card
 *       24    8  sequence number: even in file 0, odd in file 1
 *       32    8  generation of the card file
 *       40    3  tries left of PIN, PUK, global PIN
 *       43    3  tries allowed, likewise
 *       46   50  zero
 *       96   32  HMAC-SHA-256 of all before, under derive_host("tries", GUID)
 */
#ifndef VPIV_CONF_RECORD_H
#define VPIV_CONF_RECORD_H

#include "conf/state.h"

enum { RECORD_SIZE = 128, RECORD_FILES = 2 };

struct record {
    bool valid;
    uint64_t sequence;
    uint64_t generation;
    struct tries tries;
};

/* struct record_place — the directory of one card's record, and the key of its seal. */
struct record_place {
    int fd;
    bool shared;
    OSSL_LIB_CTX *lib;
    const uint8_t *guid;   /* borrowed */
    struct secret *key;    /* owned: secret_free */
};

enum err record_place(struct record_place *place, struct state *state, int fd, const uint8_t guid[16]) MUST_CHECK;

/* record_read — both files.  What is missing, torn, foreign or edited is not valid; ERR_STORE is only what cannot be
 * read just now. */
enum err record_read(const struct record_place *place, struct record records[RECORD_FILES]) MUST_CHECK;

/* record_write — into the file of its sequence number, in place; durable when it returns ERR_NONE. */
enum err record_write(const struct record_place *place, const struct record *record) MUST_CHECK;

/* record_sync — make durable what is in the file of this sequence number. */
enum err record_sync(const struct record_place *place, uint64_t sequence) MUST_CHECK;

#endif
