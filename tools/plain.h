/* SPDX-License-Identifier: BSD-2-Clause */
/* plain.h — text that others have written, for a terminal. */
#ifndef VPIV_TOOLS_PLAIN_H
#define VPIV_TOOLS_PLAIN_H

/* plain_text — in place: what a terminal would obey (C0 with line feeds, DEL, and C1 in UTF-8) becomes "?".  Names of
 * files and what stands in certificates may come from people who wish us no good.  Returns text; NULL is fine. */
char *plain_text(char *text);

#endif
