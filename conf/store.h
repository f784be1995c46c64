/* SPDX-License-Identifier: BSD-2-Clause */
/* store.h — where cards, readers and host secret are (DESIGN.md section 2): the system's paths or one's own. */
#ifndef VPIV_CONF_STORE_H
#define VPIV_CONF_STORE_H

#include <limits.h>
#include <stdbool.h>

#include "applet/err.h"

struct store {
    bool system;             /* files are shared with group vpiv: 0660, directories setgid */
    char cards[PATH_MAX];    /* NAME.card lie here */
    char readers[PATH_MAX];  /* 0, 1, … lie here; "" = this store has none (an ordinary user outside `vpiv run`) */
    char state[PATH_MAX];    /* host.key and tries/ lie here */
    char settings[PATH_MAX]; /* vpiv.conf */
};

/* store_system — the built-in paths.  store_user — XDG base directories of the environment (HOME where they are
 * unset); readers from VPIV_READER_DIR.  ERR_DATA: no absolute path can be made of the environment. */
enum err store_system(struct store *store, struct why *why) MUST_CHECK;
enum err store_user(struct store *store, struct why *why) MUST_CHECK;

/* store_card_path — CARD as people write it: a path if it holds a slash, else a name in the store.
 * ERR_DATA: not a name (empty, leading dot, control characters) or too long. */
enum err store_card_path(const struct store *store, const char *card, char path[PATH_MAX],
                         struct why *why) MUST_CHECK;

/* store_card_name — the name of a card file: base name without ".card". */
void store_card_name(const char *path, char name[NAME_MAX + 1]);

/* make_directories — like mkdir -p: 0700, or 2770 where shared (setgid: files made in it get its group).  Directories
 * that lead to a shared one are 0755. */
enum err make_directories(const char *path, bool shared, struct why *why) MUST_CHECK;

#endif
