/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_pcsc.h — the wire through PC/SC, open: for the rows that are about the reader itself. */
#ifndef VPIV_TOOLS_CONFORM_PCSC_H
#define VPIV_TOOLS_CONFORM_PCSC_H

#include <winscard.h>

#include "tools/conform.h"

enum { PCSC_ATR_MAX = 33, PCSC_BOTH = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1 };

struct pcsc {
    SCARDCONTEXT context;
    SCARDHANDLE card;
    DWORD protocol;
    char reader[MAX_READERNAME];
    uint8_t atr[PCSC_ATR_MAX];
    size_t atr_n;
    uint8_t *buffer; /* for one answer */
};

/* pcsc_send — one exchange on any handle; the answer is put behind what `answer` holds. */
bool pcsc_send(struct pcsc *pcsc, SCARDHANDLE card, DWORD protocol, struct in command, struct out *answer);

#endif
