/* SPDX-License-Identifier: BSD-2-Clause */
/* tries.h — the tries record of one card on this host: two files written in turn, in place, synced.
 *
 * The guess is on disk before it is compared, and no crash, torn or lost write, deletion, edit, exchange or mixture
 * of the files grants a guess more.  The rules and their reasons: PROOFS.md part A, A0.
 */
#ifndef VPIV_CONF_TRIES_H
#define VPIV_CONF_TRIES_H

#include "applet/env.h"
#include "conf/state.h"

/* struct tries_memory — what a process remembers of a record between two locks; all zero at first. */
struct tries_memory {
    uint64_t seen;   /* the highest sequence number met: a lower one is an older copy put back, and counts as none */
    uint64_t doubt;  /* the number whose write failed: nobody knows what of it is on disk */
};

/* struct tries_lock — the directory tries/GUID, opened and locked: the one lock for the record and the card file.
 * The card file itself is not locked: each change gives it a new inode, and a card may have two names. */
struct tries_lock {
    int fd;
    uint64_t newest;             /* sequence number of the record that tries_load found; 0 = none */
    struct tries_memory memory;  /* put in after tries_lock, take out before tries_unlock */
};

/* tries_lock — ERR_BUSY after 1 s, ERR_NOT_FOUND where this host has no record of the card. */
enum err tries_lock(struct state *state, const uint8_t guid[16], struct tries_lock *lock) MUST_CHECK;
void tries_unlock(struct tries_lock *lock);

/* tries_load — the record under the lock, mended by its own rules.  All zero where there is no valid one.
 * generation: of the card file that the record belongs to. */
enum err tries_load(struct state *state, struct tries_lock *lock, const uint8_t guid[16], struct tries *tries,
                    uint64_t *generation) MUST_CHECK;

/* tries_save — the next record, durable when it returns; after tries_load.  ERR_STORE also where that found none. */
enum err tries_save(struct state *state, struct tries_lock *lock, const uint8_t guid[16], const struct tries *tries,
                    uint64_t generation) MUST_CHECK;

/* tries_peek — the record without the lock, for those who only look.  What it says was true at some moment of the
 * call; it takes the lock itself when what it sees could be a write half done. */
enum err tries_peek(struct state *state, const uint8_t guid[16], struct tries_memory *memory, struct tries *tries)
    MUST_CHECK;

/* tries_create — directory and first record of a new card.  ERR_EXISTS: there is one.
 * tries_adopt — the owner's way out (`vpiv adopt`): a new record whatever was there. */
enum err tries_create(struct state *state, const uint8_t guid[16], const struct tries *tries, uint64_t generation,
                      struct why *why) MUST_CHECK;
enum err tries_adopt(struct state *state, const uint8_t guid[16], const struct tries *tries, uint64_t generation,
                     struct why *why) MUST_CHECK;

/* tries_directory — the open directory tries/GUID.  ERR_NOT_FOUND: this host has no record of the card. */
enum err tries_directory(struct state *state, const uint8_t guid[16], int *fd) MUST_CHECK;

/* tries_remove — the card is gone for good. */
enum err tries_remove(struct state *state, const uint8_t guid[16], struct why *why) MUST_CHECK;

#endif
