/* SPDX-License-Identifier: BSD-2-Clause */
/* vpiv.h — what every verb of the command `vpiv` stands on: options, store, state, secrets, errors, JSON.
 *
 * A verb is one row of the table in vpiv.c and one function.  It starts with cli_options; whatever fails here
 * has told people why (one sentence on stderr) and has set the exit status:
 *
 *     if (!cli_options(cli, rows, &options, &argc, &argv))
 *         return cli->status;
 *     if (!cli_state(cli, true))
 *         return cli->status;
 *     e = cardfile_open(path, cli->state, &file, &card, &why);
 *     if (e != ERR_NONE)
 *         return cli_fail(cli, e, &why);
 *     return CLI_DONE;
 */
#ifndef VPIV_TOOLS_VPIV_H
#define VPIV_TOOLS_VPIV_H

#include <jansson.h>

#include "applet/secret.h"
#include "conf/state.h"
#include "conf/store.h"

/* Exit codes.  `vpiv run` gives CMD's own, 128 + n for signal n, and the last three like env(1). */
enum cli_status {
    CLI_DONE = 0,
    CLI_FAILED = 1,     /* it could not, or it found something (doctor, conform) */
    CLI_USAGE = 2,
    CLI_RUN_FAILED = 125,
    CLI_NOT_RUNNABLE = 126,
    CLI_NOT_FOUND = 127,
};

struct cli;

/* struct option_row — one option: getopt entry and help text in one. */
enum option_kind {
    OPTION_FLAG,   /* bool at `offset` becomes true */
    OPTION_TEXT,   /* const char * at `offset`, borrowed from argv */
    OPTION_SECRET, /* the same, a pass phrase in OpenSSL's notation: for cli_secret */
    OPTION_NUMBER, /* unsigned at `offset` */
    OPTION_CALL,   /* `take` is called with the value, in the order of the command line */
};

struct option_row {
    const char *name;       /* long name, without dashes */
    char letter;            /* short name, or 0 */
    enum option_kind kind;
    const char *value;      /* what the help calls the value; NULL = takes none */
    size_t offset;          /* in the verb's own struct of options */
    const char *help;
    bool (*take)(struct cli *cli, void *into, const char *value); /* OPTION_CALL; false = has told why */
};
/* Rows end with one whose name is NULL. */

/* struct verb — one row of the table of verbs. */
enum verb_flags {
    VERB_STORE = 1,   /* works on a store: takes --system and --user */
    VERB_JSON = 2,    /* shows something: takes --json */
    VERB_COMMAND = 4, /* what follows the first argument belongs to another program */
};

struct verb {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
    unsigned flags;
    int least, most;        /* arguments besides options; most -1 = any number */
    const char *arguments;  /* as the help shows them */
    const char *summary;
};

enum cli_where { WHERE_DEFAULT, WHERE_SYSTEM, WHERE_USER };

struct cli {
    const char *program;      /* "vpiv" */
    const struct verb *verb;
    enum cli_where where;     /* --system, --user */
    bool json;                /* --json */
    bool interrupted;         /* ^C at a prompt: main dies of it */
    int status;               /* what the verb returns after a function here has failed */
    struct store store;       /* after cli_store */
    bool have_store;
    struct state *state;      /* after cli_state */
    struct {                  /* files of "file:", open: two secrets from one file take two lines */
        const char *path;
        int fd;
    } sources[8];
    size_t n_sources;
};

/* cli_options — parse argv[1…] by the common rows and the verb's own into *into; afterwards *argv are the
 * *argc arguments alone, without the verb's name.  False: help was shown, or usage was wrong: return
 * cli->status. */
bool cli_options(struct cli *cli, const struct option_row *rows, void *into, int *argc,
                 char ***argv) MUST_CHECK;

/* cli_fail — say why: what `why` holds, else the error's own sentence.  Sets and returns CLI_FAILED.
 * cli_refuse — the same with a sentence written here.
 * cli_usage — the command line is at fault.  Sets and returns CLI_USAGE.
 * cli_warn — something people should know, and on it goes. */
int cli_fail(struct cli *cli, enum err e, const struct why *why);
int cli_refuse(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
int cli_usage(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
void cli_warn(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/* cli_store — cli->store: root works on the system's paths, everyone else on their own; --system and
 * --user choose.  Its readers are those of VPIV_READER_DIR where that is set and --system is not given.
 * cli_state — cli->state: host secret and tries of that store; with `create` made where they are missing.
 * Both do their work once; both return false after having told why. */
bool cli_store(struct cli *cli) MUST_CHECK;
bool cli_state(struct cli *cli, bool create) MUST_CHECK;

/* cli_secret — a pass phrase, PIN or key in text form, without its line end.  Owned by the caller.
 * Every spec but "pass:" keeps it out of the process list.  Two from stdin, one fd: or one file: take
 * successive lines. */
struct ask {
    const char *spec;   /* pass:TEXT env:NAME file:PATH fd:N stdin; NULL = ask on the terminal, no echo */
    const char *option; /* "--pin": named when there is no terminal */
    const char *prompt; /* "PIN of card.p12": shown with a colon behind it */
    bool twice;         /* a new one: a terminal asks it twice */
};
bool cli_secret(struct cli *cli, const struct ask *ask, struct secret **out) MUST_CHECK;

/* cli_json — print `take` (given away, NULL = out of memory) on stdout.  Returns the exit status. */
int cli_json(struct cli *cli, json_t *take);

/* The verbs. */
int verb_import(struct cli *cli, int argc, char **argv);
int verb_new(struct cli *cli, int argc, char **argv);
int verb_show(struct cli *cli, int argc, char **argv);
int verb_list(struct cli *cli, int argc, char **argv);
int verb_cert(struct cli *cli, int argc, char **argv);
int verb_uri(struct cli *cli, int argc, char **argv);
int verb_insert(struct cli *cli, int argc, char **argv);
int verb_eject(struct cli *cli, int argc, char **argv);
int verb_touch(struct cli *cli, int argc, char **argv);
int verb_pin(struct cli *cli, int argc, char **argv);
int verb_unblock(struct cli *cli, int argc, char **argv);
int verb_adopt(struct cli *cli, int argc, char **argv);
int verb_remove(struct cli *cli, int argc, char **argv);
int verb_apdu(struct cli *cli, int argc, char **argv);
int verb_pinpad(struct cli *cli, int argc, char **argv);
int verb_trace(struct cli *cli, int argc, char **argv);
int verb_fault(struct cli *cli, int argc, char **argv);
int verb_replay(struct cli *cli, int argc, char **argv);
int verb_run(struct cli *cli, int argc, char **argv);
int verb_setup(struct cli *cli, int argc, char **argv);
int verb_conform(struct cli *cli, int argc, char **argv);

#endif
