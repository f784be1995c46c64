/* SPDX-License-Identifier: BSD-2-Clause */
/* crash_seen.c — what a card holds, so that two states of it can be compared; and whether it is whole. */
#include "tests/crash.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "applet/key.h"

void digest(struct in bytes, uint8_t hash[32])
{
    if (EVP_Digest(bytes.p, bytes.n, hash, NULL, EVP_sha256(), NULL) != 1)
        abort();
}

/* The value, OLD or NEW, that opens the seal.  No try is spent: this is not the card's way in. */
static int opens(struct rig *rig, enum pin which, struct secret **card_key)
{
    const struct card *card = piv_card(rig->piv);

    for (int value = OLD; value <= NEW; value++) {
        struct secret *key = NULL;

        if (open_pin(&rig->inner, card->guid, which, pin_value(which, value), &card->pin[which], &key) != ERR_NONE)
            continue;
        if (*card_key == NULL)
            *card_key = key;
        else if (!secret_equal(*card_key, secret_in(key))) {
            secret_free(key);
            return -1;
        } else
            secret_free(key);
        return value;
    }
    return -1;
}

static int management(struct rig *rig)
{
    struct secret *key = NULL;
    int found = -1;

    if (card_open_management(&rig->inner, piv_card(rig->piv), &key) != ERR_NONE)
        return -1;
    for (int value = OLD; value <= NEW; value++)
        if (secret_equal(key, management_value(value)))
            found = value;
    secret_free(key);
    return found;
}

/* It opens, signs, and the public half says that it was this key (EC only: no scene has another). */
static bool works(struct rig *rig, const struct card_key *key, const struct secret *card_key)
{
    static const uint8_t hash[] = "thirty-one bytes to be signed..";
    const struct alg *alg = alg_by_id(key->alg);
    uint8_t room[256];
    struct out signature = out_of(room, sizeof room);
    struct secret *private = NULL;
    struct key *opened = NULL;
    EVP_PKEY *public = key_public(NULL, alg, bytes_in(&key->public));
    EVP_PKEY_CTX *ctx = public == NULL ? NULL : EVP_PKEY_CTX_new(public, NULL);
    bool ok = ctx != NULL && open_card_key(&rig->inner, piv_card(rig->piv), key, card_key, &private) == ERR_NONE &&
              key_open(NULL, alg, bytes_in(&key->public), secret_in(private), &opened) == ERR_NONE &&
              key_sign(opened, in_of(hash, sizeof hash), &signature) == ERR_NONE && EVP_PKEY_verify_init(ctx) == 1 &&
              EVP_PKEY_verify(ctx, signature.p, signature.n, hash, sizeof hash) == 1;

    key_close(opened);
    secret_free(private);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(public);
    return ok;
}

static int by_tag(const void *a, const void *b)
{
    const struct card_object *x = a, *y = b;

    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

static int by_ref(const void *a, const void *b)
{
    const struct seen_key *x = a, *y = b;

    return x->ref - y->ref;
}

static void look_objects(const struct card *card, struct seen *seen)
{
    static uint8_t room[1 << 20];
    struct out all = out_of(room, sizeof room);
    struct card_object sorted[CARD_OBJECTS_MAX];

    memcpy(sorted, card->objects, sizeof sorted);
    qsort(sorted, card->n_objects, sizeof sorted[0], by_tag);
    for (size_t i = 0; i < card->n_objects; i++) {
        out_u32(&all, sorted[i].tag);
        out_u32(&all, (uint32_t)sorted[i].value.n);
        out_put(&all, bytes_in(&sorted[i].value));
    }
    digest(out_in(&all), seen->objects);
    all = out_of(room, sizeof room);
    for (size_t i = 0; i < card->n_chain; i++) {
        out_u32(&all, (uint32_t)card->chain[i].n);
        out_put(&all, bytes_in(&card->chain[i]));
    }
    digest(out_in(&all), seen->chain);
}

static const char *look_keys(struct rig *rig, const struct secret *card_key, struct seen *seen)
{
    const struct card *card = piv_card(rig->piv);

    seen->n_keys = card->n_keys;
    for (size_t i = 0; i < card->n_keys; i++) {
        const struct card_key *key = &card->keys[i];

        seen->keys[i] = (struct seen_key){ key->ref, key->alg, key->origin, key->pin_policy, key->touch_policy, { 0 } };
        digest(bytes_in(&key->public), seen->keys[i].public);
        if (key->number >= card->next_number)
            return "a key has a number that will be given again";
        for (size_t k = 0; k < i; k++)
            if (card->keys[k].number == key->number || card->keys[k].ref == key->ref)
                return "a key is there twice";
        if (!works(rig, key, card_key))
            return "a private key does not open, or is another's";
    }
    qsort(seen->keys, seen->n_keys, sizeof seen->keys[0], by_ref);
    return NULL;
}

bool seen_look(struct rig *rig, struct seen *seen, char verdict[], size_t room)
{
    const struct card *card = piv_card(rig->piv);
    struct secret *card_key = NULL;
    const char *fault = NULL;

    memset(seen, 0, sizeof *seen);
    seen->pin[PIN_GLOBAL] = -1;
    seen->pin[PIN_APPLICATION] = opens(rig, PIN_APPLICATION, &card_key);
    seen->pin[PIN_PUK] = opens(rig, PIN_PUK, &card_key);
    seen->management = management(rig);
    if (seen->pin[PIN_APPLICATION] < 0 || seen->pin[PIN_PUK] < 0)
        fault = "PIN and PUK do not open the same card key";
    else if (seen->management < 0)
        fault = "the management key is neither the old one nor the new";
    else if (rig->inner.tries_read(rig->inner.ctx, &seen->tries) != ERR_NONE)
        fault = "the tries cannot be read";
    look_objects(card, seen);
    if (fault == NULL)
        fault = look_keys(rig, card_key, seen);
    secret_free(card_key);
    if (fault != NULL)
        snprintf(verdict, room, "%s", fault);
    return fault == NULL;
}

static bool in_base(const struct seen_key *key, const struct seen *base)
{
    for (size_t i = 0; i < base->n_keys; i++)
        if (memcmp(base->keys[i].public, key->public, sizeof key->public) == 0)
            return true;
    return false;
}

static bool same_key(const struct seen_key *a, const struct seen_key *b, const struct seen *base)
{
    if (a->ref != b->ref || a->alg != b->alg || a->origin != b->origin || a->pin_policy != b->pin_policy ||
        a->touch_policy != b->touch_policy)
        return false;
    if (memcmp(a->public, b->public, sizeof a->public) == 0)
        return true;
    return a->origin == ORIGIN_GENERATED && !in_base(a, base) && !in_base(b, base);
}

bool seen_same(const struct seen *a, const struct seen *b, const struct seen *base)
{
    if (memcmp(a->pin, b->pin, sizeof a->pin) != 0 || a->management != b->management || a->n_keys != b->n_keys ||
        memcmp(a->objects, b->objects, sizeof a->objects) != 0 || memcmp(a->chain, b->chain, sizeof a->chain) != 0)
        return false;
    for (size_t i = 0; i < a->n_keys; i++)
        if (!same_key(&a->keys[i], &b->keys[i], base))
            return false;
    return true;
}
