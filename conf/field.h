/* SPDX-License-Identifier: BSD-2-Clause */
/* field.h — members of a struct as named settings in libconfig's syntax: one table for writing and for reading.
 *
 * A table describes a group; a row may be a group or a list of groups again.
 */
#ifndef VPIV_CONF_FIELD_H
#define VPIV_CONF_FIELD_H

#include <libconfig.h>

#include "applet/card.h"

enum field_type {
    FIELD_HEX,    /* uint8_t[size] */
    FIELD_NUMBER, /* uint8_t or uint32_t, by size; from min to max */
    FIELD_BOOL,   /* bool */
    FIELD_BASE64, /* struct bytes, min to max long */
    FIELD_TEXT,   /* char *, allocated by OpenSSL, min to max long */
    FIELD_NAME,   /* anything that has a short name: see struct naming */
    FIELD_GROUP,  /* a struct of its own */
    FIELD_LIST,   /* an array of structs of `size`, up to max; the number of them is the size_t at `count` */
    FIELD_TYPES
};

enum { FIELD_NAME_MAX = 32 };

/* struct naming — value → name and back.  put fails where the value has no name, get where the name has no value. */
struct naming {
    const char *what; /* for messages: "an algorithm" */
    bool (*put)(const void *value, char name[FIELD_NAME_MAX]);
    bool (*get)(const char *name, void *value);
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset, size;
    uint32_t min, max;
    const struct naming *naming;
    const struct field *fields; /* of a group or list */
    size_t n_fields, count;
    bool optional;              /* may be missing; not written when the first byte of the member is 0 */
};

/* Offset and size of a member, for a row. */
#define FIELD_AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)

/* fields_put — every row of `base` as "name = value;" lines, indented by `depth`.  ERR_DATA: a value is out of its
 * row's bounds.  Overflow is text->bad. */
enum err fields_put(struct out *text, const struct field *fields, size_t n, const void *base, int depth) MUST_CHECK;

/* fields_get — every row from `group`.  ERR_DATA with path:line for what is unknown, missing, of the wrong type or
 * out of bounds; ERR_MEMORY.  What has been filled in so far stays filled in. */
enum err fields_get(const config_setting_t *group, const char *path, const struct field *fields, size_t n, void *base,
                    struct why *why) MUST_CHECK;

/* hex_put — lower case.  hex_get — exactly n bytes, in lower case: one value has one form. */
void hex_put(struct out *text, struct in bytes);
bool hex_get(const char *text, uint8_t *bytes, size_t n) MUST_CHECK;

/* text_put — a string without its final 0. */
void text_put(struct out *text, const char *string);

#endif
