/* SPDX-License-Identifier: BSD-2-Clause */
/* host.h — a card that is in a reader: its file, what this host knows of it, and the applet that serves
 * it. */
#ifndef VPIV_DRIVER_HOST_H
#define VPIV_DRIVER_HOST_H

#include <limits.h>
#include <stdbool.h>

#include "applet/applet.h"
#include "conf/cardfile.h"
#include "driver/cut.h"

struct host {
    char path[PATH_MAX]; /* the card file, links resolved */
    struct state *state;
    struct cardfile *file;
    struct cut cut;
    struct piv *piv;
};

/* struct seat — what a reader has for each of its cards. */
struct seat {
    const char *directory;
    OSSL_LIB_CTX *lib;
    enum err (*touch)(void *touch_ctx, uint8_t ref); /* as in struct piv_env */
    void *touch_ctx;
    int *events;             /* inotify, for what happens to the tries record of the card in it (cardfile_follow) */
};

/* host_open — read and check the card file under `path`.  About a millisecond: no key derivation.  `why` says in
 * one sentence what is wrong with it; also on success, when its owner should know something of it. */
enum err host_open(const struct seat *seat, const char *path, struct host **out, struct why *why) MUST_CHECK;

/* host_close — drop every secret of the card and free it; NULL is fine. */
void host_close(struct host *host);

/* host_same — `path` is still this card's, and its content is what we read or wrote last. */
bool host_same(const struct host *host, const char *path);

/* is_system — the directory lies under the built-in state directory. */
bool is_system(const char *directory);

#endif
