/* SPDX-License-Identifier: BSD-2-Clause */
/* faults.h — a script of tricks that a reader plays: which exchange, and what happens at it.
 *
 *     seed = 1;
 *     faults = (
 *         { ins = 0xCB; nth = 1; sw = 0x6581; },
 *         { chance = 5; drop = true; }
 *     );
 *
 * A row is any number of conditions, all of which must hold (none: every exchange), and one action.
 */
#ifndef VPIV_CONF_FAULTS_H
#define VPIV_CONF_FAULTS_H

#include <stdbool.h>

#include "applet/err.h"

enum { FAULTS_MAX = 64, FAULT_ANY = -1 };

enum fault_action { FAULT_SW, FAULT_DELAY, FAULT_DROP, FAULT_REMOVE, FAULT_MUTE, FAULT_CUT, FAULT_ACTIONS };

struct fault {
    int at;      /* this exchange, counted from 1 since the script is there */
    int ins, p1, p2;
    int nth;     /* of those that fit the conditions above, this one alone */
    int chance;  /* of those, so many in a hundred, drawn from the seed */
    enum fault_action action;
    int number;  /* what stands behind it: status word, milliseconds, write; 1 for true */
};
/* Each condition is FAULT_ANY where it is not given. */

struct faults {
    unsigned seed;
    size_t n;
    struct fault rows[FAULTS_MAX];
};

/* faults_read — a script.  ERR_NOT_FOUND: there is none.  ERR_DATA: `why` says file:line: what, and what could stand
 * there. */
enum err faults_read(const char *path, struct faults *faults, struct why *why) MUST_CHECK;

/* faults_parse — the same of a text that stands in memory; `name` is what `why` calls it. */
enum err faults_parse(const char *name, const char *text, struct faults *faults, struct why *why) MUST_CHECK;

/* fault_name — the word of an action in a script. */
const char *fault_name(enum fault_action action);

#endif
