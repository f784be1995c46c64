/* SPDX-License-Identifier: BSD-2-Clause */
/* pin.c — VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER.
 *
 * Verifying is unsealing: nothing on disk can be compared with a PIN.  The order is part of the contract: the lower
 * count is durable (tries_spend) before anything is compared.
 */
#include "applet/command.h"

#include <string.h>

enum { PIN_SIZE = 8 };

/* Key references of the reference data.  SP 800-73-5 Part 1, table 5. */
static const struct pin_row {
    uint8_t ref;
    enum pin pin;
    bool verify, change;   /* commands that name it */
    unsigned status;
    enum event failed;
} pins[] = {
    { 0x80, PIN_APPLICATION, true, true, STATUS_PIN, EVENT_PIN_FAILED },
    { 0x81, PIN_PUK, false, true, 0, EVENT_COUNT },
    { 0x00, PIN_GLOBAL, true, true, STATUS_GLOBAL, EVENT_GLOBAL_FAILED },
};

static const struct pin_row *row_of(enum pin which)
{
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++)
        if (pins[i].pin == which)
            return &pins[i];
    return NULL;
}

/* The row behind P2, if the discovery object's policy has it. */
static const struct pin_row *row_by_ref(const struct piv *p, uint8_t ref)
{
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++)
        if (pins[i].ref == ref && (pins[i].pin != PIN_GLOBAL || (p->card->pin_usage[0] & 0x20) != 0))
            return &pins[i];
    return NULL;
}

static sw_t sw_of_tries(uint8_t left)
{
    return (sw_t)(SW_TRIES | (left > 0x0F ? 0x0F : left));
}

static sw_t sw_of_proof(enum err e, uint8_t left)
{
    return e == ERR_WRONG ? sw_of_tries(left) : sw_of(e);
}

/* What a new PIN must look like.  piv: 6 to 8 digits, then FF (SP 800-73-5 Part 2, 2.4.3); a PUK is any 8 bytes.
 * yubikey: 6 to 8 bytes other than FF, then FF. */
static bool acceptable(const struct piv *p, enum pin which, struct in pin)
{
    bool digits = piv_set(p) == SET_PIV && which != PIN_PUK;
    bool padding = false;
    size_t n = 0;
    uint8_t b;

    if (pin.n != PIN_SIZE)
        return false;
    if (piv_set(p) == SET_PIV && which == PIN_PUK)
        return true;
    for (; in_u8(&pin, &b); n += !padding) {
        if (b == 0xFF)
            padding = true;
        else if (padding || (digits && (b < '0' || b > '9')))
            return false;
    }
    return n >= 6;
}

/* A shortcut for the next VERIFY and nothing more: where it cannot be had, that one unseals again. */
static void remember(struct piv *p, enum pin which, struct in pin)
{
    uint8_t label = (uint8_t)which;

    p->remembered[which] = false;
    if (p->session == NULL) {
        p->session = secret_new(32);
        if (p->session == NULL)
            return;
        if (p->env.random(p->env.ctx, p->session->p, p->session->n) != ERR_NONE) {
            secret_drop(&p->session); /* a key that is not random would let anyone guess the PIN from its hash */
            return;
        }
    }
    p->remembered[which] =
        mac(p->env.lib, secret_in(p->session), in_of(&label, 1), pin, p->remembers[which]) == ERR_NONE;
}

/* Compare; the try is spent already.  In a session that has verified this PIN before, a keyed hash under a random
 * key says the same as unsealing (at a thousandth of the cost). */
static enum err prove(struct piv *p, enum pin which, struct in pin, struct secret **card_key)
{
    const struct seal *seal = &p->card->pin[which];
    uint8_t label = (uint8_t)which, hash[32];
    enum err e;

    if (seal->log_n == 0)
        return ERR_BLOCKED;
    if (p->card_key == NULL || !p->remembered[which])
        return open_pin(&p->env, p->card->guid, which, pin, seal, card_key);
    e = mac(p->env.lib, secret_in(p->session), in_of(&label, 1), pin, hash);
    if (e == ERR_NONE && CRYPTO_memcmp(hash, p->remembers[which], sizeof hash) != 0)
        e = ERR_WRONG;
    OPENSSL_cleanse(hash, sizeof hash);
    if (e == ERR_NONE && (*card_key = secret_copy(secret_in(p->card_key))) == NULL)
        e = ERR_MEMORY;
    return e;
}

