/* SPDX-License-Identifier: BSD-2-Clause */
/* faults.c — TABLE of what a row may say, and how a script is read. */
#include "conf/faults.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include "applet/tlv.h"
#include "conf/conftext.h"

enum { CONDITION = -1 };

#define AT(member) offsetof(struct fault, member)

/* vpiv.1 says the same.  Actions stand in the order of their numbers. */
static const struct word {
    const char *name;
    int action;      /* or CONDITION */
    size_t offset;   /* of a condition */
    int min, max;
    bool flag;       /* true stands there, and no number */
    const char *choices;
} words[] = {
    { "sw", FAULT_SW, 0, 0x6000, 0x9FFF, false, "a status word from 0x6000 to 0x9FFF" },
    { "delay", FAULT_DELAY, 0, 1, 60000, false, "milliseconds from 1 to 60000" },
    { "drop", FAULT_DROP, 0, 1, 1, true, "true" },
    { "remove", FAULT_REMOVE, 0, 1, 1, true, "true" },
    { "mute", FAULT_MUTE, 0, 1, 600000, false, "milliseconds from 1 to 600000" },
    { "cut", FAULT_CUT, 0, 1, 100, false, "the number of a write from 1 to 100" },
    { "at", CONDITION, AT(at), 1, INT_MAX, false, "a number from 1" },
    { "ins", CONDITION, AT(ins), 0, 0xFF, false, "a byte from 0x00 to 0xFF" },
    { "p1", CONDITION, AT(p1), 0, 0xFF, false, "a byte from 0x00 to 0xFF" },
    { "p2", CONDITION, AT(p2), 0, 0xFF, false, "a byte from 0x00 to 0xFF" },
    { "nth", CONDITION, AT(nth), 1, INT_MAX, false, "a number from 1" },
    { "chance", CONDITION, AT(chance), 0, 100, false, "so many in a hundred, from 0 to 100" },
};

enum { WORDS = sizeof words / sizeof *words };

const char *fault_name(enum fault_action action)
{
    return words[action].name;
}

static void list_words(char *text, size_t room)
{
    struct out out = out_of(text, room - 1);

    for (size_t i = 0; i < WORDS; i++) {
        out_put(&out, in_of(", ", i == 0 ? 0 : 2));
        out_put(&out, in_of(words[i].name, strlen(words[i].name)));
    }
    text[out.n] = '\0';
}

static bool get_value(const config_setting_t *setting, const struct word *word, int *value)
{
    if (word->flag) {
        *value = 1;
        return config_setting_type(setting) == CONFIG_TYPE_BOOL && config_setting_get_bool(setting) == CONFIG_TRUE;
    }
    if (config_setting_type(setting) != CONFIG_TYPE_INT)
        return false;
    *value = config_setting_get_int(setting);
    return *value >= word->min && *value <= word->max;
}

static enum err read_word(const char *name, const config_setting_t *setting, struct fault *row, bool *acts,
                          struct why *why)
{
    unsigned line = config_setting_source_line(setting);
    const char *said = config_setting_name(setting);
    char all[256];
    int value;

    for (size_t i = 0; i < WORDS; i++) {
        const struct word *word = &words[i];

        if (said == NULL || strcmp(word->name, said) != 0)
            continue;
        if (!get_value(setting, word, &value))
            return why_set(why, ERR_DATA, "%s:%u: %s must be %s", name, line, said, word->choices);
        if (word->action == CONDITION) {
            memcpy((uint8_t *)row + word->offset, &value, sizeof value);
            return ERR_NONE;
        }
        if (*acts)
            return why_set(why, ERR_DATA, "%s:%u: %s and %s: one action a row", name, line,
                           fault_name(row->action), said);
        *acts = true;
        row->action = (enum fault_action)word->action;
        row->number = value;
        return ERR_NONE;
    }
    list_words(all, sizeof all);
    return why_set(why, ERR_DATA, "%s:%u: unknown word “%.60s”; there are: %s", name, line,
                   said == NULL ? "" : said, all);
}

static enum err read_row(const char *name, const config_setting_t *setting, struct fault *row, struct why *why)
{
    unsigned line = config_setting_source_line(setting);
    enum err e = ERR_NONE;
    bool acts = false;

    *row = (struct fault){ .at = FAULT_ANY, .ins = FAULT_ANY, .p1 = FAULT_ANY, .p2 = FAULT_ANY, .nth = FAULT_ANY,
                           .chance = FAULT_ANY };
    if (!config_setting_is_group(setting))
        return why_set(why, ERR_DATA, "%s:%u: a row stands in braces: { ins = 0xCB; sw = 0x6581; }", name, line);
    for (int i = 0; e == ERR_NONE && i < config_setting_length(setting); i++)
        e = read_word(name, config_setting_get_elem(setting, (unsigned)i), row, &acts, why);
    if (e == ERR_NONE && !acts)
        e = why_set(why, ERR_DATA, "%s:%u: this row does nothing: sw, delay, drop, remove, mute or cut is missing",
                    name, line);
    return e;
}

static enum err read_rows(const char *name, const config_setting_t *list, struct faults *faults, struct why *why)
{
    unsigned line = config_setting_source_line(list);
    int n = config_setting_length(list);
    enum err e = ERR_NONE;

    if (!config_setting_is_list(list))
        return why_set(why, ERR_DATA, "%s:%u: faults is a list: ( { … }, { … } )", name, line);
    if (n > FAULTS_MAX)
        return why_set(why, ERR_DATA, "%s:%u: %d rows, where %d have room", name, line, n, FAULTS_MAX);
    for (int i = 0; e == ERR_NONE && i < n; i++)
        e = read_row(name, config_setting_get_elem(list, (unsigned)i), &faults->rows[faults->n++], why);
    return e;
}

static enum err read_top(const char *name, const config_setting_t *setting, struct faults *faults, struct why *why)
{
    const char *said = config_setting_name(setting);
    unsigned line = config_setting_source_line(setting);

    if (strcmp(said, "faults") == 0)
        return read_rows(name, setting, faults, why);
    if (strcmp(said, "seed") != 0)
        return why_set(why, ERR_DATA, "%s:%u: unknown word “%.60s”; there are: seed, faults", name, line, said);
    if (config_setting_type(setting) != CONFIG_TYPE_INT || config_setting_get_int(setting) < 0)
        return why_set(why, ERR_DATA, "%s:%u: seed must be a number from 0", name, line);
    faults->seed = (unsigned)config_setting_get_int(setting);
    return ERR_NONE;
}

enum err faults_parse(const char *name, const char *text, struct faults *faults, struct why *why)
{
    const config_setting_t *root;
    enum err e = ERR_NONE;
    config_t config;

    *faults = (struct faults){ .n = 0 };
    config_init(&config);
    if (config_read_string(&config, text) != CONFIG_TRUE)
        e = why_set(why, ERR_DATA, "%s:%d: %s", name, config_error_line(&config), config_error_text(&config));
    root = config_root_setting(&config);
    for (int i = 0; e == ERR_NONE && i < config_setting_length(root); i++)
        e = read_top(name, config_setting_get_elem(root, (unsigned)i), faults, why);
    config_destroy(&config);
    return e;
}

enum err faults_read(const char *path, struct faults *faults, struct why *why)
{
    char *text = NULL;
    enum err e = conftext_read(path, &text, why);

    if (e == ERR_NONE)
        e = faults_parse(path, text, faults, why);
    free(text);
    return e;
}
