/* SPDX-License-Identifier: BSD-2-Clause */
/* attribute.h — what the reader says of itself: pcscd's questions to a driver, and SCardGetAttrib. */
#ifndef VPIV_DRIVER_ATTRIBUTE_H
#define VPIV_DRIVER_ATTRIBUTE_H

#include <wintypes.h>

#include "driver/reader.h"

/* The two functions that pcscd calls by pointer; they are ifdhandler.c's. */
long ifd_poll(DWORD lun, int ms);
long ifd_stop(DWORD lun);

/* attribute_get — into room of out->cap bytes.
 * ERR_NOT_FOUND: no such attribute, or none now.  ERR_FULL: it does not fit. */
enum err attribute_get(struct reader *reader, DWORD tag, struct out *out) MUST_CHECK;

#endif
