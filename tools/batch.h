/* SPDX-License-Identifier: BSD-2-Clause */
/* batch.h — `vpiv import --batch`: many cards at once, each in a process of its own, none half made. */
#ifndef VPIV_TOOLS_BATCH_H
#define VPIV_TOOLS_BATCH_H

#include "tools/vpiv.h"

/* batch_run — import every bundle of a folder, or every line of a table.  arguments: what each import gets besides
 * card, passwords and file, NULL-terminated.  password, pin: specs for lines that have none; NULL = not given.
 * Returns the exit status: CLI_FAILED where one or more failed. */
int batch_run(struct cli *cli, const char *source, char *const *arguments, const char *password, const char *pin);

#endif
