/* SPDX-License-Identifier: BSD-2-Clause */
/* slots.c — chooses slots, retires key-management keys, keeps chains. */
#include "tools/slots.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "applet/key.h"

struct filling {
    const struct piv_env *env;
    struct card *card;
    const struct bundles *bundles;
    const struct slots_wish *wish;
    struct slots *slots;
    struct why *why;
};

static bool is_retired(const struct keyref *ref)
{
    return ref->ref >= KEYREF_RETIRED_FIRST && ref->ref <= KEYREF_RETIRED_LAST;
}

/* A slot with a certificate and no key is not free either: it may hold a CA. */
static bool taken(void *ctx, const struct keyref *ref)
{
    const struct card *card = ctx;

    return card_key(card, ref->ref) != NULL || card_object(card, ref->certificate).n > 0;
}

static const struct keyref *free_retired(struct card *card)
{
    for (uint8_t r = KEYREF_RETIRED_FIRST; r <= KEYREF_RETIRED_LAST; r++)
        if (!taken(card, keyref_by_ref(r)))
            return keyref_by_ref(r);
    return NULL;
}

static struct slot *slot_in(const struct slots *slots, const struct keyref *ref)
{
    for (size_t i = 0; i < slots->n; i++)
        if (slots->of[i].ref == ref)
            return (struct slot *)&slots->of[i];
    return NULL;
}

static bool same_cert(struct card *card, const struct keyref *ref, const X509 *cert)
{
    X509 *there = card_certificate(card, ref);
    bool same = there != NULL && X509_cmp(there, cert) == 0;

    X509_free(there);
    return same;
}

/* Was the certificate in `ref` made later than this one? */
static bool newer_there(struct card *card, const struct keyref *ref, const X509 *cert)
{
    X509 *there = card_certificate(card, ref);
    bool newer = there != NULL && ASN1_TIME_compare(X509_get0_notBefore(there), X509_get0_notBefore(cert)) > 0;

    X509_free(there);
    return newer;
}

/* ---- where ---- */

/* The place on the card that already has this key, unless this import has used it: the one with this very
 * certificate first. */
static const struct keyref *holder(const struct filling *f, const struct slot *s)
{
    uint8_t room[KEY_PUBLIC_MAX];
    struct out public = out_of(room, sizeof room);
    const struct keyref *found = NULL;

    if (key_encode_public(s->key->key, s->key->alg, &public) != ERR_NONE)
        return NULL;
    for (size_t i = 0; i < f->card->n_keys; i++) {
        const struct card_key *k = &f->card->keys[i];
        const struct keyref *ref = keyref_by_ref(k->ref);

        if (!in_equal(bytes_in(&k->public), out_in(&public)) || slot_in(f->slots, ref) != NULL)
            continue;
        if (found == NULL || same_cert(f->card, ref, s->cert))
            found = ref;
    }
    return found;
}

/* The old key-management key goes to a retired slot with its certificate, so that what was encrypted for it can
 * still be read.  SP 800-73-5 Part 1, 3.2.3. */
static enum err retire(struct filling *f, struct slot *s, const struct keyref *from)
{
    const struct keyref *to = free_retired(f->card);
    struct slot *before = slot_in(f->slots, from);
    enum err e;

    if (to == NULL)
        return why_set(f->why, ERR_FULL, "%s: the key-management key that is on the card cannot be kept: all retired "
                       "slots are taken", s->bundle->path);
    if (card_key(f->card, from->ref) != NULL) {
        e = card_move_key(f->card, from, to);
        if (e != ERR_NONE)
            return e;
    }
    e = card_put_object(f->card, to->certificate, card_object(f->card, from->certificate));
    if (e == ERR_NONE)
        e = card_put_object(f->card, from->certificate, in_of(NULL, 0));
    if (before != NULL) {
        before->ref = to;
        before->reason = "a newer key-management key came with it";
    } else {
        s->retired = to;
    }
    return e;
}

static enum err choose_key_management(struct filling *f, struct slot *s)
{
    if (!newer_there(f->card, s->ref, s->cert))
        return retire(f, s, s->ref);
    s->ref = free_retired(f->card);
    s->reason = "an older key-management key than the one in 9d";
    return ERR_NONE;
}

static enum err choose(struct filling *f, struct slot *s)
{
    const struct keyref *there = holder(f, s);
    enum err e = ERR_NONE;

