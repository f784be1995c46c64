/* SPDX-License-Identifier: BSD-2-Clause */
/* mask.h — what of an exchange may be written down.
 *
 * PINs, PUKs, keys, what a key has decrypted or agreed on, and whatever the card shows after the PIN alone (people put
 * keys there) become "**", byte for byte; so does all that a command carries which is not known to be harmless.
 * Header, lengths and status word always stay.
 */
#ifndef VPIV_DRIVER_MASK_H
#define VPIV_DRIVER_MASK_H

#include "applet/tlv.h"

/* struct mask — what the commands before have to do with this one: chains, and answers in pieces.  All zero at
 * first. */
struct mask {
    bool chained;      /* the last command was not the last block of its chain */
    uint8_t ins, p1, p2; /* of that chain */
    bool hide_command; /* what its first block has decided, … */
    bool hide_answer;
    bool values;       /* … and whether tags and lengths stay */
    bool rest;         /* an answer that is hidden waits for GET RESPONSE */
};

/* mask_exchange — "COMMAND ANSWER" in hex; an answer without a status word is "-". */
void mask_exchange(struct mask *mask, struct in command, struct in answer, struct out *text);

/* mask_nothing — the same of a card whose secrets are everybody's. */
void mask_nothing(struct in command, struct in answer, struct out *text);

/* mask_hex — bytes that are no secret. */
void mask_hex(struct in bytes, struct out *text);

#endif
