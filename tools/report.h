/* SPDX-License-Identifier: BSD-2-Clause */
/* report.h — what an import did, or would do, for people and as JSON. */
#ifndef VPIV_TOOLS_REPORT_H
#define VPIV_TOOLS_REPORT_H

#include "tools/newcard.h"
#include "tools/slots.h"

struct report {
    const char *name, *path;            /* of the card */
    const struct bundles *bundles;
    const struct slots *slots;
    const struct newcard *made;         /* NULL: the card was there */
    const struct card *card;            /* as it is now */
    bool dry;                           /* nothing was written */
    bool in_reader;
    unsigned reader;
};

/* report_text — what is to be said on stdout; warnings go to stderr.  report_json — the same, owned by the caller. */
void report_text(struct cli *cli, const struct report *report);
json_t *report_json(const struct report *report);

#endif
