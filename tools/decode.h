/* SPDX-License-Identifier: BSD-2-Clause */
/* decode.h — what one exchange says, in the words of the standard, from the applet's own tables. */
#ifndef VPIV_TOOLS_DECODE_H
#define VPIV_TOOLS_DECODE_H

#include "applet/tlv.h"

/* struct decoded — a command for people.  Texts are plain ASCII or UTF-8 of our own tables, never of the card. */
struct decoded {
    char command[48];  /* "GET DATA", or "INS 3C" */
    char what[160];    /* object, key and algorithm, application: "Card Holder Unique Identifier (5FC102)" */
    char status[16];   /* "9000", "6110"; "none" without an answer */
    char meaning[96];  /* "success"; of 63Cn the number of tries */
};

/* decode — command and answer as they went over the wire.  Masked bytes may stand as any value: nothing is read from
 * them but lengths.  An answer of fewer than two bytes is none. */
void decode(struct in command, struct in answer, struct decoded *decoded);

#endif
