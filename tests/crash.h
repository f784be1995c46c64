/* SPDX-License-Identifier: BSD-2-Clause */
/* crash.h — what the crash-point programs share: faults in the calls that touch storage (crash_fault.c), a directory
 * as a value (crash_tree.c), a disk that forgets what was not synced (crash_disk.c), a card at work whose guesses are
 * counted (crash_rig.c), what a card is seen to hold (crash_seen.c), and the scenes (crash_scene.c).
 */
#ifndef VPIV_TESTS_CRASH_H
#define VPIV_TESTS_CRASH_H

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "applet/applet.h"
#include "conf/cardfile.h"

/* --- crash_fault.c -------------------------------------------------------------------------------------- */

/* Every call that libconf makes to the kernel; one row of crash_fault.c's table each. */
enum call {
    CALL_OPEN, CALL_OPENAT, CALL_CLOSE, CALL_PREAD, CALL_PWRITE, CALL_FSYNC, CALL_FDATASYNC, CALL_RENAMEAT,
    CALL_RENAMEAT2, CALL_LINKAT, CALL_UNLINKAT, CALL_MKDIR, CALL_MKDIRAT, CALL_FCHMOD, CALL_FCHMODAT, CALL_FCHOWN,
    CALL_FTRUNCATE, CALL_FLOCK, CALL_FSTAT, CALL_FSTATAT, CALL_STAT, CALL_LSTAT, CALL_REALPATH, CALL_COUNT
};

enum fault_kind {
    FAULT_NONE,
    FAULT_DIE_BEFORE,   /* the process ends before the call … */
    FAULT_DIE_AFTER,    /* … or after it */
    FAULT_ERROR,        /* the call does nothing and fails with `error` */
    FAULT_STUCK,        /* … and so does every later call that would change the disk */
    FAULT_PREFIX_DIE,   /* a write: `bytes` of it, then the end */
    FAULT_GARBAGE_DIE,  /* … `bytes` of it and garbage for the rest, then the end */
    FAULT_LOST_DIE,     /* … nothing of it but success, then the end before the next call */
    FAULT_SHORT,        /* … `bytes` of it, and says so */
    FAULT_PREFIX_ERROR, /* … `bytes` of it, then an error */
    FAULT_KINDS
};

struct fault {
    enum fault_kind kind;
    unsigned at;   /* the how manieth call, from 1 */
    int error;
    size_t bytes;
};

enum { DIED = 66 }; /* exit status of a process that a fault ended */

/* fault_arm — count calls from here and do this at the one that `fault` names.  fault_disarm — the calls counted. */
void fault_arm(const struct fault *fault);
unsigned fault_disarm(void);

/* fault_unlock — from now on every lock is granted to everybody: the control of those who test locking. */
void fault_unlock(bool unlocked);

/* What the calls were: filled while armed. */
enum { CALLS_MAX = 4096 };
struct called {
    enum call call;
    size_t bytes; /* of a write */
};
const struct called *fault_calls(void);
const char *call_name(enum call call);
bool call_changes(enum call call);

/* --- crash_tree.c --------------------------------------------------------------------------------------- */

/* struct tree — a directory with all below it, in memory. */
struct node {
    unsigned id;   /* this file, whatever its names are */
    bool directory;
    mode_t mode;
    uint8_t *p;
    size_t n;
};

struct name {
    unsigned in, id; /* directory, file */
    char name[NAME_MAX + 1];
};

enum { NODES_MAX = 64 };
struct tree {
    unsigned n_nodes, n_names; /* node 0 is the top */
    struct node nodes[NODES_MAX];
    struct name names[NODES_MAX];
};

bool tree_load(struct tree *tree, const char *path);
bool tree_save(const struct tree *tree, const char *path); /* in the place of what is there */
void tree_copy(const struct tree *from, struct tree *to);
void tree_clear(struct tree *tree);

struct node *tree_add(struct tree *tree, unsigned id, bool directory, mode_t mode);
struct node *tree_find(struct tree *tree, unsigned id);
void tree_name(struct tree *tree, unsigned in, unsigned id, const char *name);
void tree_unname(struct tree *tree, unsigned in, const char *name);
void node_resize(struct node *node, size_t n); /* grows with zeros */

