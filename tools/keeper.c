/* SPDX-License-Identifier: BSD-2-Clause */
/* keeper.c — the process of `vpiv run` that makes everything, is parent of CMD and pcscd, and clears up. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/run.h"

enum {
    GRACE_MS = 100,      /* between TERM and KILL, for what CMD left behind */
    PATIENCE_MS = 5000,  /* after that a child that even KILL does not end (another user's) is left alone */
    PCSCD_MS = 1000,     /* between TERM and KILL, for pcscd: it takes 12 */
    TICK_MS = 10,
    CHILDREN_MAX = 1024, /* at a time */
    BACKLOG = 128,
};

struct keeper {
    struct cli *cli;
    struct run_plan *plan;
    int launcher, signals, directory;
    int go;             /* CMD waits for a byte from here */
    pid_t command, pcscd, started; /* started: what pcscd was, also when it is gone */
    bool ending, launcher_gone, ended; /* ended: CMD is, and this is how: */
    int status;
};

/* ---- Children, ours and adopted ---- */

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

size_t children_list(pid_t *list, size_t room)
{
    FILE *f = fopen("/proc/thread-self/children", "re");
    size_t n = 0;
    long pid;

    while (f != NULL && n < room && fscanf(f, "%ld", &pid) == 1)
        list[n++] = (pid_t)pid;
    if (f != NULL)
        fclose(f);
    return n;
}

static bool contains(const pid_t *list, size_t n, pid_t pid)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == pid)
            return true;
    return false;
}

static void reap(const struct children *c)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (c->reaped != NULL)
            c->reaped(c->ctx, pid, status);
}

/* signal_all — TERM once for each, or KILL.  Returns how many there were. */
static size_t signal_all(const struct children *c, bool hard, pid_t *told, size_t *n_told)
{
    pid_t list[CHILDREN_MAX];
    size_t n = children_list(list, CHILDREN_MAX), found = 0;

    for (size_t i = 0; i < n; i++) {
        if (list[i] == c->spare || contains(c->old, c->n_old, list[i]))
            continue;
        found++;
        if (hard) {
            kill(list[i], SIGKILL);
        } else if (!contains(told, *n_told, list[i]) && *n_told < CHILDREN_MAX) {
            told[(*n_told)++] = list[i];
            kill(list[i], SIGTERM);
            kill(list[i], SIGCONT); /* a stopped one hears nothing else */
        }
    }
    return found;
}

static void wait_child(int ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigtimedwait(&set, NULL, &t);
}

void children_end(const struct children *c)
{
    pid_t told[CHILDREN_MAX];
    size_t n_told = 0;
    long start = now_ms();
    int none = 0;

    /* Twice none: the kernel's list may lack one while another ends. */
    while (none < 2 && now_ms() - start < PATIENCE_MS) {
        reap(c);
        if (signal_all(c, now_ms() - start >= GRACE_MS, told, &n_told) == 0)
            none++;
        else
            none = 0, wait_child(TICK_MS);
    }
}

/* ---- What is told of pcscd ---- */

static void last_line(const struct run_plan *plan, char *line, size_t room)
{
    char path[RUN_PATH_MAX + 16], text[256];
    FILE *f;

    line[0] = '\0';
    snprintf(path, sizeof path, "%s/pcscd.log", plan->directory);
    f = fopen(path, "re");
    while (f != NULL && fgets(text, sizeof text, f) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        if (text[0] != '\0')
            snprintf(line, room, ": %s", text);
    }
    if (f != NULL)
        fclose(f);
}

static void pcscd_ended(struct keeper *k, int status)
{
    char line[300];

    k->pcscd = 0;
    if (k->ending)
        return;
    last_line(k->plan, line, sizeof line);
    if (WIFSIGNALED(status))
        cli_warn(k->cli, "pcscd was ended by signal %d%s", WTERMSIG(status), line);
    else
        cli_warn(k->cli, "pcscd has ended with status %d%s", WEXITSTATUS(status), line);
}

static void reaped(void *ctx, pid_t pid, int status)
{
    struct keeper *k = ctx;

    if (pid == k->command) {
        k->ended = true;
        k->status = status;
    } else if (pid == k->pcscd) {
        pcscd_ended(k, status);
    }
}

static struct children ours(struct keeper *k)
{
    return (struct children){ .spare = k->pcscd, .reaped = reaped, .ctx = k };
}

/* ---- CMD ---- */

static _Noreturn void command_child(const struct keeper *k, int go, pid_t keeper)
{
    const struct run_plan *plan = k->plan;
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != keeper || read(go, &byte, 1) != 1)
        _exit(CLI_RUN_FAILED); /* the keeper has said why */
    surround_command(plan);
    umask(plan->umask);
    sigaction(SIGCHLD, &plan->child, NULL);
    sigprocmask(SIG_SETMASK, &plan->signals, NULL);
    execvp(plan->command[0], plan->command);
    fprintf(stderr, "%s: %s: %s\n", k->cli->program, plan->command[0], strerror(errno));
    _exit(errno == ENOENT ? CLI_NOT_FOUND : CLI_NOT_RUNNABLE);
}

