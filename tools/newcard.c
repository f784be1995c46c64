/* SPDX-License-Identifier: BSD-2-Clause */
/* newcard.c — a new card: options, secrets, file. */
#include "tools/newcard.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "conf/cardfile.h"
#include "conf/settings.h"
#include "tools/certinfo.h"

enum { TRIES_MAX = 10 }; /* SP 800-73-5 Part 1, 3.1.1 allows no more for the PIN; a YubiKey takes 255 */

/* ---- options ---- */

static bool take_name(struct cli *cli, const char *option, const char *name, const void *found, const char *choices)
{
    if (found == NULL)
        cli_usage(cli, "%s: there is no '%s'; there is %s", option, name, choices);
    return found != NULL;
}

static bool find_atr(struct cli *cli, const char *name, struct newcard *plan)
{
    char choices[256] = "auto";

    plan->atr = NULL;
    if (name == NULL || strcmp(name, "auto") == 0)
        return true;
    for (size_t i = 0; i < ATR_COUNT; i++) {
        size_t n = strlen(choices);

        snprintf(choices + n, sizeof choices - n, ", %s", atrs[i].name);
    }
    plan->atr = atr_by_name(name);
    return take_name(cli, "--atr", name, plan->atr, choices);
}

static bool find_persona(struct cli *cli, const char *name, struct newcard *plan)
{
    char choices[256] = "";

    for (size_t i = 0; i < PERSONA_COUNT; i++) {
        size_t n = strlen(choices);

        snprintf(choices + n, sizeof choices - n, "%s%s", n == 0 ? "" : ", ", personas[i].name);
    }
    plan->persona = persona_by_name(name);
    return take_name(cli, "--persona", name, plan->persona, choices);
}

static bool find_firmware(struct cli *cli, const char *name, struct newcard *plan)
{
    char choices[128] = "";

    if (name == NULL)
        return true;
    if (plan->persona->set != SET_YUBIKEY)
        return cli_usage(cli, "--firmware: only a YubiKey has one: add --persona yubikey"), false;
    for (size_t i = 0; i < FIRMWARE_COUNT; i++) {
        size_t n = strlen(choices);

        snprintf(choices + n, sizeof choices - n, "%s%s", n == 0 ? "" : ", ", firmwares[i].name);
    }
    plan->firmware = firmware_by_name(name);
    return take_name(cli, "--firmware", name, plan->firmware, choices);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                                                                     : -1;
}

/* Hex digits, with - : or a space between them wherever people put them; exactly n bytes. */
static bool from_hex(struct in text, uint8_t *bytes, size_t n)
{
    struct out out = out_of(bytes, n);
    int high = -1;
    uint8_t c;

    while (in_u8(&text, &c)) {
        int digit = hex_digit((char)c);

        if (c == '-' || c == ':' || c == ' ')
            continue;
        if (digit < 0)
            return false;
        if (high < 0) {
            high = digit;
        } else {
            out_u8(&out, (uint8_t)(high << 4 | digit));
            high = -1;
        }
    }
    return high < 0 && !out.bad && out.n == n;
}

static bool take_tries(struct cli *cli, const char *option, unsigned given, int setting, uint8_t *left,
                       uint8_t *allowed)
{
    unsigned n = given != 0 ? given : (unsigned)setting;

    if (n < 1 || n > TRIES_MAX)
        return cli_usage(cli, "%s: 1 to %d", option, TRIES_MAX), false;
    *left = *allowed = (uint8_t)n;
    return true;
}

bool newcard_plan(struct cli *cli, const struct newcard_options *options, struct newcard *plan)
{
    struct settings settings;
    struct why why = { "" };
    const char *algorithm;
    enum err e;

    *plan = (struct newcard){ .persona = NULL };
    if (!cli_store(cli))
        return false;
    settings_default(&settings);
    e = settings_read(cli->store.settings, &settings, &why);
    if (e != ERR_NONE)
        return cli_fail(cli, e, &why), false;
    algorithm = options->algorithm != NULL ? options->algorithm : settings.management_algorithm;
    plan->algorithm = alg_by_name(algorithm);
    if (plan->algorithm != NULL && plan->algorithm->family != ALG_CIPHER)
        plan->algorithm = NULL;
    plan->serial = options->serial;
    plan->allow_rsa1024 = options->allow_rsa1024;
    plan->has_guid = options->guid != NULL;
    if (plan->has_guid && !from_hex(in_of(options->guid, strlen(options->guid)), plan->guid, sizeof plan->guid))
        return cli_usage(cli, "--guid: 32 hex digits"), false;
    if (options->factory && (options->pin != NULL || options->puk != NULL || options->management != NULL))
        return cli_usage(cli, "--factory sets PIN, PUK and management key: give none of them"), false;
    return find_persona(cli, options->persona != NULL ? options->persona : settings.persona, plan) &&
           find_atr(cli, options->atr, plan) && find_firmware(cli, options->firmware, plan) &&
           take_name(cli, "--management-algorithm", algorithm, plan->algorithm, "3DES, AES-128, AES-192, AES-256") &&
           take_tries(cli, "--pin-tries", options->pin_tries, settings.pin_tries, &plan->tries.left[PIN_APPLICATION],
                      &plan->tries.allowed[PIN_APPLICATION]) &&
           take_tries(cli, "--puk-tries", options->puk_tries, settings.puk_tries, &plan->tries.left[PIN_PUK],
                      &plan->tries.allowed[PIN_PUK]);
}

