/* SPDX-License-Identifier: BSD-2-Clause */
/* replay.c — `vpiv replay`: a recorded session to a card, until it answers something else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "applet/applet.h"
#include "tools/newcard.h"
#include "tools/sendto.h"
#include "tools/tracediff.h"

struct replay_options {
    struct sendto_options to;
    const char *pin, *diff, *from;
    bool all, exact;
};

#define AT(member) offsetof(struct replay_options, member)
static const struct option_row rows[] = {
    SENDTO_ROWS(AT(to)),
    { "pin", 0, OPTION_SECRET, "PASS", AT(pin), "the PIN, where the trace has a masked one (a test card's is known)",
      NULL },
    { "from", 0, OPTION_TEXT, "N", AT(from), "this reader of the trace (the first)", NULL },
    { "diff", 0, OPTION_TEXT, "OTHER", AT(diff), "send nothing: show where this trace and that one differ", NULL },
    { "all", 'a', OPTION_FLAG, NULL, AT(all), "go on after a difference", NULL },
    { "exact", 0, OPTION_FLAG, NULL, AT(exact), "signatures and new keys are compared too", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

struct replay {
    struct cli *cli;
    const struct replay_options *options;
    struct wire wire;
    struct secret *pin; /* 8 bytes, or NULL */
    bool test;
    bool fetched;
    uint8_t *room;      /* one command, one answer */
    unsigned long sent, left_out, different;
};

/* ---- What the mask has taken ---- */

static bool hides(const struct traced *t, size_t from)
{
    for (size_t i = from; i < t->n; i++)
        if (t->hidden[i])
            return true;
    return false;
}

/* fill — a command as it may be sent.  A PIN that was right is the PIN; one that was wrong is any other, which costs a
 * try: on test cards alone.  False: it cannot be said again. */
static bool fill(struct replay *r, const struct exchange *e, uint8_t *command)
{
    enum { VERIFY = 0x20, PIN = 0x80, BEFORE = 5, SIZE = 8 };
    static const uint8_t wrong[SIZE] = { '9', '0', '9', '0', '9', '0', 0xFF, 0xFF };
    const struct traced *c = &e->command;
    struct in answer = traced_in(&e->answer);
    struct out to = out_of(command, c->n);
    uint16_t sw = 0;

    out_put(&to, in_of(c->bytes, c->n));
    if (!hides(c, 0))
        return true;
    if (c->n < BEFORE + SIZE || c->bytes[1] != VERIFY || c->bytes[3] != PIN || c->bytes[4] != SIZE)
        return false;
    if (!in_u16(&answer, &sw))
        return false;
    out_cut(&to, BEFORE);
    if (sw == SW_SUCCESS && r->pin != NULL)
        out_put(&to, secret_in(r->pin));
    else if (sw != SW_SUCCESS && r->test)
        out_put(&to, in_of(wrong, SIZE));
    else
        return false;
    return true;
}

/* ---- Sending ---- */

static bool text_of(struct in bytes, char **text)
{
    uint8_t b;
    size_t n = 0;

    *text = malloc(2 * bytes.n + 1);
    if (*text == NULL)
        return false;
    (*text)[0] = '\0';
    while (in_u8(&bytes, &b))
        n += (size_t)sprintf(*text + n, "%02X", b);
    return true;
}

static void tell(struct replay *r, const struct exchange *e, struct in answer, size_t number)
{
    struct exchange now = *e;
    char *text = NULL;

    r->different++;
    if (!text_of(answer, &text))
        return;
    now.answer = (struct traced){ .text = text, .bytes = (uint8_t *)(uintptr_t)answer.p, .n = answer.n };
    printf("exchange %zu differs: the trace, and what came now\n", number);
    exchange_show('-', e);
    exchange_show('+', &now);
    free(text);
}

/* one — false: stop. */
static bool one(struct replay *r, const struct exchange *e, size_t number)
{
    struct out answer = out_of(r->room + PIV_COMMAND_MAX, PIV_RESPONSE_MAX);
    bool nothing[2] = { false, false };

    if (e->command.n > PIV_COMMAND_MAX || e->answer.n < 2 || !fill(r, e, r->room)) {
        r->left_out++;
        return true;
    }
    r->sent++;
    if (e->reset && !r->wire.reset(r->wire.ctx, true))
        return cli_refuse(r->cli, "%s: the card cannot be reset", r->wire.name), false;
    if (!r->wire.send(r->wire.ctx, in_of(r->room, e->command.n), &answer))
        return cli_refuse(r->cli, "%s: the card did not answer exchange %zu", r->wire.name, number), false;
    bool *hidden = calloc(answer.n + 1, sizeof *hidden);
    struct traced now = { .bytes = answer.p, .hidden = hidden != NULL ? hidden : nothing, .n = answer.n };
    bool same = hidden != NULL && answers_same(traced_in(&e->command), &e->answer, &now, r->options->exact,
                                               &r->fetched);
    free(hidden);
    if (!same)
        tell(r, e, out_in(&answer), number);
    OPENSSL_cleanse(r->room, e->command.n);
    return same || r->options->all;
}

static bool known_pin(struct replay *r)
{
    const struct ask ask = { .spec = r->options->pin, .option = "--pin" };

    r->test = sendto_is_test(&r->wire);
    if (r->options->pin != NULL)
        return ask_pin(r->cli, &ask, &r->pin);
    return !r->test || factory_pin(&r->pin) == ERR_NONE || (cli_fail(r->cli, ERR_MEMORY, NULL), false);
}

static int play(struct cli *cli, const struct replay_options *o, const struct exchanges *session)
{
    struct replay r = { .cli = cli, .options = o };
    bool ok = sendto_open(cli, &o->to, &r.wire);

    if (!ok)
        return cli->status;
    ok = known_pin(&r);
    r.room = OPENSSL_malloc(PIV_COMMAND_MAX + PIV_RESPONSE_MAX);
    ok = ok && (r.room != NULL || (cli_fail(cli, ERR_MEMORY, NULL), false));
    for (size_t i = 0; ok && i < session->n; i++)
        if (!one(&r, &session->p[i], i + 1))
            break;
    if (ok && cli->status == CLI_DONE && (r.different == 0 || o->all))
        printf("%lu exchanges, %lu different, %lu left out\n", r.sent, r.different, r.left_out);
    sendto_close(&r.wire);
    secret_free(r.pin);
    OPENSSL_clear_free(r.room, PIV_COMMAND_MAX + PIV_RESPONSE_MAX);
    return ok && r.different == 0 ? cli->status : CLI_FAILED;
}

int verb_replay(struct cli *cli, int argc, char **argv)
{
    struct replay_options o = { .all = false };
    struct exchanges session = { NULL, 0 }, other = { NULL, 0 };
    int status = CLI_FAILED;

    if (!cli_options(cli, rows, &o, &argc, &argv))
        return cli->status;
    if (o.diff != NULL && (o.to.card != NULL || o.to.reader != NULL || o.to.test))
        return cli_usage(cli, "--diff sends nothing to a card");
    if (exchanges_read(cli, argv[0], o.from, &session)) {
        if (o.diff == NULL)
            status = play(cli, &o, &session);
        else if (exchanges_read(cli, o.diff, o.from, &other))
            status = traces_show_diff(&session, &other, o.exact) == 0 ? CLI_DONE : CLI_FAILED;
    }
    exchanges_clear(&session);
    exchanges_clear(&other);
    return status;
}
