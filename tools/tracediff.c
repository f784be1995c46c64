/* SPDX-License-Identifier: BSD-2-Clause */
/* tracediff.c — compares exchanges and traces. */
#include "tools/tracediff.h"

#include <stdlib.h>
#include <string.h>

#include "tools/decode.h"

/* ---- Reading ---- */

static bool keep(struct traced *to, const struct traced *from)
{
    *to = (struct traced){ .n = from->n, .masked = from->masked };
    char *text = strdup(from->text);
    to->text = text;
    to->bytes = malloc(from->n + 1);
    to->hidden = calloc(from->n + 1, sizeof *to->hidden);
    if (text == NULL || to->bytes == NULL || to->hidden == NULL)
        return false;
    if (from->n > 0) {
        memcpy(to->bytes, from->bytes, from->n);
        memcpy(to->hidden, from->hidden, from->n * sizeof *to->hidden);
    }
    return true;
}

static void drop(struct traced *t)
{
    free((char *)(uintptr_t)t->text);
    free(t->bytes);
    free(t->hidden);
}

static bool add(struct exchanges *e, const struct trace_event *event, bool reset)
{
    struct exchange *p = realloc(e->p, (e->n + 1) * sizeof *p);

    if (p == NULL)
        return false;
    e->p = p;
    p = &e->p[e->n++];
    *p = (struct exchange){ .time = event->time, .reset = reset };
    return keep(&p->command, &event->command) && keep(&p->answer, &event->answer);
}

bool exchanges_read(struct cli *cli, const char *name, const char *reader, struct exchanges *e)
{
    struct tracefile file;
    struct why why = { "" };
    enum err err = tracefile_open(&file, name, &why);
    char first[16] = "";
    bool reset = false;

    memset(e, 0, sizeof *e);
    if (reader != NULL)
        snprintf(first, sizeof first, "%.15s", reader);
    while (err == ERR_NONE && (err = tracefile_next(&file, &why)) == ERR_NONE) {
        if (file.event.kind == TRACE_APDU && first[0] == '\0')
            snprintf(first, sizeof first, "%.15s", file.event.reader);
        if (strcmp(first, file.event.reader) != 0)
            continue;
        reset = reset || file.event.kind == TRACE_POWER;
        if (file.event.kind != TRACE_APDU)
            continue;
        if (!add(e, &file.event, reset))
            err = ERR_MEMORY;
        reset = false;
    }
    tracefile_close(&file);
    if (err == ERR_ABSENT && e->n == 0)
        err = why_set(&why, ERR_DATA, "%s: there is no exchange%s%s in it", name, reader != NULL ? " of reader " : "",
                      reader != NULL ? reader : "");
    return err == ERR_ABSENT || (cli_fail(cli, err, &why), false);
}

void exchanges_clear(struct exchanges *e)
{
    for (size_t i = 0; i < e->n; i++) {
        drop(&e->p[i].command);
        drop(&e->p[i].answer);
    }
    free(e->p);
    memset(e, 0, sizeof *e);
}

/* ---- The same ---- */

bool traced_same(const struct traced *a, const struct traced *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!a->hidden[i] && !b->hidden[i] && a->bytes[i] != b->bytes[i])
            return false;
    return true;
}

static bool status_of(const struct traced *t, uint16_t *sw)
{
    struct in in = in_of(t->bytes, t->n), data;

    return t->n >= 2 && in_take(&in, t->n - 2, &data) && in_u16(&in, sw);
}

bool answers_same(struct in command, const struct traced *a, const struct traced *b, bool exact, bool *fetched)
{
    enum { AUTHENTICATE = 0x87, GENERATE = 0x47, ATTEST = 0xF9, FETCH = 0xC0 };
    uint8_t cla, ins;
    uint16_t x = 0, y = 0;
    bool fresh = in_u8(&command, &cla) && in_u8(&command, &ins)
              && (ins == AUTHENTICATE || ins == GENERATE || ins == ATTEST || (ins == FETCH && *fetched));

    *fetched = fresh;
    if (exact || !fresh)
        return traced_same(a, b);
    if (!status_of(a, &x) || !status_of(b, &y))
        return a->n == b->n;
    return x == y || ((x & 0xFF00) == SW_MORE && (y & 0xFF00) == SW_MORE);
}

/* ---- In words ---- */

void exchange_show(char sign, const struct exchange *e)
{
    struct decoded d;

    decode(traced_in(&e->command), traced_in(&e->answer), &d);
    printf("%c %s%s%s: %s %s\n      > %s\n      < %s\n", sign, d.command, d.what[0] != '\0' ? ", " : "", d.what,
           d.status, d.meaning, e->command.text, e->answer.text);
}

/* ---- Two traces: the longest common run of exchanges ---- */

struct diff {
    const struct exchange *a, *b;
    size_t n, m;
    bool exact;
    unsigned *length; /* (n + 1) × (m + 1): of what is common to the ends from here on */
};

static bool same(const struct diff *d, size_t i, size_t k)
{
    bool fetched = false;

    return traced_same(&d->a[i].command, &d->b[k].command)
        && answers_same(traced_in(&d->a[i].command), &d->a[i].answer, &d->b[k].answer, d->exact, &fetched);
}

static unsigned *cell(const struct diff *d, size_t i, size_t k)
{
    return &d->length[i * (d->m + 1) + k];
}

static size_t show(const struct diff *d)
{
    size_t lines = 0, i = 0, k = 0;

    while (i < d->n || k < d->m) {
        if (i < d->n && k < d->m && same(d, i, k)) {
            i++;
            k++;
            continue;
        }
        lines++;
        if (k == d->m || (i < d->n && *cell(d, i + 1, k) >= *cell(d, i, k + 1)))
            exchange_show('-', &d->a[i++]);
        else
            exchange_show('+', &d->b[k++]);
    }
    return lines;
}

size_t traces_show_diff(const struct exchanges *a, const struct exchanges *b, bool exact)
{
    struct diff d = { .a = a->p, .b = b->p, .n = a->n, .m = b->n, .exact = exact };
    size_t lines;

    while (d.n > 0 && d.m > 0 && same(&d, 0, 0))
        d.a++, d.b++, d.n--, d.m--;
    while (d.n > 0 && d.m > 0 && same(&d, d.n - 1, d.m - 1))
        d.n--, d.m--;
    d.length = calloc(d.n + 1, (d.m + 1) * sizeof *d.length);
    if (d.length == NULL)
        return fputs("vpiv: too large to be compared\n", stderr), 1;
    for (size_t i = d.n; i-- > 0;)
        for (size_t k = d.m; k-- > 0;)
            *cell(&d, i, k) = same(&d, i, k) ? *cell(&d, i + 1, k + 1) + 1
                            : *cell(&d, i + 1, k) > *cell(&d, i, k + 1) ? *cell(&d, i + 1, k)
                                                                        : *cell(&d, i, k + 1);
    lines = show(&d);
    free(d.length);
    return lines;
}
