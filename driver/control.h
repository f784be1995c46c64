/* SPDX-License-Identifier: BSD-2-Clause */
/* control.h — SCardControl: the features of PC/SC part 10. */
#ifndef VPIV_DRIVER_CONTROL_H
#define VPIV_DRIVER_CONTROL_H

#include <wintypes.h>

#include "driver/reader.h"

/* control_run — one control code; those of the keypad wait for a person.
 * ERR_NOT_FOUND: no such code.  ERR_FULL: the answer does not fit. */
enum err control_run(struct reader *reader, DWORD code, struct in in, struct out *out) MUST_CHECK;

#endif
