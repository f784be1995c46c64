/* SPDX-License-Identifier: BSD-2-Clause */
/* pinblock.c — the structures of PC/SC part 10, 2.5.2 and 2.5.3, as far as a PIV card has a use for them. */
#include "driver/pinblock.h"

#include <string.h>

enum {
    INS_VERIFY = 0x20,
    INS_CHANGE = 0x24,
    INS_UNBLOCK = 0x2C,
    P2_PUK = 0x81,

    TIMEOUT_DEFAULT = 30, /* seconds, where the client leaves it to us */
    ALL_MESSAGES = 0xFF,  /* bNumberMessage: what the reader thinks right */
    MAX_REACHED = 1, KEY_PRESSED = 2, TIME_OVER = 4, /* bEntryValidationCondition */
    CONFIRM = 1, CURRENT = 2,                        /* bConfirmPIN */
};

/* The structures hold numbers as the client's machine does, which is this one. */
static bool in_native(struct in *in, void *number, size_t n)
{
    struct in part;

    if (!in_take(in, n, &part))
        return false;
    memcpy(number, part.p, n);
    return true;
}

/* struct format — what both structures have in common. */
struct format {
    uint8_t seconds, offset, frame, min, max, condition, messages;
};

/* get_format — bTimeOut, bTimeOut2 (as our properties say it counts for nothing), bmFormatString, bmPINBlockString and
 * bmPINLengthFormat. */
static bool get_format(struct in *in, struct format *f)
{
    uint8_t timeout2, string, block, length;

    if (!in_u8(in, &f->seconds) || !in_u8(in, &timeout2) || !in_u8(in, &string) || !in_u8(in, &block) ||
        !in_u8(in, &length))
        return false;
    bool bytes = (string & 0x80) != 0, right = (string & 0x04) != 0, ascii = (string & 0x03) == 2;
    f->offset = string >> 3 & 0xF;
    if (!bytes && f->offset % 8 != 0)
        return false;
    f->offset = bytes ? f->offset : f->offset / 8;
    f->frame = block & 0xF;
    if (f->seconds == 0)
        f->seconds = TIMEOUT_DEFAULT;
    return ascii && !right && block >> 4 == 0;
}

/* get_limits — wPINMaxExtraDigit: least in the high byte, most in the low one. */
static bool get_limits(struct in *in, struct format *f)
{
    uint16_t limits;

    if (!in_native(in, &limits, sizeof limits))
        return false;
    f->min = (uint8_t)(limits >> 8);
    f->max = (uint8_t)limits;
    /* The Enter key alone is no PIN: what the client has put into that place would stand for it. */
    if (f->min == 0)
        f->min = 1;
    if (f->frame > 0 && f->max > f->frame)
        f->max = f->frame;
    if (f->max > KEYPAD_DIGITS_MAX)
        f->max = KEYPAD_DIGITS_MAX;
    return f->max > 0 && f->min <= f->max;
}

/* get_command — bTeoPrologue (of T=1, which a virtual card has none of), ulDataLength, and the command: a header, and
 * Lc with data or neither. */
static bool get_command(struct in *in, struct pin_block *b)
{
    struct in prologue;
    uint32_t length;
    uint8_t lc = 0;

    if (!in_take(in, 3, &prologue) || !in_native(in, &length, sizeof length) || length != in->n ||
        !in_take(in, 4, &b->header) || b->header.p[0] != 0x00)
        return false;
    b->data = in_of(in->p, 0);
    return in_end(in) || (in_u8(in, &lc) && in_take(in, lc, &b->data) && in_end(in));
}

static bool good_condition(uint8_t condition)
{
    return condition <= (MAX_REACHED | KEY_PRESSED | TIME_OVER);
}