/* ---- secrets ---- */

bool ask_pin(struct cli *cli, const struct ask *ask, struct secret **pin)
{
    struct secret *text = NULL;
    enum err e;

    *pin = NULL;
    if (!cli_secret(cli, ask, &text))
        return false;
    e = pin_from_text(secret_in(text), pin);
    secret_free(text);
    if (e == ERR_DATA)
        cli_refuse(cli, "%s: a PIN is 6 to 8 digits", ask->prompt);
    else if (e != ERR_NONE)
        cli_fail(cli, e, NULL);
    return e == ERR_NONE;
}

bool ask_puk(struct cli *cli, const struct ask *ask, struct secret **puk)
{
    struct secret *text = NULL;
    enum err e;

    if (!cli_secret(cli, ask, &text))
        return false;
    e = puk_from_text(secret_in(text), puk);
    secret_free(text);
    if (e == ERR_DATA)
        cli_refuse(cli, "%s: a PUK is 6 to 8 characters", ask->prompt);
    else if (e != ERR_NONE)
        cli_fail(cli, e, NULL);
    return e == ERR_NONE;
}

bool ask_management(struct cli *cli, const struct ask *ask, const struct alg *alg, struct secret **key)
{
    struct secret *text = NULL;
    bool right;

    *key = NULL;
    if (!cli_secret(cli, ask, &text))
        return false;
    *key = secret_new(alg->size);
    right = *key != NULL && from_hex(secret_in(text), (*key)->p, (*key)->n);
    if (*key == NULL)
        cli_fail(cli, ERR_MEMORY, NULL);
    else if (!right)
        cli_refuse(cli, "%s: for %s it is %zu hex digits", ask->prompt, alg->name, 2 * alg->size);
    if (!right)
        secret_drop(key);
    secret_free(text);
    return right;
}

static enum err random_puk(struct secret **puk)
{
    *puk = secret_new(8);
    if (*puk == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < (*puk)->n;) {
        uint8_t *p = &(*puk)->p[i];

        if (RAND_priv_bytes(p, 1) != 1)
            return ERR_CRYPTO;
        if (*p < 250) { /* a multiple of 10: each digit is as likely */
            *p = (uint8_t)('0' + *p % 10);
            i++;
        }
    }
    return ERR_NONE;
}

static enum err random_key(const struct alg *alg, struct secret **key)
{
    *key = secret_new(alg->size);
    if (*key == NULL)
        return ERR_MEMORY;
    return RAND_priv_bytes((*key)->p, (int)(*key)->n) == 1 ? ERR_NONE : ERR_CRYPTO;
}

static bool factory_secrets(struct cli *cli, struct newcard *plan)
{
    enum err e = factory_pin(&plan->pin);

    if (e == ERR_NONE)
        e = factory_puk(&plan->puk);
    if (e == ERR_NONE)
        e = factory_management(plan->algorithm->id, &plan->management);
    if (e != ERR_NONE)
        cli_fail(cli, e, NULL);
    return e == ERR_NONE;
}

