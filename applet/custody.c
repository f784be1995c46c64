/* SPDX-License-Identifier: BSD-2-Clause */
/* custody.c — which secret of a card lies under which, and what each box is bound to (seal.h has the boxes). */
#include "applet/card.h"

#include <openssl/crypto.h>

enum err card_seal_pins(const struct piv_env *env, struct card *card, const struct secret *const pins[PIN_COUNT],
                        uint8_t log_n, const struct secret *card_key)
{
    enum err e = ERR_NONE;

    for (enum pin which = 0; e == ERR_NONE && which < PIN_COUNT; which++) {
        card->pin[which] = (struct seal){ 0 };
        if (pins[which] == NULL)
            continue;
        e = seal_pin(env, card->guid, which, pins[which], card_key, log_n, &card->pin[which]);
        card->pin[which].standard = pin_is_known(card, which, secret_in(pins[which]));
    }
    return e;
}

enum err card_set_pins(const struct piv_env *env, struct card *card, const struct secret *const pins[PIN_COUNT],
                       uint8_t log_n)
{
    struct secret *card_key = secret_new(SEAL_CARD_KEY), *private = NULL;
    uint8_t room[SEAL_OVERHEAD_HOST + 32];
    struct out sealed = out_of(room, sizeof room);
    enum err e;

    if (card_key == NULL)
        return ERR_MEMORY;
    if ((e = env->random(env->ctx, card_key->p, card_key->n)) != ERR_NONE ||
        (e = seal_pair(env, &private, card->agreement)) != ERR_NONE ||
        (e = seal_under(env, card_key, in_of(card->guid, 16), private, &sealed)) != ERR_NONE)
        goto out;
    e = bytes_set(&card->agreement_sealed, out_in(&sealed));
    if (e == ERR_NONE)
        e = card_seal_pins(env, card, pins, log_n, card_key);
out:
    secret_free(private);
    secret_free(card_key);
    return e;
}

/* What the management key's box is bound to: so that it cannot be read as another cipher's key. */
static struct in management_about(uint8_t room[32], const struct card *card, uint8_t alg, uint8_t touch)
{
    struct out about = out_of(room, 32);

    out_put(&about, in_of("management", 10));
    out_put(&about, in_of(card->guid, sizeof card->guid));
    out_u8(&about, alg);
    out_u8(&about, touch);
    return out_in(&about);
}

enum err card_set_management(const struct piv_env *env, struct card *card, uint8_t id, enum touch_policy touch,
                             const struct secret *key)
{
    const struct alg *alg = alg_by_id(id);
    struct secret *under = NULL, *factory = NULL;
    uint8_t room[32], box[SEAL_OVERHEAD_HOST + 32];
    struct out sealed = out_of(box, sizeof box);
    enum err e;

    if (alg == NULL || alg->family != ALG_CIPHER || key->n != alg->size)
        return ERR_DATA;
    if ((e = derive_host(env, "key", card->guid, &under)) != ERR_NONE ||
        (e = factory_management(alg->id, &factory)) != ERR_NONE ||
        (e = seal_under(env, under, management_about(room, card, alg->id, (uint8_t)touch), key, &sealed)) != ERR_NONE ||
        (e = bytes_set(&card->management.sealed, out_in(&sealed))) != ERR_NONE)
        goto out;
    card->management.alg = alg->id;
    card->management.touch_policy = (uint8_t)touch;
    card->management.standard = card->persona->set == SET_YUBIKEY && secret_equal(factory, secret_in(key));
out:
    secret_free(factory);
    secret_free(under);
    return e;
}

enum err card_open_management(const struct piv_env *env, const struct card *card, struct secret **key)
{
    const struct card_management *m = &card->management;
    struct secret *under = NULL;
    uint8_t room[32];
    enum err e = derive_host(env, "key", card->guid, &under);

    if (e == ERR_NONE)
        e = open_under(env, under, management_about(room, card, m->alg, m->touch_policy), bytes_in(&m->sealed), key);
    secret_free(under);
    return e;
}

/* A key's box is bound to the card, to the key's own number, and to the policies it was made with. */
static struct in key_about(uint8_t room[32], const struct card *card, const struct card_key *key)
{
    struct out about = out_of(room, 32);

    out_put(&about, in_of(card->guid, sizeof card->guid));
    out_u32(&about, key->number);
    out_u8(&about, key->alg);
    out_u8(&about, key->pin_policy);
    out_u8(&about, key->touch_policy);
    out_u8(&about, key->origin);
    return out_in(&about);
}

enum { SEALED_KEY_MAX = 4096 };

enum err seal_card_key(const struct piv_env *env, const struct card *card, struct card_key *key,
                       const struct secret *private)
{
    uint8_t room[32], *box = OPENSSL_malloc(SEALED_KEY_MAX);
    struct out sealed = out_of(box, box == NULL ? 0 : SEALED_KEY_MAX);
    struct in about = key_about(room, card, key);
    struct secret *under = NULL;
    enum err e;

    if (box == NULL)
        return ERR_MEMORY;
    if (key->pin_policy != PIN_POLICY_NEVER)
        e = seal_agreed(env, card->agreement, about, private, &sealed);
    else if ((e = derive_host(env, "key", card->guid, &under)) == ERR_NONE)
        e = seal_under(env, under, about, private, &sealed);
    if (e == ERR_NONE)
        e = bytes_set(&key->sealed, out_in(&sealed));
    secret_free(under);
    OPENSSL_free(box);
    return e;
}

enum err open_card_key(const struct piv_env *env, const struct card *card, const struct card_key *key,
                       const struct secret *card_key, struct secret **private)
{
    uint8_t room[32];
    struct in about = key_about(room, card, key);
    struct secret *under = NULL;
    enum err e;

    if (key->pin_policy == PIN_POLICY_NEVER) {
        if ((e = derive_host(env, "key", card->guid, &under)) == ERR_NONE)
            e = open_under(env, under, about, bytes_in(&key->sealed), private);
    } else if (card_key == NULL) {
        e = ERR_SECURITY;
    } else {
        e = open_under(env, card_key, in_of(card->guid, 16), bytes_in(&card->agreement_sealed), &under);
        if (e == ERR_NONE)
            e = open_agreed(env, under, about, bytes_in(&key->sealed), private);
    }
    secret_free(under);
    return e;
}
