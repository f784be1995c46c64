/* SPDX-License-Identifier: BSD-2-Clause */
/* stage.h — what stands between a reader and its programs while somebody works on them: a listener, tricks. */
#ifndef VPIV_DRIVER_STAGE_H
#define VPIV_DRIVER_STAGE_H

#include "driver/fault.h"
#include "driver/trace.h"

/* struct stage — NULL and NULL: nobody does. */
struct stage {
    struct trace *trace;
    struct tricks *tricks;
};

/* stage_look — as the reader's directory is now; what is the same stays the same pointer.  On a reader of the system
 * nobody plays tricks. */
struct stage stage_look(const struct stage *now, const char *directory);

/* stage_leave — `next` is in force: end what is in `old` and not in it. */
void stage_leave(const struct stage *old, const struct stage *next);

/* stage_judge — one exchange begins: what is to happen at it, and the listener hears of that. */
void stage_judge(struct stage *stage, struct in command, struct verdict *verdict);

/* stage_pause — a delay; nobody may hold a lock. */
void stage_pause(unsigned ms);

#endif
