/* SPDX-License-Identifier: BSD-2-Clause */
/* settings.c — the table of settings, and how a file of them is read. */
#include "conf/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libconfig.h>

#include "applet/card.h"
#include "conf/conftext.h"
#include "conf/touch.h"

enum setting_type { SETTING_NUMBER, SETTING_BOOL, SETTING_NAME, SETTING_TYPES };

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset, size;
    int min, max;                     /* of a number */
    int number;                       /* default of a number or bool */
    const char *word;                 /* default of a name */
    bool (*is_choice)(const char *);  /* what a name may be … */
    const char *choices;              /* … in words */
    const char *help;
};

static bool is_persona(const char *name)
{
    return persona_by_name(name) != NULL;
}

static bool is_cipher(const char *name)
{
    const struct alg *alg = alg_by_name(name);

    return alg != NULL && alg->family == ALG_CIPHER;
}

static bool is_touch(const char *name)
{
    return touch_mode_by_name(name) != TOUCH_MODES;
}

#define AT(member) .offset = offsetof(struct settings, member), .size = sizeof(((struct settings *)NULL)->member)

/* vpiv.conf(5) and vpiv.conf.in say the same. */
static const struct setting table[] = {
    { "pin_tries", SETTING_NUMBER, AT(pin_tries), .min = 1, .max = 10, .number = 3, /* SP 800-73-5 Part 1, 3.1.1 */
      .help = "tries for the PIN of a new card" },
    { "puk_tries", SETTING_NUMBER, AT(puk_tries), .min = 1, .max = 10, .number = 3,
      .help = "tries for the PUK of a new card" },
    { "persona", SETTING_NAME, AT(persona), .word = "piv", .is_choice = is_persona,
      .choices = "the name of a persona", .help = "persona of a new card" },
    { "management_algorithm", SETTING_NAME, AT(management_algorithm), .word = "3DES", .is_choice = is_cipher,
      .choices = "3DES, AES-128, AES-192 or AES-256", .help = "algorithm of a new card's management key" },
    { "absent_ms", SETTING_NUMBER, AT(absent_ms), .min = 0, .max = 10000, .number = 0,
      .help = "milliseconds for which a card that replaces another is shown as absent" },
    { "pinpad", SETTING_BOOL, AT(pinpad), .number = 0, .help = "the reader has a keypad for the PIN" },
    { "touch", SETTING_NAME, AT(touch), .word = "auto", .is_choice = is_touch, .choices = "auto, wait or never",
      .help = "what happens when a key wants a touch" },
    { "touch_seconds", SETTING_NUMBER, AT(touch_seconds), .min = 1, .max = 600, .number = 15, /* as a YubiKey */
      .help = "seconds for which an operation waits for a touch" },
    { "slots", SETTING_NUMBER, AT(slots), .min = 1, .max = SETTINGS_SLOTS_MAX, .number = 1,
      .help = "slots of the reader" },
};

static enum err get_number(const config_setting_t *setting, const struct setting *row, void *member)
{
    long long v;

    if (config_setting_type(setting) != CONFIG_TYPE_INT && config_setting_type(setting) != CONFIG_TYPE_INT64)
        return ERR_DATA;
    v = config_setting_type(setting) == CONFIG_TYPE_INT ? config_setting_get_int(setting)
                                                        : config_setting_get_int64(setting);
    if (v < row->min || v > row->max)
        return ERR_DATA;
    *(int *)member = (int)v;
    return ERR_NONE;
}

static enum err get_bool(const config_setting_t *setting, const struct setting *row, void *member)
{
    (void)row;
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
        return ERR_DATA;
    *(bool *)member = config_setting_get_bool(setting) != CONFIG_FALSE;
    return ERR_NONE;
}

static enum err get_name(const config_setting_t *setting, const struct setting *row, void *member)
{
    const char *string = config_setting_get_string(setting);

    if (string == NULL || strlen(string) >= row->size || !row->is_choice(string))
        return ERR_DATA;
    strcpy(member, string);
    return ERR_NONE;
}

static void say_number(const struct setting *row, char *text, size_t n)
{
    snprintf(text, n, "a number from %d to %d", row->min, row->max);
}

static void say_bool(const struct setting *row, char *text, size_t n)
{
    (void)row;
    snprintf(text, n, "true or false");
}

static void say_name(const struct setting *row, char *text, size_t n)
{
    snprintf(text, n, "%s, in quotation marks", row->choices);
}

static const struct {
    enum err (*get)(const config_setting_t *setting, const struct setting *row, void *member);
    void (*say)(const struct setting *row, char *text, size_t n);
} types[SETTING_TYPES] = {
    [SETTING_NUMBER] = { get_number, say_number },
    [SETTING_BOOL] = { get_bool, say_bool },
    [SETTING_NAME] = { get_name, say_name },
};

