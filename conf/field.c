/* SPDX-License-Identifier: BSD-2-Clause */
/* field.c — the types of settings: how each is written, and read with its bounds checked. */
#include "conf/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* One setting on its way in. */
struct at {
    const config_setting_t *setting;
    const char *path;
    struct why *why;
};

/* A handler of one type: put writes the value alone, get reads it. */
struct type {
    enum err (*put)(struct out *text, const struct field *field, const void *member, int depth);
    enum err (*get)(const struct at *at, const struct field *field, void *member);
};

void text_put(struct out *text, const char *string)
{
    out_put(text, in_of(string, strlen(string)));
}

void hex_put(struct out *text, struct in bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t b;

    while (in_u8(&bytes, &b)) {
        out_u8(text, (uint8_t)digits[b >> 4]);
        out_u8(text, (uint8_t)digits[b & 15]);
    }
}

bool hex_get(const char *text, uint8_t *bytes, size_t n)
{
    size_t found;

    return strlen(text) == 2 * n && strspn(text, "0123456789abcdef") == 2 * n &&
           OPENSSL_hexstr2buf_ex(bytes, n, &found, text, '\0') == 1 && found == n;
}

static void indent(struct out *text, int depth)
{
    for (int i = 0; i < depth; i++)
        text_put(text, "    ");
}

static enum err bad(const struct at *at, const struct field *field, const char *what)
{
    return why_set(at->why, ERR_DATA, "%s:%u: %s: %s", at->path, config_setting_source_line(at->setting), field->name,
                   what);
}

static const char *string_of(const struct at *at)
{
    return config_setting_type(at->setting) == CONFIG_TYPE_STRING ? config_setting_get_string(at->setting) : NULL;
}

static enum err put_hex(struct out *text, const struct field *field, const void *member, int depth)
{
    (void)depth;
    text_put(text, "\"");
    hex_put(text, in_of(member, field->size));
    text_put(text, "\"");
    return ERR_NONE;
}

static enum err get_hex(const struct at *at, const struct field *field, void *member)
{
    const char *string = string_of(at);
    char what[64];

    if (string != NULL && hex_get(string, member, field->size))
        return ERR_NONE;
    snprintf(what, sizeof what, "not a string of %zu hex digits", 2 * field->size);
    return bad(at, field, what);
}

static enum err put_number(struct out *text, const struct field *field, const void *member, int depth)
{
    char number[32];
    uint32_t v;

    (void)depth;
    if (field->size == sizeof(uint8_t))
        v = *(const uint8_t *)member;
    else
        memcpy(&v, member, sizeof v);
    if (v < field->min || v > field->max)
        return ERR_DATA;
    /* libconfig reads a plain number into 32 bits with sign, and says nothing when it does not fit. */
    snprintf(number, sizeof number, "%" PRIu32 "%s", v, v > INT32_MAX ? "L" : "");
    text_put(text, number);
    return ERR_NONE;
}

static enum err get_number(const struct at *at, const struct field *field, void *member)
{
    int type = config_setting_type(at->setting);
    long long v;
    char what[64];

    if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) {
        v = type == CONFIG_TYPE_INT ? config_setting_get_int(at->setting) : config_setting_get_int64(at->setting);
        if (v >= field->min && v <= field->max) {
            uint32_t wide = (uint32_t)v;

            if (field->size == sizeof(uint8_t))
                *(uint8_t *)member = (uint8_t)wide;
            else
                memcpy(member, &wide, sizeof wide);
            return ERR_NONE;
        }
    }
    snprintf(what, sizeof what, "not a number from %" PRIu32 " to %" PRIu32, field->min, field->max);
    return bad(at, field, what);
}

static enum err put_bool(struct out *text, const struct field *field, const void *member, int depth)
{
    (void)field, (void)depth;
    text_put(text, *(const bool *)member ? "true" : "false");
    return ERR_NONE;
}

static enum err get_bool(const struct at *at, const struct field *field, void *member)
{
    if (config_setting_type(at->setting) != CONFIG_TYPE_BOOL)
        return bad(at, field, "neither true nor false");
    *(bool *)member = config_setting_get_bool(at->setting) != CONFIG_FALSE;
    return ERR_NONE;
}

/* Lines of 64 characters; libconfig joins strings that follow each other. */
enum { BASE64_LINE = 48, BASE64_CHARACTERS = BASE64_LINE / 3 * 4 };

static bool has_lines(const struct field *field, const void *member)
{
    return field->type == FIELD_BASE64 && bytes_in(member).n > BASE64_LINE;
}