/* --- crash_disk.c --------------------------------------------------------------------------------------- */

/* The journal — every change of the disk in order, with what was acknowledged in between. */
void journal_begin(const char *root, const struct tree *base); /* root holds just what base does */
unsigned journal_end(void);
void journal_mark(unsigned acked, const uint8_t credit[PIN_COUNT], const uint8_t sure[PIN_COUNT]);
void journal_free(void);

/* What wrapped calls tell the journal. */
void journal_created(int dir, const char *name, bool directory);
void journal_written(int fd, const void *p, size_t n, off_t at);
void journal_size(int fd, off_t n);
void journal_mode(int fd, mode_t mode);
void journal_renamed(int dir, const char *from, const char *to, bool keep);
void journal_removed(int dir, const char *name);
void journal_synced(int fd, bool data);

/* struct cut — the power fails before change number `at`.  What was not synced by then is lost, or not:
 *   CUT_NONE  nothing of it arrived     CUT_ALL    all of it
 *   CUT_ONE   number `which` alone      CUT_BUT    all but number `which`
 *   CUT_TORN  all, of number `which`    CUT_ZERO   all; number `which` made the file longer, with zeros in it
 *             `bytes` alone             CUT_RANDOM each by the toss of a coin, from `seed`
 */
enum cut_kind { CUT_NONE, CUT_ALL, CUT_ONE, CUT_BUT, CUT_TORN, CUT_ZERO, CUT_RANDOM };
struct cut {
    enum cut_kind kind;
    unsigned at, which;
    size_t bytes;
    uint64_t seed;
    bool deaf; /* the control: fdatasync does nothing */
};

struct mark {
    unsigned acked;
    uint8_t credit[PIN_COUNT], sure[PIN_COUNT];
};

/* journal_cut — what the disk then holds: owned, tree_clear.  mark: what was true at that moment.
 * journal_loose — how many changes were not synced before change `at`; sizes[i]: of a write, else 0. */
bool journal_cut(const struct tree *base, const struct cut *cut, struct tree *disk, struct mark *mark);
unsigned journal_loose(unsigned at, bool deaf, size_t sizes[], unsigned max);

/* --- crash_rig.c ---------------------------------------------------------------------------------------- */

enum { PATH_ROOM = 256, STEPS_MAX = 16 };

/* struct report — in memory that the parent shares: it outlives whoever writes it. */
struct report {
    unsigned acked;               /* steps that were answered as they should be */
    bool failed;                  /* the step after them was answered otherwise, with sw */
    sw_t sw;
    uint8_t credit[PIN_COUNT];    /* guesses that may still be granted at most … */
    uint8_t sure[PIN_COUNT];      /* … and at least, but for one fault */
    unsigned granted[PIN_COUNT];  /* guesses whose comparison could take place */
    bool overdrawn;               /* one was granted where credit was 0 */
    bool spent;                   /* it went on guessing: the scene is at its end */
    uint8_t made[256][32];        /* digest of the public key that GENERATE answered, by reference */
    char verdict[400];            /* empty = all well */
};

struct rig {
    char root[PATH_ROOM], state_path[PATH_ROOM + 8], card_path[PATH_ROOM + 16];
    struct state *state;
    struct cardfile *file;
    int *events;            /* that the card file follows, as in a driver; NULL at first: it reads each time */
    struct piv *piv;
    struct piv_env inner;
    struct report *report;
};

void rig_init(struct rig *rig, const char *root, struct report *report);

/* rig_open — the card as a driver opens it: a fresh process, power up.  rig_close — NULL-safe in all parts. */
enum err rig_open(struct rig *rig);
void rig_close(struct rig *rig);

/* rig_send — one command; what it answers is in rsp until the next. */
sw_t rig_send(struct rig *rig, uint8_t ins, uint8_t p1, uint8_t p2, struct in data);
struct in rig_answer(void);

