/* SPDX-License-Identifier: BSD-2-Clause */
/* listen.h — to hear what happens in readers, while it happens: the entries `trace` of their directories. */
#ifndef VPIV_TOOLS_LISTEN_H
#define VPIV_TOOLS_LISTEN_H

#include "tools/vpiv.h"

/* listen_readers — one reader, or all (number < 0), until SIGINT, SIGTERM or SIGHUP; `line` gets every line of the
 * driver's, without its end.  unmask: ask the driver not to mask what test cards say.  False after having told why. */
bool listen_readers(struct cli *cli, int number, bool unmask, void (*line)(void *ctx, char *text), void *ctx)
    MUST_CHECK;

#endif
