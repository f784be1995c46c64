/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_rig.c — a card at work: opened as a driver opens it, and a ledger of the guesses that it grants. */
#include "tests/crash.h"

#include <stdlib.h>
#include <string.h>

#include "applet/secret.h"

const char *const pin_values[VALUES] = { "123456\xFF\xFF", "654321\xFF\xFF", "000000\xFF\xFF" };
const char *const puk_values[VALUES] = { "12345678", "87654321", "00000000" };

struct in pin_value(enum pin which, int value)
{
    return in_of(which == PIN_PUK ? puk_values[value] : pin_values[value], 8);
}

struct in management_value(int value)
{
    static const char *const values[] = { "\1\2\3\4\5\6\7\x8\1\2\3\4\5\6\7\x8\1\2\3\4\5\6\7\x8",
                                          "abcdefghijklmnopqrstuvwx" };

    return in_of(values[value], 24);
}

void rig_init(struct rig *rig, const char *root, struct report *report)
{
    *rig = (struct rig){ .report = report };
    snprintf(rig->root, sizeof rig->root, "%s", root);
    snprintf(rig->state_path, sizeof rig->state_path, "%s/state", root);
    snprintf(rig->card_path, sizeof rig->card_path, "%s/cards/x.card", root);
}

/* --- the ledger ----------------------------------------------------------------------------------------- */

static void mark(const struct rig *rig)
{
    journal_mark(rig->report->acked, rig->report->credit, rig->report->sure);
}

static enum err rig_random(void *ctx, uint8_t *p, size_t n)
{
    struct rig *rig = ctx;

    return rig->inner.random(rig->inner.ctx, p, n);
}

static uint64_t rig_clock(void *ctx)
{
    struct rig *rig = ctx;

    return rig->inner.clock(rig->inner.ctx);
}

static enum err rig_store(void *ctx, const struct card *next)
{
    struct rig *rig = ctx;

    return rig->inner.store(rig->inner.ctx, next);
}

static enum err rig_tries_read(void *ctx, struct tries *now)
{
    struct rig *rig = ctx;

    return rig->inner.tries_read(rig->inner.ctx, now);
}

static enum err rig_spend(void *ctx, enum pin which, uint8_t *left)
{
    struct rig *rig = ctx;
    struct report *report = rig->report;
    enum err e;

    if (report->sure[which] > 0)
        report->sure[which]--;
    mark(rig);
    e = rig->inner.tries_spend(rig->inner.ctx, which, left);
    if (e != ERR_NONE)
        return e;
    /* From here on the comparison may take place. */
    report->granted[which]++;
    report->overdrawn |= report->credit[which] == 0 || *left >= report->credit[which];
    if (report->credit[which] > 0)
        report->credit[which]--;
    mark(rig);
    return ERR_NONE;
}

/* Only who was right gets here. */
static enum err rig_restore(void *ctx, enum pin which)
{
    struct rig *rig = ctx;
    struct report *report = rig->report;
    struct tries now;
    enum err e = rig->inner.tries_read(rig->inner.ctx, &now);

    if (e != ERR_NONE)
        return e;
    report->credit[which] = now.allowed[which];
    mark(rig);
    e = rig->inner.tries_restore(rig->inner.ctx, which);
    if (e == ERR_NONE)
        report->sure[which] = now.allowed[which];
    mark(rig);
    return e;
}

static enum err rig_tries_write(void *ctx, const struct tries *next)
{
    struct rig *rig = ctx;
    struct report *report = rig->report;
    enum err e;

    for (int i = 0; i < PIN_COUNT; i++) {
        if (report->credit[i] < next->left[i])
            report->credit[i] = next->left[i];
        if (report->sure[i] > next->left[i])
            report->sure[i] = next->left[i];
    }
    mark(rig);
    e = rig->inner.tries_write(rig->inner.ctx, next);
    if (e == ERR_NONE) {
        memcpy(report->credit, next->left, PIN_COUNT);
        memcpy(report->sure, next->left, PIN_COUNT);
    }
    mark(rig);
    return e;
}

