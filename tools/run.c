/* SPDX-License-Identifier: BSD-2-Clause */
/* run.c — `vpiv run`: its options, and the launcher, which makes nothing and waits. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/faults.h"
#include "conf/seed.h"
#include "conf/settings.h"
#include "conf/touch.h"
#include "tools/run.h"

/* Window changes and stops reach CMD by the terminal, which is its own. */
const int run_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, 0 };

/* ---- Options ---- */

static bool add_reader(struct cli *cli, void *into, enum run_kind kind, const char *what)
{
    struct run_plan *plan = into;

    if (plan->n == RUN_READERS_MAX)
        return cli_usage(cli, "pcscd has no room for more than %d readers", RUN_READERS_MAX), false;
    plan->readers[plan->n].kind = kind;
    plan->readers[plan->n].what = what;
    plan->n++;
    return true;
}

static bool take_card(struct cli *cli, void *into, const char *value)
{
    return add_reader(cli, into, RUN_CARD, value);
}

static bool take_bundle(struct cli *cli, void *into, const char *value)
{
    return add_reader(cli, into, RUN_TEST, value);
}

static bool take_test(struct cli *cli, void *into, const char *value)
{
    (void)value;
    return add_reader(cli, into, RUN_TEST, NULL);
}

static bool take_empty(struct cli *cli, void *into, const char *value)
{
    (void)value;
    return add_reader(cli, into, RUN_EMPTY, NULL);
}

static bool refuse_contactless(struct cli *cli, void *into, const char *value)
{
    (void)into, (void)value;
    return cli_usage(cli, "--contactless: the contactless interface is not built yet"), false;
}

