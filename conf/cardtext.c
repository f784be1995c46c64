/* SPDX-License-Identifier: BSD-2-Clause */
/* cardtext.c — the table of a card file's settings, its first line and its seal. */
#include "conf/cardtext.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>
#include <openssl/crypto.h>

#include "conf/field.h"

#define HEAD_MAGIC "# vpiv-card "
#define GUID_BEFORE "guid = \""
#define GUID_AFTER "\";\n"
#define SEAL_BEFORE "seal = \""
#define SEAL_AFTER "\";\n"
enum { SEAL_SIZE = 32, SEAL_LINE = sizeof SEAL_BEFORE - 1 + 2 * SEAL_SIZE + sizeof SEAL_AFTER - 1 };

/* Bounds that nothing honest comes near: they keep a hostile file from costing more than its own size. */
enum { PUBLIC_MAX = 1024, SEALED_MAX = 4096, LABEL_MAX = 4096, CHAIN_CERT_MAX = 65536 };

static bool put_word(const char *word, char name[FIELD_NAME_MAX])
{
    return word != NULL && snprintf(name, FIELD_NAME_MAX, "%s", word) < FIELD_NAME_MAX;
}

/* Small numbers with names: words[v] is the name of v. */
struct words {
    const char *word[4];
};
static const struct words pin_policies = { { NULL, "never", "once", "always" } };
static const struct words touch_policies = { { NULL, "never", "always", "cached" } };
static const struct words origins = { { NULL, "generated", "imported", NULL } };

static bool word_put(const struct words *words, const void *value, char name[FIELD_NAME_MAX])
{
    uint8_t v = *(const uint8_t *)value;

    return v < sizeof words->word / sizeof words->word[0] && put_word(words->word[v], name);
}