/* --- the card ------------------------------------------------------------------------------------------- */

enum err rig_open(struct rig *rig)
{
    struct piv_env env;
    struct card *card;
    enum err e = state_open(rig->state_path, false, false, NULL, &rig->state, NULL);

    if (e == ERR_NONE)
        e = cardfile_open(rig->card_path, rig->state, &rig->file, &card, NULL);
    if (e != ERR_NONE)
        return e;
    if (rig->events != NULL)
        cardfile_follow(rig->file, rig->events);
    rig->inner = env = cardfile_env(rig->file);
    env.ctx = rig;
    env.random = rig_random;
    env.clock = rig_clock;
    env.store = rig_store;
    env.tries_read = rig_tries_read;
    env.tries_spend = rig_spend;
    env.tries_restore = rig_restore;
    env.tries_write = rig_tries_write;
    rig->piv = piv_new(&env, card);
    if (rig->piv == NULL)
        return ERR_MEMORY;
    piv_power(rig->piv);
    return ERR_NONE;
}

void rig_close(struct rig *rig)
{
    piv_free(rig->piv);
    cardfile_close(rig->file);
    state_close(rig->state);
    rig->piv = NULL;
    rig->file = NULL;
    rig->state = NULL;
}

static uint8_t answer[PIV_RESPONSE_MAX];
static struct in answered;

struct in rig_answer(void)
{
    return answered;
}

sw_t rig_send(struct rig *rig, uint8_t ins, uint8_t p1, uint8_t p2, struct in data)
{
    uint8_t bytes[8192], head[] = { 0x00, ins, p1, p2 };
    struct out command = out_of(bytes, sizeof bytes), rsp = out_of(answer, sizeof answer);
    struct in all;
    uint16_t sw = 0;

    out_put(&command, in_of(head, sizeof head));
    if (data.n > 0 && data.n < 256)
        out_u8(&command, (uint8_t)data.n);
    else if (data.n > 0) {
        out_u8(&command, 0);
        out_u16(&command, (uint16_t)data.n);
    }
    out_put(&command, data);
    /* Le: as much as there is. */
    if (data.n < 256)
        out_u8(&command, 0);
    else
        out_u16(&command, 0);
    if (command.bad)
        abort();
    piv_exchange(rig->piv, out_in(&command), &rsp);
    all = out_in(&rsp);
    if (!in_take(&all, rsp.n - 2, &answered) || !in_u16(&all, &sw))
        abort();
    return sw;
}

sw_t rig_verify(struct rig *rig, int value)
{
    return rig_send(rig, 0x20, 0x00, 0x80, pin_value(PIN_APPLICATION, value));
}

sw_t rig_change(struct rig *rig, uint8_t ins, uint8_t ref, struct in old, struct in next)
{
    uint8_t bytes[16];
    struct out data = out_of(bytes, sizeof bytes);

    out_put(&data, old);
    out_put(&data, next);
    return rig_send(rig, ins, 0x00, ref, out_in(&data));
}

bool rig_admin(struct rig *rig, int value)
{
    return piv_authenticate_management(rig->piv, management_value(value)) == ERR_NONE;
}

static sw_t guess(struct rig *rig, enum pin which)
{
    sw_t sw;

    if (rig_open(rig) != ERR_NONE)
        sw = SW_NOT_FOUND;
    else if (which == PIN_APPLICATION)
        sw = rig_verify(rig, WRONG);
    else
        sw = rig_change(rig, 0x24, 0x81, pin_value(PIN_PUK, WRONG), pin_value(PIN_PUK, NEW));
    rig_close(rig);
    return sw;
}

int rig_guess(struct rig *rig, enum pin which)
{
    enum { ENOUGH = 300 };
    int granted = 0;
    sw_t sw;

    while (((sw = guess(rig, which)) & 0xFFF0) == SW_TRIES && granted < ENOUGH)
        granted++;
    return sw == SW_BLOCKED ? granted : -1;
}
