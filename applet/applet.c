/* SPDX-License-Identifier: BSD-2-Clause */
/* applet.c — one card under power: the order of an exchange, command chaining, GET RESPONSE. */
#include "applet/applet.h"

#include <string.h>

#include <openssl/err.h>

#include "applet/command.h"

struct piv *piv_new(const struct piv_env *env, struct card *card)
{
    struct piv *p = OPENSSL_zalloc(sizeof *p);

    if (p == NULL) {
        card_free(card);
        return NULL;
    }
    p->env = *env;
    p->card = card;
    p->handshake.nonce = secret_new(BLOCK_MAX);
    p->before_it.nonce = secret_new(BLOCK_MAX);
    p->pending = OPENSSL_malloc(PENDING_MAX);
    if (p->handshake.nonce == NULL || p->before_it.nonce == NULL || p->pending == NULL) {
        piv_free(p);
        return NULL;
    }
    return p;
}

void piv_free(struct piv *p)
{
    if (p == NULL)
        return;
    if (p->handshake.nonce != NULL && p->before_it.nonce != NULL) /* else it was never complete */
        piv_unpower(p);
    secret_free(p->handshake.nonce);
    secret_free(p->before_it.nonce);
    OPENSSL_free(p->pending);
    card_free(p->card);
    OPENSSL_clear_free(p, sizeof *p);
}

const struct atr *piv_power(struct piv *p)
{
    piv_unpower(p);
    p->powered = true;
    p->application = APPLICATION_PIV; /* by default, before any SELECT: SP 800-73-5 Part 2, 2.3.1 */
    return card_atr(p->card);
}

void piv_unpower(struct piv *p)
{
    security_event(p, EVENT_POWER);
    OPENSSL_cleanse(p->before_it.nonce->p, p->before_it.nonce->n); /* also of the handshake before */
    p->before_it.kind = HANDSHAKE_NONE;
    secret_drop(&p->chain);
    p->powered = false;
}

bool piv_powered(const struct piv *p)
{
    return p->powered;
}

const struct card *piv_card(const struct piv *p)
{
    return p->card;
}

/* Keys whose number is no longer on the card must not be found in memory. */
static void close_gone_keys(struct piv *p)
{
    for (size_t i = 0; i < CARD_KEYS_MAX; i++) {
        bool there = false;

        for (size_t k = 0; k < p->card->n_keys; k++)
            there |= p->card->keys[k].number == p->opened[i].number;
        if (!there && p->opened[i].number != 0) {
            key_close(p->opened[i].key);
            p->opened[i] = (struct opened){ 0, false, NULL };
        }
    }
}

enum err piv_commit(struct piv *p, struct card *next)
{
    enum err e = p->env.store(p->env.ctx, next);

    if (e != ERR_NONE) {
        card_free(next);
        return e;
    }
    card_free(p->card);
    p->card = next;
    close_gone_keys(p);
    return ERR_NONE;
}

/* --- what follows one answer ---------------------------------------------------------------------------- */

void response_drop(struct piv *p)
{
    OPENSSL_cleanse(p->pending, p->pending_n);
    p->pending_at = p->pending_n = 0;
}

static sw_t sw_of_rest(const struct piv *p)
{
    size_t rest = p->pending_n - p->pending_at;

    return rest == 0 ? SW_SUCCESS : (sw_t)(SW_MORE | (rest > 0xFF ? 0 : rest));
}

/* ISO/IEC 7816-4, 7.6.1. */
static sw_t get_response(struct piv *p, const struct apdu *c, struct out *rsp)
{
    size_t rest = p->pending_n - p->pending_at, n = c->ne < rest ? c->ne : rest;
    sw_t sw;

    if (c->p1 != 0x00 || c->p2 != 0x00)
        return SW_WRONG_P1P2;
    if ((p->status & STATUS_RESPONSE) == 0)
        return SW_CONDITIONS;
    out_put(rsp, in_of(p->pending + p->pending_at, n));
    if (rsp->bad) /* it stays, and can be asked for again */
        return SW_WRONG_LENGTH;
    p->pending_at += n;
    sw = sw_of_rest(p);
    if (sw == SW_SUCCESS) {
        p->status &= ~(unsigned)STATUS_RESPONSE;
        response_drop(p);
    }
    return sw;
}

/* Keep what is longer than the host wants; only then say 61xx. */
static sw_t cut(struct piv *p, size_t ne, struct out *rsp)
{
    struct in whole = out_in(rsp), head;
    struct out pending = out_of(p->pending, PENDING_MAX);

    if (rsp->n <= ne || !in_take(&whole, ne, &head))
        return SW_SUCCESS;
    out_put(&pending, whole);
    if (pending.bad)
        return SW_WRONG_LENGTH;
    OPENSSL_cleanse(rsp->p + ne, rsp->n - ne);
    out_cut(rsp, ne);
    p->pending_at = 0;
    p->pending_n = pending.n;
    p->status |= STATUS_RESPONSE;
    return sw_of_rest(p);
}

