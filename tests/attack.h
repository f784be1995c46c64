/* SPDX-License-Identifier: BSD-2-Clause */
/* attack.h — the attacker on the tries record: a life of one card (attack_life.c), what may be done to its files between
 * two guesses (attack_move.c), and who judges (attack.c).
 */
#ifndef VPIV_TESTS_ATTACK_H
#define VPIV_TESTS_ATTACK_H

#include <stdatomic.h>

#include "conf/record.h"
#include "tests/crash.h"

enum { ATTACK_LIMIT = 3, TURNS = 18, CROWD = 8, CROWD_GUESSES = 3 };

/* Which life a card has: attacked, hit by accidents alone, or guessed at by eight programs at once.
 *
 * In KIND_FILES all is done to the files but one thing: to bring the record back to what it was before a guess.  No
 * program that starts afresh can tell such a copy from the present; vpiv(7) says so, and KIND_OLDER, the control, shows
 * it.  A program that goes on serving the card can: in KIND_SERVED there are all older copies, and one such program. */
enum kind { KIND_FILES, KIND_SERVED, KIND_HONEST, KIND_CROWD, KIND_OLDER, KIND_COUNT };

/* struct verdict — in memory that the judge shares with the life. */
struct verdict {
    struct report reports[1 + CROWD];
    atomic_bool go;                  /* the crowd is complete */
    unsigned guesses, moves, faults; /* tried, made, struck */
    char sentence[200];              /* empty = all well */
    char story[1200];                /* the moves and turns, in order */
};

enum { VERSIONS_MAX = 128, CARD_ROOM = 16384 };
struct version {
    uint64_t sequence;
    uint8_t bytes[RECORD_SIZE];
};

struct life {
    enum kind kind;
    uint64_t seed;
    struct verdict *verdict;
    char root[PATH_ROOM], record[PATH_ROOM + 60], other_record[PATH_ROOM + 60], card[PATH_ROOM + 20];
    char other_card[PATH_ROOM + 20], second_card[PATH_ROOM + 20];
    uint8_t guid[16];
    struct state *state;         /* the judge's own look at the record */
    struct rig kept;             /* the program that goes on serving the card; piv == NULL = none */
    int events;                  /* what it hears of the record, as the driver does (cardfile_follow) */
    bool odd;                    /* links or special files lie about: no power cut here */
    bool deaf;                   /* the control: fdatasync does nothing */
    uint64_t newest;             /* highest sequence number ever on disk */
    unsigned n_versions;
    struct version versions[VERSIONS_MAX];
    unsigned n_cards;
    struct {
        uint8_t bytes[CARD_ROOM];
        size_t n;
    } cards[8];                  /* versions of the card file */
};

/* pick — 0 … n - 1. */
unsigned pick(struct life *life, unsigned n);
void tell(struct life *life, const char *format, ...) PRINTF_LIKE(2, 3);

/* life_run — all turns of one life in the store under life->root.  The verdict says how many guesses were granted. */
void life_run(struct life *life);

/* move_make — one thing done to the files.  move_heal — the newest record there has been, as it was, and
 * move_heal_card — the newest card file, and the host secret. */
void move_make(struct life *life);
void move_heal(struct life *life);
void move_heal_card(struct life *life);

/* life_look — the record as it is on disk, and what of it is valid. */
bool life_look(struct life *life, struct record records[RECORD_FILES]);

#endif
