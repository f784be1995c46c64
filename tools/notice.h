/* SPDX-License-Identifier: BSD-2-Clause */
/* notice.h — has pcscd noticed that a card came or went?  A script that inserts a card and uses it in its next line
 * must not be faster than pcscd, which hears of it a millisecond later. */
#ifndef VPIV_TOOLS_NOTICE_H
#define VPIV_TOOLS_NOTICE_H

#include <stdbool.h>

struct notice;

/* notice_begin — before a card comes (present) or goes: look at the readers.  NULL: nobody could notice, for there is
 * no pcscd, or no reader of its that could change so, or it does not answer.
 * notice_end — after it, or after nothing was done at all (`done` false): wait, a second at most, until a reader has
 * changed so.  False: none has.  Takes the notice. */
struct notice *notice_begin(bool present);
bool notice_end(struct notice *notice, bool done);

#endif
