/* SPDX-License-Identifier: BSD-2-Clause */
/* insert.h — putting a card into a reader, for other verbs than `vpiv insert`. */
#ifndef VPIV_TOOLS_INSERT_H
#define VPIV_TOOLS_INSERT_H

#include "tools/vpiv.h"

/* insert_somewhere — the card file `path` into the first empty reader of cli->store.  False, and silent, when there
 * is none, and when the card is in a reader already. */
bool insert_somewhere(struct cli *cli, const char *path, unsigned *number) MUST_CHECK;

#endif