static void add(struct pin_block *b, const struct format *f, enum keypad_entry entry, size_t offset)
{
    bool again = entry == KEYPAD_NEW_PIN_AGAIN || entry == KEYPAD_NEW_PUK_AGAIN;

    b->entries[b->n].question = (struct keypad_question){
        .entry = entry,
        .min = f->min,
        .max = f->max,
        .until_full = (f->condition & MAX_REACHED) != 0,
        .seconds = f->seconds,
    };
    b->entries[b->n].again = again;
    b->entries[b->n].offset = offset + f->offset;
    b->n++;
}

bool pin_verify_parse(struct in in, struct pin_block *b)
{
    struct format f;
    uint16_t language;
    uint8_t message;

    *b = (struct pin_block){ .n = 0 };
    if (!get_format(&in, &f) || !get_limits(&in, &f) || !in_u8(&in, &f.condition) || !good_condition(f.condition) ||
        !in_u8(&in, &f.messages) || !in_native(&in, &language, sizeof language) || !in_u8(&in, &message) ||
        !get_command(&in, b) || (f.messages > 1 && f.messages != ALL_MESSAGES) || b->header.p[1] != INS_VERIFY)
        return false;
    b->frame = f.frame;
    add(b, &f, b->header.p[3] == P2_PUK ? KEYPAD_PUK : KEYPAD_PIN, 0);
    return true;
}

bool pin_modify_parse(struct in in, struct pin_block *b)
{
    struct format f;
    uint16_t language;
    uint8_t old, new, confirm, message;

    *b = (struct pin_block){ .n = 0 };
    if (!get_format(&in, &f) || !in_u8(&in, &old) || !in_u8(&in, &new) || !get_limits(&in, &f) ||
        !in_u8(&in, &confirm) || confirm > (CONFIRM | CURRENT) || !in_u8(&in, &f.condition) ||
        !good_condition(f.condition) || !in_u8(&in, &f.messages) ||
        !in_native(&in, &language, sizeof language) || !in_u8(&in, &message) || !in_u8(&in, &message) ||
        !in_u8(&in, &message) || !get_command(&in, b) || (f.messages > 3 && f.messages != ALL_MESSAGES))
        return false;
    uint8_t ins = b->header.p[1];
    bool puk = b->header.p[3] == P2_PUK;
    if (ins != INS_CHANGE && ins != INS_UNBLOCK)
        return false;
    b->frame = f.frame;
    if (confirm & CURRENT) /* SP 800-73-5 Part 2, 3.2.3: what proves the right to reset a PIN is the PUK */
        add(b, &f, puk || ins == INS_UNBLOCK ? KEYPAD_PUK : KEYPAD_PIN, old);
    add(b, &f, puk ? KEYPAD_NEW_PUK : KEYPAD_NEW_PIN, new);
    if (confirm & CONFIRM)
        add(b, &f, puk ? KEYPAD_NEW_PUK_AGAIN : KEYPAD_NEW_PIN_AGAIN, new);
    return true;
}

/* The command's data is what the client sent, longer where a PIN needs it, with the digits over it: what they leave of
 * their frame is the client's filler, and FF (SP 800-73-5 Part 2, 3.2.1) where the client sent none. */
bool pin_command(const struct pin_block *b, struct secret *const digits[PIN_ENTRIES_MAX], struct out *command)
{
    size_t lc = b->data.n;

    for (size_t i = 0; i < b->n; i++) {
        size_t end = b->entries[i].offset + (b->frame > 0 ? b->frame : digits[i]->n);
        if (!b->entries[i].again && end > lc)
            lc = end;
    }
    if (lc > 0xFF)
        return false;
    out_put(command, b->header);
    out_u8(command, (uint8_t)lc);
    uint8_t *data = out_room(command, lc);
    if (data == NULL)
        return false;
    struct out fill = out_of(data, lc);
    out_put(&fill, b->data);
    while (fill.n < lc)
        out_u8(&fill, 0xFF);
    for (size_t i = 0; i < b->n; i++) {
        struct out place = out_of(data, lc);
        place.n = b->entries[i].offset;
        if (!b->entries[i].again)
            out_put(&place, secret_in(digits[i]));
        if (place.bad)
            return false;
    }
    return true;
}