static bool word_get(const struct words *words, const char *name, void *value)
{
    for (size_t i = 0; i < sizeof words->word / sizeof words->word[0]; i++) {
        if (words->word[i] != NULL && strcmp(words->word[i], name) == 0) {
            *(uint8_t *)value = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool pin_policy_put(const void *value, char name[FIELD_NAME_MAX])
{
    return word_put(&pin_policies, value, name);
}

static bool pin_policy_get(const char *name, void *value)
{
    return word_get(&pin_policies, name, value);
}

static bool touch_policy_put(const void *value, char name[FIELD_NAME_MAX])
{
    return word_put(&touch_policies, value, name);
}

static bool touch_policy_get(const char *name, void *value)
{
    return word_get(&touch_policies, name, value);
}

static bool origin_put(const void *value, char name[FIELD_NAME_MAX])
{
    return word_put(&origins, value, name);
}

static bool origin_get(const char *name, void *value)
{
    return word_get(&origins, name, value);
}

static bool persona_put(const void *value, char name[FIELD_NAME_MAX])
{
    const struct persona *persona = *(const struct persona *const *)value;

    return persona != NULL && put_word(persona->name, name);
}

static bool persona_get(const char *name, void *value)
{
    const struct persona **persona = value;

    return (*persona = persona_by_name(name)) != NULL;
}

static bool atr_put(const void *value, char name[FIELD_NAME_MAX])
{
    const struct atr *atr = *(const struct atr *const *)value;

    return put_word(atr == NULL ? "auto" : atr->name, name);
}

static bool atr_get(const char *name, void *value)
{
    const struct atr **atr = value;

    *atr = atr_by_name(name);
    return *atr != NULL || strcmp(name, "auto") == 0;
}

static bool firmware_put(const void *value, char name[FIELD_NAME_MAX])
{
    const uint8_t *v = value;

    return snprintf(name, FIELD_NAME_MAX, "%u.%u.%u", (unsigned)v[0], (unsigned)v[1], (unsigned)v[2]) > 0;
}

/* Read, write again, compare: blanks, signs and leading zeros are refused that way. */
static bool firmware_get(const char *name, void *value)
{
    char again[FIELD_NAME_MAX];
    uint8_t *v = value;

    return sscanf(name, "%3" SCNu8 ".%3" SCNu8 ".%3" SCNu8, &v[0], &v[1], &v[2]) == 3 && firmware_put(v, again) &&
           strcmp(name, again) == 0;
}

static bool alg_put(const void *value, char name[FIELD_NAME_MAX])
{
    const struct alg *alg = alg_by_id(*(const uint8_t *)value);

    return alg != NULL && put_word(alg->name, name);
}

static bool key_alg_get(const char *name, void *value)
{
    const struct alg *alg = alg_by_name(name);

    if (alg == NULL || alg->family == ALG_CIPHER)
        return false;
    *(uint8_t *)value = alg->id;
    return true;
}

static bool cipher_get(const char *name, void *value)
{
    const struct alg *alg = alg_by_name(name);

    if (alg == NULL || alg->family != ALG_CIPHER)
        return false;
    *(uint8_t *)value = alg->id;
    return true;
}

static bool slot_put(const void *value, char name[FIELD_NAME_MAX])
{
    const struct keyref *ref = keyref_by_ref(*(const uint8_t *)value);

    return ref != NULL && put_word(ref->name, name);
}

static bool slot_get(const char *name, void *value)
{
    const struct keyref *ref = keyref_by_name(name);

    if (ref == NULL)
        return false;
    *(uint8_t *)value = ref->ref;
    return true;
}

static bool tag_put(const void *value, char name[FIELD_NAME_MAX])
{
    uint32_t tag = *(const uint32_t *)value;

    return object_by_tag(tag) != NULL &&
           snprintf(name, FIELD_NAME_MAX, tag > 0xFFFF ? "%06X" : tag > 0xFF ? "%04X" : "%02X", (unsigned)tag) > 0;
}

static bool tag_get(const char *name, void *value)
{
    char again[FIELD_NAME_MAX];

    *(uint32_t *)value = (uint32_t)strtoul(name, NULL, 16);
    return tag_put(value, again) && strcmp(name, again) == 0;
}

static const struct naming pin_policy_names = { "never, once or always", pin_policy_put, pin_policy_get };
static const struct naming touch_policy_names = { "never, always or cached", touch_policy_put, touch_policy_get };
static const struct naming origin_names = { "generated or imported", origin_put, origin_get };
static const struct naming persona_names = { "a persona", persona_put, persona_get };
static const struct naming atr_names = { "an ATR, nor auto", atr_put, atr_get };
static const struct naming firmware_names = { "a version of three numbers", firmware_put, firmware_get };
static const struct naming alg_names = { "an algorithm of a PIV key", alg_put, key_alg_get };
static const struct naming cipher_names = { "a cipher of a management key", alg_put, cipher_get };
static const struct naming slot_names = { "a slot", slot_put, slot_get };
static const struct naming tag_names = { "the tag of a data object", tag_put, tag_get };

#define TABLE(rows) .fields = rows, .n_fields = sizeof rows / sizeof rows[0]

static const struct field seal_fields[] = {
    { "log_n",    FIELD_NUMBER, FIELD_AT(struct seal, log_n), .min = 1, .max = SEAL_LOG_N_MAX },
    { "standard", FIELD_BOOL,   FIELD_AT(struct seal, standard) },
    { "salt",     FIELD_HEX,    FIELD_AT(struct seal, salt) },
    { "nonce",    FIELD_HEX,    FIELD_AT(struct seal, nonce) },
    { "box",      FIELD_HEX,    FIELD_AT(struct seal, box) },
};

static const struct field management_fields[] = {
    { "algorithm", FIELD_NAME,   FIELD_AT(struct card_management, alg), .naming = &cipher_names },
    { "touch",     FIELD_NAME,   FIELD_AT(struct card_management, touch_policy), .naming = &touch_policy_names },
    { "standard",  FIELD_BOOL,   FIELD_AT(struct card_management, standard) },
    { "sealed",    FIELD_BASE64, FIELD_AT(struct card_management, sealed), .min = 1, .max = SEALED_MAX },
};

static const struct field key_fields[] = {
    { "slot",         FIELD_NAME,   FIELD_AT(struct card_key, ref), .naming = &slot_names },
    { "number",       FIELD_NUMBER, FIELD_AT(struct card_key, number), .min = 1, .max = UINT32_MAX },
    { "algorithm",    FIELD_NAME,   FIELD_AT(struct card_key, alg), .naming = &alg_names },
    { "pin_policy",   FIELD_NAME,   FIELD_AT(struct card_key, pin_policy), .naming = &pin_policy_names },
    { "touch_policy", FIELD_NAME,   FIELD_AT(struct card_key, touch_policy), .naming = &touch_policy_names },
    { "origin",       FIELD_NAME,   FIELD_AT(struct card_key, origin), .naming = &origin_names },
    { "label",        FIELD_TEXT,   FIELD_AT(struct card_key, label), .max = LABEL_MAX, .optional = true },
    { "public",       FIELD_BASE64, FIELD_AT(struct card_key, public), .min = 1, .max = PUBLIC_MAX },
    { "sealed",       FIELD_BASE64, FIELD_AT(struct card_key, sealed), .min = 1, .max = SEALED_MAX },
};

static const struct field object_fields[] = {
    { "tag",   FIELD_NAME,   FIELD_AT(struct card_object, tag), .naming = &tag_names },
    { "value", FIELD_BASE64, FIELD_AT(struct card_object, value), .max = OBJECT_MAX },
};

static const struct field chain_fields[] = {
    { "certificate", FIELD_BASE64, .offset = 0, .size = sizeof(struct bytes), .min = 1, .max = CHAIN_CERT_MAX },
};

/* The GUID comes first: find_guid. */
static const struct field card_fields[] = {
    { "guid",               FIELD_HEX,    FIELD_AT(struct card, guid) },
    { "serial",             FIELD_NUMBER, FIELD_AT(struct card, serial), .min = 1, .max = UINT32_MAX },
    { "test",               FIELD_BOOL,   FIELD_AT(struct card, test) },
    { "persona",            FIELD_NAME,   FIELD_AT(struct card, persona), .naming = &persona_names },
    { "atr",                FIELD_NAME,   FIELD_AT(struct card, atr), .naming = &atr_names },
    { "firmware",           FIELD_NAME,   FIELD_AT(struct card, firmware), .naming = &firmware_names },
    { "pin_usage",          FIELD_HEX,    FIELD_AT(struct card, pin_usage) },
    { "allow_rsa1024",      FIELD_BOOL,   FIELD_AT(struct card, allow_rsa1024) },
    { "pin",                FIELD_GROUP,  FIELD_AT(struct card, pin[PIN_APPLICATION]), TABLE(seal_fields),
      .optional = true },
    { "puk",                FIELD_GROUP,  FIELD_AT(struct card, pin[PIN_PUK]), TABLE(seal_fields), .optional = true },
    { "global_pin",         FIELD_GROUP,  FIELD_AT(struct card, pin[PIN_GLOBAL]), TABLE(seal_fields),
      .optional = true },
    { "agreement",          FIELD_HEX,    FIELD_AT(struct card, agreement) },
    { "agreement_sealed",   FIELD_BASE64, FIELD_AT(struct card, agreement_sealed), .min = 1, .max = SEALED_MAX },
    { "management",         FIELD_GROUP,  FIELD_AT(struct card, management), TABLE(management_fields) },
    { "next_number",        FIELD_NUMBER, FIELD_AT(struct card, next_number), .min = 1, .max = UINT32_MAX },
    { "keys",               FIELD_LIST,   .offset = offsetof(struct card, keys),
      .size = sizeof(struct card_key), .max = CARD_KEYS_MAX, TABLE(key_fields),
      .count = offsetof(struct card, n_keys) },
    { "objects",            FIELD_LIST,   .offset = offsetof(struct card, objects),
      .size = sizeof(struct card_object), .max = CARD_OBJECTS_MAX, TABLE(object_fields),
      .count = offsetof(struct card, n_objects) },
    { "chain",              FIELD_LIST,   .offset = offsetof(struct card, chain),
      .size = sizeof(struct bytes), .max = CARD_CHAIN_MAX, TABLE(chain_fields),
      .count = offsetof(struct card, n_chain) },
};
enum { CARD_FIELDS = sizeof card_fields / sizeof card_fields[0] };

/* What no single row can say.  Half a sentence about what is wrong, or NULL. */
static const char *contradiction(const struct card *card)
{
    size_t total = 0;

    for (size_t i = 0; i < card->n_keys; i++) {
        const struct card_key *key = &card->keys[i];

        if (key->number >= card->next_number)
            return "a key has a number that was never given";
        for (size_t k = 0; k < i; k++) {
            if (card->keys[k].ref == key->ref)
                return "two keys are in one slot";
            if (card->keys[k].number == key->number)
                return "two keys have one number";
        }
    }
    for (size_t i = 0; i < card->n_objects; i++) {
        total += card->objects[i].value.n;
        for (size_t k = 0; k < i; k++) {
            if (card->objects[k].tag == card->objects[i].tag)
                return "two data objects have one tag";
        }
    }
    return total > OBJECTS_TOTAL_MAX ? "the data objects are larger than a card" : NULL;
}

static void put_head(struct out *text, const struct cardfile_head *head)
{
    char line[CARDTEXT_HEAD_MAX];

    snprintf(line, sizeof line, HEAD_MAGIC "%u %" PRIu64 " ", head->version, head->generation);
    text_put(text, line);
    hex_put(text, in_of(head->stamp, sizeof head->stamp));
    text_put(text, "\n");
}

enum err cardtext_head(struct in text, struct cardfile_head *head)
{
    char line[CARDTEXT_HEAD_MAX + 1], stamp[2 * CARDFILE_STAMP + 1];
    uint8_t again[CARDTEXT_HEAD_MAX];
    struct out written = out_of(again, sizeof again);
    struct in magic;

    memset(head, 0, sizeof *head);
    if (text.n > CARDTEXT_HEAD_MAX)
        text.n = CARDTEXT_HEAD_MAX;
    snprintf(line, sizeof line, "%.*s", (int)text.n, (const char *)text.p);
    if (sscanf(line, HEAD_MAGIC "%9u ", &head->version) != 1)
        return ERR_DATA;
    if (head->version != CARDFILE_VERSION)
        return ERR_VERSION;
    if (sscanf(line, HEAD_MAGIC "%*u %19" SCNu64 " %32[0-9a-f]", &head->generation, stamp) != 2 ||
        !hex_get(stamp, head->stamp, sizeof head->stamp) || head->generation == 0)
        return ERR_DATA;
    /* As it would be written, byte for byte: one head has one form. */
    put_head(&written, head);
    return in_take(&text, written.n, &magic) && in_equal(magic, out_in(&written)) ? ERR_NONE : ERR_DATA;
}

static enum err seal_of(const struct piv_env *env, const uint8_t guid[16], struct in body, uint8_t seal[SEAL_SIZE])
{
    struct secret *key = NULL;
    enum err e = derive_host(env, "file", guid, &key);

    if (e == ERR_NONE)
        e = mac(env->lib, secret_in(key), body, in_of(NULL, 0), seal);
    secret_free(key);
    return e;
}

enum err cardtext_write(const struct piv_env *env, const struct cardfile_head *head, const struct card *card,
                        struct out *text)
{
    uint8_t seal[SEAL_SIZE];
    enum err e = contradiction(card) == NULL ? ERR_NONE : ERR_DATA;

    put_head(text, head);
    if (e == ERR_NONE)
        e = fields_put(text, card_fields, CARD_FIELDS, card, 0);
    if (e == ERR_NONE && text->bad)
        e = ERR_FULL;
    if (e == ERR_NONE)
        e = seal_of(env, card->guid, out_in(text), seal);
    if (e != ERR_NONE)
        return e;
    text_put(text, SEAL_BEFORE);
    hex_put(text, in_of(seal, sizeof seal));
    text_put(text, SEAL_AFTER);
    return text->bad ? ERR_FULL : ERR_NONE;
}

/* split — the sealed part, and the seal of the last line. */
static bool split(struct in text, struct in *body, uint8_t seal[SEAL_SIZE])
{
    struct in before, digits;
    char hex[2 * SEAL_SIZE + 1];

    if (text.n < SEAL_LINE || !in_take(&text, text.n - SEAL_LINE, body) ||
        !in_take(&text, sizeof SEAL_BEFORE - 1, &before) || !in_take(&text, 2 * SEAL_SIZE, &digits))
        return false;
    snprintf(hex, sizeof hex, "%.*s", (int)digits.n, (const char *)digits.p);
    return in_equal(before, in_of(SEAL_BEFORE, sizeof SEAL_BEFORE - 1)) &&
           in_equal(text, in_of(SEAL_AFTER, sizeof SEAL_AFTER - 1)) && hex_get(hex, seal, SEAL_SIZE);
}

static unsigned line_of(struct in text, const void *where)
{
    unsigned line = 1;
    uint8_t b;

    while ((const void *)text.p < where && in_u8(&text, &b))
        line += b == '\n';
    return line;
}

/* Refused for what they are, with their line: whoever writes one into a card file should learn it. */
static enum err check_bytes(const char *path, struct in text, struct why *why)
{
    const void *found = memmem(text.p, text.n, "@include", 8);

    if (found != NULL)
        return why_set(why, ERR_DATA, "%s:%u: a card file has no @include", path, line_of(text, found));
    found = memchr(text.p, 0, text.n);
    if (found != NULL)
        return why_set(why, ERR_DATA, "%s:%u: a zero byte", path, line_of(text, found));
    return ERR_NONE;
}

/* find_guid — of the second line, which has one form: it names the seal's key, so it is read before the seal is known
 * to fit. */
static bool find_guid(struct in text, uint8_t guid[16])
{
    struct in head, before, digits, after;
    const uint8_t *end = memchr(text.p, '\n', text.n);
    char hex[2 * 16 + 1];

    if (end == NULL || !in_take(&text, (size_t)(end - text.p) + 1, &head) ||
        !in_take(&text, sizeof GUID_BEFORE - 1, &before) || !in_take(&text, sizeof hex - 1, &digits) ||
        !in_take(&text, sizeof GUID_AFTER - 1, &after))
        return false;
    snprintf(hex, sizeof hex, "%.*s", (int)digits.n, (const char *)digits.p);
    return in_equal(before, in_of(GUID_BEFORE, sizeof GUID_BEFORE - 1)) &&
           in_equal(after, in_of(GUID_AFTER, sizeof GUID_AFTER - 1)) && hex_get(hex, guid, 16);
}

/* Nothing but the GUID is looked at before the seal fits, not even by the parser: libconfig ends the process when
 * memory runs out, and 1.5 loses some at the end of a broken string. */
static enum err check_seal(const struct piv_env *env, const char *path, struct in text, struct in *body,
                           struct why *why)
{
    uint8_t guid[16], seal[SEAL_SIZE], found[SEAL_SIZE];
    enum err e;

    if (!find_guid(text, guid))
        return why_set(why, ERR_DATA, "%s:2: not the card's GUID", path);
    if (!split(text, body, found))
        return why_set(why, ERR_MISMATCH, "%s: the last line is not the card's seal: the file was edited or cut off",
                       path);
    e = seal_of(env, guid, *body, seal);
    if (e == ERR_NONE && CRYPTO_memcmp(seal, found, sizeof seal) != 0)
        e = why_set(why, ERR_MISMATCH, "%s: the seal does not fit: the file was edited, or it belongs to another host "
                    "secret than this one (put that one back, or make the card here from its bundle: 'vpiv import')",
                    path);
    return e;
}

static enum err parse(config_t *config, const char *path, struct in body, struct why *why)
{
    char *text = malloc(body.n + 1);
    struct out copy = out_of(text, body.n + 1);
    bool good;

    if (text == NULL)
        return ERR_MEMORY;
    out_put(&copy, body);
    out_u8(&copy, 0);
    good = config_read_string(config, text) == CONFIG_TRUE;
    free(text);
    return good ? ERR_NONE
                : why_set(why, ERR_DATA, "%s:%d: %s", path, config_error_line(config), config_error_text(config));
}

static enum err fill(const config_t *config, const char *path, struct card **out, struct why *why)
{
    struct card *card = OPENSSL_zalloc(sizeof *card);
    const char *wrong;
    enum err e;

    if (card == NULL)
        return ERR_MEMORY;
    e = fields_get(config_root_setting(config), path, card_fields, CARD_FIELDS, card, why);
    if (e == ERR_NONE && (wrong = contradiction(card)) != NULL)
        e = why_set(why, ERR_DATA, "%s: %s", path, wrong);
    if (e == ERR_NONE)
        *out = card;
    else
        card_free(card);
    return e;
}

enum err cardtext_read(const struct piv_env *env, const char *path, struct in text, struct cardfile_head *head,
                       struct card **card, struct why *why)
{
    struct in body;
    config_t config;
    enum err e = cardtext_head(text, head);

    *card = NULL;
    if (e == ERR_VERSION)
        return why_set(why, e, "%s: a card file of version %u; this program reads version %d", path, head->version,
                       (int)CARDFILE_VERSION);
    if (e != ERR_NONE)
        return why_set(why, e, "%s:1: not a card file", path);
    e = check_bytes(path, text, why);
    if (e == ERR_NONE)
        e = check_seal(env, path, text, &body, why);
    if (e != ERR_NONE)
        return e;
    /* Without the seal's own line: a second seal is an unknown setting like any other. */
    config_init(&config);
    e = parse(&config, path, body, why);
    if (e == ERR_NONE)
        e = fill(&config, path, card, why);
    config_destroy(&config);
    return e;
}
