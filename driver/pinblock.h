/* SPDX-License-Identifier: BSD-2-Clause */
/* pinblock.h — PIN_VERIFY and PIN_MODIFY of PC/SC part 10: what the keypad asks, and where the digits go.
 *
 * Bytes in, bytes out.  A client that a person trusts with no PIN must not get it by way of the keypad either: only the
 * three commands that hand a PIN to the card are taken, so that none can store it or send it back.
 */
#ifndef VPIV_DRIVER_PINBLOCK_H
#define VPIV_DRIVER_PINBLOCK_H

#include "applet/secret.h"
#include "conf/keypad.h"

enum { PIN_ENTRIES_MAX = 3, PIN_COMMAND_MAX = 5 + 255 };

/* struct pin_block — one structure, checked. */
struct pin_block {
    struct {
        struct keypad_question question;
        bool again;         /* nothing is placed: it must be what was entered before */
        size_t offset;      /* in the command's data */
    } entries[PIN_ENTRIES_MAX];
    size_t n;
    uint8_t frame;          /* bytes that a PIN takes, filled up with what is there; 0 = as many as it has digits */
    struct in header, data; /* of the command, borrowed from the client's structure */
};

/* pin_verify_parse, pin_modify_parse — false: 6B80, an ill-formed structure, a format that PIV has no use for (BCD,
 * binary, right-justified, with a length), or a command that is none of VERIFY (20), CHANGE REFERENCE DATA (24) and
 * RESET RETRY COUNTER (2C). */
bool pin_verify_parse(struct in structure, struct pin_block *block) MUST_CHECK;
bool pin_modify_parse(struct in structure, struct pin_block *block) MUST_CHECK;

/* pin_command — the command with the digits in it.  `digits`: one for each entry.  False: it does not fit. */
bool pin_command(const struct pin_block *block, struct secret *const digits[PIN_ENTRIES_MAX], struct out *command)
    MUST_CHECK;

#endif
