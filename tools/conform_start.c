/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_start.c — TABLE of start words: what a row needs, and how the card is brought there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet/keyref.h"
#include "tools/conform_judge.h"

enum { MARK_FACTORY, MARK_PERSONAL };

struct start_word {
    const char *name;
    const char *(*missing)(const struct judge *j); /* the reason why the row does not apply, or NULL */
    bool (*reach)(struct judge *j);                /* NULL = nothing to do */
};

static const char *need_pin(const struct judge *j)
{
    return j->terms.pin == NULL ? "needs the card's PIN (--pin)" : NULL;
}

static const char *need_tries(const struct judge *j)
{
    if (j->terms.pin == NULL)
        return need_pin(j);
    return j->pin_limit < 3 ? "spends tries, and the card allows fewer than three" : NULL;
}

static const char *need_puk(const struct judge *j)
{
    return j->no_puk != NULL ? j->no_puk : j->terms.puk == NULL ? "needs the card's PUK (--puk)" : NULL;
}

static const char *need_new_puk(const struct judge *j)
{
    return j->puk_fixed ? "the card does not let the PUK be changed, which is an option" : NULL;
}

static const char *need_extended(const struct judge *j)
{
    return j->extended ? NULL : "the card or its reader does not take extended lengths, which are an option";
}

static const char *need_management(const struct judge *j)
{
    return j->terms.management == NULL ? "needs the card management key (--management-key)" : NULL;
}

static const char *need_destructive(const struct judge *j)
{
    return j->terms.destructive ? NULL : "writes to the card or may block it (--destructive)";
}

static const char *need_piv(const struct judge *j)
{
    return j->terms.yubikey ? "a row of persona piv" : NULL;
}

static const char *need_yubikey(const struct judge *j)
{
    return j->terms.yubikey ? NULL : "a row of persona yubikey";
}

/* A YubiKey's reset brings the factory's values. */
static const char *need_factory(const struct judge *j)
{
    return j->factory ? NULL : "needs the factory's PIN, PUK and management key";
}

static const char *need_lost_puk(const struct judge *j)
{
    return j->terms.yubikey && !j->factory ? need_factory(j) : need_destructive(j);
}

static const char *need_pcsc(const struct judge *j)
{
    return j->wire->pcsc == NULL ? "needs a reader: the card runs in this process" : NULL;
}

static const char *need_sm(const struct judge *j)
{
    return j->secure ? "option: secure messaging, which this program does not speak"
                     : "option: secure messaging, which the card does not announce";
}

static const char *need_no_sm(const struct judge *j)
{
    return j->secure ? "the card announces secure messaging" : NULL;
}

static const char *need_no_occ(const struct judge *j)
{
    return (j->usage & 0x10) != 0 ? "the card compares fingerprints itself" : NULL;
}

static const char *need_3des(const struct judge *j)
{
    return j->terms.management_alg != ALG_3DES ? "the management key is not a 3DES key" : NULL;
}

static const char *need_contactless(const struct judge *j)
{
    (void)j;
    return "option: a card presented as contactless";
}

static const char *need_global(const struct judge *j)
{
    return (j->usage & 0x20) != 0 ? "option: a global PIN, which nobody has told this program"
                                  : "option: a global PIN, which the card's discovery object does not name";
}

static const char *need_no_global(const struct judge *j)
{
    return (j->usage & 0x20) != 0 ? "the card has a global PIN" : NULL;
}

static const char *need_empty(const struct judge *j)
{
    for (size_t i = 0; i < SLOTS_MAX; i++)
        if (j->slots[i].pub != NULL)
            return "the card is not in its factory state: it holds certificates";
    return j->issued ? "the card is not in its factory state: an issuer has written to it" : NULL;
}

static const char *need_metadata(const struct judge *j)
{
    return j->firmware != 0 && j->firmware < 0x0503 ? "GET METADATA came with firmware 5.3; the card's is older" : NULL;
}

static const char *need_serial(const struct judge *j)
{
    return j->firmware != 0 && j->firmware < 0x0500 ? "GET SERIAL came with firmware 5; the card's is older" : NULL;
}

static const char *need_aes(const struct judge *j)
{
    return j->firmware != 0 && j->firmware < 0x0504 ? "AES management keys came with firmware 5.4; the card's is older"
                                                    : NULL;
}

/* To move and delete keys, and the larger algorithms. */
static const char *need_57(const struct judge *j)
{
    return j->firmware != 0 && j->firmware < 0x0507 ? "needs firmware 5.7; the card's is older" : NULL;
}

static const char *need_long(const struct judge *j)
{
    return j->terms.house || j->terms.full ? NULL : "sends more than readers must take (--full)";
}

static const char *need_house(const struct judge *j)
{
    return j->terms.house ? NULL : "is about this project's own cards (--applet)";
}

static const char *need_issuer(const struct judge *j)
{
    return j->issued ? NULL : "needs a card with a security object: signed CHUID, printed information";
}