static enum err put_base64(struct out *text, const struct field *field, const void *member, int depth)
{
    struct in rest = bytes_in(member), part;

    if (rest.n < field->min || rest.n > field->max)
        return ERR_DATA;
    for (bool first = true, split = has_lines(field, member); first || !in_end(&rest); first = false) {
        uint8_t line[BASE64_CHARACTERS + 1];

        if (!in_take(&rest, rest.n < BASE64_LINE ? rest.n : BASE64_LINE, &part))
            return ERR_DATA;
        if (split) {
            text_put(text, "\n");
            indent(text, depth + 1);
        }
        text_put(text, "\"");
        out_put(text, in_of(line, (size_t)EVP_EncodeBlock(line, part.p, (int)part.n)));
        text_put(text, "\"");
    }
    return ERR_NONE;
}

/* How many bytes a base64 string without blanks holds; false where it is not one. */
static bool base64_size(const char *string, size_t *n)
{
    size_t length = strlen(string), digits = strcspn(string, "=");

    if (length % 4 != 0 || length - digits > 2 || strspn(string + digits, "=") != length - digits ||
        strcspn(string, " \t\r\n-") != length || length > INT32_MAX)
        return false;
    *n = length / 4 * 3 - (length - digits);
    return true;
}

static enum err get_base64(const struct at *at, const struct field *field, void *member)
{
    const char *string = string_of(at);
    uint8_t *decoded;
    size_t n;
    enum err e = ERR_DATA;
    char what[96];

    if (string != NULL && base64_size(string, &n) && n >= field->min && n <= field->max) {
        size_t length = strlen(string);

        decoded = OPENSSL_malloc(length + 1);
        if (decoded == NULL)
            return ERR_MEMORY;
        if (EVP_DecodeBlock(decoded, (const unsigned char *)string, (int)length) >= 0)
            e = bytes_set(member, in_of(decoded, n));
        OPENSSL_free(decoded);
        if (e != ERR_DATA)
            return e;
    }
    snprintf(what, sizeof what, "not base64 of %" PRIu32 " to %" PRIu32 " bytes", field->min, field->max);
    return bad(at, field, what);
}

/* "@" as well: libconfig obeys a line that starts with @include even where that line is inside a string. */
static void put_escaped(struct out *text, struct in string)
{
    char code[8];
    uint8_t b;

    while (in_u8(&string, &b)) {
        if (b == '"' || b == '\\')
            out_u8(text, '\\');
        if (b < 0x20 || b == 0x7F || b == '@') {
            snprintf(code, sizeof code, "\\x%02x", (unsigned)b);
            text_put(text, code);
        } else {
            out_u8(text, b);
        }
    }
}

static enum err put_text(struct out *text, const struct field *field, const void *member, int depth)
{
    const char *string = *(char *const *)member;

    (void)depth;
    if (string == NULL || strlen(string) < field->min || strlen(string) > field->max)
        return ERR_DATA;
    text_put(text, "\"");
    put_escaped(text, in_of(string, strlen(string)));
    text_put(text, "\"");
    return ERR_NONE;
}

static enum err get_text(const struct at *at, const struct field *field, void *member)
{
    const char *string = string_of(at);
    char what[64];

    if (string != NULL && strlen(string) >= field->min && strlen(string) <= field->max) {
        char *copy = OPENSSL_strdup(string);

        if (copy == NULL)
            return ERR_MEMORY;
        OPENSSL_free(*(char **)member);
        *(char **)member = copy;
        return ERR_NONE;
    }
    snprintf(what, sizeof what, "not a string of %" PRIu32 " to %" PRIu32 " bytes", field->min, field->max);
    return bad(at, field, what);
}

static enum err put_name(struct out *text, const struct field *field, const void *member, int depth)
{
    char name[FIELD_NAME_MAX];

    (void)depth;
    if (!field->naming->put(member, name))
        return ERR_DATA;
    text_put(text, "\"");
    put_escaped(text, in_of(name, strlen(name)));
    text_put(text, "\"");
    return ERR_NONE;
}

static enum err get_name(const struct at *at, const struct field *field, void *member)
{
    const char *string = string_of(at);
    char what[128];

    if (string != NULL && field->naming->get(string, member))
        return ERR_NONE;
    snprintf(what, sizeof what, "“%.40s” is not %s", string != NULL ? string : "", field->naming->what);
    return bad(at, field, what);
}

static enum err put_group(struct out *text, const struct field *field, const void *member, int depth)
{
    enum err e;

    text_put(text, "{\n");
    e = fields_put(text, field->fields, field->n_fields, member, depth + 1);
    indent(text, depth);
    text_put(text, "}");
    return e;
}

