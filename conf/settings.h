/* SPDX-License-Identifier: BSD-2-Clause */
/* settings.h — vpiv.conf and a reader's own `settings`, read through one table (vpiv.conf(5)). */
#ifndef VPIV_CONF_SETTINGS_H
#define VPIV_CONF_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "applet/err.h"

enum { SETTINGS_SLOTS_MAX = 16 }; /* what pcscd 1.9 has room for in all */

/* Every setting with its default in settings.c's table. */
struct settings {
    int pin_tries, puk_tries;      /* of new cards: 1 to 10 */
    char persona[32];              /* of new cards */
    char management_algorithm[16]; /* of new cards */
    int absent_ms;                 /* how long a swapped card is shown as absent */
    bool pinpad;                   /* the reader has a keypad */
    char touch[8];                 /* enum touch_mode, by its name */
    int touch_seconds;             /* how long it waits for a touch */
    int slots;                     /* of the reader: it takes as many directories in a row */
};

void settings_default(struct settings *settings);

/* settings_read — over what is in *settings already.  A missing file is fine.
 * ERR_DATA: `why` says file:line, what is wrong, and what could stand there instead. */
enum err settings_read(const char *path, struct settings *settings, struct why *why) MUST_CHECK;

#endif
