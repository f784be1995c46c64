/* SPDX-License-Identifier: BSD-2-Clause */
/* pcscd.c — a pcscd of our own: without root, and without a trace in the system's /run/pcscd.
 *
 * It gets its socket as descriptor 3 (sd_listen_fds(3)).  What it still wants of the system is /run/pcscd,
 * and as root it would overwrite the pid file in there.  A mount namespace answers both.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/run.h"

#define RUN_PCSCD "/run/pcscd"
#define PID_FILE RUN_PCSCD "/pcscd.pid"
enum { SOCKET_FD = 3, HELP_MAX = 16384, HELP_MS = 2000 };

bool pcscd_find(struct cli *cli, struct run_plan *plan)
{
    const char *path = getenv("PATH");
    char all[8192];
    char *rest = all;
    const char *part;

    /* An ordinary user's PATH has no sbin. */
    snprintf(all, sizeof all, "%s:/usr/sbin:/usr/local/sbin", path != NULL ? path : "/usr/bin:/bin");
    while ((part = strsep(&rest, ":")) != NULL) {
        struct stat st;
        if (*part != '/' || snprintf(plan->pcscd, PATH_MAX, "%s/pcscd", part) >= PATH_MAX)
            continue;
        if (stat(plan->pcscd, &st) == 0 && S_ISREG(st.st_mode) && access(plan->pcscd, X_OK) == 0)
            return true;
    }
    cli_refuse(cli, "pcscd is not installed: neither PATH nor /usr/sbin has it");
    return false;
}

/* ---- pcscd --help ---- */

void pcscd_ask(const struct run_plan *plan, struct pcscd_question *question)
{
    int ends[2];

    question->pid = -1;
    question->fd = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    question->pid = fork();
    if (question->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execl(plan->pcscd, plan->pcscd, "--help", (char *)NULL);
        _exit(CLI_NOT_RUNNABLE);
    }
    close(ends[1]);
    question->fd = ends[0];
}

bool pcscd_answer(struct pcscd_question *question)
{
    char text[HELP_MAX + 1];
    size_t n = 0;
    ssize_t got = 1;

    if (question->fd < 0)
        return false;
    while (got > 0 && n < HELP_MAX) {
        struct pollfd p = { question->fd, POLLIN, 0 };
        if (poll(&p, 1, HELP_MS) != 1)
            break;
        got = read(question->fd, text + n, HELP_MAX - n);
        n += got > 0 ? (size_t)got : 0;
    }
    text[n] = '\0';
    close(question->fd);
    if (question->pid > 0) {
        kill(question->pid, SIGKILL); /* nobody waits for a program that does not know --help */
        waitpid(question->pid, NULL, 0);
    }
    return strstr(text, "--disable-polkit") != NULL;
}

/* ---- The system's pid file, where nothing hides it ---- */

