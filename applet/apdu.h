/* SPDX-License-Identifier: BSD-2-Clause */
/* apdu.h — bytes to a command APDU: the length cases of ISO/IEC 7816-3, 12.1, and the class byte of 7816-4, 5.4.1. */
#ifndef VPIV_APPLET_APDU_H
#define VPIV_APPLET_APDU_H

#include "applet/tlv.h"

struct apdu {
    uint8_t cla, ins, p1, p2;
    struct in data; /* borrowed from the command */
    size_t ne;      /* at most so many bytes of answer; an absent Le means the most that the form allows */
};

/* apdu_parse — false: the length fields are impossible (6700). */
bool apdu_parse(struct in bytes, struct apdu *apdu) MUST_CHECK;

/* apdu_class — SW_SUCCESS, or why this class byte is refused. */
sw_t apdu_class(const struct apdu *apdu);

/* apdu_chained — more blocks of this command follow (class bit 5). */
bool apdu_chained(const struct apdu *apdu);

#endif