static bool reach_personal(struct judge *j)
{
    if (!j->terms.destructive || j->personal)
        return true; /* without leave to write, the keys that the row names are looked for one by one */
    if (!state_personalise(j))
        return false;
    if (j->wire->mark != NULL && !j->wire->mark(j->wire->ctx, MARK_PERSONAL))
        return fail(j, "the card could not be kept");
    return true;
}

static bool reach_pin(struct judge *j)
{
    return play(j, "pin");
}

static bool reach_admin(struct judge *j)
{
    return play(j, "adm");
}

static bool reach_blocked(struct judge *j)
{
    return play(j, "check drain T 00200080[{bad}]");
}

/* A key without a certificate shows itself by working. */
static bool has_key(struct judge *j, uint8_t ref)
{
    static const struct {
        uint8_t alg;
        unsigned size;
    } kinds[] = { { ALG_P256, 32 }, { ALG_RSA2048, 256 }, { ALG_P384, 48 }, { ALG_RSA1024, 128 },
                  { ALG_RSA3072, 384 }, { ALG_RSA4096, 512 }, { ALG_ED25519, 32 } };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!playf(j, "pin; sign %02X %02X {00*%u} -> * 9000|err+", ref, kinds[i].alg, kinds[i].size))
            return false;
        if (j->sw == 0x9000)
            return j->data.n > 0 || fail(j, "%02X answers success without a result", ref);
    }
    return false;
}

static bool reach_empty(struct judge *j)
{
    state_learn(j);
    for (size_t i = 0; i < KEYREF_COUNT; i++) {
        struct slot *slot = slot_of(j, keyrefs[i].ref);
        if (slot == NULL || slot->pub != NULL || keyrefs[i].yubikey || has_key(j, slot->ref))
            continue;
        if (j->result->verdict == VERDICT_FAIL)
            return false;
        return var_set(j, "empty", in_of(&slot->ref, 1)) && play(j, "reset; select; pin");
    }
    return does_not_apply(j, "every key reference of the card holds a key");
}

static bool reach_puk_blocked(struct judge *j)
{
    return j->terms.puk == NULL || play(j, "check drain U 002C0080[{badpuk}{newpin}]");
}

static bool reach_learned(struct judge *j)
{
    state_learn(j);
    return true;
}

static const struct start_word words[] = {
/*    word        does not apply because  reach */
    { "F",        NULL,                   NULL },            /* factory values, all tries */
    { "P",        NULL,                   NULL },            /* keys and certificates: reached before all else */
    { "T",        need_issuer,            NULL },
    { "empty",    NULL,                   reach_empty },     /* {empty} is a key reference without a key */
    { "learn",    NULL,                   reach_learned },   /* which certificates are there */
    { "verify",   need_pin,               NULL },            /* presents the PIN */
    { "tries",    need_tries,             NULL },            /* presents a wrong one */
    { "changes",  need_puk,               NULL },            /* changes PIN or PUK */
    { "puk",      need_puk,               NULL },            /* presents the PUK */
    { "newpuk",   need_new_puk,           NULL },            /* changes it */
    { "ext",      need_extended,          NULL },            /* sends extended lengths */
    { "pukgone",  need_lost_puk,          NULL },            /* leaves the PUK blocked */
    { "pukblocked", need_destructive,     reach_puk_blocked },
    { "nosm",     need_no_sm,             NULL },
    { "noocc",    need_no_occ,            NULL },
    { "nogpin",   need_no_global,         NULL },
    { "3des",     need_3des,              NULL },
    { "values",   need_factory,           NULL },            /* PIN, PUK and management key of the factory */
    { "factory",  need_empty,             NULL },            /* no certificate on the card */
    { "key",      need_management,        NULL },            /* uses the management key */
    { "pin",      need_pin,               reach_pin },       /* PIN verified */
    { "adm",      need_management,        reach_admin },     /* management key authenticated */
    { "blocked",  need_pin,               reach_blocked },   /* no tries left */
    { "write",    need_destructive,       NULL },
    { "piv",      need_piv,               NULL },
    { "yk",       need_yubikey,           NULL },
    { "meta",     need_metadata,          NULL },            /* uses GET METADATA */
    { "aes",      need_aes,               NULL },            /* sets AES management keys */
    { "v57",      need_57,                NULL },
    { "serial",   need_serial,            NULL },            /* uses GET SERIAL */
    { "long",     need_long,              NULL },            /* sends the longest commands, and longer ones */
    { "house",    need_house,             NULL },
    { "pcsc",     need_pcsc,              NULL },
    { "sm",       need_sm,                NULL },
    { "ctl",      need_contactless,       NULL },
    { "gpin",     need_global,            NULL },
    { "away",     NULL,                   NULL },            /* ends with PIV not selected */
    { "constant", NULL,                   NULL },            /* played three times, the same each time */
    { "late",     NULL,                   NULL },            /* after the rows that use the keys */
    { "last",     NULL,                   NULL },            /* after all others */
};

static const struct start_word *word_row(const char *name)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    return NULL;
}

