/* SPDX-License-Identifier: BSD-2-Clause */
/* pick.h — the card that a verb looks at: named, or the one that is meant where none is. */
#ifndef VPIV_TOOLS_PICK_H
#define VPIV_TOOLS_PICK_H

#include "conf/cardfile.h"
#include "tools/vpiv.h"

enum { READERS_MAX = 256 };

/* struct picked — a card file, open to be read. */
struct picked {
    char path[PATH_MAX], name[NAME_MAX + 1];
    struct state *own;       /* a reader's own host secret and tries (`vpiv run`); NULL = the store's */
    struct cardfile *file;
    struct card *card;
    struct tries tries;
    bool in_reader;
    unsigned reader;
};

/* pick — CARD as it was given; NULL = the card in the first reader that has one, else the only card of the store.
 * Has told why on failure.  Free with pick_clear. */
bool pick(struct cli *cli, const char *card, struct picked *picked) MUST_CHECK;
void pick_clear(struct picked *picked);

/* pick_reader — the number of the reader that `path` is in.  reader_entry — "READERS/N/entry"; false: too long. */
bool pick_reader(const struct store *store, const char *path, unsigned *number);
bool reader_entry(const struct store *store, unsigned number, const char *entry, char path[PATH_MAX]);

/* store_cards — the names in the store, sorted.  names: owned by the caller, each and the list, with free(). */
size_t store_cards(const struct store *store, char ***names);

#endif
