/* SPDX-License-Identifier: BSD-2-Clause */
/* pinentry.c — from a client's structure to a status word; the PIN passes by the client. */
#include "driver/pinentry.h"

#include "driver/log.h"
#include "driver/pinblock.h"
#include "driver/pinpad.h"
#include "driver/vault.h"

static const sw_t answers[] = {
    [PINPAD_CANCELLED] = SW_KEYPAD_CANCELLED,
    [PINPAD_TIMEOUT] = SW_KEYPAD_TIMEOUT,
    [PINPAD_WOKEN] = SW_KEYPAD_CANCELLED, /* and the card is there: pcscd ends */
};

struct entry {
    struct reader *reader;
    struct pin_block block;
    struct pinpad_call call;
    uint64_t insertion;
    struct secret *digits[PIN_ENTRIES_MAX];
};

static bool still_there(void *ctx)
{
    const struct entry *e = ctx;

    return reader_still(e->reader, e->insertion);
}

/* ask — every entry in turn.  *sw: 0, or why there is nothing to send to the card. */
static enum err ask(struct entry *e, sw_t *sw)
{
    for (size_t i = 0; i < e->block.n; i++) {
        const struct keypad_question *q = &e->block.entries[i].question;
        enum pinpad_answer answer = pinpad_ask(&e->call, q, &e->digits[i]);

        if (!still_there(e))
            return ERR_ABSENT;
        if (answer == PINPAD_FAILED)
            return ERR_MEMORY;
        if (answer != PINPAD_ENTERED)
            *sw = answers[answer];
        else if (e->digits[i]->n < q->min || e->digits[i]->n > q->max)
            *sw = SW_KEYPAD_LENGTH;
        else if (e->block.entries[i].again && !secret_equal(e->digits[i], secret_in(e->digits[i - 1])))
            *sw = SW_KEYPAD_DIFFERENT;
        if (*sw != 0)
            return ERR_NONE;
    }
    return ERR_NONE;
}

/* tell_card — the command exists in the secure heap alone; to that very card, or to none. */
static enum err tell_card(const struct entry *e, struct out *rsp)
{
    struct secret *bytes = secret_new(PIN_COMMAND_MAX);
    enum err error = ERR_MEMORY;

    if (bytes != NULL) {
        struct out command = secret_out(bytes);
        if (pin_command(&e->block, e->digits, &command))
            error = reader_exchange_with(e->reader, e->insertion, out_in(&command), rsp);
        else
            out_u16(rsp, SW_KEYPAD_STRUCTURE), error = ERR_NONE;
    }
    secret_free(bytes);
    return error;
}

static sw_t last_word(const struct out *rsp)
{
    return rsp->n < 2 ? 0 : (sw_t)(rsp->p[rsp->n - 2] << 8 | rsp->p[rsp->n - 1]);
}

static enum err run(struct reader *r, struct entry *e, struct out *rsp)
{
    char path[PATH_MAX];
    const struct pinpad_card card = { path, still_there, e };
    enum err error;
    char words[KEYPAD_WORDS];
    sw_t sw = 0;

    e->reader = r;
    if (!reader_insertion(r, &e->insertion, path))
        return ERR_ABSENT;
    error = pinpad_begin(reader_pinpad(r), &card, &e->call) ? ask(e, &sw) : ERR_MEMORY;
    if (error == ERR_NONE && sw != 0)
        out_u16(rsp, sw);
    else if (error == ERR_NONE)
        error = tell_card(e, rsp);
    sw = error == ERR_NONE ? last_word(rsp) : SW_KEYPAD_CANCELLED;
    log_line(LEVEL_INFO, "reader %s: keypad: %s", reader_directory(r),
             error == ERR_NONE ? keypad_words(sw, words) : err_sentence(error));
    pinpad_end(&e->call, sw);
    for (size_t i = 0; i < PIN_ENTRIES_MAX; i++)
        secret_free(e->digits[i]);
    vault_sweep();
    return error;
}

enum err pin_verify(struct reader *r, struct in structure, struct out *rsp)
{
    struct entry e = { .insertion = 0 };

    if (pin_verify_parse(structure, &e.block))
        return run(r, &e, rsp);
    out_u16(rsp, SW_KEYPAD_STRUCTURE);
    return ERR_NONE;
}

enum err pin_modify(struct reader *r, struct in structure, struct out *rsp)
{
    struct entry e = { .insertion = 0 };

    if (pin_modify_parse(structure, &e.block))
        return run(r, &e, rsp);
    out_u16(rsp, SW_KEYPAD_STRUCTURE);
    return ERR_NONE;
}