static enum err get_group(const struct at *at, const struct field *field, void *member)
{
    if (config_setting_type(at->setting) != CONFIG_TYPE_GROUP)
        return bad(at, field, "not a group { … }");
    return fields_get(at->setting, at->path, field->fields, field->n_fields, member, at->why);
}

/* The counter of a list is outside its member: found from the member by the two offsets. */
static size_t *counter_of(const struct field *field, const void *member)
{
    return (size_t *)((uintptr_t)member - field->offset + field->count);
}

static enum err put_list(struct out *text, const struct field *field, const void *member, int depth)
{
    size_t n = *counter_of(field, member);
    enum err e = n <= field->max ? ERR_NONE : ERR_DATA;

    text_put(text, "(");
    for (size_t i = 0; e == ERR_NONE && i < n; i++) {
        text_put(text, i == 0 ? "\n" : ",\n");
        indent(text, depth + 1);
        e = put_group(text, field, (const uint8_t *)member + i * field->size, depth + 1);
    }
    if (n > 0) {
        text_put(text, "\n");
        indent(text, depth);
    }
    text_put(text, ")");
    return e;
}

static enum err get_list(const struct at *at, const struct field *field, void *member)
{
    int n = config_setting_type(at->setting) == CONFIG_TYPE_LIST ? config_setting_length(at->setting) : -1;
    enum err e = ERR_NONE;
    char what[64];

    if (n < 0 || (uint32_t)n > field->max) {
        snprintf(what, sizeof what, "not a list ( … ) of at most %" PRIu32, field->max);
        return bad(at, field, what);
    }
    for (int i = 0; e == ERR_NONE && i < n; i++) {
        struct at element = { config_setting_get_elem(at->setting, (unsigned)i), at->path, at->why };

        /* Counted first: whoever frees the struct frees a half-filled element too. */
        *counter_of(field, member) = (size_t)i + 1;
        e = get_group(&element, field, (uint8_t *)member + (size_t)i * field->size);
    }
    return e;
}

static const struct type types[FIELD_TYPES] = {
    [FIELD_HEX] = { put_hex, get_hex },          [FIELD_NUMBER] = { put_number, get_number },
    [FIELD_BOOL] = { put_bool, get_bool },       [FIELD_BASE64] = { put_base64, get_base64 },
    [FIELD_TEXT] = { put_text, get_text },       [FIELD_NAME] = { put_name, get_name },
    [FIELD_GROUP] = { put_group, get_group },    [FIELD_LIST] = { put_list, get_list },
};

/* A missing member: a NULL pointer (label), or a seal whose cost is 0. */
static bool is_absent(const struct field *field, const void *member)
{
    const void *pointer;

    if (!field->optional)
        return false;
    if (field->type != FIELD_TEXT)
        return *(const uint8_t *)member == 0;
    memcpy(&pointer, member, sizeof pointer);
    return pointer == NULL;
}

enum err fields_put(struct out *text, const struct field *fields, size_t n, const void *base, int depth)
{
    enum err e = ERR_NONE;

    for (size_t i = 0; e == ERR_NONE && i < n; i++) {
        const void *member = (const uint8_t *)base + fields[i].offset;

        if (is_absent(&fields[i], member))
            continue;
        indent(text, depth);
        text_put(text, fields[i].name);
        text_put(text, has_lines(&fields[i], member) ? " =" : " = ");
        e = types[fields[i].type].put(text, &fields[i], member, depth);
        text_put(text, ";\n");
    }
    return e;
}

static bool is_known(const char *name, const struct field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, fields[i].name) == 0)
            return true;
    }
    return false;
}

enum err fields_get(const config_setting_t *group, const char *path, const struct field *fields, size_t n, void *base,
                    struct why *why)
{
    enum err e = ERR_NONE;

    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);

        if (!is_known(config_setting_name(setting), fields, n))
            return why_set(why, ERR_DATA, "%s:%u: unknown setting “%.60s”", path, config_setting_source_line(setting),
                           config_setting_name(setting));
    }
    for (size_t i = 0; e == ERR_NONE && i < n; i++) {
        struct at at = { config_setting_get_member(group, fields[i].name), path, why };

        if (at.setting != NULL)
            e = types[fields[i].type].get(&at, &fields[i], (uint8_t *)base + fields[i].offset);
        else if (!fields[i].optional)
            e = why_set(why, ERR_DATA, "%s:%u: “%s” is missing", path, config_setting_source_line(group),
                        fields[i].name);
    }
    return e;
}
