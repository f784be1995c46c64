/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_run.c — the judge: gets to know a card, then plays rows on it one at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet/card.h"
#include "tools/conform_judge.h"

enum { CONSTANT_RUNS = 3, BUILT_IN_VARS = 10 };

static const uint8_t aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00 };
static const uint8_t new_pin[2][8] = { { '6', '5', '4', '3', '2', '1', 0xFF, 0xFF },
                                       { '7', '6', '5', '4', '3', '2', 0xFF, 0xFF } };
static const uint8_t new_puk[2][8] = { { '8', '7', '6', '5', '4', '3', '2', '1' },
                                       { '7', '6', '5', '4', '3', '2', '1', '0' } };

/* A value of the same form that is not the secret: its first digit is the next one. */
static bool set_wrong(struct judge *j, const char *name, const struct secret *secret)
{
    uint8_t wrong[8];

    if (secret == NULL || secret->n != sizeof wrong)
        return var_set(j, name, in_of(new_pin[0], sizeof new_pin[0]));
    memcpy(wrong, secret->p, sizeof wrong);
    wrong[0] = (uint8_t)('0' + (wrong[0] - '0' + 1) % 10);
    return var_set(j, name, in_of(wrong, sizeof wrong));
}

static bool set_other(struct judge *j, const char *name, const struct secret *secret, const uint8_t other[2][8])
{
    bool taken = secret != NULL && secret_equal(secret, in_of(other[0], 8));

    return var_set(j, name, in_of(other[taken], 8));
}

/* The values that every row may use; BUILT_IN_VARS of them. */
static bool set_built_in(struct judge *j)
{
    const struct terms *t = &j->terms;

    return var_set(j, "aid", in_of(aid, sizeof aid)) && var_set(j, "alg", in_of(&t->management_alg, 1)) &&
           var_set(j, "pin", t->pin != NULL ? secret_in(t->pin) : in_of(NULL, 0)) &&
           var_set(j, "puk", t->puk != NULL ? secret_in(t->puk) : in_of(NULL, 0)) && set_wrong(j, "bad", t->pin) &&
           set_wrong(j, "badpuk", t->puk) && set_other(j, "newpin", t->pin, new_pin) &&
           set_other(j, "newpuk", t->puk, new_puk) && var_set(j, ".", in_of(NULL, 0)) &&
           var_set(j, "any", in_of("\x7E", 1));
}

static bool same_secret(const struct secret *given, enum err e, struct secret *factory)
{
    bool same = e == ERR_NONE && given != NULL && secret_equal(given, secret_in(factory));

    secret_free(factory);
    return same;
}

static bool is_factory(const struct terms *t)
{
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    enum err e = factory_pin(&pin);
    bool same = same_secret(t->pin, e, pin);

    e = factory_puk(&puk);
    same = same_secret(t->puk, e, puk) && same;
    e = factory_management(ALG_3DES, &management);
    return same_secret(t->management, e, management) && same && t->management_alg == ALG_3DES;
}

/* How many tries the PIN is allowed: what is left after a right one. */
static bool learn_pin(struct judge *j)
{
    if (!play(j, "try -> 63Cx|6983"))
        return false;
    if ((j->sw == 0x6983 || j->sw == 0x63C0) && (!j->terms.destructive || j->terms.puk == NULL ||
                                                 !play(j, "unblock {puk} {pin} -> 9000")))
        return fail(j, "the card's PIN is blocked");
    if (j->terms.pin != NULL) {
        if (!play(j, "verify {pin} -> 9000|63Cx|6A80"))
            return false;
        if (j->sw != 0x9000)
            return fail(j, "the PIN that was given is not this card's (%04X)", j->sw);
    }
    if (!play(j, "logout; try -> 63Cx"))
        return false;
    j->pin_limit = j->sw & 0x0F;
    return true;
}

static bool without_puk(struct judge *j, const char *reason)
{
    j->terms.puk = NULL;
    j->no_puk = reason;
    return true;
}

/* The PUK's counter cannot be asked: spend a try, and have it back; twice, for a card need not give it back (SP
 * 800-73-5 Part 2, 3.2.3).  Nor must it let the PUK be changed (3.2.2). */
