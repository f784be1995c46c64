/* SPDX-License-Identifier: BSD-2-Clause */
/* system.h — the system's pcscd, as far as `vpiv` has to do with it: does it know our readers, who may use them. */
#ifndef VPIV_TOOLS_SYSTEM_H
#define VPIV_TOOLS_SYSTEM_H

#include "tools/vpiv.h"

#define SYSTEM_READER_CONF VPIV_SYSCONFDIR "/reader.conf.d/vpiv"

/* system_pcscd — pcscd reads its readers once, when it starts, and keeps the driver that it has loaded. */
enum system_pcscd {
    PCSCD_NONE,    /* none runs: the next one will know */
    PCSCD_CURRENT,
    PCSCD_STALE,   /* it must be restarted */
};
enum system_pcscd system_pcscd(void);

/* system_hint — a warning, where it must be restarted. */
void system_hint(struct cli *cli);

/* system_restart — restart it by whatever started it.  False: has told why not. */
bool system_restart(struct cli *cli) MUST_CHECK;

/* system_run — a program of the system, found by PATH, and wait for it.  False: has told why. */
bool system_run(struct cli *cli, char *const argv[]) MUST_CHECK;

/* system_members — the names in group vpiv, with commas; "" when there are none, NULL when there is no group.  Owned by
 * the caller. */
char *system_members(void);

#endif