/* Secrets of the scenes, by number: each has an old and a new one, and the wrong one. */
enum { OLD, NEW, WRONG, VALUES };
extern const char *const pin_values[VALUES], *const puk_values[VALUES];
struct in pin_value(enum pin which, int value);
struct in management_value(int value); /* OLD, NEW */

sw_t rig_verify(struct rig *rig, int value);
sw_t rig_change(struct rig *rig, uint8_t ins, uint8_t ref, struct in old, struct in next);
bool rig_admin(struct rig *rig, int value);

/* rig_guess — guess wrong, each time from a fresh start, until blocked: how many guesses were granted.  -1: no card. */
int rig_guess(struct rig *rig, enum pin which);

/* --- crash_seen.c --------------------------------------------------------------------------------------- */

struct seen_key {
    uint8_t ref, alg, origin, pin_policy, touch_policy;
    uint8_t public[32]; /* digest */
};

struct seen {
    int pin[PIN_COUNT], management; /* OLD, NEW; -1 = not set */
    size_t n_keys;
    struct seen_key keys[CARD_KEYS_MAX];
    uint8_t objects[32], chain[32]; /* digests */
    struct tries tries;
};

/* digest — SHA-256. */
void digest(struct in bytes, uint8_t hash[32]);

/* seen_look — what the card holds.  False, and a sentence in `verdict`: it is not whole.  Every key must open, sign,
 * and be the private half of its public key; numbers and references must be there once. */
bool seen_look(struct rig *rig, struct seen *seen, char verdict[], size_t room);

/* seen_same — tries aside.  base: a generated key that is not there may be any. */
bool seen_same(const struct seen *a, const struct seen *b, const struct seen *base);

/* --- crash_scene.c -------------------------------------------------------------------------------------- */

struct step {
    const char *name;
    sw_t (*run)(struct rig *rig);
    sw_t expected;
    uint8_t makes; /* the reference behind which it generates a key, or 0 */
    bool wrong;    /* a guess: what it is answered depends on the tries left */
    bool again;    /* card and tries change one after the other: in between, doing it again completes it */
};

struct scene {
    const char *name;
    const char *persona;
    uint8_t limit;    /* tries of PIN and PUK */
    bool empty;       /* starts without a store */
    bool closed;      /* its steps open for themselves what they need */
    bool guesses;     /* about tries: after each point, guess until blocked */
    sw_t (*prepare)(struct rig *rig); /* or NULL */
    struct step steps[STEPS_MAX];
};

extern const struct scene scenes[];
extern const size_t n_scenes;

unsigned scene_steps(const struct scene *scene);

/* scene_stuff — keys, certificates and cards that all scenes use: made once, before any process is forked. */
bool scene_stuff(void);
void scene_stuff_free(void);

/* rig_make — a store with one card in it, factory PIN, PUK and management key, a P-256 key in 9A; after scene_stuff. */
enum err rig_make(struct rig *rig, const char *persona, uint8_t limit);

/* scene_base — the store that a scene starts with, on disk. */
bool scene_base(const struct scene *scene, struct rig *rig);

/* scene_run — the steps from number `from` to before `to`; fills rig->report, marks the journal.  later: something has
 * been before that may have cost a try, so a wrong guess may be answered by another count. */
void scene_run(const struct scene *scene, struct rig *rig, unsigned from, unsigned to, bool later);

/* scratch_root — a new directory of our own, in memory where there is /dev/shm. */
bool scratch_root(char path[PATH_ROOM]);
void scratch_gone(const char *path);

/* --- crash_judge.c -------------------------------------------------------------------------------------- */

/* struct model — what a scene's card holds after each of its steps, when nothing goes wrong. */
struct model {
    bool opens;
    struct seen seen;
};

struct trial {
    const struct scene *scene;
    struct rig rig;
    struct tree base;
    unsigned n; /* steps */
    struct model models[STEPS_MAX + 1];
};

/* judge — the store under trial->rig.root is what a process with this report left behind: is all as it must be?
 * False, and a sentence in report->verdict.  guess: also guess until blocked.  Uses up the store. */
bool judge(const struct trial *trial, struct report *report, bool guess);

#endif
