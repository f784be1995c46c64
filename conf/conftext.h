/* SPDX-License-Identifier: BSD-2-Clause */
/* conftext.h — the text of a file in libconfig's syntax that people write: settings, scripts of faults. */
#ifndef VPIV_CONF_CONFTEXT_H
#define VPIV_CONF_CONFTEXT_H

#include "applet/err.h"

enum { CONFTEXT_MAX = 65536 };

/* conftext_read — the whole file, a string that the caller owns (free).  ERR_NOT_FOUND: there is none.  ERR_DATA: not
 * a regular file, too large, or holds what no such text may hold. */
enum err conftext_read(const char *path, char **text, struct why *why) MUST_CHECK;

#endif