    if (there != NULL && (f->wish->ref == NULL || f->wish->ref == there)) {
        s->ref = there;
        s->how = same_cert(f->card, there, s->cert) ? SLOT_SAME : SLOT_RENEWED;
        s->reason = s->how == SLOT_SAME ? "key and certificate are there already" : "the same key is there: renewed";
        return ERR_NONE;
    }
    s->ref = f->wish->ref;
    s->reason = "as asked";
    if (s->ref == NULL)
        s->ref = keyref_for_cert(s->cert, NULL, NULL, &s->reason);
    if (taken(f->card, s->ref) && s->ref->ref == KEYREF_KEY_MANAGEMENT)
        e = choose_key_management(f, s);
    else if (taken(f->card, s->ref) && f->wish->ref != NULL)
        s->how = SLOT_REPLACED;
    else if (taken(f->card, s->ref))
        s->ref = keyref_for_cert(s->cert, taken, f->card, &s->reason);
    if (e == ERR_NONE && s->ref == NULL)
        e = why_set(f->why, ERR_FULL, "%s: no slot is left on the card for its key %s", s->bundle->path, s->key->kind);
    return e;
}

/* ---- what people should know ---- */

static void remark(struct filling *f, struct slot *s)
{
    uint32_t usage = X509_get_key_usage((X509 *)s->cert);

    cert_remarks(s->cert, f->wish->now, &s->remarks);
    if (s->how == SLOT_RENEWED && newer_there(f->card, s->ref, s->cert))
        cert_remark(&s->remarks, "the certificate that it replaces was newer");
    if ((s->how == SLOT_RENEWED || s->how == SLOT_SAME) && f->wish->pin_policy != PIN_POLICY_DEFAULT &&
        card_key(f->card, s->ref->ref)->pin_policy != f->wish->pin_policy)
        cert_remark(&s->remarks, "the key is there already and keeps its PIN policy");
    if (s->how == SLOT_REPLACED)
        cert_remark(&s->remarks, "the key that was there is gone");
    if ((usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0 &&
        (s->ref->ref == KEYREF_AUTHENTICATION || s->ref->ref == KEYREF_SIGNATURE ||
         s->ref->ref == KEYREF_CARD_AUTHENTICATION))
        cert_remark(&s->remarks, "the certificate's key usage forbids signing, which this slot is for");
    if (s->key->alg->family == ALG_MONTGOMERY && s->ref->ref != KEYREF_KEY_MANAGEMENT && !is_retired(s->ref))
        cert_remark(&s->remarks, "an X25519 key cannot sign, which this slot is for");
}

/* ---- chain ---- */

static bool in_chain(const struct slots *slots, const X509 *cert)
{
    for (size_t i = 0; i < slots->n_chain; i++)
        if (X509_cmp(slots->chain[i], cert) == 0)
            return true;
    return false;
}

static const X509 *issuer_of(const struct bundles *bundles, const X509 *cert)
{
    for (size_t b = 0; b < bundles->n; b++) {
        const struct p12 *p = bundles->of[b].p12;

        for (size_t c = 0; c < p->n_certs; c++)
            if (X509_cmp(p->certs[c].cert, cert) != 0 &&
                X509_check_issued(p->certs[c].cert, (X509 *)cert) == X509_V_OK)
                return p->certs[c].cert;
    }
    return NULL;
}

/* Issuers that issue each other are walked once. */
static enum err add_chain(struct filling *f, const X509 *cert)
{
    struct slots *slots = f->slots;
    enum err e = ERR_NONE;

    while (e == ERR_NONE && (cert = issuer_of(f->bundles, cert)) != NULL && !in_chain(slots, cert)) {
        if (slots->n_chain == CARD_CHAIN_MAX)
            return why_set(f->why, ERR_FULL, "more than %d CA certificates", CARD_CHAIN_MAX);
        slots->chain[slots->n_chain++] = cert;
        e = card_add_chain(f->card, cert);
        if (e == ERR_FULL)
            why_set(f->why, e, "the card already keeps %d CA certificates, and has no room for more", CARD_CHAIN_MAX);
    }
    ERR_clear_error();
    return e;
}

static enum err chain_into_slots(struct filling *f)
{
    enum err e = ERR_NONE;

    for (size_t i = 0; i < f->slots->n_chain && e == ERR_NONE; i++) {
        const struct keyref *ref = free_retired(f->card);
        bool there = false;

        for (size_t k = 0; k < KEYREF_COUNT; k++)
            there |= same_cert(f->card, &keyrefs[k], f->slots->chain[i]);
        if (there)
            continue;
        if (ref == NULL)
            return why_set(f->why, ERR_FULL, "no retired slot is left for a CA certificate (--chain-slots)");
        e = card_put_certificate(f->card, ref, f->slots->chain[i]);
    }
    return e;
}

static void count_left_out(struct filling *f)
{
    for (size_t b = 0; b < f->bundles->n; b++) {
        const struct p12 *p = f->bundles->of[b].p12;

        for (size_t c = 0; c < p->n_certs; c++) {
            bool used = in_chain(f->slots, p->certs[c].cert);

            for (size_t i = 0; i < f->slots->n; i++)
                used |= X509_cmp(f->slots->of[i].cert, p->certs[c].cert) == 0;
            f->slots->left_out += !used;
        }
    }
}

/* ---- key history ---- */

/* The card computes key history until a client writes it: then the number of certificates in it must grow with what
 * we put into retired slots, or OpenSC does not look there.  SP 800-73-5 Part 1, 3.2.3. */
static enum err grow_history(struct card *card)
{
    struct in at = card_object(card, OBJECT_KEY_HISTORY), value;
    uint8_t room[256], last = 0, said = 0;
    struct out out = out_of(room, sizeof room);
    uint32_t tag;

    for (uint8_t r = KEYREF_RETIRED_FIRST; r <= KEYREF_RETIRED_LAST; r++)
        if (card_object(card, keyref_by_ref(r)->certificate).n > 0)
            last = (uint8_t)(r - KEYREF_RETIRED_FIRST + 1);
    while (tlv_next(&at, &tag, &value)) {
        if (tag == 0xC1 && in_u8(&value, &said))
            tlv_put_u8(&out, tag, said > last ? said : last);
        else
            tlv_put(&out, tag, value);
    }
    return out.n == 0 || out.bad || said >= last ? ERR_NONE : card_put_object(card, OBJECT_KEY_HISTORY, out_in(&out));
}

/* ---- all of it ---- */

static enum err fill_one(struct filling *f, struct slot *s)
{
    const char *label = s->key->name != NULL ? s->key->name : s->bundle->p12->certs[s->key->cert].name;
    enum err e = choose(f, s);

    if (e != ERR_NONE)
        return e;
    remark(f, s);
    if (s->how == SLOT_NEW || s->how == SLOT_REPLACED)
        e = card_put_key(f->env, f->card, s->ref, s->key->key, f->wish->pin_policy, TOUCH_POLICY_DEFAULT,
                         ORIGIN_IMPORTED, label);
    if (e != ERR_NONE)
        return why_set(f->why, e, "%s: its key (%s) cannot be used: %s", s->bundle->path, s->key->kind,
                       err_sentence(e));
    e = card_put_certificate(f->card, s->ref, s->cert);
    if (e == ERR_FULL)
        why_set(f->why, e, "%s: there is no room on the card for the certificate of %s", s->bundle->path, s->ref->name);
    return e;
}

static enum err add_slot(struct filling *f, const struct bundle *bundle, const struct p12_key *key)
{
    struct slot *s = &f->slots->of[f->slots->n];
    enum err e;

    if (f->slots->n == CARD_KEYS_MAX)
        return why_set(f->why, ERR_FULL, "more than %d keys: a card has no more slots", CARD_KEYS_MAX);
    *s = (struct slot){ .bundle = bundle, .key = key, .cert = bundle->p12->certs[key->cert].cert };
    e = fill_one(f, s);
    if (e == ERR_NONE)
        f->slots->n++;
    return e;
}

enum err slots_fill(const struct piv_env *env, struct card *card, const struct bundles *bundles,
                    const struct slots_wish *wish, struct slots *slots, struct why *why)
{
    struct filling f = { env, card, bundles, wish, slots, why };
    const size_t n_objects = card->n_objects, n_chain = card->n_chain;
    enum err e = ERR_NONE;

    *slots = (struct slots){ .n = 0 };
    for (size_t b = 0; b < bundles->n; b++)
        for (size_t k = 0; k < bundles->of[b].p12->n_keys && e == ERR_NONE; k++)
            e = add_slot(&f, &bundles->of[b], &bundles->of[b].p12->keys[k]);
    for (size_t i = 0; i < slots->n && e == ERR_NONE; i++)
        e = add_chain(&f, slots->of[i].cert);
    if (e == ERR_NONE && wish->chain_slots)
        e = chain_into_slots(&f);
    if (e == ERR_NONE)
        e = grow_history(card);
    slots->changed = card->n_objects != n_objects || card->n_chain != n_chain;
    for (size_t i = 0; i < slots->n; i++)
        slots->changed |= slots->of[i].how != SLOT_SAME;
    count_left_out(&f);
    ERR_clear_error();
    return e;
}
