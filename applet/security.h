/* SPDX-License-Identifier: BSD-2-Clause */
/* security.h — the security status: what is true of the card right now, and which event forgets what.
 * SP 800-73-5 Part 2, 2.4.2; PIV.md sections 2.9 and 6.4. */
#ifndef VPIV_APPLET_SECURITY_H
#define VPIV_APPLET_SECURITY_H

#include <stdbool.h>

struct piv;

enum status {
    STATUS_PIN = 1 << 0,       /* 80 verified */
    STATUS_GLOBAL = 1 << 1,    /* 00 verified */
    STATUS_FRESH = 1 << 2,     /* … by the command just before: what "PIN always" asks for */
    STATUS_ADMIN = 1 << 3,     /* 9B authenticated */
    STATUS_HANDSHAKE = 1 << 4, /* a witness or challenge of 9B is out */
    STATUS_RESPONSE = 1 << 5,  /* the rest of an answer waits for GET RESPONSE */
    STATUS_CHAIN = 1 << 6,     /* blocks of a chained command are kept */
    STATUS_KEYS = 1 << 7,      /* card key and opened private keys are in memory */
    STATUS_ALL = (1 << 8) - 1,
};

enum event {
    EVENT_POWER,           /* reset, power-up and power-down, removal */
    EVENT_DESELECT,        /* another application is selected */
    EVENT_RESELECT,        /* PIV is selected again in the yubikey command set (piv: nothing changes) */
    EVENT_COMMAND,         /* a complete command begins, other than GET RESPONSE */
    EVENT_CHAIN,           /* a chain begins */
    EVENT_GET_RESPONSE,
    EVENT_PIN_FAILED,      /* wrong PIN, logout, wrong PUK while unblocking */
    EVENT_GLOBAL_FAILED,   /* the same of the global PIN */
    EVENT_KEY_USED,        /* a private key operation, also a failed one */
    EVENT_HANDSHAKE_BEGUN, /* a new witness or challenge is asked for */
    EVENT_HANDSHAKE_FAILED,/* one is answered that was never sent */
    EVENT_COUNT
};

/* security_event — forget what the table says; secrets behind a status are cleansed with it. */
void security_event(struct piv *piv, enum event event);

/* security_pin — the PIN rule of the discovery object is met. */
bool security_pin(const struct piv *piv);

#endif
