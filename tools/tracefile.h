/* SPDX-License-Identifier: BSD-2-Clause */
/* tracefile.h — the lines that the driver writes (driver/trace.h), read again. */
#ifndef VPIV_TOOLS_TRACEFILE_H
#define VPIV_TOOLS_TRACEFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "applet/tlv.h"

enum trace_kind { TRACE_APDU, TRACE_CARD, TRACE_NONE, TRACE_POWER, TRACE_OFF, TRACE_FAULT, TRACE_LOST, TRACE_KINDS };

/* struct traced — bytes of a trace.  A masked one is 00 in `bytes`, and true in `hidden`. */
struct traced {
    const char *text; /* as it stands in the line */
    uint8_t *bytes;
    bool *hidden;
    size_t n, room;
    bool masked;      /* some of them are */
};

struct trace_event {
    uint64_t time;       /* microseconds since 1970 */
    const char *reader;
    enum trace_kind kind;
    const char *words;   /* of every kind but TRACE_APDU: what follows */
    uint64_t duration;   /* TRACE_APDU: microseconds */
    struct traced command, answer; /* TRACE_APDU; an answer of no bytes: there was none */
};

/* struct tracefile — one trace and the event read last. */
struct tracefile {
    FILE *f;
    const char *name;
    unsigned long line;
    char *text;
    size_t room;
    struct trace_event event;
};

/* tracefile_open — "-" is standard input.  tracefile_next — ERR_NONE: file->event is the next one, borrowed until the
 * next call; ERR_ABSENT: the end; ERR_DATA: `why` says name:line: what. */
enum err tracefile_open(struct tracefile *file, const char *name, struct why *why) MUST_CHECK;
enum err tracefile_next(struct tracefile *file, struct why *why) MUST_CHECK;
void tracefile_close(struct tracefile *file);

/* trace_parse — one line (changed by it), without its end, into file->event.  ERR_ABSENT: a remark or empty. */
enum err trace_parse(struct tracefile *file, char *line, struct why *why) MUST_CHECK;

const char *trace_kind_name(enum trace_kind kind);

static inline struct in traced_in(const struct traced *t)
{
    return in_of(t->bytes, t->n);
}

#endif
