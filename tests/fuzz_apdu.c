/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_apdu.c — any stream of APDUs against a live card, watched by a small model of what it may answer.
 *
 * Input: one byte of options, then records: a length of two bytes and so many bytes of command; length FFFF = reset.
 * A record that claims more than is left takes what is left.  The card holds a key in 9A, 9C, 9D, 9E and 82, made when
 * the program starts, so that no input knows them; its seals are cheap, its random bytes those of a fixed seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "applet/command.h"
#include "tests/fake.h"
#include "tests/fuzz.h"

enum option { YUBIKEY = 1 << 0, GLOBAL = 1 << 1, VERIFIED = 1 << 2, ADMIN = 1 << 3, CONTENT = 1 << 4, LESS_ROOM = 1 << 5 };

static const struct {
    uint8_t ref, alg;
} keys[] = { { 0x9A, ALG_RSA1024 }, { 0x9C, ALG_P256 }, { 0x9D, ALG_P384 }, { 0x9E, ALG_ED25519 }, { 0x82, ALG_X25519 } };
enum { KEYS = sizeof keys / sizeof keys[0], CARDS = 4, SECRET_MIN = 16 };

/* Made once: a card of either persona with and without a global PIN, and what nobody may ever read. */
struct world {
    struct fake fake;
    struct card *cards[CARDS];
    struct secret *secrets[CARDS * KEYS];
    size_t n_secrets;
};

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fuzz_apdu: %s\n", what);
    abort();
}

static void add_key(struct world *w, struct card *card, size_t i)
{
    const struct alg *alg = alg_by_id(keys[i].alg);
    EVP_PKEY *key = NULL;
    struct secret *private = NULL;

    need(key_generate(NULL, alg, &key) == ERR_NONE && key_encode_private(key, alg, &private) == ERR_NONE, "no key");
    need(card_put_key(&w->fake.env, card, keyref_by_ref(keys[i].ref), key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT,
                      i == 1 ? ORIGIN_GENERATED : ORIGIN_IMPORTED, "label") == ERR_NONE, "key refused");
    w->secrets[w->n_secrets++] = private;
    EVP_PKEY_free(key);
}

static struct card *make_card(struct world *w, unsigned options)
{
    struct card_plan plan = { .persona = persona_by_name(options & YUBIKEY ? "yubikey" : "piv"), .log_n = 1,
                              .serial = 12345678, .management_alg = options & GLOBAL ? ALG_AES128 : ALG_3DES,
                              .allow_rsa1024 = true };
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    struct card *card = NULL;

    need(factory_pin(&pin) == ERR_NONE && factory_puk(&puk) == ERR_NONE &&
         factory_management(plan.management_alg, &management) == ERR_NONE, "no PIN");
    plan.pin = pin;
    plan.puk = puk;
    plan.global = options & GLOBAL ? pin : NULL;
    plan.management = management;
    need(card_new(&w->fake.env, &plan, &card) == ERR_NONE, "no card");
    for (size_t i = 0; i < KEYS; i++)
        add_key(w, card, i);
    secret_free(management);
    secret_free(puk);
    secret_free(pin);
    return card;
}

static struct world *make_world(void)
{
    struct world *w = calloc(1, sizeof *w);

    need(w != NULL, "no memory");
    fake_init(&w->fake, 1);
    for (unsigned i = 0; i < CARDS; i++)
        w->cards[i] = make_card(w, i);
    return w;
}

/* What the model knows of one run. */
struct run {
    struct fake fake;
    struct piv *piv;
    struct world *world;
    bool verified, fresh, admin; /* as far as commands and answers tell */
    uint8_t chain[CHAIN_MAX + 65536], *answer;
    size_t chain_n;
    struct apdu head;
    bool chaining;
};

static const sw_t known[] = { 0x9000, 0x6581, 0x6700, 0x6881, 0x6882, 0x6982, 0x6983, 0x6985, 0x6A80,
                              0x6A81, 0x6A82, 0x6A84, 0x6A86, 0x6A88, 0x6B00, 0x6D00, 0x6E00 };

static bool is_known(sw_t sw)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == sw)
            return true;
    return (sw & 0xFF00) == SW_MORE || (sw & 0xFFF0) == SW_TRIES;
}

/* Not memmem: a fuzzer watches that one, and would learn the secret from it. */
static bool holds(struct in data, const uint8_t *secret)
{
    for (size_t i = 0; i + SECRET_MIN <= data.n; i++)
        if (data.p[i] == secret[0] && CRYPTO_memcmp(data.p + i, secret, SECRET_MIN) == 0)
            return true;
    return false;
}

