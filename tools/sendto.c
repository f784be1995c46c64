/* SPDX-License-Identifier: BSD-2-Clause */
/* sendto.c — from -c, -r and -t to a wire; the wire to a card file is here. */
#include "tools/sendto.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "applet/applet.h"
#include "tools/pick.h"

/* struct filed — a card file and the applet on it, as the driver has them. */
struct filed {
    struct picked picked;
    struct piv *piv;
    uint8_t *answer; /* PIV_RESPONSE_MAX */
    bool test;
};

static bool filed_send(void *ctx, struct in command, struct out *answer)
{
    struct filed *f = ctx;
    struct out out = out_of(f->answer, PIV_RESPONSE_MAX);

    piv_exchange(f->piv, command, &out);
    out_put(answer, out_in(&out));
    OPENSSL_cleanse(f->answer, out.n);
    return !answer->bad;
}

static bool filed_reset(void *ctx, bool cold)
{
    struct filed *f = ctx;

    if (cold)
        piv_unpower(f->piv);
    return piv_power(f->piv) != NULL;
}

static struct in filed_atr(void *ctx)
{
    const struct filed *f = ctx;
    const struct atr *a = card_atr(piv_card(f->piv));

    return in_of(a->bytes, a->n);
}

static void filed_close(struct filed *f)
{
    if (f == NULL)
        return;
    piv_free(f->piv);
    pick_clear(&f->picked);
    free(f->answer);
    free(f);
}

static bool filed_open(struct cli *cli, const char *card, struct wire *wire)
{
    struct filed *f = calloc(1, sizeof *f);

    if (f == NULL || (f->answer = malloc(PIV_RESPONSE_MAX)) == NULL) {
        free(f);
        return cli_fail(cli, ERR_MEMORY, NULL), false;
    }
    if (!pick(cli, card, &f->picked)) {
        filed_close(f);
        return false;
    }
    struct piv_env env = cardfile_env(f->picked.file);
    f->test = f->picked.card->test;
    f->piv = piv_new(&env, f->picked.card);
    f->picked.card = NULL; /* taken */
    if (f->piv == NULL || piv_power(f->piv) == NULL) {
        filed_close(f);
        return cli_fail(cli, ERR_MEMORY, NULL), false;
    }
    *wire = (struct wire){ .ctx = f, .name = f->picked.name, .send = filed_send, .reset = filed_reset,
                           .atr = filed_atr };
    return true;
}

bool sendto_open(struct cli *cli, const struct sendto_options *o, struct wire *wire)
{
    struct why why = { "" };
    bool open;

    *wire = (struct wire){ .ctx = NULL };
    if ((o->card != NULL) + (o->reader != NULL) + o->test > 1)
        return cli_usage(cli, "-c, -r and -t name different cards: one of them"), false;
    if (o->persona != NULL && (!o->test || persona_by_name(o->persona) == NULL))
        return cli_usage(cli, o->test ? "there is no persona '%s'" : "--persona is the test card's: -t", o->persona),
               false;
    if (o->card != NULL)
        return filed_open(cli, o->card, wire);
    open = o->test ? wire_applet_open(wire, o->persona == NULL ? "piv" : o->persona, ALG_3DES, &why)
                   : wire_pcsc_open(wire, o->reader, &why);
    return open || (cli_fail(cli, ERR_ABSENT, &why), sendto_close(wire), false);
}

void sendto_close(struct wire *wire)
{
    if (wire->pcsc != NULL)
        wire_pcsc_close(wire);
    else if (wire->send == filed_send)
        filed_close(wire->ctx);
    else if (wire->ctx != NULL)
        wire_applet_close(wire);
    *wire = (struct wire){ .ctx = NULL };
}

bool sendto_is_test(const struct wire *wire)
{
    const struct filed *f = wire->ctx;

    return wire->pcsc == NULL && (wire->send != filed_send || f->test);
}