/* Spend a try, then prove.  On success the count is still the lower one: the caller restores it at its end. */
static enum err spend_and_prove(struct piv *p, enum pin which, struct in pin, uint8_t *left, struct secret **card_key)
{
    enum err e = p->env.tries_spend(p->env.ctx, which, left);

    return e != ERR_NONE ? e : prove(p, which, pin, card_key);
}

static void verified(struct piv *p, const struct pin_row *row, struct secret *card_key)
{
    secret_free(p->card_key);
    p->card_key = card_key;
    p->status |= row->status | STATUS_FRESH | STATUS_KEYS;
}

enum err piv_verify(struct piv *p, enum pin which, struct in pin, uint8_t *left)
{
    const struct pin_row *row = row_of(which);
    struct secret *card_key = NULL;
    enum err e;

    if (!row->verify)
        return ERR_UNSUPPORTED; /* the PUK has no status to be true of */
    e = spend_and_prove(p, which, pin, left, &card_key);
    if (e == ERR_NONE)
        e = p->env.tries_restore(p->env.ctx, which);
    if (e != ERR_NONE) {
        secret_free(card_key);
        if (e == ERR_WRONG || e == ERR_BLOCKED)
            security_event(p, row->failed);
        return e;
    }
    remember(p, which, pin);
    verified(p, row, card_key);
    return ERR_NONE;
}

static sw_t ask(struct piv *p, const struct pin_row *row)
{
    struct tries tries;
    enum err e;

    if (p->status & row->status)
        return SW_SUCCESS;
    e = p->env.tries_read(p->env.ctx, &tries);
    if (e != ERR_NONE)
        return sw_of(e);
    return tries.left[row->pin] == 0 ? SW_BLOCKED : sw_of_tries(tries.left[row->pin]);
}

/* Blocked comes before the length: a blocked card looks at nothing. */
static sw_t check_blocked(struct piv *p, enum pin which)
{
    struct tries tries;
    enum err e = p->env.tries_read(p->env.ctx, &tries);

    if (e != ERR_NONE)
        return sw_of(e);
    return tries.left[which] == 0 ? SW_BLOCKED : SW_SUCCESS;
}

/* SP 800-73-5 Part 2, 3.2.1. */
sw_t cmd_verify(struct piv *p, const struct apdu *c, struct out *rsp)
{
    enum { P1_VERIFY = 0x00, P1_RESET = 0xFF };
    const struct pin_row *row = row_by_ref(p, c->p2);
    uint8_t left = 0;
    enum err e;
    sw_t sw;

    (void)rsp;
    if (c->p1 != P1_VERIFY && c->p1 != P1_RESET)
        return SW_WRONG_P1P2;
    if (row == NULL || !row->verify)
        return SW_REFERENCE_NOT_FOUND;
    if (c->p1 == P1_RESET) {
        if (!in_end(&c->data))
            return SW_WRONG_DATA;
        security_event(p, row->failed);
        return SW_SUCCESS;
    }
    if (in_end(&c->data))
        return ask(p, row); /* an empty VERIFY asks, it does not count */
    sw = check_blocked(p, row->pin);
    if (sw != SW_SUCCESS)
        return sw;
    if (c->data.n != PIN_SIZE)
        return SW_WRONG_DATA;
    /* An ill-formed PIN is a wrong PIN: Yubico's tools block a card with eight bytes of FF. */
    e = piv_verify(p, row->pin, c->data, &left);
    return sw_of_proof(e, left);
}

/* The proof was right but the new value is not: the count is what it was before, not what success would make it. */
static enum err give_back(struct piv *p, enum pin which)
{
    struct tries tries;
    enum err e = p->env.tries_read(p->env.ctx, &tries);

    if (e == ERR_NONE && tries.left[which] < tries.allowed[which]) {
        tries.left[which]++;
        e = p->env.tries_write(p->env.ctx, &tries);
    }
    return e != ERR_NONE ? e : ERR_DATA;
}