/* No answer holds a private number, or a long piece from its start. */
static void check_secrets(const struct run *r, struct in data)
{
    for (size_t i = 0; i < r->world->n_secrets; i++) {
        struct in rest = secret_in(r->world->secrets[i]), value;
        uint32_t tag;

        while (tlv_next(&rest, &tag, &value))
            need(!holds(data, value.p), "a private key came out");
    }
    if (r->piv->card_key != NULL)
        need(!holds(data, r->piv->card_key->p), "the card key came out");
}

/* The whole data of a command: its own block after those kept. */
static struct in whole_data(struct run *r, const struct apdu *c)
{
    bool goes_on = r->chaining && c->ins == r->head.ins && c->p1 == r->head.p1 && c->p2 == r->head.p2;
    struct out all = out_of(r->chain, sizeof r->chain);

    all.n = goes_on ? r->chain_n : 0;
    out_put(&all, c->data);
    r->chain_n = all.n;
    r->head = *c;
    return out_in(&all);
}

/* The first eight bytes of the data open one of the seals that the card had before the command. */
static bool proves(struct run *r, const struct card *card, struct in data)
{
    struct in pin;
    bool right = false;

    if (!in_take(&data, 8, &pin))
        return false;
    for (enum pin which = 0; which < PIN_COUNT; which++) {
        struct secret *card_key = NULL;

        if (card->pin[which].log_n != 0 &&
            open_pin(&r->fake.env, card->guid, which, pin, &card->pin[which], &card_key) == ERR_NONE)
            right = true;
        secret_free(card_key);
    }
    return right;
}

static void check_tries(struct run *r, const struct card *card, const struct tries *before, const struct apdu *c,
                        struct in data, sw_t sw)
{
    for (enum pin which = 0; which < PIN_COUNT; which++) {
        if (r->fake.tries.left[which] <= before->left[which])
            continue;
        if (c->ins == 0xFA)
            need(r->admin && r->verified && sw == SW_SUCCESS, "SET PIN RETRIES without its rights");
        else if (c->ins == 0xFB)
            need(before->left[PIN_APPLICATION] == 0 && before->left[PIN_PUK] == 0, "RESET of a card not blocked");
        else
            need((c->ins == 0x20 || c->ins == 0x24 || c->ins == 0x2C) && proves(r, card, data),
                 "a count rose without the right PIN");
    }
}

static bool uses_key(const struct apdu *c)
{
    return c->ins == 0x87 && c->p2 != KEYREF_MANAGEMENT;
}

/* Whatever succeeded was allowed. */
static void check_rights(const struct run *r, const struct card *card, const struct apdu *c)
{
    const struct card_key *key = card_key(card, c->p2);

    switch (c->ins) {
    case 0xDB: case 0x47: case 0xFE: case 0xFF: case 0xF6: case 0xFA:
        need(r->admin, "a change without the management key");
        break;
    case 0x87:
        if (!uses_key(c))
            break;
        need(key != NULL, "a key that is not there computes");
        need(key->pin_policy == PIN_POLICY_NEVER || r->verified, "a key computes without PIN");
        need(key->pin_policy != PIN_POLICY_ALWAYS || r->fresh, "a key computes without a fresh PIN");
        break;
    default:
        break;
    }
}

/* What a complete command makes true and false. */
static void learn(struct run *r, const struct apdu *c, struct in data, sw_t sw)
{
    bool ok = sw == SW_SUCCESS || (sw & 0xFF00) == SW_MORE;
    bool proven = ok && ((c->ins == 0x20 && c->p1 == 0x00 && data.n > 0) || (c->ins == 0x24 && c->p2 != 0x81));
    bool asks = data.n == 4 && (data.p[2] == 0x80 || data.p[2] == 0x81) && data.p[3] == 0;

    r->fresh = proven;
    r->verified |= proven;
    if (c->ins == 0x87 && c->p2 == KEYREF_MANAGEMENT && ok)
        r->admin = !asks;
    /* Only the last PIN's failure ends what the model calls verified; it stays generous with two PINs. */
    if ((r->piv->status & (STATUS_PIN | STATUS_GLOBAL)) == 0)
        r->verified = false;
    if ((r->piv->status & STATUS_ADMIN) == 0)
        r->admin = false;
    need((r->piv->status & STATUS_ADMIN) == 0 || r->admin, "administrator from nowhere");
    need((r->piv->status & (STATUS_PIN | STATUS_GLOBAL)) == 0 || r->verified, "verified from nowhere");
}

/* An RSA key takes seconds to make. */
static bool is_slow(const struct apdu *c, struct in data)
{
    static const uint8_t rsa[] = { ALG_RSA1024, ALG_RSA2048, ALG_RSA3072, ALG_RSA4096 };

    for (size_t i = 0; i < sizeof rsa && c->ins == 0x47; i++) {
        const uint8_t wanted[] = { 0x80, 0x01, rsa[i] };

        if (data.n > 0 && memmem(data.p, data.n, wanted, sizeof wanted) != NULL)
            return true;
    }
    return false;
}

