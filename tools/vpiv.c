/* SPDX-License-Identifier: BSD-2-Clause */
/* vpiv.c — main, the table of verbs, and how a verb says that something went wrong. */
#include "tools/vpiv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "tools/plain.h"

/* Every verb.  least and most: arguments besides options. */
static const struct verb verbs[] = {
/*    name       function      flags                  least most arguments  summary */
    { "import",  verb_import,  VERB_STORE|VERB_JSON,   0, -1, "FILE.p12 …", "Put PKCS#12 files onto a card" },
    { "new",     verb_new,     VERB_STORE|VERB_JSON,   1,  1, "CARD",       "Make a card without keys" },
    { "show",    verb_show,    VERB_STORE|VERB_JSON,   0,  1, "[CARD]",     "Show what is on a card" },
    { "list",    verb_list,    VERB_STORE|VERB_JSON,   0,  0, "",           "Show cards and readers" },
    { "cert",    verb_cert,    VERB_STORE,             0,  1, "[SLOT]",     "Write a certificate as PEM" },
    { "pin",     verb_pin,     VERB_STORE,             0,  1, "[CARD]",     "Change the PIN or the PUK" },
    { "unblock", verb_unblock, VERB_STORE,             0,  1, "[CARD]",     "Give a new PIN with the PUK" },
    { "adopt",   verb_adopt,   VERB_STORE,             1,  1, "CARD",       "Take a restored card into use" },
    { "remove",  verb_remove,  VERB_STORE,             1,  1, "CARD",       "Delete a card for good" },
    { "uri",     verb_uri,     VERB_STORE|VERB_JSON,   0,  1, "[CARD]",     "Show PKCS#11 URIs of its keys" },
    { "insert",  verb_insert,  VERB_STORE,             0,  1, "[CARD]",     "Put a card into a reader" },
    { "eject",   verb_eject,   VERB_STORE,             0,  0, "",           "Take the card out of a reader" },
    { "apdu",    verb_apdu,    VERB_STORE|VERB_JSON,   0, -1, "[HEX …]",    "Send commands to a card, in hex" },
    { "touch",   verb_touch,   VERB_STORE,             0,  0, "",           "Touch a key that waits for it" },
    { "pinpad",  verb_pinpad,  VERB_STORE,             0,  0, "",           "Be the keypad of a reader" },
    { "trace",   verb_trace,   VERB_STORE|VERB_JSON,   0,  1, "[FILE]",     "Show what cards and programs say" },
    { "setup",   verb_setup,   0,                      0,  0, "",           "Set up the system's readers" },
    { "replay",  verb_replay,  VERB_STORE,             1,  1, "TRACE",      "Send a recorded session to a card" },
    { "fault",   verb_fault,   VERB_STORE,             0,  1, "[SCRIPT]",   "Play tricks on programs" },
    { "run",     verb_run,     VERB_STORE|VERB_COMMAND,0, -1, "[CMD …]",    "Give a program its own reader" },
    { "conform", verb_conform, VERB_JSON,              0, -1, "[GROUP …]",  "Judge a card by the standard" },
};
enum { VERBS = sizeof verbs / sizeof *verbs };

static const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* A sentence names files and cards, and quotes them: it stays one line. */
static void say(const struct cli *cli, const char *text)
{
    struct why why = { "" };

    (void)why_set(&why, ERR_DATA, "%s", text);
    fprintf(stderr, "%s: %s\n", cli->program, plain_text(why.text));
}

int cli_fail(struct cli *cli, enum err e, const struct why *why)
{
    say(cli, why != NULL && why->text[0] != '\0' ? why->text : err_sentence(e));
    return cli->status = CLI_FAILED;
}

int cli_refuse(struct cli *cli, const char *format, ...)
{
    struct why why;
    va_list args;

    va_start(args, format);
    vsnprintf(why.text, sizeof why.text, format, args);
    va_end(args);
    say(cli, why.text);
    return cli->status = CLI_FAILED;
}

