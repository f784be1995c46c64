/* SPDX-License-Identifier: BSD-2-Clause */
/* stage.c — listener and tricks of one reader, together. */
#include "driver/stage.h"

#include <errno.h>
#include <time.h>

#include "driver/host.h"
#include "driver/log.h"
#include "driver/watch.h"

struct stage stage_look(const struct stage *now, const char *directory)
{
    struct why why = { "" };
    struct stage next = { .trace = trace_look(now->trace, directory) };

    if (!is_system(directory))
        next.tricks = tricks_look(now->tricks, directory, &why);
    if (why.text[0] != '\0')
        log_line(LEVEL_ERROR, "reader %s: no tricks: %s", directory, why.text);
    return next;
}

void stage_leave(const struct stage *old, const struct stage *next)
{
    if (old->trace != next->trace)
        trace_end(old->trace);
    if (old->tricks != next->tricks) {
        tricks_announce(next->tricks);
        tricks_free(old->tricks);
    }
}

void stage_judge(struct stage *stage, struct in command, struct verdict *verdict)
{
    tricks_judge(stage->tricks, command, watch_clock(), verdict);
    if (verdict->words[0] != '\0')
        trace_fault(stage->trace, verdict->words);
}

void stage_pause(unsigned ms)
{
    struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000 };

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}
