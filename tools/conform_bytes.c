/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_bytes.c — the byte language of the rows: values, templates, patterns (conform.h describes it). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tools/conform_judge.h"

enum { HOLES_MAX = 16 };

struct hole {         /* a run of wild bytes, and the name to keep it under */
    size_t n;
    char name[16];
};

struct build {
    struct judge *judge;
    const char *s;    /* what is left of the text */
    struct out out;
    uint8_t filler;   /* value of wild bytes in this pass */
    struct hole holes[HOLES_MAX];
    size_t n_holes;
    bool open;        /* ended with * */
};

static struct var *var_find(struct judge *j, const char *name)
{
    for (size_t i = 0; i < j->n_vars; i++)
        if (strcmp(j->vars[i].name, name) == 0)
            return &j->vars[i];
    return NULL;
}

bool var_set(struct judge *j, const char *name, struct in value)
{
    struct var *v = var_find(j, name);
    uint8_t *p = malloc(value.n + 1);

    if (p == NULL || (v == NULL && j->n_vars == VARS_MAX)) {
        free(p);
        return fail(j, "no room for {%s}", name);
    }
    if (value.n > 0)
        memcpy(p, value.p, value.n);
    if (v == NULL) {
        v = &j->vars[j->n_vars++];
        snprintf(v->name, sizeof v->name, "%s", name);
    } else {
        OPENSSL_clear_free(v->p, v->n);
    }
    v->p = p;
    v->n = value.n;
    return true;
}

struct in var(const struct judge *j, const char *name)
{
    for (size_t i = 0; i < j->n_vars; i++)
        if (strcmp(j->vars[i].name, name) == 0)
            return in_of(j->vars[i].p, j->vars[i].n);
    return in_of(NULL, 0);
}

void vars_clear(struct judge *j, size_t keep)
{
    while (j->n_vars > keep) {
        struct var *v = &j->vars[--j->n_vars];
        OPENSSL_clear_free(v->p, v->n);
    }
}

static size_t take_name(const char **s, char *name, size_t cap)
{
    size_t n = 0;

    while (isalnum((unsigned char)**s) || **s == '.') {
        if (n + 1 < cap)
            name[n++] = **s;
        (*s)++;
    }
    name[n] = '\0';
    return n;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1; /* lower case is for names */
}

static bool build_items(struct build *b, char until);

/* Put `head` in front of everything written since `mark`. */
static void insert_head(struct out *out, size_t mark, const struct out *head)
{
    size_t body = out->n - mark;

    if (out_room(out, head->n) == NULL)
        return;
    memmove(out->p + mark + head->n, out->p + mark, body);
    memcpy(out->p + mark, head->p, head->n);
}

static bool build_template(struct build *b, struct in tag)
{
    size_t mark = b->out.n;
    uint8_t space[16];
    struct out head = out_of(space, sizeof space);
    uint32_t number = 0;

    b->s++; /* ( */
    if (tag.n == 0 || tag.n > 3 || !build_items(b, ')'))
        return false;
    for (size_t i = 0; i < tag.n; i++)
        number = number << 8 | tag.p[i];
    tlv_head(&head, number, b->out.n - mark);
    insert_head(&b->out, mark, &head);
    return !b->out.bad && !head.bad;
}

/* Lc as ISO/IEC 7816-4, 5.2 has it: one byte, or 00 and two. */
static bool build_data(struct build *b)
{
    size_t mark = b->out.n;
    uint8_t space[4];
    struct out head = out_of(space, sizeof space);

    b->s++; /* [ */
    if (!build_items(b, ']'))
        return false;
    size_t n = b->out.n - mark;
    if (n > 255) {
        out_u8(&head, 0);
        out_u16(&head, (uint16_t)n);
    } else {
        out_u8(&head, (uint8_t)n);
    }
    insert_head(&b->out, mark, &head);
    return !b->out.bad;
}

static bool build_hex(struct build *b)
{
    uint8_t run[4096];
    size_t n = 0;

    while (hex_digit(b->s[0]) >= 0) {
        if (hex_digit(b->s[1]) < 0 || n == sizeof run)
            return false;
        run[n++] = (uint8_t)(hex_digit(b->s[0]) << 4 | hex_digit(b->s[1]));
        b->s += 2;
    }
    if (*b->s == '(')
        return build_template(b, in_of(run, n));
    out_put(&b->out, in_of(run, n));
    return true;
}