static void exchange(struct run *r, struct in command, size_t room)
{
    struct out rsp = out_of(r->answer, room);
    struct tries before = r->fake.tries;
    struct card *card = NULL;
    struct apdu c;
    bool parsed = apdu_parse(command, &c) && apdu_class(&c) == SW_SUCCESS, response = parsed && c.ins == 0xC0;
    struct in answer, data = parsed && !response ? whole_data(r, &c) : in_of(NULL, 0), body = { NULL, 0 };
    uint16_t sw = 0;

    if (parsed && is_slow(&c, data))
        return;
    need(card_copy(piv_card(r->piv), &card) == ERR_NONE, "no memory");
    piv_exchange(r->piv, command, &rsp);
    answer = out_in(&rsp);
    need(!rsp.bad && answer.n >= 2 && in_take(&answer, answer.n - 2, &body) && in_u16(&answer, &sw), "no status word");
    need(is_known(sw), "a status word that is none");
    need(body.n == 0 || sw == SW_SUCCESS || (sw & 0xFF00) == SW_MORE, "data with an error");
    check_secrets(r, body);
    r->chaining = parsed && !response && apdu_chained(&c) && sw == SW_SUCCESS;
    if (!response && !r->chaining) {
        check_tries(r, card, &before, &c, data, sw);
        if (parsed && !apdu_chained(&c) && (sw == SW_SUCCESS || (sw & 0xFF00) == SW_MORE))
            check_rights(r, card, &c);
        if (!parsed || !apdu_chained(&c))
            learn(r, &c, data, sw);
    } else {
        need(memcmp(&before, &r->fake.tries, sizeof before) == 0, "a count moved without a command");
    }
    card_free(card);
}

static void reset(struct run *r)
{
    piv_unpower(r->piv);
    need(r->piv->card_key == NULL && r->piv->status == 0, "a card without power remembers");
    piv_power(r->piv);
    r->verified = r->fresh = r->admin = r->chaining = false;
}

static void start(struct run *r, unsigned options)
{
    struct secret *pin = NULL, *management = NULL;
    struct card *card = NULL;
    uint8_t left;

    fake_init(&r->fake, 1);
    if (options & GLOBAL)
        r->fake.tries.left[PIN_GLOBAL] = r->fake.tries.allowed[PIN_GLOBAL] = 3;
    need(card_copy(r->world->cards[options % CARDS], &card) == ERR_NONE, "no memory");
    if (options & CONTENT)
        need(card_put_object(card, OBJECT_CERT_RETIRED_FIRST, in_of(r->chain, 600)) == ERR_NONE, "no object");
    r->piv = piv_new(&r->fake.env, card);
    need(r->piv != NULL, "no memory");
    piv_power(r->piv);
    if (options & VERIFIED) {
        need(factory_pin(&pin) == ERR_NONE &&
             piv_verify(r->piv, PIN_APPLICATION, secret_in(pin), &left) == ERR_NONE, "no PIN");
        r->verified = r->fresh = true;
    }
    if (options & ADMIN) {
        need(factory_management(r->piv->card->management.alg, &management) == ERR_NONE &&
             piv_authenticate_management(r->piv, secret_in(management)) == ERR_NONE, "no administrator");
        r->admin = true;
    }
    secret_free(management);
    secret_free(pin);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    enum { RESET = 0xFFFF, COMMANDS_MAX = 64, SMALL_ROOM = 300 };
    static struct world *world;
    struct in in = in_of(bytes, n), command;
    struct run *r = calloc(1, sizeof *r);
    uint8_t options;
    uint16_t size;

    if (world == NULL)
        world = make_world();
    need(r != NULL && (r->answer = malloc(PIV_RESPONSE_MAX)) != NULL, "no memory");
    if (in_u8(&in, &options)) {
        r->world = world;
        start(r, options);
        for (int i = 0; i < COMMANDS_MAX && in_u16(&in, &size); i++) {
            if (size == RESET)
                reset(r);
            else if (in_take(&in, size < in.n ? size : in.n, &command)) {
                uint8_t *exact = malloc(command.n > 0 ? command.n : 1);

                need(exact != NULL, "no memory");
                if (command.n > 0)
                    memcpy(exact, command.p, command.n);
                exchange(r, in_of(exact, command.n), options & LESS_ROOM ? SMALL_ROOM : PIV_RESPONSE_MAX);
                free(exact);
            }
        }
        piv_free(r->piv);
        fake_clear(&r->fake);
    }
    free(r->answer);
    free(r);
    return 0;
}
