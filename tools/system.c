/* SPDX-License-Identifier: BSD-2-Clause */
/* system.c — is the system's pcscd younger than what it has read, and how it is restarted. */
#include "tools/system.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PID_FILE "/run/pcscd/pcscd.pid"

extern char **environ;

static bool older(const struct stat *a, const char *path)
{
    struct stat b;

    if (stat(path, &b) != 0)
        return false;
    return a->st_mtim.tv_sec != b.st_mtim.tv_sec ? a->st_mtim.tv_sec < b.st_mtim.tv_sec
                                                 : a->st_mtim.tv_nsec < b.st_mtim.tv_nsec;
}

enum system_pcscd system_pcscd(void)
{
    FILE *f = fopen(PID_FILE, "re");
    struct stat started; /* it writes the file when it starts, and never again */
    long pid = 0;

    if (f == NULL)
        return PCSCD_NONE;
    if (fstat(fileno(f), &started) != 0 || fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    fclose(f);
    if (pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH))
        return PCSCD_NONE;
    return older(&started, SYSTEM_READER_CONF) || older(&started, VPIV_DRIVER) ? PCSCD_STALE : PCSCD_CURRENT;
}

void system_hint(struct cli *cli)
{
    if (system_pcscd() == PCSCD_STALE)
        cli_warn(cli, "the pcscd that runs is older than its readers or their driver: '%s setup --restart' restarts it",
                 cli->program);
}

bool system_run(struct cli *cli, char *const argv[])
{
    pid_t pid;
    int status, number = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);

    if (number != 0)
        return cli_refuse(cli, "%s: %s", argv[0], strerror(number)), false;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return cli_refuse(cli, "%s: %s", argv[0], strerror(errno)), false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return cli_refuse(cli, "%s failed", argv[0]), false;
    return true;
}

bool system_restart(struct cli *cli)
{
    char systemctl[] = "systemctl", try[] = "try-restart", unit[] = "pcscd.service";
    char service[] = "service", name[] = "pcscd", restart[] = "restart";
    char *const by_systemd[] = { systemctl, try, unit, NULL };
    char *const by_script[] = { service, name, restart, NULL };

    if (access("/run/systemd/system", F_OK) == 0)
        return system_run(cli, by_systemd);
    if (access("/etc/init.d/pcscd", X_OK) == 0)
        return system_run(cli, by_script);
    return cli_refuse(cli, "pcscd was started by hand: end it (%s has its number) and start it again", PID_FILE), false;
}

char *system_members(void)
{
    const struct group *group = getgrnam("vpiv");
    char *text = NULL;
    size_t n = 0;
    FILE *f = group == NULL ? NULL : open_memstream(&text, &n);

    for (char **name = f == NULL ? NULL : group->gr_mem; name != NULL && *name != NULL; name++)
        fprintf(f, "%s%s", name == group->gr_mem ? "" : ", ", *name);
    return f != NULL && fclose(f) == 0 ? text : NULL;
}
