/* SPDX-License-Identifier: BSD-2-Clause */
/* trace.c — `vpiv trace`: what programs and cards say to each other, live or from a file, in words. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "tools/listen.h"
#include "tools/traceshow.h"

struct trace_options {
    const char *format, *output;
    unsigned reader;
    bool hex, unmask;
};

#define AT(member) offsetof(struct trace_options, member)
static const struct option_row rows[] = {
    { "reader", 'r', OPTION_NUMBER, "N", AT(reader), "this reader alone (all)", NULL },
    { "format", 'f', OPTION_TEXT, "F", AT(format), "text, json (lines), html (a page), raw (a trace again)", NULL },
    { "hex", 'x', OPTION_FLAG, NULL, AT(hex), "text: the bytes too", NULL },
    { "output", 'o', OPTION_TEXT, "FILE", AT(output), "into this file", NULL },
    { "unmask", 0, OPTION_FLAG, NULL, AT(unmask), "live: show all that test cards say", NULL },
    { NULL, 0, OPTION_FLAG, NULL, 0, NULL, NULL },
};

struct live {
    struct cli *cli;
    struct show *show;
    struct tracefile parsed;
    bool unmask, told;
};

static void live_line(void *ctx, char *text)
{
    struct live *live = ctx;
    struct why why = { "" };

    live->parsed.line++;
    enum err e = trace_parse(&live->parsed, text, &why);
    if (e == ERR_ABSENT)
        return;
    if (e != ERR_NONE) {
        cli_warn(live->cli, "%s", why.text);
        return;
    }
    const struct trace_event *event = &live->parsed.event;
    if (event->kind == TRACE_CARD && live->unmask && strstr(event->words, " own ") != NULL && !live->told) {
        cli_warn(live->cli, "reader %s holds no test card: what it says stays masked", event->reader);
        live->told = true;
    }
    live->show->format->event(live->show, event);
    fflush(live->show->f);
}

static bool show_live(struct cli *cli, const struct trace_options *o, struct show *show)
{
    struct live live = { .cli = cli, .show = show, .unmask = o->unmask, .parsed = { .name = "the driver" } };
    bool ok = listen_readers(cli, o->reader == UINT_MAX ? -1 : (int)o->reader, o->unmask, live_line, &live);

    tracefile_close(&live.parsed);
    return ok;
}

static bool show_file(struct cli *cli, const char *name, struct show *show)
{
    struct tracefile file;
    struct why why = { "" };
    enum err e = tracefile_open(&file, name, &why);

    while (e == ERR_NONE && (e = tracefile_next(&file, &why)) == ERR_NONE)
        show->format->event(show, &file.event);
    tracefile_close(&file);
    return e == ERR_ABSENT || (cli_fail(cli, e, &why), false);
}

int verb_trace(struct cli *cli, int argc, char **argv)
{
    struct trace_options o = { .reader = UINT_MAX, .format = "text" };
    struct show show = { .f = stdout };
    bool ok;

    if (!cli_options(cli, rows, &o, &argc, &argv))
        return cli->status;
    show.hex = o.hex;
    show.format = show_format(cli->json ? "json" : o.format);
    if (show.format == NULL)
        return cli_usage(cli, "--format: there is no '%s' (%s)", o.format, show_formats());
    if (argc > 0 && (o.unmask || o.reader != UINT_MAX))
        return cli_usage(cli, "--reader and --unmask are for readers, not for a file");
    if (o.output != NULL && (show.f = fopen(o.output, "we")) == NULL)
        return cli_refuse(cli, "%s: %s", o.output, strerror(errno));
    if (show.format->begin != NULL)
        show.format->begin(&show);
    ok = argc > 0 ? show_file(cli, argv[0], &show) : show_live(cli, &o, &show);
    if (show.format->end != NULL)
        show.format->end(&show);
    if (show.f != stdout && (ferror(show.f) | fclose(show.f)) != 0)
        return cli_refuse(cli, "%s: %s", o.output, strerror(errno));
    return ok ? CLI_DONE : cli->status;
}
