/* SPDX-License-Identifier: BSD-2-Clause */
/* pcscd_private.c — become a pcscd of one's own: `pcscd_private DIR [argument of pcscd]…`
 *
 * It listens on DIR/socket and reads the configuration files of DIR/conf.  The process becomes pcscd, so
 * that its number is pcscd's: a test can kill it.  As root it has a mount namespace with its own
 * /run/pcscd, for else it would write over the system's pid file. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int die(const char *what)
{
    fprintf(stderr, "pcscd_private: %s: %s\n", what, strerror(errno));
    return 99;
}

static int map(const char *file, const char *text)
{
    FILE *f = fopen(file, "we");

    return f != NULL && fputs(text, f) >= 0 && fclose(f) == 0 ? 0 : -1;
}

/* own_user — a user namespace in which one is who one was: somebody has to own the files. */
static int own_user(void)
{
    char uid[64], gid[64];

    snprintf(uid, sizeof uid, "%ld %ld 1\n", (long)geteuid(), (long)geteuid());
    snprintf(gid, sizeof gid, "%ld %ld 1\n", (long)getegid(), (long)getegid());
    return unshare(CLONE_NEWUSER) != 0 || map("/proc/self/setgroups", "deny") != 0 ||
           map("/proc/self/uid_map", uid) != 0 || map("/proc/self/gid_map", gid) != 0 ? -1 : 0;
}

/* own_run — root, or anyone where /run/pcscd is missing: a view of /run of one's own. */
static int own_run(void)
{
    if (geteuid() != 0 && access("/run/pcscd", F_OK) == 0)
        return 0;
    if ((geteuid() != 0 && own_user() != 0) || unshare(CLONE_NEWNS) != 0)
        return die("unshare");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return die("mount /");
    if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0)
        return die("mount /run");
    if (mkdir("/run/pcscd", 0755) != 0)
        return die("/run/pcscd");
    return 0;
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (strlen(path) >= sizeof address.sun_path)
        return errno = ENAMETOOLONG, -1;
    strcpy(address.sun_path, path);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 128) != 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    char path[4096], conf[4096], pid[32];
    char name[] = "pcscd", foreground[] = "--foreground", config[] = "--config";
    char *args[64] = { name, foreground, config, conf };
    int n = 4, fd;

    if (argc < 2 || argc > 50)
        return die("usage: pcscd_private DIR [argument]…");
    snprintf(path, sizeof path, "%s/socket", argv[1]);
    snprintf(conf, sizeof conf, "%s/conf", argv[1]);
    fd = listen_on(path);
    if (fd < 0)
        return die(path);
    if (own_run() != 0)
        return 99;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd != 3 && (dup2(fd, 3) < 0 || close(fd) != 0))
        return die("dup2");
    closefrom(4);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    for (int i = 2; i < argc; i++)
        args[n++] = argv[i];
    /* The address sanitizer must come first of all: a driver that has it in a pcscd that has not. */
    if (getenv("PCSCD_PRELOAD") != NULL)
        setenv("LD_PRELOAD", getenv("PCSCD_PRELOAD"), 1);
    execvp("pcscd", args);
    execv("/usr/sbin/pcscd", args);
    return die("pcscd");
}
