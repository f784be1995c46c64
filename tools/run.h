/* SPDX-License-Identifier: BSD-2-Clause */
/* run.h — `vpiv run` in four pieces: launcher (run.c), keeper (keeper.c), private directory (place.c,
 * outfit.c), and pcscd with its own view of the system (pcscd.c).
 *
 * The launcher makes nothing: it picks a name and waits, so that it can be killed at any moment.  The keeper
 * makes everything and is the parent of CMD and of pcscd.  Each clears up when the other is gone.
 */
#ifndef VPIV_TOOLS_RUN_H
#define VPIV_TOOLS_RUN_H

#include <signal.h>
#include <sys/types.h>

#include "applet/persona.h"
#include "tools/vpiv.h"

#define RUN_PREFIX "vpiv-run-" /* of the private directory's name … */
#define RUN_KEPT "kept-"       /* … and what follows in one that stays: nobody sweeps it */

enum {
    RUN_READERS_MAX = 16, /* pcscd 1.9.9 silently drops what is beyond */
    RUN_PATH_MAX = 108,   /* of the socket: sun_path; PCSCLITE_CSOCK_NAME is cut to that too */
    RUN_DIRECTORY_MAX = RUN_PATH_MAX - (int)sizeof "pcscd.sock",
};

enum run_kind {
    RUN_TEST,   /* a fresh test card, with keys where a bundle is given */
    RUN_CARD,   /* a card of the store */
    RUN_EMPTY,
};

struct run_reader {
    enum run_kind kind;
    const char *what;        /* RUN_CARD: CARD as it was given; RUN_TEST: a bundle, or NULL */
    char path[PATH_MAX];     /* RUN_CARD: the card file, resolved */
    struct secret *password; /* of the bundle */
};

struct run_plan {
    struct run_reader readers[RUN_READERS_MAX];
    size_t n;
    const char *persona_name;
    const struct persona *persona; /* of fresh cards and of readers without one */
    const char *seed;              /* --seed: of the test cards; NULL = they are random */
    const char *trace;             /* --trace: the file, as it was given */
    char trace_path[PATH_MAX];     /* … and resolved */
    bool unmask;
    const char *faults;            /* --faults: the script, as it was given */
    bool keep;                     /* the private directory stays */
    const char *touch;             /* their setting of this name; NULL = not given */
    const char *reader_name;       /* of every reader, instead of its persona's; NULL = not given */
    const char *password;          /* --password: of the bundles */
    bool pinpad;                   /* every reader has a keypad */
    unsigned slots;                /* of each reader as pcscd sees it: as many of ours in a row; 0 = not given */
    char **command;                /* NULL-terminated */
    char driver[PATH_MAX];         /* libifdvpiv.so */
    char pcscd[PATH_MAX];
    char base[RUN_DIRECTORY_MAX];       /* the directory in which … */
    char name[32];                 /* … the private directory gets this name */
    char directory[RUN_DIRECTORY_MAX]; /* both together */
    bool had_run_pcscd;            /* /run/pcscd was there before */
    sigset_t signals;              /* the mask that CMD gets back, … */
    struct sigaction child;        /* … what it does about SIGCHLD, … */
    mode_t umask;                  /* … and the modes of its files */
};

/* run_forget — the passwords of the bundles.  The keeper needs them for as long as it makes cards, the launcher until
 * it has forked it; a copy in a forked process is not locked either. */
void run_forget(struct run_plan *plan);

/* What the launcher passes on, and what the keeper tells it at the end. */
extern const int run_signals[];    /* ends with 0 */

struct run_report {
    bool failed;  /* vpiv could not; the keeper has said why */
    int status;   /* of CMD, as waitpid gives it */
};

/* keeper_main — never returns.  socket: to the launcher; one byte in = a signal for CMD, end of file = the
 * launcher is gone; out = one struct run_report, when nothing is left. */
_Noreturn void keeper_main(struct cli *cli, struct run_plan *plan, int socket);

/* children_end — TERM, and KILL after 100 ms, for every child of this process but `spare` and those in `old`,
 * and for the orphans that they leave to us (we are their subreaper).  `reaped` hears of each one's end. */
struct children {
    pid_t spare;
    const pid_t *old;
    size_t n_old;
    void (*reaped)(void *ctx, pid_t pid, int status);
    void *ctx;
};
void children_end(const struct children *children);
size_t children_list(pid_t *list, size_t room);

/* place_choose — a base and a random name; nothing is made.
 * place_sweep — remove what runs that were killed have left there.
 * place_make — the directory, 0700 and locked; its descriptor, or -1 with errno.
 * place_end — the whole tree goes, by descriptors, no link followed; or it stays, and people are told where. */
bool place_choose(struct cli *cli, struct run_plan *plan) MUST_CHECK;
void place_sweep(const struct run_plan *plan);
int place_make(const struct run_plan *plan) MUST_CHECK;
void place_end(struct cli *cli, const struct run_plan *plan);

/* outfit_make — cards, readers and pcscd's configuration inside the private directory. */
bool outfit_make(struct cli *cli, const struct run_plan *plan, int directory) MUST_CHECK;

/* surround_command — what the environment of CMD says of its readers; called in CMD's own process. */
void surround_command(const struct run_plan *plan);

/* pcscd_find — plan->pcscd.
 * pcscd_ask — start `pcscd --help`; pcscd_answer — did it name --disable-polkit? */
struct pcscd_question {
    pid_t pid;
    int fd;
};
bool pcscd_find(struct cli *cli, struct run_plan *plan) MUST_CHECK;
void pcscd_ask(const struct run_plan *plan, struct pcscd_question *question);
bool pcscd_answer(struct pcscd_question *question);

/* pcscd_start — fork and exec, with `listener` as its socket.  Returns when it runs: the process, or -1 after
 * having told why not. */
pid_t pcscd_start(struct cli *cli, struct run_plan *plan, int listener, bool disable_polkit) MUST_CHECK;

/* pcscd_clear — what it has left in /run/pcscd where it had no view of its own. */
void pcscd_clear(const struct run_plan *plan, pid_t pid);

#endif
