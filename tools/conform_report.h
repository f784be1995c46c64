/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_report.h — the results of a run, as people, TAP and JSON read them. */
#ifndef VPIV_TOOLS_CONFORM_REPORT_H
#define VPIV_TOOLS_CONFORM_REPORT_H

#include "tools/conform.h"

enum report_format { REPORT_TEXT, REPORT_TAP, REPORT_JSON };

struct report {
    enum report_format format;
    unsigned rows;                               /* printed so far */
    unsigned count[GROUP_COUNT][VERDICT_COUNT];
};

/* report_begin — `planned` rows are going to be played on this card.  report_row — one has been.  report_end — the
 * totals. */
void report_begin(struct report *report, enum report_format format, unsigned planned, const char *card, bool yubikey);
void report_row(struct report *report, size_t group, const struct row *row, const struct result *result);
void report_end(const struct report *report);
unsigned report_failed(const struct report *report);

#endif
