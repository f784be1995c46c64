/* SPDX-License-Identifier: BSD-2-Clause */
/* listen.c — a socket in each reader's directory; the driver connects to it. */
#include "tools/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/pick.h"

/* A pcscd that has ended, the one after it, and another `vpiv trace` that wants to know whether we are here. */
enum { PACKET_MAX = 512 * 1024, PEERS = 4 };

struct place {
    unsigned number;
    int directory;   /* O_PATH */
    int socket;      /* -1 = none, as each of these: */
    int peers[PEERS];
    bool named;      /* the entry `trace` is ours, … */
    bool unmasked;   /* … and `unmask` too */
};

struct listener {
    struct cli *cli;
    struct place places[READERS_MAX];
    size_t n;
    int signals;
    char *packet;
};

/* Through the directory's descriptor: its path may be longer than a socket's name may be. */
static struct sockaddr_un name_of(const struct place *p, const char *entry)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };

    snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d/%s", p->directory, entry);
    return name;
}

/* make_way — a socket that nobody serves any more goes; anything else is somebody's. */
static bool make_way(struct cli *cli, const struct place *p)
{
    struct sockaddr_un name = name_of(p, "trace");
    struct stat st;
    int fd;

    if (fstatat(p->directory, "trace", &st, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    if (!S_ISSOCK(st.st_mode))
        return cli_refuse(cli, "reader %u is traced into a file already", p->number), false;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool served = fd >= 0 && (connect(fd, (const struct sockaddr *)&name, sizeof name) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    if (served)
        return cli_refuse(cli, "another 'vpiv trace' listens to reader %u", p->number), false;
    unlinkat(p->directory, "trace", 0);
    return true;
}

/* open_place — the socket listens before it has the name that the driver looks for. */
static bool open_place(struct cli *cli, struct place *p, bool unmask)
{
    enum { BACKLOG = 4 };
    char temporary[32];

    snprintf(temporary, sizeof temporary, ".trace.%ld", (long)getpid());
    struct sockaddr_un name = name_of(p, temporary);
    if (!make_way(cli, p))
        return false;
    if (unmask) {
        int fd = openat(p->directory, "unmask", O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        p->unmasked = fd >= 0;
        if (fd >= 0)
            close(fd);
    }
    p->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0117); /* pcscd may be another user of group vpiv; who else gets here the directory says */
    bool ok = p->socket >= 0 && bind(p->socket, (const struct sockaddr *)&name, sizeof name) == 0;
    umask(before);
    ok = ok && listen(p->socket, BACKLOG) == 0 && renameat(p->directory, temporary, p->directory, "trace") == 0;
    if (!ok) {
        cli_refuse(cli, "reader %u: its directory takes no listener: %s", p->number, strerror(errno));
        unlinkat(p->directory, temporary, 0);
    }
    p->named = ok;
    return ok;
}

static bool open_places(struct listener *l, int number, bool unmask)
{
    char path[PATH_MAX];

    if (!cli_store(l->cli))
        return false;
    for (unsigned n = 0; l->cli->store.readers[0] != '\0' && n < READERS_MAX; n++) {
        struct place *p = &l->places[l->n];

        if (number >= 0 && n != (unsigned)number)
            continue;
        *p = (struct place){ .number = n, .directory = -1, .socket = -1, .peers = { -1, -1, -1, -1 } };
        if (reader_entry(&l->cli->store, n, "", path))
            p->directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (p->directory < 0)
            break; /* they are numbered without gaps */
        l->n++;
        if (!open_place(l->cli, p, unmask))
            return false;
    }
    if (l->n > 0)
        return true;
    if (number >= 0)
        cli_refuse(l->cli, "there is no reader %d", number);
    else
        cli_refuse(l->cli, "there is no reader here: 'vpiv run' makes one, and the system's belong to --system");
    return false;
}

static void close_places(struct listener *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct place *p = &l->places[i];

        if (p->named)
            unlinkat(p->directory, "trace", 0);
        if (p->unmasked)
            unlinkat(p->directory, "unmask", 0);
        for (size_t k = 0; k < PEERS; k++)
            if (p->peers[k] >= 0)
                close(p->peers[k]);
        if (p->socket >= 0)
            close(p->socket);
        close(p->directory);
    }
}

/* receive — what waits on one peer; a line or more a packet. */
static void receive(struct listener *l, int *peer, void (*line)(void *ctx, char *text), void *ctx)
{
    ssize_t n;

    while ((n = recv(*peer, l->packet, PACKET_MAX - 1, MSG_DONTWAIT)) > 0) {
        char *rest = l->packet, *text;

        l->packet[n] = '\0';
        while ((text = strsep(&rest, "\n")) != NULL)
            if (*text != '\0')
                line(ctx, text);
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(*peer);
        *peer = -1;
    }
}

static void welcome(struct place *p)
{
    int fd = accept4(p->socket, NULL, NULL, SOCK_CLOEXEC);

    for (size_t k = 0; k < PEERS && fd >= 0; k++) {
        if (p->peers[k] < 0) {
            p->peers[k] = fd;
            fd = -1;
        }
    }
    if (fd >= 0)
        close(fd);
}

static void wait_for(struct listener *l, void (*line)(void *ctx, char *text), void *ctx)
{
    enum { EACH = PEERS + 1, PATIENCE_MS = 1000 };
    struct pollfd fds[EACH * READERS_MAX + 1];
    bool heard = false;
    size_t n;

    for (;;) {
        n = 0;
        fds[n++] = (struct pollfd){ .fd = l->signals, .events = POLLIN };
        for (size_t i = 0; i < l->n; i++) {
            for (size_t k = 0; k < PEERS; k++)
                fds[n++] = (struct pollfd){ .fd = l->places[i].peers[k], .events = POLLIN };
            fds[n++] = (struct pollfd){ .fd = l->places[i].socket, .events = POLLIN };
        }
        int ready = poll(fds, n, heard ? -1 : PATIENCE_MS);
        if (ready < 0 && errno != EINTR)
            return;
        if (ready == 0)
            cli_warn(l->cli, "no pcscd shows %s yet; waiting", l->n == 1 ? "this reader" : "these readers");
        heard = true;
        for (size_t i = 0; i < l->n; i++) {
            const struct pollfd *mine = &fds[1 + EACH * i];

            for (size_t k = 0; k < PEERS; k++)
                if (mine[k].revents != 0)
                    receive(l, &l->places[i].peers[k], line, ctx);
            if (mine[PEERS].revents != 0)
                welcome(&l->places[i]);
        }
        if (fds[0].revents != 0)
            return; /* after what had been said before */
    }
}

bool listen_readers(struct cli *cli, int number, bool unmask, void (*line)(void *ctx, char *text), void *ctx)
{
    struct listener l = { .cli = cli };
    sigset_t set;
    bool ok;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    l.signals = signalfd(-1, &set, SFD_CLOEXEC);
    l.packet = malloc(PACKET_MAX);
    ok = l.signals >= 0 && l.packet != NULL;
    if (!ok)
        cli_fail(cli, ERR_MEMORY, NULL);
    ok = ok && open_places(&l, number, unmask);
    if (ok)
        wait_for(&l, line, ctx);
    close_places(&l);
    free(l.packet);
    if (l.signals >= 0)
        close(l.signals);
    return ok;
}
