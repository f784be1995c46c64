/* SPDX-License-Identifier: BSD-2-Clause */
/* pinentry.h — VERIFY_PIN_DIRECT and MODIFY_PIN_DIRECT: the keypad is asked, then the card. */
#ifndef VPIV_DRIVER_PINENTRY_H
#define VPIV_DRIVER_PINENTRY_H

#include "driver/reader.h"

/* pin_verify, pin_modify — structure of PC/SC part 10 in, status word out: the card's, or the keypad's own
 * (conf/keypad.h).  They wait for a person, and end at once when the card goes.  ERR_ABSENT: no card; or another one
 * than when the question was asked, which gets nothing. */
enum err pin_verify(struct reader *reader, struct in structure, struct out *rsp) MUST_CHECK;
enum err pin_modify(struct reader *reader, struct in structure, struct out *rsp) MUST_CHECK;

#endif