static bool learn_puk(struct judge *j)
{
    if (!j->terms.destructive || j->terms.puk == NULL)
        return true;
    if (!play(j, "unblock {puk} {pin} -> 9000|6983"))
        return false;
    if (j->sw == 0x6983)
        return without_puk(j, "the card's PUK is blocked");
    if (!play(j, "unblock {badpuk} {pin} -> 63Cx"))
        return false;
    j->puk_limit = (j->sw & 0x0F) + 1;
    if (!play(j, "unblock {puk} {pin} -> 9000; unblock {badpuk} {pin} -> 63Cx"))
        return false;
    bool restored = (j->sw & 0x0F) + 1 == j->puk_limit;
    if (!play(j, "unblock {puk} {pin} -> 9000; changepuk {puk} {puk} -> 9000~6A81|6A86|6A88"))
        return false;
    j->puk_fixed = j->sw != 0x9000;
    return restored || without_puk(j, "presents wrong PUKs, and the card does not give the tries back");
}

/* A YubiKey's firmware: what came with a later one does not apply. */
static bool learn_firmware(struct judge *j)
{
    if (!j->terms.yubikey)
        return true;
    if (!play(j, "00FD000000 -> * 9000|err"))
        return false;
    j->firmware = j->sw == 0x9000 && j->data.n == 3 ? j->data.p[0] << 8 | j->data.p[1] : 0;
    return true;
}

/* {any} is an object that everybody may read: the discovery object, where there is one. */
static bool learn_object(struct judge *j)
{
    static const struct in readable[] = { { (const uint8_t *)"\x7E", 1 }, { (const uint8_t *)"\x5F\xC1\x02", 3 },
                                          { (const uint8_t *)"\x5F\xC1\x07", 3 } };

    for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++) {
        if (!var_set(j, "any", readable[i]) || !play(j, "get {any} -> * 9000|err+"))
            return false;
        if (j->sw == 0x9000)
            break;
    }
    if (!play(j, "00CB3FFF_000003_5C(7E)_0000 -> * 9000|err|none"))
        return false;
    j->extended = j->answered && (j->sw == 0x9000 || j->sw == 0x6A82);
    return true;
}

/* What SELECT and the discovery object say about options. */
static bool learn_options(struct judge *j)
{
    struct in template, element, value;
    uint32_t tag;

    if (!play(j, "select"))
        return false;
    if (tlv_at(j->data, "61", &template))
        while (tlv_next(&template, &tag, &element))
            if (tag == 0xAC && tlv_at(element, "80", &value) && value.n == 1)
                j->secure |= value.p[0] == 0x27 || value.p[0] == 0x2E;
    if (!play(j, "get 7E -> * 9000|err+"))
        return false;
    j->usage = tlv_at(j->data, "7E/5F2F", &value) && value.n == 2 ? value.p[0] : 0x40;
    if (!play(j, "get 5FC106 -> * 9000|err+"))
        return false;
    j->issued = j->sw == 0x9000;
    return true;
}

struct judge *judge_new(struct wire *wire, const struct terms *terms, struct why *why)
{
    struct judge *j = calloc(1, sizeof *j);
    struct result result = { .verdict = VERDICT_PASS };

    if (j == NULL) {
        why_set(why, ERR_MEMORY, "%s", err_sentence(ERR_MEMORY));
        return NULL;
    }
    j->wire = wire;
    j->terms = *terms;
    j->factory = is_factory(terms);
    j->result = &result;
    j->pin_limit = j->puk_limit = 3;
    j->command = malloc(COMMAND_MAX);
    j->answer = malloc(ANSWER_MAX);
    bool good = j->command != NULL && j->answer != NULL && set_built_in(j) && play(j, "reset; select") &&
                learn_options(j) && learn_object(j) && learn_firmware(j) && learn_pin(j) && learn_puk(j);
    if (good && wire->mark != NULL)
        good = wire->mark(wire->ctx, 0);
    j->result = NULL;
    if (good)
        return j;
    why_set(why, ERR_DATA, "%s: the card cannot be judged: %s", wire->name, result.text);
    judge_free(j);
    return NULL;
}

bool judge_end(struct judge *j, struct why *why)
{
    struct result result = { .verdict = VERDICT_PASS };

    if (j->wire->back != NULL)
        return true;
    j->result = &result;
    bool good = state_clear(j) && j->wire->reset(j->wire->ctx, false);
    j->result = NULL;
    if (!good)
        why_set(why, ERR_DATA, "the card could not be brought back: %s", result.text);
    return good;
}

void judge_allow(struct judge *j, bool others)
{
    j->terms.house = !others;
}

