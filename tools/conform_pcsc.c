/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_pcsc.c — the wire to a card in any PC/SC reader. */
#include "tools/conform_pcsc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <reader.h>

enum { NAMES_MAX = 16 };

bool pcsc_send(struct pcsc *pcsc, SCARDHANDLE card, DWORD protocol, struct in command, struct out *answer)
{
    const SCARD_IO_REQUEST *pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    DWORD n = MAX_BUFFER_SIZE_EXTENDED;

    if (SCardTransmit(card, pci, command.p, command.n, NULL, pcsc->buffer, &n) != SCARD_S_SUCCESS)
        return false;
    out_put(answer, in_of(pcsc->buffer, n));
    return !answer->bad;
}

static bool send(void *ctx, struct in command, struct out *answer)
{
    struct pcsc *p = ctx;

    return pcsc_send(p, p->card, p->protocol, command, answer);
}

static bool read_atr(struct pcsc *p)
{
    DWORD n = sizeof p->atr, name = 0, state, protocol;

    if (SCardStatus(p->card, NULL, &name, &state, &protocol, p->atr, &n) != SCARD_S_SUCCESS)
        return false;
    p->atr_n = n;
    return true;
}

static bool reset(void *ctx, bool cold)
{
    struct pcsc *p = ctx;
    DWORD how = cold ? SCARD_UNPOWER_CARD : SCARD_RESET_CARD;

    return SCardReconnect(p->card, SCARD_SHARE_SHARED, PCSC_BOTH, how, &p->protocol) == SCARD_S_SUCCESS &&
           read_atr(p);
}

static struct in atr(void *ctx)
{
    const struct pcsc *p = ctx;

    return in_of(p->atr, p->atr_n);
}

static bool has_card(const struct pcsc *p, const char *name)
{
    SCARD_READERSTATE state = { .szReader = name };

    return SCardGetStatusChange(p->context, 0, &state, 1) == SCARD_S_SUCCESS &&
           (state.dwEventState & SCARD_STATE_PRESENT) != 0;
}

/* NULL: every reader with a card; a number: that one in the order of PC/SC; else the name or a part of it. */
static bool wanted(const struct pcsc *p, const char *name, unsigned number, const char *wish)
{
    if (wish == NULL)
        return has_card(p, name);
    if (*wish != '\0' && strspn(wish, "0123456789") == strlen(wish))
        return strtoul(wish, NULL, 10) == number;
    return strcasestr(name, wish) != NULL;
}

/* The one reader that fits; an exact name wins over a part. */
static bool choose(struct pcsc *p, const char *wish, struct why *why)
{
    char names[NAMES_MAX * MAX_READERNAME];
    DWORD n = sizeof names;
    unsigned number = 0, found = 0;

    if (SCardListReaders(p->context, NULL, names, &n) != SCARD_S_SUCCESS)
        n = 0;
    for (const char *name = names; n > 1 && *name != '\0'; name += strlen(name) + 1, number++) {
        bool exact = wish != NULL && strcmp(name, wish) == 0;
        if (!exact && !wanted(p, name, number, wish))
            continue;
        snprintf(p->reader, sizeof p->reader, "%.*s", (int)sizeof p->reader - 1, name);
        found = exact ? 1 : found + 1;
        if (exact)
            break;
    }
    if (found == 1)
        return true;
    if (found > 1)
        why_set(why, ERR_DATA, "%u readers fit; choose one with -r READER (its number or name)", found);
    else if (wish == NULL)
        why_set(why, ERR_ABSENT, "no reader has a card in it");
    else
        why_set(why, ERR_ABSENT, "%s: there is no such reader", wish);
    return false;
}

bool wire_pcsc_open(struct wire *wire, const char *reader, struct why *why)
{
    struct pcsc *p = calloc(1, sizeof *p);
    LONG status;

    *wire = (struct wire){ .ctx = p, .send = send, .reset = reset, .atr = atr, .pcsc = p };
    if (p == NULL || (p->buffer = malloc(MAX_BUFFER_SIZE_EXTENDED)) == NULL) {
        why_set(why, ERR_MEMORY, "%s", err_sentence(ERR_MEMORY));
        return false;
    }
    status = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &p->context);
    if (status != SCARD_S_SUCCESS) {
        why_set(why, ERR_ABSENT, "pcscd cannot be reached: %s", pcsc_stringify_error(status));
        return false;
    }
    if (!choose(p, reader, why))
        return false;
    wire->name = p->reader;
    status = SCardConnect(p->context, p->reader, SCARD_SHARE_SHARED, PCSC_BOTH, &p->card, &p->protocol);
    if (status != SCARD_S_SUCCESS || !read_atr(p)) {
        why_set(why, ERR_ABSENT, "%s: no card can be reached: %s", p->reader, pcsc_stringify_error(status));
        return false;
    }
    return true;
}

void wire_pcsc_close(struct wire *wire)
{
    struct pcsc *p = wire->pcsc;

    if (p == NULL)
        return;
    if (p->card != 0)
        SCardDisconnect(p->card, SCARD_RESET_CARD);
    if (p->context != 0)
        SCardReleaseContext(p->context);
    if (p->buffer != NULL)
        OPENSSL_clear_free(p->buffer, MAX_BUFFER_SIZE_EXTENDED);
    free(p);
    wire->pcsc = NULL;
}