static const struct option_row rows[] = {
    { "card", 'c', OPTION_CALL, "CARD", 0, "a reader with this card of the store", take_card },
    { "import", 'i', OPTION_CALL, "FILE.p12", 0, "a reader with a test card of this bundle", take_bundle },
    { "password", 'p', OPTION_SECRET, "PASS", offsetof(struct run_plan, password), "password of the bundles",
      NULL },
    { "test", 't', OPTION_CALL, NULL, 0, "a reader with a fresh test card (default)", take_test },
    { "empty", 'e', OPTION_CALL, NULL, 0, "a reader without a card", take_empty },
    { "persona", 0, OPTION_TEXT, "P", offsetof(struct run_plan, persona_name), "persona of fresh cards (piv)",
      NULL },
    { "touch", 0, OPTION_TEXT, "HOW", offsetof(struct run_plan, touch),
      "auto, wait or never: when a key wants a touch (auto)", NULL },
    { "reader-name", 0, OPTION_TEXT, "NAME", offsetof(struct run_plan, reader_name),
      "the readers' name, instead of the persona's", NULL },
    { "seed", 0, OPTION_TEXT, "TEXT", offsetof(struct run_plan, seed),
      "test cards that are the same each time, with the same challenges", NULL },
    { "trace", 0, OPTION_TEXT, "FILE", offsetof(struct run_plan, trace), "write down what readers hear and say",
      NULL },
    { "unmask", 0, OPTION_FLAG, NULL, offsetof(struct run_plan, unmask), "… and all of what test cards say", NULL },
    { "faults", 0, OPTION_TEXT, "FILE", offsetof(struct run_plan, faults), "a script of tricks, for each reader",
      NULL },
    { "keep", 0, OPTION_FLAG, NULL, offsetof(struct run_plan, keep), "leave the private directory where it is", NULL },
    { "contactless", 0, OPTION_CALL, NULL, 0, "reserved", refuse_contactless },
    { "slots", 0, OPTION_NUMBER, "N", offsetof(struct run_plan, slots),
      "put them together into readers of so many slots", NULL },
    { "pinpad", 0, OPTION_FLAG, NULL, offsetof(struct run_plan, pinpad), "readers with a keypad (see vpiv pinpad)",
      NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

static bool find_driver(struct cli *cli, struct run_plan *plan)
{
    const char *named = getenv("VPIV_DRIVER");

    if (named == NULL || *named == '\0')
        named = VPIV_DRIVER;
    if (realpath(named, plan->driver) != NULL)
        return true;
    cli_refuse(cli, "%s: %s: install vpiv, or name the driver in VPIV_DRIVER", named, strerror(errno));
    return false;
}

/* pcscd keeps 121 bytes of a name and takes every quote out of it. */
static bool check_reader_name(struct cli *cli, const struct run_plan *plan)
{
    enum { NAME_BYTES = 121 };
    const char *name = plan->reader_name;

    if (name == NULL)
        return true;
    if (*name == '\0' || strlen(name) > NAME_BYTES || strpbrk(name, "\"\n") != NULL)
        return cli_usage(cli, "--reader-name: 1 to %d bytes, without quotes", NAME_BYTES), false;
    return true;
}

/* check_seed — what everybody can predict may only be a card that everybody can open anyway. */
static bool check_seed(struct cli *cli, const struct run_plan *plan)
{
    if (plan->seed == NULL)
        return true;
    if (*plan->seed == '\0' || strlen(plan->seed) > SEED_MAX)
        return cli_usage(cli, "--seed: a text of 1 to %d bytes", SEED_MAX), false;
    for (size_t i = 0; i < plan->n; i++)
        if (plan->readers[i].kind == RUN_CARD)
            return cli_usage(cli, "--seed is for test cards: %s is none", plan->readers[i].what), false;
    return true;
}

static bool check_touch(struct cli *cli, const struct run_plan *plan)
{
    if (plan->touch == NULL || touch_mode_by_name(plan->touch) != TOUCH_MODES)
        return true;
    return cli_usage(cli, "--touch: auto, wait or never"), false;
}

/* check_trace — an empty file of that name, which pcscd's view of the system must not hide. */
static bool check_trace(struct cli *cli, struct run_plan *plan)
{
    int fd;

    if (plan->trace == NULL)
        return !plan->unmask || (cli_usage(cli, "--unmask is for --trace"), false);
    fd = open(plan->trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || realpath(plan->trace, plan->trace_path) == NULL) {
        cli_refuse(cli, "%s: %s", plan->trace, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    return true;
}

static bool check_faults(struct cli *cli, const struct run_plan *plan)
{
    struct faults faults;
    struct why why = { "" };
    enum err e = plan->faults == NULL ? ERR_NONE : faults_read(plan->faults, &faults, &why);

    if (e == ERR_NOT_FOUND)
        return cli_refuse(cli, "%s: %s", plan->faults, strerror(ENOENT)), false;
    return e == ERR_NONE || (cli_fail(cli, e, &why), false);
}

static bool find_persona(struct cli *cli, struct run_plan *plan)
{
    struct settings settings;

    settings_default(&settings);
    if (plan->persona_name == NULL)
        plan->persona_name = settings.persona;
    plan->persona = persona_by_name(plan->persona_name);
    if (plan->persona == NULL)
        cli_usage(cli, "there is no persona '%s'", plan->persona_name);
    return plan->persona != NULL;
}

/* find_card — where the card file is, before anything is made. */
static bool find_card(struct cli *cli, struct run_plan *plan, size_t i)
{
    struct run_reader *reader = &plan->readers[i];
    struct why why = { "" };
    char path[PATH_MAX];
    enum err e;

    if (!cli_store(cli))
        return false;
    e = store_card_path(&cli->store, reader->what, path, &why);
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why), false;
    if (realpath(path, reader->path) == NULL) {
        cli_refuse(cli, "%s: %s", path, errno == ENOENT ? "there is no such card" : strerror(errno));
        return false;
    }
    for (size_t k = 0; k < i; k++)
        if (strcmp(plan->readers[k].path, reader->path) == 0)
            return cli_refuse(cli, "%s: a card is in one reader at a time", reader->path), false;
    return true;
}

/* ask_password — here, while ^C still ends us and nothing has been made. */
static bool ask_password(struct cli *cli, const struct run_plan *plan, struct run_reader *reader)
{
    char prompt[PATH_MAX + 16];
    struct ask ask = { plan->password, "--password", prompt, false };

    if (access(reader->what, R_OK) != 0)
        return cli_refuse(cli, "%s: %s", reader->what, strerror(errno)), false;
    snprintf(prompt, sizeof prompt, "Password of %s", reader->what);
    return cli_secret(cli, &ask, &reader->password);
}

static bool find_readers(struct cli *cli, struct run_plan *plan)
{
    if (plan->slots > RUN_READERS_MAX)
        return cli_usage(cli, "--slots: 1 to %d", RUN_READERS_MAX), false;
    if (plan->n == 0 && !add_reader(cli, plan, RUN_TEST, NULL))
        return false;
    while (plan->slots > 1 && plan->n % plan->slots != 0)
        if (!add_reader(cli, plan, RUN_EMPTY, NULL))
            return false;
    for (size_t i = 0; i < plan->n; i++) {
        struct run_reader *reader = &plan->readers[i];
        if (reader->kind == RUN_CARD && !find_card(cli, plan, i))
            return false;
        if (reader->kind == RUN_TEST && reader->what != NULL && !ask_password(cli, plan, reader))
            return false;
    }
    return true;
}

/* ---- The launcher ---- */

struct launcher {
    struct cli *cli;
    struct run_plan *plan;
    pid_t keeper;
    int socket, signals;
    bool gone;                  /* the keeper is */
    bool reported;
    struct run_report report;
    pid_t old[64];              /* children that we had before: a shell may have exec'd us */
    size_t n_old;
};

static void block_signals(struct run_plan *plan, sigset_t *set)
{
    struct sigaction standard = { .sa_handler = SIG_DFL };

    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    for (size_t i = 0; run_signals[i] != 0; i++)
        sigaddset(set, run_signals[i]);
    sigprocmask(SIG_BLOCK, set, &plan->signals);
    /* Ignored by inheritance, it would take the exit status of our children away. */
    sigaction(SIGCHLD, &standard, &plan->child);
}

static bool start_keeper(struct launcher *l)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return cli_refuse(l->cli, "no socket: %s", strerror(errno)), false;
    fflush(NULL);
    l->keeper = fork();
    if (l->keeper == 0) {
        close(ends[0]);
        close(l->signals);
        keeper_main(l->cli, l->plan, ends[1]);
    }
    close(ends[1]);
    l->socket = ends[0];
    if (l->keeper < 0)
        return cli_refuse(l->cli, "no new process: %s", strerror(errno)), false;
    return true;
}

static void take_signals(struct launcher *l)
{
    struct signalfd_siginfo info;

    while (read(l->signals, &info, sizeof info) == sizeof info) {
        unsigned char number = (unsigned char)info.ssi_signo;

        /* The terminal's own have reached CMD already: it is in our group. */
        if (number != SIGCHLD && info.ssi_code != SI_KERNEL)
            send(l->socket, &number, 1, MSG_NOSIGNAL);
    }
    if (waitpid(l->keeper, NULL, WNOHANG) == l->keeper)
        l->gone = true;
}

static void wait_keeper(struct launcher *l)
{
    struct pollfd p[2] = { { l->signals, POLLIN, 0 }, { l->socket, POLLIN, 0 } };

    while (!l->gone) {
        if (poll(p, l->reported ? 1 : 2, -1) < 0 && errno != EINTR)
            break;
        if (!l->reported && p[1].revents != 0) {
            ssize_t n = recv(l->socket, &l->report, sizeof l->report, 0);
            l->reported = n == sizeof l->report;
            if (n <= 0) /* it was killed */
                l->gone = waitpid(l->keeper, NULL, 0) == l->keeper;
        }
        if (p[0].revents != 0)
            take_signals(l);
    }
}

/* clear_up — the keeper was killed: its children are ours now, and so is what it made. */
static int clear_up(struct launcher *l)
{
    struct children children = { .old = l->old, .n_old = l->n_old };

    children_end(&children);
    place_end(l->cli, l->plan);
    return cli_refuse(l->cli, "the process that keeps pcscd and the reader was killed");
}

/* leave_like — with CMD's status; of the same signal, which a shell looks for, but without a core. */
static int leave_like(const struct run_plan *plan, int status)
{
    const struct rlimit none = { 0, 0 };
    sigset_t set;
    int number;

    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    number = WTERMSIG(status);
    setrlimit(RLIMIT_CORE, &none);
    signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &plan->signals, NULL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    kill(getpid(), number);
    return 128 + number; /* the first process of a container does not die of it */
}

void run_forget(struct run_plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        secret_drop(&plan->readers[i].password);
}

static int launch(struct cli *cli, struct run_plan *plan)
{
    struct launcher l = { .cli = cli, .plan = plan, .signals = -1, .socket = -1 };
    sigset_t set;

    block_signals(plan, &set);
    l.n_old = children_list(l.old, sizeof l.old / sizeof *l.old);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* of the keeper's children, should it be killed */
    if (!place_choose(cli, plan))
        return CLI_RUN_FAILED;
    place_sweep(plan);
    l.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l.signals < 0)
        return cli_refuse(cli, "no signal descriptor: %s", strerror(errno)), CLI_RUN_FAILED;
    if (!start_keeper(&l))
        return CLI_RUN_FAILED;
    run_forget(plan);
    wait_keeper(&l);
    if (!l.reported)
        return clear_up(&l), CLI_RUN_FAILED;
    return l.report.failed ? CLI_RUN_FAILED : leave_like(plan, l.report.status);
}

int verb_run(struct cli *cli, int argc, char **argv)
{
    struct run_plan plan = { 0 };
    char standard[] = "/bin/sh", *shell = getenv("SHELL");
    char *alone[] = { shell != NULL && *shell == '/' ? shell : standard, NULL };
    int status = CLI_RUN_FAILED; /* also for usage, as env(1): CMD may have a 2 of its own */

    if (!cli_options(cli, rows, &plan, &argc, &argv))
        return cli->status == CLI_DONE ? CLI_DONE : CLI_RUN_FAILED;
    plan.command = argc > 0 ? argv : alone;
    if (argc == 0 && isatty(STDERR_FILENO))
        cli_warn(cli, "a shell with readers of its own, until you leave it (a test card has PIN 123456)");
    if (find_persona(cli, &plan) && check_reader_name(cli, &plan) && check_touch(cli, &plan)
        && check_seed(cli, &plan) && check_trace(cli, &plan) && check_faults(cli, &plan)
        && find_driver(cli, &plan) && pcscd_find(cli, &plan) && find_readers(cli, &plan))
        status = launch(cli, &plan);
    run_forget(&plan);
    return status;
}