bool start_has(const struct row *row, const char *word)
{
    size_t n = strlen(word);

    for (const char *s = row->start; (s = strstr(s, word)) != NULL; s += n)
        if ((s == row->start || s[-1] == ' ') && (s[n] == ' ' || s[n] == '\0' || s[n] == ':'))
            return true;
    return false;
}

/* The words behind "saves:" or "spoils:", numbers in hex and commas between; returns how many. */
size_t start_numbers(const struct row *row, const char *word, uint32_t *list, size_t cap)
{
    const char *s = strstr(row->start, word);
    size_t n = 0;

    if (s == NULL)
        return 0;
    s += strlen(word);
    while (*s == ':' || *s == ',') {
        char *end;
        uint32_t v = (uint32_t)strtoul(s + 1, &end, 16);
        if (n < cap)
            list[n++] = v;
        s = end;
    }
    return n;
}

unsigned row_turn(const struct row *row)
{
    if (start_has(row, "last"))
        return TURN_LAST;
    if (start_has(row, "late"))
        return TURN_LATE;
    return start_has(row, "P") ? TURN_KEYS : TURN_FIRST;
}

static bool not_applicable(struct result *result, const char *reason)
{
    result->verdict = VERDICT_NOT_APPLICABLE;
    snprintf(result->text, sizeof result->text, "%s", reason);
    return false;
}

/* A need such as 9A:07, where the judge may not make the key himself. */
static bool key_there(struct judge *j, const struct row *row, const char *word, struct result *result)
{
    unsigned ref, alg;
    char reason[80];

    if (sscanf(word, "%2X:%2X", &ref, &alg) != 2)
        return true;
    struct slot *slot = slot_of(j, (uint8_t)ref);
    if (slot != NULL && slot->refused)
        return not_applicable(result, "the card generates no retired keys, which is an option");
    if (j->terms.destructive && start_has(row, "P"))
        return true;
    state_learn(j);
    slot = slot_of(j, (uint8_t)ref);
    if (slot != NULL && slot->pub != NULL && (alg == 0 || slot->alg == alg))
        return true;
    if (alg == 0)
        snprintf(reason, sizeof reason, "needs a certificate for %02X", ref);
    else
        snprintf(reason, sizeof reason, "needs a certificate for %02X, with a key of algorithm %02X", ref, alg);
    return not_applicable(result, reason);
}

bool start_possible(struct judge *j, const struct row *row, struct result *result)
{
    char copy[160];

    if (start_has(row, "hands"))
        return not_applicable(result, row->script);
    if (j->broken_by[0] != '\0')
        return not_applicable(result, j->broken_by);
    if (strcmp(row->clause, "YK 5.7") == 0 && need_57(j) != NULL)
        return not_applicable(result, need_57(j));
    if (start_has(row, "factory"))
        state_learn(j);
    snprintf(copy, sizeof copy, "%s", row->start);
    struct words w = words_split(copy);
    for (size_t i = 0; i < w.n; i++) {
        const struct start_word *word = word_row(w.word[i]);
        const char *reason = word == NULL || word->missing == NULL ? NULL : word->missing(j);
        if (reason != NULL)
            return not_applicable(result, reason);
    }
    for (size_t i = 0; i < w.n; i++)
        if (word_row(w.word[i]) == NULL && !key_there(j, row, w.word[i], result))
            return false;
    return true;
}

/* Keep the objects that the row will write over. */
static bool save_objects(struct judge *j, const struct row *row)
{
    uint32_t tags[SAVED_MAX];
    size_t n = j->wire->back != NULL ? 0 : start_numbers(row, "saves", tags, SAVED_MAX);

    for (size_t i = 0; i < n; i++) {
        struct saved *s = &j->saved[j->n_saved];
        struct in value;
        if (!playf(j, "get %06X -> * 9000|6982|6A82+", tags[i]))
            return false;
        *s = (struct saved){ .tag = tags[i], .there = j->sw == 0x9000 };
        if (s->there && tlv_at(j->data, "53", &value)) {
            s->p = malloc(value.n + 1);
            if (s->p == NULL)
                return fail(j, "out of memory");
            memcpy(s->p, value.p, value.n);
            s->n = value.n;
        }
        j->n_saved++;
    }
    j->result->came[0] = '\0';
    return true;
}

bool start_reach(struct judge *j, const struct row *row)
{
    char copy[160];
    bool keys = start_has(row, "P") && j->terms.destructive;

    j->pin_left = j->pin_limit;
    if (j->wire->back != NULL && !j->wire->back(j->wire->ctx, keys && j->personal ? MARK_PERSONAL : MARK_FACTORY))
        return fail(j, "the card could not be brought back");
    if (!play(j, "reset; select; try -> T") || (start_has(row, "P") && !reach_personal(j)) ||
        !save_objects(j, row) || !play(j, "reset; select"))
        return false;
    snprintf(copy, sizeof copy, "%s", row->start);
    struct words w = words_split(copy);
    for (size_t i = 0; i < w.n; i++) {
        const struct start_word *word = word_row(w.word[i]);
        if (word != NULL && word->reach != NULL && !word->reach(j))
            return false;
    }
    return true;
}
