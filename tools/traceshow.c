/* SPDX-License-Identifier: BSD-2-Clause */
/* traceshow.c — TABLE of formats; text, JSON lines and the trace itself. */
#include "tools/traceshow.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "tools/decode.h"

/* ---- For people ---- */

static void print_time(FILE *f, uint64_t time)
{
    time_t seconds = (time_t)(time / 1000000);
    struct tm tm;
    char text[16] = "--:--:--";

    if (localtime_r(&seconds, &tm) != NULL)
        strftime(text, sizeof text, "%H:%M:%S", &tm);
    fprintf(f, "%s.%06" PRIu64, text, time % 1000000);
}

static void text_event(struct show *show, const struct trace_event *e)
{
    enum { PAUSE = 1000000 };
    FILE *f = show->f;
    struct decoded d;

    if (show->last != 0 && e->time > show->last + PAUSE)
        fprintf(f, "%*s%.1f s\n", 19, "… ", (double)(e->time - show->last) / 1e6);
    show->last = e->time + (e->kind == TRACE_APDU ? e->duration : 0);
    print_time(f, e->time);
    if (e->kind != TRACE_APDU) {
        fprintf(f, "  %s  %11s  %s%s%s\n", e->reader, "", trace_kind_name(e->kind), e->words[0] != '\0' ? " " : "",
                e->words);
        return;
    }
    decode(traced_in(&e->command), traced_in(&e->answer), &d);
    fprintf(f, "  %s  %8.3f ms  %s%s%s: %s %s", e->reader, (double)e->duration / 1e3, d.command,
            d.what[0] != '\0' ? ", " : "", d.what, d.status, d.meaning);
    if (e->answer.n > 2)
        fprintf(f, ", %zu bytes", e->answer.n - 2);
    fputc('\n', f);
    if (show->hex)
        fprintf(f, "%*s> %s\n%*s< %s\n", 20, "", e->command.text, 20, "", e->answer.text);
}

/* ---- For programs ---- */

json_t *show_json(const struct trace_event *e)
{
    struct decoded d;

    if (e->kind != TRACE_APDU)
        return json_pack("{s:f, s:s, s:s, s:s}", "time", (double)e->time / 1e6, "reader", e->reader, "event",
                         trace_kind_name(e->kind), "words", e->words);
    decode(traced_in(&e->command), traced_in(&e->answer), &d);
    return json_pack("{s:f, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "time", (double)e->time / 1e6,
                     "reader", e->reader, "event", "apdu", "us", (json_int_t)e->duration, "apdu", e->command.text,
                     "answer", e->answer.n == 0 ? "" : e->answer.text, "command", d.command, "what", d.what, "status",
                     d.status, "meaning", d.meaning, "masked", e->command.masked || e->answer.masked);
}

static void json_event(struct show *show, const struct trace_event *e)
{
    json_t *object = show_json(e);

    if (object != NULL)
        json_dumpf(object, show->f, JSON_COMPACT);
    json_decref(object);
    fputc('\n', show->f);
}

static void raw_begin(struct show *show)
{
    fputs("# vpiv-trace 1\n", show->f);
}

static void raw_event(struct show *show, const struct trace_event *e)
{
    fprintf(show->f, "%" PRIu64 ".%06" PRIu64 " %s %s", e->time / 1000000, e->time % 1000000, e->reader,
            trace_kind_name(e->kind));
    if (e->kind == TRACE_APDU)
        fprintf(show->f, " %" PRIu64 " %s %s\n", e->duration, e->command.text, e->answer.text);
    else
        fprintf(show->f, "%s%s\n", e->words[0] != '\0' ? " " : "", e->words);
}

static const struct show_format formats[] = {
    { "text", NULL, text_event, NULL },
    { "json", NULL, json_event, NULL },
    { "html", page_begin, page_event, page_end },
    { "raw", raw_begin, raw_event, NULL },
};

const struct show_format *show_format(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

const char *show_formats(void)
{
    return "text, json, html, raw";
}