/* --- command chaining: ISO/IEC 7816-4, 5.3.3 ------------------------------------------------------------ */

void chain_drop(struct piv *p)
{
    if (p->chain != NULL)
        OPENSSL_cleanse(p->chain->p, p->chain_n);
    p->chain_n = 0;
}

static bool chain_goes_on(const struct piv *p, const struct apdu *c)
{
    return (p->status & STATUS_CHAIN) != 0 && c->ins == p->chain_head.ins && c->p1 == p->chain_head.p1 &&
           c->p2 == p->chain_head.p2;
}

static bool chain_add(struct piv *p, struct in block)
{
    struct out all = { p->chain->p, p->chain_n, p->chain->n, false };

    out_put(&all, block);
    p->chain_n = all.n;
    return !all.bad;
}

static sw_t chain_block(struct piv *p, const struct apdu *c)
{
    sw_t sw;

    if (!chain_goes_on(p, c)) {
        security_event(p, EVENT_CHAIN);
        /* What may not be done is refused at the first block: nothing is kept for strangers. */
        sw = command_admit(p, c);
        if (sw != SW_SUCCESS)
            return sw;
        if (p->chain == NULL && (p->chain = secret_new(CHAIN_MAX)) == NULL)
            return SW_MEMORY_FAILURE;
        p->chain_head = (struct apdu){ .ins = c->ins, .p1 = c->p1, .p2 = c->p2 };
        p->status |= STATUS_CHAIN;
    }
    if (!chain_add(p, c->data)) {
        security_event(p, EVENT_CHAIN);
        return SW_WRONG_LENGTH;
    }
    return SW_SUCCESS;
}

/* --- one exchange --------------------------------------------------------------------------------------- */

/* A complete command.  `before` is what was true when it began: a fresh PIN and a handshake serve the command right
 * after them and no other. */
static sw_t run(struct piv *p, struct apdu *c, struct out *rsp)
{
    struct secret *chain = NULL;
    struct handshake sent;
    sw_t sw;

    if (chain_goes_on(p, c)) {
        if (!chain_add(p, c->data)) {
            security_event(p, EVENT_COMMAND);
            return SW_WRONG_LENGTH;
        }
        /* The blocks move out of the way of EVENT_COMMAND, which forgets an interrupted chain. */
        chain = p->chain;
        c->data = in_of(chain->p, p->chain_n);
        p->chain = NULL;
    }
    p->before = p->status;
    sent = p->handshake;
    p->handshake = p->before_it;
    p->before_it = sent;
    security_event(p, EVENT_COMMAND);
    sw = command_run(p, c, rsp);
    if (chain != NULL) {
        OPENSSL_cleanse(chain->p, chain->n);
        p->chain = chain;
    }
    /* Half an answer must not become "and more": piv_exchange refuses it. */
    return sw == SW_SUCCESS && !rsp->bad ? cut(p, c->ne, rsp) : sw;
}

static sw_t exchange(struct piv *p, struct in cmd, struct out *rsp)
{
    struct apdu c;
    sw_t sw;

    if (cmd.n > PIV_COMMAND_MAX || !apdu_parse(cmd, &c)) {
        security_event(p, EVENT_COMMAND);
        return SW_WRONG_LENGTH;
    }
    sw = apdu_class(&c);
    if (sw != SW_SUCCESS) {
        security_event(p, EVENT_COMMAND);
        return sw;
    }
    if (c.ins == INS_GET_RESPONSE) {
        security_event(p, EVENT_GET_RESPONSE);
        return get_response(p, &c, rsp);
    }
    return apdu_chained(&c) ? chain_block(p, &c) : run(p, &c, rsp);
}

/* What others left in this thread is not ours to find, nor ours theirs.  An empty queue is the rule, and asking costs
 * a tenth of clearing. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

void piv_exchange(struct piv *p, struct in cmd, struct out *rsp)
{
    struct out body = out_of(rsp->p, rsp->cap > PIV_RESPONSE_MAX ? PIV_RESPONSE_MAX - 2 : rsp->cap - 2);
    bool more;
    sw_t sw;

    forget_errors();
    sw = exchange(p, cmd, &body);
    if (body.bad && sw == SW_SUCCESS)
        sw = SW_WRONG_LENGTH;
    more = (sw & 0xFF00) == SW_MORE;
    if (sw != SW_SUCCESS && !more)
        out_cut(&body, 0);
    rsp->n = body.n;
    out_u16(rsp, sw);
    forget_errors();
}