static bool build_value(struct build *b)
{
    char name[16];

    b->s++; /* { */
    take_name(&b->s, name, sizeof name);
    if (*b->s == '*') { /* {FF*300} */
        unsigned long n = strtoul(b->s + 1, (char **)&b->s, 10);
        if (hex_digit(name[0]) < 0 || hex_digit(name[1]) < 0 || name[2] != '\0' || n > COMMAND_MAX)
            return false;
        uint8_t *room = out_room(&b->out, n);
        if (room != NULL)
            memset(room, hex_digit(name[0]) << 4 | hex_digit(name[1]), n);
    } else {
        if (var_find(b->judge, name) == NULL)
            return fail(b->judge, "the row speaks of {%s}, which nobody has set", name);
        out_put(&b->out, var(b->judge, name));
    }
    return *b->s++ == '}';
}

static bool build_hole(struct build *b)
{
    struct hole *hole = &b->holes[b->n_holes];

    b->s++; /* ? */
    if (b->n_holes == HOLES_MAX)
        return false;
    if (*b->s == 'b') {
        hole->n = management_block(b->judge);
        b->s++;
    } else {
        hole->n = strtoul(b->s, (char **)&b->s, 10);
    }
    hole->name[0] = '\0';
    if (*b->s == '=') {
        b->s++;
        take_name(&b->s, hole->name, sizeof hole->name);
    }
    b->n_holes++;
    uint8_t *room = out_room(&b->out, hole->n);
    if (room != NULL)
        memset(room, b->filler, hole->n);
    return true;
}

static bool build_items(struct build *b, char until)
{
    while (*b->s != until) {
        bool good;

        if (*b->s == ' ' || *b->s == '_') {
            b->s++;
            continue;
        }
        if (b->open)
            return false; /* * is the last */
        if (*b->s == '{')
            good = build_value(b);
        else if (*b->s == '[')
            good = build_data(b);
        else if (*b->s == '?')
            good = build_hole(b);
        else if (*b->s == '*' && until == '\0')
            good = b->open = (b->s++, true);
        else
            good = hex_digit(*b->s) >= 0 && build_hex(b);
        if (!good)
            return false;
    }
    if (until != '\0')
        b->s++;
    return true;
}

bool bytes_build(struct judge *j, const char *text, struct out *out)
{
    struct build b = { .judge = j, .s = text, .out = *out };

    if (!build_items(&b, '\0') || b.n_holes > 0 || b.open || b.out.bad)
        return fail(j, "the row's bytes cannot be read: %s", text);
    *out = b.out;
    return true;
}

/* Keep what stands where the pattern has named holes.  A byte is wild where the two passes differ. */
static bool keep_holes(struct judge *j, const struct build *a, const struct build *b, struct in data)
{
    size_t at = 0;

    for (size_t i = 0; i < a->n_holes; i++) {
        const struct hole *hole = &a->holes[i];
        while (at < a->out.n && a->out.p[at] == b->out.p[at])
            at++;
        if (hole->name[0] != '\0' && !var_set(j, hole->name, in_of(data.p + at, hole->n)))
            return false;
        at += hole->n;
    }
    return true;
}

static bool same_but_holes(const struct build *a, const struct build *b, struct in data)
{
    if (data.n < a->out.n || (data.n > a->out.n && !a->open))
        return false;
    for (size_t i = 0; i < a->out.n; i++)
        if (a->out.p[i] == b->out.p[i] && a->out.p[i] != data.p[i])
            return false;
    return true;
}

bool bytes_match(struct judge *j, const char *pattern, struct in data)
{
    size_t cap = ANSWER_MAX;
    uint8_t *space = malloc(2 * cap);

    if (space == NULL)
        return false;
    struct build a = { .judge = j, .s = pattern, .out = out_of(space, cap), .filler = 0x00 };
    struct build b = { .judge = j, .s = pattern, .out = out_of(space + cap, cap), .filler = 0xFF };
    bool good = build_items(&a, '\0') && build_items(&b, '\0') && !a.out.bad && !b.out.bad;
    if (!good)
        fail(j, "the row's pattern cannot be read: %s", pattern);
    good = good && same_but_holes(&a, &b, data) && keep_holes(j, &a, &b, data);
    free(space);
    return good;
}

struct words words_split(char *text)
{
    struct words w = { .n = 0 };
    char *rest = NULL;

    for (char *t = strtok_r(text, " ", &rest); t != NULL && w.n < WORDS_MAX; t = strtok_r(NULL, " ", &rest))
        w.word[w.n++] = t;
    return w;
}