static long pid_in_file(void)
{
    FILE *f = fopen(PID_FILE, "re");
    long pid = 0;

    if (f != NULL && fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    if (f != NULL)
        fclose(f);
    return pid;
}

void pcscd_clear(const struct run_plan *plan, pid_t pid)
{
    if (pid_in_file() == pid)
        unlink(PID_FILE);
    if (!plan->had_run_pcscd)
        rmdir(RUN_PCSCD); /* not while it holds another's pid file */
}

/* ---- The view of the system that pcscd gets ---- */

/* Where starting it can fail; the child reports one through a pipe that closes with exec. */
enum stage { STAGE_NAMESPACE, STAGE_MOUNT, STAGE_HIDDEN, STAGE_SET_UP, STAGE_EXEC };

struct fault {
    enum stage stage;
    int number;
};

static _Noreturn void give_up(int report, enum stage stage)
{
    struct fault fault = { stage, errno };

    if (write(report, &fault, sizeof fault) != sizeof fault)
        _exit(CLI_RUN_FAILED);
    _exit(CLI_RUN_FAILED);
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t n = strlen(text);
    bool ok = fd >= 0 && write(fd, text, n) == (ssize_t)n;

    if (fd >= 0)
        close(fd);
    return ok;
}

/* enter_user_namespace — with our own user and group mapped to themselves, as anybody may.  False: not
 * here. */
static bool enter_user_namespace(int report)
{
    unsigned uid = geteuid(), gid = getegid();
    char text[64];

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    snprintf(text, sizeof text, "%u %u 1\n", uid, uid);
    if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", text))
        give_up(report, STAGE_NAMESPACE);
    snprintf(text, sizeof text, "%u %u 1\n", gid, gid);
    if (!write_file("/proc/self/gid_map", text))
        give_up(report, STAGE_NAMESPACE);
    return true;
}

/* cover — an empty file system over `path`, into which the directories that were there are bound back, but
 * for those whose name ends in `hide`.  A user's runtime directory lies in /run, and cards may. */
static bool cover(const char *path, const char *hide)
{
    int old = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = old < 0 ? NULL : fdopendir(old);
    const struct dirent *d;
    char target[PATH_MAX];

    /* Relative names lead to what will be hidden. */
    if (dir == NULL || fchdir(old) != 0
        || mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0) {
        if (dir != NULL)
            closedir(dir);
        return false;
    }
    while ((d = readdir(dir)) != NULL) {
        size_t n = strlen(d->d_name), h = hide == NULL ? 0 : strlen(hide);

        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (h > 0 && n >= h && strcmp(d->d_name + n - h, hide) == 0)
            continue;
        if (snprintf(target, sizeof target, "%s/%s", path, d->d_name) >= PATH_MAX || mkdir(target, 0755) != 0)
            continue;
        if (mount(d->d_name, target, NULL, MS_BIND | MS_REC, NULL) != 0)
            rmdir(target); /* not a directory */
    }
    closedir(dir);
    return true;
}

/* pid_file_is_free — no pcscd of the system owns it: there is none, or it is stale, or another run's. */
static bool pid_file_is_free(void)
{
    char path[64], text[4096];
    long pid = pid_in_file();
    ssize_t n = 0;
    int fd;

    if (pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH))
        return true;
    snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, sizeof text);
        close(fd);
    }
    return n > 0 && memmem(text, (size_t)n, RUN_PREFIX, strlen(RUN_PREFIX)) != NULL;
}

