/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_send.c — one command to the card and its answer; command chains and GET RESPONSE on top of it. */
#include <stdlib.h>
#include <string.h>

#include "tools/conform_judge.h"

static bool holds(struct in where, const struct secret *what)
{
    return what != NULL && where.n > 0 && memmem(where.p, where.n, what->p, what->n) != NULL;
}

/* One exchange whose data are put behind what `all` holds already. */
static void exchange(struct judge *j, struct in command, struct out *all)
{
    size_t before = all->n;

    j->sw = 0;
    j->answered = j->wire->send(j->wire->ctx, command, all) && all->n >= before + 2 && !all->bad;
    if (j->answered) {
        size_t n = all->n - 2;
        j->sw = (uint16_t)(all->p[n] << 8 | all->p[n + 1]);
        out_cut(all, n);
        j->answers++;
    } else {
        out_cut(all, before);
    }
    j->data = out_in(all);
    if (holds(j->data, j->terms.pin) || holds(j->data, j->terms.puk) || holds(j->data, j->terms.management))
        j->leaked = true;
}

bool send_command(struct judge *j, struct in command)
{
    struct out all = out_of(j->answer, ANSWER_MAX);

    exchange(j, command, &all);
    return j->answered;
}

bool send_fetch(struct judge *j, unsigned le)
{
    struct out all = out_of(j->answer, ANSWER_MAX);

    out_put(&all, j->data); /* stands there already: the same bytes at the same place */
    while (j->answered && j->sw >> 8 == 0x61) {
        uint8_t next[5] = { 0x00, 0xC0, 0x00, 0x00, le > 0 ? (uint8_t)le : (uint8_t)j->sw };
        size_t before = all.n;
        exchange(j, in_of(next, sizeof next), &all);
        if (all.n == before)
            break; /* a card that says "more" for ever */
    }
    return j->answered;
}

/* Take the command apart: header, data, Le.  Lc is short, or extended where its first byte is 00. */
static bool take_apart(struct in command, struct in *head, struct in *data, struct in *le)
{
    uint8_t lc;
    uint16_t n;

    if (!in_take(&command, 4, head) || !in_u8(&command, &lc))
        return false;
    n = lc;
    if (lc == 0 && !in_u16(&command, &n))
        return false;
    if (!in_take(&command, n, data))
        return false;
    *le = command;
    return true;
}

bool send_chain(struct judge *j, struct in command, size_t block)
{
    struct in head, data, le, part;
    uint8_t space[4 + 1 + 255 + 2];

    if (block == 0 || block > 255 || !take_apart(command, &head, &data, &le))
        return fail(j, "the row's chain cannot be read");
    for (;;) {
        bool last = data.n <= block;
        struct out out = out_of(space, sizeof space);
        if (!in_take(&data, last ? data.n : block, &part))
            return false;
        out_u8(&out, (uint8_t)(head.p[0] | (last ? 0x00 : 0x10)));
        out_put(&out, in_of(head.p + 1, 3));
        out_u8(&out, (uint8_t)part.n);
        out_put(&out, part);
        if (last)
            out_put(&out, le);
        send_command(j, out_in(&out));
        if (last || !j->answered || j->sw != 0x9000)
            return j->answered;
        if (j->data.n > 0)
            return fail(j, "a part of a chain was answered with data");
    }
}

/* Where one of the three secrets begins at byte `at`, its length; else 0. */
static size_t secret_at(const struct judge *j, struct in bytes, size_t at)
{
    const struct secret *known[] = { j->terms.pin, j->terms.puk, j->terms.management };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] != NULL && known[i]->n <= bytes.n - at &&
            memcmp(known[i]->p, bytes.p + at, known[i]->n) == 0)
            return known[i]->n;
    return 0;
}

void hex_masked(const struct judge *j, struct in bytes, size_t most, struct out *text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t masked = 0;

    for (size_t i = 0; i < bytes.n && i < most; i++) {
        size_t hidden = secret_at(j, bytes, i);
        masked = hidden > masked ? hidden : masked;
        out_u8(text, masked > 0 ? 'x' : (uint8_t)digits[bytes.p[i] >> 4]);
        out_u8(text, masked > 0 ? 'x' : (uint8_t)digits[bytes.p[i] & 0x0F]);
        masked -= masked > 0;
    }
    if (bytes.n > most)
        out_put(text, in_of("..", 2));
}
