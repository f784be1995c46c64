/* SPDX-License-Identifier: BSD-2-Clause */
/* persona.h — what a card looks like from outside.  Command set, ATR and reader name are three separate settings;
 * a persona is a preset of the three (DESIGN.md section 4, PIV.md section 9). */
#ifndef VPIV_APPLET_PERSONA_H
#define VPIV_APPLET_PERSONA_H

#include "applet/tlv.h"

enum command_set { SET_PIV = 1, SET_YUBIKEY = 2 };
enum { SET_ALL = SET_PIV | SET_YUBIKEY };

/* struct atr — a named answer to reset.  ISO/IEC 7816-3, 8.2: at most 33 bytes. */
struct atr {
    const char *name;
    uint8_t n;
    uint8_t bytes[33];
};

struct persona {
    const char *name;
    enum command_set set;
    const char *reader;      /* the reader's name, as pcscd shows it before its two numbers */
    const char *atr;         /* the ATR when the card says "auto" and holds nothing that needs another one */
    /* … when SELECT must list algorithms: OpenSC never selects a card whose ATR has the AID. */
    const char *atr_announce;
};

#define PERSONA_COUNT 2
extern const struct persona personas[PERSONA_COUNT];

#define ATR_COUNT 6
extern const struct atr atrs[ATR_COUNT];

const struct persona *persona_by_name(const char *name);
const struct atr *atr_by_name(const char *name);

#endif