bool newcard_secrets(struct cli *cli, const struct newcard_options *options, const char *name, struct newcard *plan)
{
    char prompt[NAME_MAX + 64];
    struct ask pin = { options->pin, "--pin", prompt, true };
    const struct ask puk = { options->puk, "--puk", "PUK", false };
    const struct ask global = { options->global, "--global-pin", "Global PIN", false };
    const struct ask management = { options->management, "--management-key", "Management key", false };
    enum err e = ERR_NONE;

    if (!secret_heap())
        return cli_refuse(cli, "there is no protected memory for secrets"), false;
    if (options->global != NULL && !ask_pin(cli, &global, &plan->global))
        return false;
    if (plan->global != NULL)
        plan->tries.left[PIN_GLOBAL] = plan->tries.allowed[PIN_GLOBAL] = plan->tries.allowed[PIN_APPLICATION];
    if (options->factory)
        return factory_secrets(cli, plan);
    snprintf(prompt, sizeof prompt, "New PIN for %s (6 to 8 digits)", name);
    if (!ask_pin(cli, &pin, &plan->pin))
        return false;
    if (puk.spec != NULL && !ask_puk(cli, &puk, &plan->puk))
        return false;
    if (management.spec != NULL && !ask_management(cli, &management, plan->algorithm, &plan->management))
        return false;
    plan->random_puk = plan->puk == NULL;
    plan->random_management = plan->management == NULL;
    if (plan->random_puk)
        e = random_puk(&plan->puk);
    if (e == ERR_NONE && plan->random_management)
        e = random_key(plan->algorithm, &plan->management);
    if (e != ERR_NONE)
        cli_fail(cli, e, NULL);
    return e == ERR_NONE;
}

void newcard_clear(struct newcard *plan)
{
    secret_drop(&plan->pin);
    secret_drop(&plan->puk);
    secret_drop(&plan->global);
    secret_drop(&plan->management);
}

/* ---- card and file ---- */

enum err newcard_make(const struct piv_env *env, const struct newcard *plan, struct card **card)
{
    const struct card_plan p = {
        .persona = plan->persona,
        .atr = plan->atr,
        .guid = plan->has_guid ? plan->guid : NULL,
        .serial = plan->serial,
        .firmware = plan->firmware,
        .allow_rsa1024 = plan->allow_rsa1024,
        .global = plan->global,
        .log_n = SEAL_LOG_N_TEST,
        .pin = plan->pin,
        .puk = plan->puk,
        .management_alg = plan->algorithm->id,
        .management = plan->management,
    };

    return card_new(env, &p, card);
}

/* The same card key under the same PINs, at the price that a thief shall pay for each guess. */
static enum err seal(const struct piv_env *env, const struct newcard *plan, struct card *card)
{
    const struct secret *const pins[PIN_COUNT] = { plan->pin, plan->puk, plan->global };
    struct secret *card_key = NULL;
    enum err e = open_pin(env, card->guid, PIN_APPLICATION, secret_in(plan->pin), &card->pin[PIN_APPLICATION],
                          &card_key);

    if (e == ERR_NONE)
        e = card_seal_pins(env, card, pins, SEAL_LOG_N, card_key);
    secret_free(card_key);
    return e;
}

enum err newcard_write(struct cli *cli, const char *path, struct card *card, const struct newcard *plan,
                       struct why *why)
{
    const struct piv_env env = state_env(cli->state);
    size_t n = strlen(cli->store.cards);
    enum err e = seal(&env, plan, card);

    /* The store's own directory is made when its first card is; somewhere else people have said where. */
    if (e == ERR_NONE && strncmp(path, cli->store.cards, n) == 0 && path[n] == '/')
        e = make_directories(cli->store.cards, cli->store.system, why);
    return e == ERR_NONE ? cardfile_create(path, cli->state, card, &plan->tries, why) : e;
}

void newcard_show(const struct newcard *plan)
{
    if (plan->random_puk)
        printf("PUK:             %.*s\n", (int)plan->puk->n, (const char *)plan->puk->p);
    if (plan->random_management) {
        printf("Management key:  ");
        for (struct in in = secret_in(plan->management); !in_end(&in);) {
            uint8_t b;

            if (in_u8(&in, &b))
                printf("%02x", b);
        }
        printf("  (%s)\n", plan->algorithm->name);
    }
    if (plan->random_puk || plan->random_management)
        printf("Write %s down: %s not shown again.\n",
               plan->random_puk && plan->random_management ? "these two" : "it",
               plan->random_puk && plan->random_management ? "they are" : "it is");
}

void newcard_json(const struct newcard *plan, json_t *object)
{
    char hex[2 * 32 + 1];

    json_object_set_new(object, "management_algorithm", json_string(plan->algorithm->name));
    if (plan->random_puk)
        json_object_set_new(object, "puk", json_stringn((const char *)plan->puk->p, plan->puk->n));
    if (plan->random_management && plan->management->n * 2 < sizeof hex) {
        hex_text(secret_in(plan->management), hex);
        json_object_set_new(object, "management_key", json_string(hex));
        OPENSSL_cleanse(hex, sizeof hex);
    }
}
