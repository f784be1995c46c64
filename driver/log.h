/* SPDX-License-Identifier: BSD-2-Clause */
/* log.h — one line to pcscd's own log, or to syslog where the driver runs outside pcscd (tests, other
 * hosts). */
#ifndef VPIV_DRIVER_LOG_H
#define VPIV_DRIVER_LOG_H

#include "applet/err.h"

/* pcscd's numbers 0, 1, 2; the last is what it shows by default. */
enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_ERROR };

/* log_line — never on the way of an exchange, never with a secret in it. */
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
