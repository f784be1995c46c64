/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_back.c — after a row: a look at the card, and how it comes back to what it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet/keyref.h"
#include "tools/conform_judge.h"

/* After every row: the next command works, and the PIN's counter is what the row says. */
bool look_again(struct judge *j)
{
    /* Whether a blocked PIN can be logged out is VER-25's question. */
    if ((!j->away && !play(j, "get 7E -> * 9000|6A82+")) || !play(j, "select; 0020FF80 -> 9000~6983"))
        return false;
    if (j->pin_left < 0)
        return true;
    return j->pin_left == 0 ? play(j, "try -> 6983~63C0") : playf(j, "try -> 63C%X", j->pin_left);
}

/* What is there now is what was there before.  6982 tells neither. */
static bool object_same(struct judge *j, const struct saved *s)
{
    struct in value;

    if (!playf(j, "get %06X -> * 9000|6982|6A82+", s->tag))
        return false;
    if (j->sw == 0x6A82)
        return !s->there;
    return j->sw == 0x9000 && s->there && tlv_at(j->data, "53", &value) && in_equal(value, in_of(s->p, s->n));
}

/* Delete first: what the card makes itself is there again by then, and writing it would freeze it. */
static bool restore_object(struct judge *j, const struct saved *s)
{
    return playf(j, "put %06X _ -> 9000", s->tag) &&
           (!s->there || object_same(j, s) ||
            (var_set(j, "was", in_of(s->p, s->n)) &&
             playf(j, "put %06X {was} -> 9000; get %06X -> 53({was}) 9000+", s->tag, s->tag)));
}

static bool restore_objects(struct judge *j)
{
    bool asked = false, good = true;

    for (size_t i = 0; i < j->n_saved; i++) {
        const struct saved *s = &j->saved[i];
        if (good && !object_same(j, s)) {
            good = (asked || play(j, "adm")) && restore_object(j, s);
            asked = true;
        }
        free(s->p);
    }
    j->n_saved = 0;
    return good;
}

/* Keys that a YubiKey may delete, with firmware 5.7: MOVE KEY to FF. */
static bool clear_keys(struct judge *j, const struct row *row)
{
    uint32_t refs[SLOTS_MAX];
    bool can = j->terms.yubikey && j->firmware >= 0x0507;
    size_t n = can ? start_numbers(row, "clears", refs, SLOTS_MAX) : 0;

    for (size_t i = 0; i < n; i++)
        if (!playf(j, "adm; 00F6FF%02X -> 9000|6A88", refs[i]))
            return false;
    return true;
}

/* A YubiKey whose PUK is blocked is reset as a whole; one that the row itself has reset is so already. */
static bool restore_yubikey(struct judge *j)
{
    if (!play(j, "unblock {puk} {pin} -> 9000|6983"))
        return false;
    if (j->sw == 0x6983 && !play(j, "repeat 16: verify {bad} -> 63xx|6983; 00FB0000 -> 9000; select"))
        return false;
    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (j->slots[i].ref != KEYREF_ATTESTATION) /* which a reset leaves alone */
            state_spoil(j, j->slots[i].ref);
    return play(j, "pin; logout");
}

static bool restore_pin(struct judge *j, const struct row *row)
{
    if (start_has(row, "pukgone") && j->terms.yubikey)
        return restore_yubikey(j);
    bool touched = start_has(row, "changes") || start_has(row, "puk") || start_has(row, "blocked");

    if (start_has(row, "pukgone")) {
        j->terms.puk = NULL; /* nothing brings it back: SP 800-73-5 Part 2, 3.2.3 */
        return j->pin_left == 0 || play(j, "pin; logout");
    }
    if (!touched)
        return j->pin_left == j->pin_limit || play(j, "pin; logout");
    if (!play(j, "unblock {puk} {pin} -> 9000|63Cx"))
        return false;
    if (j->sw != 0x9000 && !play(j, "changepuk {newpuk} {puk} -> 9000; unblock {puk} {pin} -> 9000"))
        return false;
    return true;
}

void bring_back(struct judge *j, const struct row *row)
{
    struct result aside = { .verdict = VERDICT_PASS }, *result = j->result;
    uint32_t refs[SLOTS_MAX];
    size_t n = start_numbers(row, "spoils", refs, SLOTS_MAX);

    if (j->wire->back != NULL)
        return; /* every row begins by going back */
    j->result = &aside;
    if (!play(j, "reset; select") || !restore_pin(j, row) || !restore_objects(j) || !clear_keys(j, row)) {
        snprintf(j->broken_by, sizeof j->broken_by, "the card could not be brought back after %s", row->id);
        j->result = result;
        fail(j, "the card could not be brought back: %s", aside.text);
    }
    j->result = result;
    for (size_t i = 0; i < n; i++)
        state_spoil(j, (uint8_t)refs[i]);
}