void judge_free(struct judge *j)
{
    if (j == NULL)
        return;
    vars_clear(j, 0);
    for (size_t i = 0; i < SLOTS_MAX; i++)
        EVP_PKEY_free(j->slots[i].pub);
    EVP_PKEY_free(j->issuer);
    if (j->command != NULL)
        OPENSSL_clear_free(j->command, COMMAND_MAX);
    if (j->answer != NULL)
        OPENSSL_clear_free(j->answer, ANSWER_MAX);
    free(j);
}

bool conform_is_yubikey(struct wire *wire)
{
    static const uint8_t select_rid[] = { 0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0x00, 0x00, 0x03, 0x08 };
    static const uint8_t get_version[] = { 0x00, 0xFD, 0x00, 0x00, 0x00 };
    enum { PIX_SIZE = 6 };
    uint8_t space[512];
    struct out answer = out_of(space, sizeof space);
    struct in name;

    if (!wire->reset(wire->ctx, false) || !wire->send(wire->ctx, in_of(select_rid, sizeof select_rid), &answer))
        return false;
    /* Others that know Yubico's commands give the whole AID. */
    if (!tlv_at(out_in(&answer), "61/4F", &name) || name.n != PIX_SIZE)
        return false;
    out_cut(&answer, 0);
    if (!wire->send(wire->ctx, in_of(get_version, sizeof get_version), &answer))
        return false;
    return answer.n == 5 && answer.p[3] == 0x90 && answer.p[4] == 0x00;
}

static bool play_once(struct judge *j, const struct row *row)
{
    vars_clear(j, BUILT_IN_VARS);
    j->away = start_has(row, "away");
    if (!start_reach(j, row))
        return false;
    j->result->came[0] = '\0';
    return play(j, row->script) && (row->code == NULL || row->code(j));
}

void judge_row(struct judge *j, const struct row *row, struct result *result)
{
    unsigned runs = start_has(row, "constant") ? CONSTANT_RUNS : 1;
    char came[sizeof result->came];

    *result = (struct result){ .verdict = VERDICT_PASS };
    j->result = result;
    j->away = false;
    if (start_possible(j, row, result)) {
        for (unsigned i = 0; i < runs && result->verdict == VERDICT_PASS; i++) {
            bool good = play_once(j, row);
            if (result->verdict == VERDICT_NOT_APPLICABLE) {
                result->came[0] = '\0';
                break;
            }
            if (i > 0 && strcmp(came, result->came) != 0)
                good = fail(j, "first %s, then %s: not constant", came, result->came);
            memcpy(came, result->came, sizeof came);
            good = good && result->verdict == VERDICT_PASS && look_again(j);
            memcpy(result->came, came, sizeof came);
            if (!good && result->verdict == VERDICT_PASS)
                fail(j, "failed without a word");
        }
        bring_back(j, row);
    }
    j->result = NULL;
}

static const struct row *find(const struct group *group, const char *id)
{
    for (const struct row *row = group->rows; row->id != NULL; row++)
        if (strcmp(row->id, id) == 0)
            return row;
    return NULL;
}

const struct row *conform_by_id(const char *id)
{
    for (size_t i = 0; i < GROUP_COUNT; i++) {
        const struct row *row = find(&groups[i], id);
        if (row != NULL)
            return row;
    }
    return NULL;
}

const struct group groups[GROUP_COUNT] = {
    { "RST", "reset", rows_rst },
    { "CLA", "class byte", rows_cla },
    { "LEN", "lengths", rows_len },
    { "SEL", "SELECT", rows_sel },
    { "GET", "GET DATA and GET RESPONSE", rows_get },
    { "VER", "VERIFY", rows_ver },
    { "CRD", "CHANGE REFERENCE DATA", rows_crd },
    { "UNB", "RESET RETRY COUNTER", rows_unb },
    { "GAM", "GENERAL AUTHENTICATE: card management key", rows_gam },
    { "GAS", "GENERAL AUTHENTICATE: signing, decrypting, key agreement", rows_gas },
    { "PUT", "PUT DATA", rows_put },
    { "GEN", "GENERATE ASYMMETRIC KEY PAIR", rows_gen },
    { "DAT", "data model", rows_dat },
    { "OPT", "options that are not there", rows_opt },
    { "CTL", "contactless", rows_ctl },
    { "SM", "secure messaging", rows_sm },
    { "SEC", "security and robustness", rows_sec },
    { "YK", "YubiKey extensions", rows_yk },
    { "P11", "through PKCS#11", rows_p11 },
    { "RDR", "reader and session", rows_rdr },
};
