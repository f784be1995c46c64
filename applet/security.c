/* SPDX-License-Identifier: BSD-2-Clause */
/* security.c — the table of what each event forgets. */
#include "applet/security.h"

#include "applet/command.h"

#define PIN STATUS_PIN
#define GLOBAL STATUS_GLOBAL
#define FRESH STATUS_FRESH
#define ADMIN STATUS_ADMIN
#define HANDSHAKE STATUS_HANDSHAKE
#define RESPONSE STATUS_RESPONSE
#define CHAIN STATUS_CHAIN
#define KEYS STATUS_KEYS

static const unsigned forgets[EVENT_COUNT] = {
    [EVENT_POWER] = STATUS_ALL,
    /* The global PIN belongs to the platform, not to the application (SP 800-73-5 Part 2, 2.4.2). */
    [EVENT_DESELECT] = PIN | FRESH | ADMIN | HANDSHAKE | RESPONSE | CHAIN | KEYS,
    [EVENT_RESELECT] = PIN | FRESH | ADMIN | HANDSHAKE | KEYS,
    [EVENT_COMMAND] = FRESH | HANDSHAKE | RESPONSE | CHAIN,
    [EVENT_CHAIN] = RESPONSE | CHAIN,
    [EVENT_GET_RESPONSE] = CHAIN,
    [EVENT_PIN_FAILED] = PIN | FRESH | KEYS,
    [EVENT_GLOBAL_FAILED] = GLOBAL | FRESH | KEYS,
    [EVENT_KEY_USED] = FRESH,
    [EVENT_HANDSHAKE_BEGUN] = ADMIN | HANDSHAKE,
    /* "An aborted or failed execution of an authentication protocol": SP 800-73-5 Part 2, 2.4.2. */
    [EVENT_HANDSHAKE_FAILED] = ADMIN | HANDSHAKE,
};

void security_event(struct piv *p, enum event event)
{
    unsigned gone = forgets[event];

    /* One PIN may go while the other stays verified: then the card key stays with it. */
    if ((p->status & ~gone & (PIN | GLOBAL)) != 0)
        gone &= ~(unsigned)KEYS;
    p->status &= ~gone;
    if (gone & HANDSHAKE)
        handshake_drop(p);
    if (gone & RESPONSE)
        response_drop(p);
    if (gone & CHAIN)
        chain_drop(p);
    if (gone & KEYS)
        keys_drop(p);
}

/* SP 800-73-5 Part 1, 3.3.2: bit 7 of the policy = the application PIN, bit 6 = the global PIN. */
bool security_pin(const struct piv *p)
{
    const uint8_t *usage = p->card->pin_usage;

    return ((usage[0] & 0x40) != 0 && (p->status & PIN) != 0) || ((usage[0] & 0x20) != 0 && (p->status & GLOBAL) != 0);
}