/* command_fork — in the caller's session and group, so that terminal and job control are CMD's; it waits. */
static bool command_fork(struct keeper *k)
{
    pid_t keeper = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return cli_refuse(k->cli, "no pipe: %s", strerror(errno)), false;
    k->command = fork();
    if (k->command == 0) {
        close(ends[1]);
        command_child(k, ends[0], keeper);
    }
    close(ends[0]);
    k->go = ends[1];
    if (k->command < 0)
        return cli_refuse(k->cli, "no new process: %s", strerror(errno)), false;
    return true;
}

/* ---- Setting up ---- */

static int listen_at(struct cli *cli, const struct run_plan *plan)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(name.sun_path, sizeof name.sun_path, "%s/pcscd.sock", plan->directory);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&name, sizeof name) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    cli_refuse(cli, "%s: %s", name.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool furnish(struct keeper *k, int *listener)
{
    k->directory = place_make(k->plan);
    if (k->directory < 0)
        return cli_refuse(k->cli, "%s: %s", k->plan->directory, strerror(errno)), false;
    bool made = outfit_make(k->cli, k->plan, k->directory);
    run_forget(k->plan);
    if (!made)
        return false;
    *listener = listen_at(k->cli, k->plan);
    return *listener >= 0;
}

static bool set_up(struct keeper *k)
{
    struct pcscd_question question;
    int listener = -1;
    bool disable_polkit, ok;

    k->plan->umask = umask(077);
    pcscd_ask(k->plan, &question); /* it answers while we work */
    ok = furnish(k, &listener);
    disable_polkit = pcscd_answer(&question);
    ok = ok && command_fork(k);
    setsid(); /* ^C and a kill of the caller's group pass by */
    if (ok) {
        k->pcscd = pcscd_start(k->cli, k->plan, listener, disable_polkit);
        k->started = k->pcscd;
        ok = k->pcscd > 0;
    }
    /* From here on pcscd alone has it: without pcscd a client is refused and does not wait for ever. */
    if (listener >= 0)
        close(listener);
    if (ok && write(k->go, "", 1) != 1)
        ok = false;
    if (k->go >= 0)
        close(k->go);
    return ok;
}

/* ---- While CMD runs ---- */

static bool take_signal(struct keeper *k)
{
    struct signalfd_siginfo info;
    struct children children = ours(k);

    while (read(k->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGCHLD && !k->ended)
            kill(k->command, (int)info.ssi_signo);
    }
    reap(&children);
    return k->ended;
}

/* take_order — from the launcher. */
static void take_order(struct keeper *k)
{
    unsigned char number;
    ssize_t n = recv(k->launcher, &number, 1, 0);

    if (n == 1 && !k->ended)
        kill(k->command, number);
    else if (n <= 0)
        k->launcher_gone = true;
}

static void watch(struct keeper *k)
{
    struct pollfd p[2] = { { k->signals, POLLIN, 0 }, { k->launcher, POLLIN, 0 } };

    while (!k->ended && !k->launcher_gone) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if (p[0].revents != 0 && take_signal(k))
            break;
        if (p[1].revents != 0)
            take_order(k);
    }
}

/* ---- The end ---- */

static void end_pcscd(struct keeper *k)
{
    struct children children = ours(k);
    pid_t pid = k->pcscd;
    long start = now_ms();
    bool hard = false;

    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    for (reap(&children); k->pcscd > 0 && now_ms() - start < PATIENCE_MS; reap(&children)) {
        if (!hard && now_ms() - start >= PCSCD_MS) {
            kill(pid, SIGKILL);
            hard = true;
        }
        wait_child(TICK_MS);
    }
}

_Noreturn void keeper_main(struct cli *cli, struct run_plan *plan, int socket)
{
    struct keeper k = { .cli = cli, .plan = plan, .launcher = socket, .directory = -1, .go = -1 };
    struct run_report report = { .failed = true };
    struct children children;
    sigset_t set;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigprocmask(SIG_SETMASK, NULL, &set); /* the launcher has blocked what counts */
    k.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (k.signals < 0)
        cli_refuse(cli, "no signal descriptor: %s", strerror(errno));
    else if (set_up(&k))
        watch(&k);
    k.ending = true;
    children = ours(&k);
    children_end(&children); /* CMD too, when it is the launcher that is gone */
    end_pcscd(&k);
    if (k.started > 0)
        pcscd_clear(plan, k.started);
    if (k.directory >= 0)
        place_end(cli, plan);
    if (cli->status == CLI_DONE && k.ended)
        report = (struct run_report){ .failed = false, .status = k.status };
    send(socket, &report, sizeof report, MSG_NOSIGNAL);
    _exit(0);
}