/* The card key is known: seal it under the new value, store the card. */
static enum err reseal(struct piv *p, enum pin which, struct in value, const struct secret *card_key)
{
    struct secret *pin = secret_copy(value);
    struct card *next = NULL;
    struct seal *seal;
    enum err e = pin == NULL ? ERR_MEMORY : card_copy(p->card, &next);

    if (e == ERR_NONE) {
        seal = &next->pin[which];
        e = seal_pin(&p->env, next->guid, which, pin, card_key, p->card->pin[which].log_n, seal);
        seal->standard = pin_is_known(next, which, value);
    }
    secret_free(pin);
    if (e == ERR_NONE)
        return piv_commit(p, next);
    card_free(next);
    return e;
}

/* What the right proof does to the counters: its own is whole again, and so is that of the value it may set.
 * before: what they were, with the proof's made whole. */
static enum err restore(struct piv *p, enum pin proof, enum pin which, struct tries *before)
{
    struct tries after;
    enum err e = p->env.tries_read(p->env.ctx, before);

    if (e != ERR_NONE)
        return e;
    before->left[proof] = before->allowed[proof];
    if (proof == which)
        return p->env.tries_restore(p->env.ctx, which);
    after = *before;
    after.left[which] = after.allowed[which];
    return p->env.tries_write(p->env.ctx, &after);
}

/* The counters first, the card last: when the card cannot be stored, the old value is still the value, and the host
 * is told so (6581).  The count of a PIN that was not proven goes back then to what it was. */
static enum err restore_and_reseal(struct piv *p, enum pin proof, enum pin which, struct in next,
                                   const struct secret *card_key)
{
    struct tries before;
    enum err e = restore(p, proof, which, &before);

    if (e != ERR_NONE)
        return e;
    e = reseal(p, which, next, card_key);
    if (e != ERR_NONE && proof != which)
        (void)!p->env.tries_write(p->env.ctx, &before);
    return e;
}

enum err piv_change(struct piv *p, enum pin proof, struct in old, enum pin which, struct in next, uint8_t *left)
{
    const struct pin_row *row = row_of(which);
    struct secret *card_key = NULL;
    enum err e = spend_and_prove(p, proof, old, left, &card_key);

    if (e == ERR_NONE && !acceptable(p, which, next)) {
        secret_free(card_key);
        return give_back(p, proof);
    }
    if (e == ERR_NONE)
        e = restore_and_reseal(p, proof, which, next, card_key);
    if (e != ERR_NONE) {
        secret_free(card_key);
        if (row->status != 0 && (e == ERR_WRONG || e == ERR_BLOCKED))
            security_event(p, row->failed);
        return e;
    }
    p->remembered[which] = false;
    /* A change proves the PIN and so verifies it; unblocking with the PUK does not log in. */
    if (proof != which || row->status == 0) {
        secret_free(card_key);
        return ERR_NONE;
    }
    remember(p, which, next);
    verified(p, row, card_key);
    return ERR_NONE;
}

static sw_t change(struct piv *p, const struct apdu *c, enum pin proof, enum pin which)
{
    struct in body = c->data, old, next;
    uint8_t left = 0;
    sw_t sw = check_blocked(p, proof);
    enum err e;

    if (sw != SW_SUCCESS)
        return sw;
    if (!in_take(&body, PIN_SIZE, &old) || !in_take(&body, PIN_SIZE, &next) || !in_end(&body))
        return SW_WRONG_DATA;
    e = piv_change(p, proof, old, which, next, &left);
    return sw_of_proof(e, left);
}

/* SP 800-73-5 Part 2, 3.2.2. */
sw_t cmd_change_reference(struct piv *p, const struct apdu *c, struct out *rsp)
{
    const struct pin_row *row = row_by_ref(p, c->p2);

    (void)rsp;
    return row == NULL || !row->change ? SW_REFERENCE_NOT_FOUND : change(p, c, row->pin, row->pin);
}

/* SP 800-73-5 Part 2, 3.2.3. */
sw_t cmd_reset_retry_counter(struct piv *p, const struct apdu *c, struct out *rsp)
{
    (void)rsp;
    return c->p2 != 0x80 ? SW_REFERENCE_NOT_FOUND : change(p, c, PIN_PUK, PIN_APPLICATION);
}
