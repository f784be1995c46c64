/* SPDX-License-Identifier: BSD-2-Clause */
/* tracefile.c — from a line of a trace to an event. */
#include "tools/tracefile.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[TRACE_KINDS] = {
    [TRACE_APDU] = "apdu", [TRACE_CARD] = "card",   [TRACE_NONE] = "none", [TRACE_POWER] = "power",
    [TRACE_OFF] = "off",   [TRACE_FAULT] = "fault", [TRACE_LOST] = "lost",
};

const char *trace_kind_name(enum trace_kind kind)
{
    return kinds[kind];
}

enum err tracefile_open(struct tracefile *file, const char *name, struct why *why)
{
    memset(file, 0, sizeof *file);
    file->name = name;
    file->f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    return file->f != NULL ? ERR_NONE : why_set(why, ERR_NOT_FOUND, "%s: %s", name, strerror(errno));
}

static void traced_clear(struct traced *t)
{
    free(t->bytes);
    free(t->hidden);
}

void tracefile_close(struct tracefile *file)
{
    if (file->f != NULL && file->f != stdin)
        fclose(file->f);
    traced_clear(&file->event.command);
    traced_clear(&file->event.answer);
    free(file->text);
    memset(file, 0, sizeof *file);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum err make_room(struct traced *t, size_t n)
{
    if (n <= t->room)
        return ERR_NONE;
    uint8_t *bytes = realloc(t->bytes, n);
    if (bytes != NULL)
        t->bytes = bytes;
    bool *hidden = realloc(t->hidden, n * sizeof *hidden);
    if (hidden != NULL)
        t->hidden = hidden;
    if (bytes == NULL || hidden == NULL)
        return ERR_MEMORY;
    t->room = n;
    return ERR_NONE;
}

/* Hex in capitals, "**" for a masked byte, "-" for none at all. */
static enum err take_bytes(struct traced *t, const char *text)
{
    size_t n = strlen(text);
    enum err e = make_room(t, n / 2 + 1);

    t->text = text;
    t->n = 0;
    t->masked = false;
    if (e != ERR_NONE || strcmp(text, "-") == 0)
        return e;
    if (n % 2 != 0)
        return ERR_DATA;
    for (size_t i = 0; i < n; i += 2) {
        bool hidden = text[i] == '*' && text[i + 1] == '*';
        int high = digit(text[i]), low = digit(text[i + 1]);

        if (!hidden && (high < 0 || low < 0))
            return ERR_DATA;
        t->bytes[t->n] = hidden ? 0 : (uint8_t)(high << 4 | low);
        t->hidden[t->n] = hidden;
        t->masked = t->masked || hidden;
        t->n++;
    }
    return ERR_NONE;
}

/* "1764416400.123456" */
static bool take_time(const char *word, uint64_t *time)
{
    uint64_t seconds, micro;
    int end = 0;

    if (word == NULL || sscanf(word, "%" SCNu64 ".%6" SCNu64 "%n", &seconds, &micro, &end) != 2 || word[end] != '\0')
        return false;
    *time = seconds * 1000000 + micro;
    return true;
}

static bool take_kind(const char *word, enum trace_kind *kind)
{
    for (int k = 0; word != NULL && k < TRACE_KINDS; k++)
        if (strcmp(kinds[k], word) == 0)
            return *kind = (enum trace_kind)k, true;
    return false;
}

static enum err take_apdu(struct trace_event *event, char *rest)
{
    char *next = NULL;
    const char *duration = strtok_r(rest, " ", &next), *command = strtok_r(NULL, " ", &next),
               *answer = strtok_r(NULL, " ", &next);
    char *end;
    enum err e;

    if (answer == NULL || strtok_r(NULL, " ", &next) != NULL)
        return ERR_DATA;
    event->duration = strtoull(duration, &end, 10);
    if (*end != '\0')
        return ERR_DATA;
    e = take_bytes(&event->command, command);
    return e != ERR_NONE ? e : take_bytes(&event->answer, answer);
}

enum err trace_parse(struct tracefile *file, char *line, struct why *why)
{
    struct trace_event *event = &file->event;
    static char none[] = "";
    char *rest = NULL;
    enum err e = ERR_DATA;

    if (*line == '#' || *line == '\0')
        return ERR_ABSENT;
    for (const char *c = line; *c != '\0'; c++) /* the driver writes none, and its words go to a terminal */
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            return why_set(why, ERR_DATA, "%s:%lu: no line of a trace", file->name, file->line);
    bool ok = take_time(strtok_r(line, " ", &rest), &event->time);
    event->reader = strtok_r(NULL, " ", &rest);
    ok = ok && event->reader != NULL && take_kind(strtok_r(NULL, " ", &rest), &event->kind);
    if (rest == NULL)
        rest = none;
    event->words = rest;
    if (ok)
        e = event->kind == TRACE_APDU ? take_apdu(event, rest) : ERR_NONE;
    return e == ERR_NONE ? e : why_set(why, e, "%s:%lu: %s", file->name, file->line,
                                       e == ERR_DATA ? "no line of a trace" : err_sentence(e));
}

enum err tracefile_next(struct tracefile *file, struct why *why)
{
    enum err e = ERR_ABSENT;
    ssize_t n;

    while (e == ERR_ABSENT && (n = getline(&file->text, &file->room, file->f)) >= 0) {
        file->line++;
        while (n > 0 && isspace((unsigned char)file->text[n - 1]))
            file->text[--n] = '\0';
        e = trace_parse(file, file->text, why);
    }
    if (e == ERR_ABSENT && ferror(file->f))
        return why_set(why, ERR_STORE, "%s: %s", file->name, strerror(errno));
    return e;
}
