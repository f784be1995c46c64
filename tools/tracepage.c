/* SPDX-License-Identifier: BSD-2-Clause */
/* tracepage.c — a trace as one page that needs nothing else: trace.html with the events put into it. */
#include <stdlib.h>
#include <string.h>

#include "tools/trace_page.h" /* made from trace.html */
#include "tools/traceshow.h"

void page_begin(struct show *show)
{
    show->events = json_array();
}

void page_event(struct show *show, const struct trace_event *event)
{
    json_array_append_new(show->events, show_json(event));
}

/* Whatever a trace holds, it cannot end the element that it stands in. */
static void put_data(struct show *show)
{
    char *text = json_dumps(show->events, JSON_COMPACT);

    for (const char *c = text; c != NULL && *c != '\0'; c++) {
        if (*c == '<')
            fputs("\\u003c", show->f);
        else
            fputc(*c, show->f);
    }
    free(text);
}

void page_end(struct show *show)
{
    for (size_t i = 0; i < sizeof trace_page / sizeof *trace_page; i++) {
        if (strcmp(trace_page[i], "@DATA@\n") == 0)
            put_data(show);
        else
            fputs(trace_page[i], show->f);
    }
    json_decref(show->events);
    show->events = NULL;
}