/* enter_namespace — false: there is none to be had, and none is needed. */
static bool enter_namespace(int report)
{
    bool entered = geteuid() == 0 && unshare(CLONE_NEWNS) == 0;

    entered = entered || enter_user_namespace(report);
    /* Nothing of this may spread to the system's view.  In a chroot that is no mount point it would. */
    if (entered && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        return true;
    /* Root in a container or chroot without a pcscd of its own. */
    if (geteuid() == 0 && pid_file_is_free())
        return false;
    give_up(report, STAGE_NAMESPACE);
}

/* private_view — what vpiv(1) promises: root never touches the system's pid file, a user needs /run/pcscd
 * or a user namespace. */
static void private_view(const struct run_plan *plan, int report)
{
    bool there = access(RUN_PCSCD, F_OK) == 0;

    if ((geteuid() != 0 && there) || !enter_namespace(report))
        return;
    if (there && mount("tmpfs", RUN_PCSCD, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") != 0)
        give_up(report, STAGE_MOUNT);
    if (!there && (!cover("/run", NULL) || mkdir(RUN_PCSCD, 0755) != 0))
        give_up(report, STAGE_MOUNT);
    /* Real readers belong to the system's pcscd; without their drivers ours also starts sooner. */
    if (access(PCSC_DROPDIR, F_OK) == 0 && !cover(PCSC_DROPDIR, ".bundle"))
        give_up(report, STAGE_MOUNT);
    if (access(plan->directory, W_OK) != 0)
        give_up(report, STAGE_HIDDEN);
}

/* ---- Starting it ---- */

static _Noreturn void pcscd_child(const struct run_plan *plan, int listener, bool disable_polkit, int report,
                                  pid_t keeper)
{
    char path[RUN_PATH_MAX + 16], pid[16];
    int log;

    snprintf(path, sizeof path, "%s/pcscd.log", plan->directory);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        give_up(report, STAGE_SET_UP);
    log = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log < 0 || dup2(log, STDIN_FILENO) < 0)
        give_up(report, STAGE_SET_UP);
    private_view(plan, report);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        give_up(report, STAGE_SET_UP);
    if (getppid() != keeper)
        _exit(CLI_RUN_FAILED);
    if (report == SOCKET_FD)
        report = fcntl(report, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
    if (listener == SOCKET_FD ? fcntl(SOCKET_FD, F_SETFD, 0) != 0 : dup2(listener, SOCKET_FD) < 0)
        give_up(report, STAGE_SET_UP);
    /* What our caller has open is none of pcscd's.  Older kernels lack the call: then it has a few more. */
    (void)close_range(SOCKET_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/usb", plan->directory);
    /* PCSCLITE_HP_DROPDIR: pcscd 2 looks there for drivers of real readers. */
    if (setenv("LISTEN_PID", pid, 1) != 0 || setenv("LISTEN_FDS", "1", 1) != 0
        || unsetenv("LISTEN_FDNAMES") != 0 || setenv("PCSCLITE_HP_DROPDIR", path, 1) != 0 || chdir("/") != 0)
        give_up(report, STAGE_SET_UP);
    snprintf(path, sizeof path, "%s/reader.conf", plan->directory);
    sigaction(SIGCHLD, &plan->child, NULL);
    sigprocmask(SIG_SETMASK, &plan->signals, NULL);
    execl(plan->pcscd, plan->pcscd, "--foreground", "--config", path,
          disable_polkit ? "--disable-polkit" : (char *)NULL, (char *)NULL);
    give_up(report, STAGE_EXEC);
}

static void tell_fault(struct cli *cli, const struct run_plan *plan, const struct fault *fault)
{
    const char *what = strerror(fault->number);

    switch (fault->stage) {
    case STAGE_NAMESPACE:
    case STAGE_MOUNT:
        if (access(RUN_PCSCD, F_OK) == 0)
            cli_refuse(cli, "root gets no mount namespace here (%s), and without one this pcscd would "
                       "overwrite the pid file of the system's: stop that, or be another user", what);
        else
            cli_refuse(cli, RUN_PCSCD " is missing, and users get no namespace of their own here (%s): "
                       "let root run 'mkdir " RUN_PCSCD "' once", what);
        break;
    case STAGE_HIDDEN:
        cli_refuse(cli, "pcscd cannot see %s (%s): set TMPDIR to a directory outside /run", plan->directory,
                   what);
        break;
    case STAGE_SET_UP:
        cli_refuse(cli, "pcscd could not be started: %s", what);
        break;
    case STAGE_EXEC:
        cli_refuse(cli, "%s: %s", plan->pcscd, what);
        break;
    }
}

pid_t pcscd_start(struct cli *cli, struct run_plan *plan, int listener, bool disable_polkit)
{
    struct fault fault;
    pid_t keeper = getpid(), pid;
    ssize_t got;
    int ends[2];

    plan->had_run_pcscd = access(RUN_PCSCD, F_OK) == 0;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return cli_refuse(cli, "pcscd could not be started: %s", strerror(errno)), -1;
    pid = fork();
    if (pid == 0)
        pcscd_child(plan, listener, disable_polkit, ends[1], keeper);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return cli_refuse(cli, "pcscd could not be started: %s", strerror(errno)), -1;
    }
    do
        got = read(ends[0], &fault, sizeof fault);
    while (got < 0 && errno == EINTR);
    close(ends[0]);
    if (got != sizeof fault)
        return pid; /* end of file: exec has closed it */
    tell_fault(cli, plan, &fault);
    waitpid(pid, NULL, 0);
    return -1;
}