void settings_default(struct settings *settings)
{
    memset(settings, 0, sizeof *settings);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        void *member = (uint8_t *)settings + table[i].offset;

        if (table[i].type == SETTING_NUMBER)
            *(int *)member = table[i].number;
        else if (table[i].type == SETTING_BOOL)
            *(bool *)member = table[i].number != 0;
        else
            snprintf(member, table[i].size, "%s", table[i].word);
    }
}

static enum err unknown(const char *path, const config_setting_t *setting, struct why *why)
{
    char names[256];
    struct out out = out_of(names, sizeof names - 1);

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        out_put(&out, in_of(", ", i == 0 ? 0 : 2));
        out_put(&out, in_of(table[i].name, strlen(table[i].name)));
    }
    names[out.n] = '\0';
    return why_set(why, ERR_DATA, "%s:%u: unknown setting “%.60s”; there are: %s", path,
                   config_setting_source_line(setting), config_setting_name(setting), names);
}

static enum err read_one(const char *path, const config_setting_t *setting, struct settings *settings,
                         struct why *why)
{
    const char *name = config_setting_name(setting);
    char choices[128];

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct setting *row = &table[i];

        if (strcmp(row->name, name) != 0)
            continue;
        if (types[row->type].get(setting, row, (uint8_t *)settings + row->offset) == ERR_NONE)
            return ERR_NONE;
        types[row->type].say(row, choices, sizeof choices);
        return why_set(why, ERR_DATA, "%s:%u: %s (%s) must be %s", path, config_setting_source_line(setting), name,
                       row->help, choices);
    }
    return unknown(path, setting, why);
}

/* past_words — behind a string or a comment that starts here, or `at` itself. */
static const char *past_words(const char *at)
{
    const char *end = NULL;

    if (at[0] == '"') {
        for (end = at + 1; *end != '\0' && *end != '"'; end++)
            if (end[0] == '\\' && end[1] != '\0')
                end++;
        return *end == '\0' ? end : end + 1;
    }
    if (at[0] == '#' || strncmp(at, "//", 2) == 0)
        end = strchr(at, '\n');
    else if (strncmp(at, "/*", 2) == 0)
        end = (end = strstr(at + 2, "*/")) == NULL ? NULL : end + 2;
    else
        return at;
    return end == NULL ? at + strlen(at) : end;
}

/* wide_number — the first number that has more than 31 bits (with an L: 64), or NULL.  libconfig 1.5 cuts such a one
 * down without a word, and 4294967299 would be 3. */
static const char *wide_number(const char *text)
{
    while (*text != '\0') {
        const char *next = past_words(text);

        if (next == text && isalpha((unsigned char)*text)) {
            while (isalnum((unsigned char)*next) || (*next != '\0' && strchr("-_*", *next) != NULL))
                next++;
        } else if (next == text && isdigit((unsigned char)*text)) {
            bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
            char *end;

            errno = 0;
            if ((strtoull(text, &end, hex ? 16 : 10) > INT32_MAX && *end != 'L') || errno != 0)
                return text;
            next = end;
        }
        text = next == text ? text + 1 : next;
    }
    return NULL;
}

static unsigned line_of(const char *text, const char *where)
{
    unsigned line = 1;

    for (; text < where; text++)
        line += *text == '\n';
    return line;
}

/* All or nothing: a file with a fault changes no setting. */
static enum err parse(const char *path, const char *text, struct settings *settings, struct why *why)
{
    struct settings next = *settings;
    const char *wide = wide_number(text);
    enum err e = ERR_NONE;
    config_t config;

    if (wide != NULL)
        return why_set(why, ERR_DATA, "%s:%u: no setting can be as large as %.*s", path, line_of(text, wide),
                       (int)strspn(wide, "0123456789abcdefxABCDEFX"), wide);
    config_init(&config);
    if (config_read_string(&config, text) != CONFIG_TRUE)
        e = why_set(why, ERR_DATA, "%s:%d: %s", path, config_error_line(&config), config_error_text(&config));
    for (int i = 0; e == ERR_NONE && i < config_setting_length(config_root_setting(&config)); i++)
        e = read_one(path, config_setting_get_elem(config_root_setting(&config), (unsigned)i), &next, why);
    config_destroy(&config);
    if (e == ERR_NONE)
        *settings = next;
    return e;
}

enum err settings_read(const char *path, struct settings *settings, struct why *why)
{
    char *text = NULL;
    enum err e = conftext_read(path, &text, why);

    if (e == ERR_NONE)
        e = parse(path, text, settings, why);
    else if (e == ERR_NOT_FOUND)
        e = ERR_NONE;
    free(text);
    return e;
}
