/* SPDX-License-Identifier: BSD-2-Clause */
/* traceshow.h — the formats of `vpiv trace`. */
#ifndef VPIV_TOOLS_TRACESHOW_H
#define VPIV_TOOLS_TRACESHOW_H

#include <jansson.h>

#include "tools/tracefile.h"

/* struct show — one output. */
struct show {
    const struct show_format *format;
    FILE *f;
    bool hex;          /* text: the bytes too */
    uint64_t last;     /* of the event before, 0 = none yet */
    json_t *events;    /* html: all of them */
};

/* struct show_format — `event` for each, in order.  begin and end may be NULL. */
struct show_format {
    const char *name;
    void (*begin)(struct show *show);
    void (*event)(struct show *show, const struct trace_event *event);
    void (*end)(struct show *show);
};

/* show_format — by its name, or NULL.  show_formats — "text, json, …". */
const struct show_format *show_format(const char *name);
const char *show_formats(void);

/* show_json — an event with all its names; owned by the caller, NULL = out of memory. */
json_t *show_json(const struct trace_event *event);

/* tracepage.c */
void page_begin(struct show *show);
void page_event(struct show *show, const struct trace_event *event);
void page_end(struct show *show);

#endif