void cli_warn(struct cli *cli, const char *format, ...)
{
    struct why why;
    va_list args;

    va_start(args, format);
    vsnprintf(why.text, sizeof why.text, format, args);
    va_end(args);
    say(cli, why.text);
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    struct why why;
    va_list args;

    va_start(args, format);
    vsnprintf(why.text, sizeof why.text, format, args);
    va_end(args);
    fprintf(stderr, "%s%s%s: %s (see %s%s%s --help)\n", cli->program, cli->verb ? " " : "",
            cli->verb ? cli->verb->name : "", plain_text(why.text), cli->program, cli->verb ? " " : "",
            cli->verb ? cli->verb->name : "");
    return cli->status = CLI_USAGE;
}

bool cli_store(struct cli *cli)
{
    const char *readers = getenv("VPIV_READER_DIR");
    struct why why = { "" };
    bool system = cli->where == WHERE_SYSTEM || (cli->where == WHERE_DEFAULT && geteuid() == 0);
    enum err e;

    if (cli->have_store)
        return true;
    e = system ? store_system(&cli->store, &why) : store_user(&cli->store, &why);
    /* Inside `vpiv run` the readers are its own, whoever asks. */
    if (e == ERR_NONE && readers != NULL && *readers != '\0' && cli->where != WHERE_SYSTEM) {
        if (*readers != '/' || strlen(readers) >= sizeof cli->store.readers)
            e = why_set(&why, ERR_DATA, "VPIV_READER_DIR: not an absolute path");
        else
            strcpy(cli->store.readers, readers);
    }
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why), false;
    cli->have_store = true;
    return true;
}

bool cli_state(struct cli *cli, bool create)
{
    struct why why = { "" };
    enum err e;

    if (cli->state != NULL)
        return true;
    if (!cli_store(cli))
        return false;
    if (!secret_heap())
        return cli_refuse(cli, "there is no protected memory for secrets"), false;
    e = state_open(cli->store.state, create, cli->store.system, NULL, &cli->state, &why);
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why), false;
    return true;
}

int cli_json(struct cli *cli, json_t *take)
{
    int bad;

    if (take == NULL)
        return cli_fail(cli, ERR_MEMORY, NULL);
    bad = json_dumpf(take, stdout, JSON_INDENT(2));
    json_decref(take);
    if (bad)
        return cli_refuse(cli, "the output could not be written");
    putchar('\n');
    return CLI_DONE;
}

static void show_verbs(const struct cli *cli)
{
    printf("Usage: %s VERB [options] …\n"
           "PIV smart cards in software, for every program that speaks PC/SC.\n\n", cli->program);
    for (size_t i = 0; i < VERBS; i++)
        printf("  %-10s%s\n", verbs[i].name, verbs[i].summary);
    printf("\n'%s VERB --help' tells a verb's options; vpiv(1) tells all.\n", cli->program);
}

static int run_verb(struct cli *cli, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (argc < 2)
        return cli_usage(cli, "a verb is missing");
    if (strcmp(name, "--version") == 0)
        return printf("%s\n", PACKAGE_STRING), CLI_DONE;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return show_verbs(cli), CLI_DONE;
    cli->verb = verb_find(name);
    if (cli->verb == NULL)
        return cli_usage(cli, "there is no verb '%s'", name);
    return cli->verb->run(cli, argc - 1, argv + 1);
}

/* A file of ours must never get the number of a closed standard stream: a message would end up in it. */
static void open_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    struct cli cli = { .program = "vpiv" };
    int status;

    open_standard_streams();
    status = run_verb(&cli, argc, argv);
    state_close(cli.state);
    for (size_t i = 0; i < cli.n_sources; i++)
        close(cli.sources[i].fd);
    if (cli.interrupted) { /* a shell's loop around us ends too */
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_DONE)
        status = cli_refuse(&cli, "the output could not be written");
    return status;
}
