/* SPDX-License-Identifier: BSD-2-Clause */
/* card.c — the card as a value: making, copying, its keys, objects and certificates. */
#include "applet/card.h"

#include <string.h>

#include <openssl/crypto.h>
#include <zlib.h>

#include "applet/key.h"

enum err bytes_set(struct bytes *b, struct in value)
{
    uint8_t *p = OPENSSL_malloc(value.n > 0 ? value.n : 1);

    if (p == NULL)
        return ERR_MEMORY;
    if (value.n > 0)
        memcpy(p, value.p, value.n);
    OPENSSL_free(b->p);
    *b = (struct bytes){ p, value.n };
    return ERR_NONE;
}

void bytes_clear(struct bytes *b)
{
    OPENSSL_free(b->p);
    *b = (struct bytes){ NULL, 0 };
}

static void key_clear(struct card_key *key)
{
    OPENSSL_free(key->label);
    bytes_clear(&key->public);
    bytes_clear(&key->sealed);
    *key = (struct card_key){ 0 };
}

void card_free(struct card *card)
{
    if (card == NULL)
        return;
    for (size_t i = 0; i < card->n_keys; i++)
        key_clear(&card->keys[i]);
    for (size_t i = 0; i < card->n_objects; i++)
        bytes_clear(&card->objects[i].value);
    for (size_t i = 0; i < card->n_chain; i++)
        bytes_clear(&card->chain[i]);
    bytes_clear(&card->agreement_sealed);
    bytes_clear(&card->management.sealed);
    OPENSSL_free(card);
}

static enum err copy_key(const struct card_key *from, struct card_key *to)
{
    enum err e;

    *to = *from;
    to->label = NULL;
    to->public = to->sealed = (struct bytes){ NULL, 0 };
    if (from->label != NULL && (to->label = OPENSSL_strdup(from->label)) == NULL)
        return ERR_MEMORY;
    e = bytes_set(&to->public, bytes_in(&from->public));
    return e != ERR_NONE ? e : bytes_set(&to->sealed, bytes_in(&from->sealed));
}

enum err card_copy(const struct card *card, struct card **out)
{
    struct card *copy = OPENSSL_malloc(sizeof *copy);
    enum err e;

    if (copy == NULL)
        return ERR_MEMORY;
    *copy = *card;
    copy->n_keys = copy->n_objects = copy->n_chain = 0;
    copy->agreement_sealed = copy->management.sealed = (struct bytes){ NULL, 0 };
    e = bytes_set(&copy->agreement_sealed, bytes_in(&card->agreement_sealed));
    if (e == ERR_NONE)
        e = bytes_set(&copy->management.sealed, bytes_in(&card->management.sealed));
    while (e == ERR_NONE && copy->n_keys < card->n_keys) {
        e = copy_key(&card->keys[copy->n_keys], &copy->keys[copy->n_keys]);
        copy->n_keys++;
    }
    while (e == ERR_NONE && copy->n_objects < card->n_objects) {
        struct card_object *o = &copy->objects[copy->n_objects++];
        const struct card_object *from = &card->objects[copy->n_objects - 1];

        *o = (struct card_object){ .tag = from->tag };
        e = bytes_set(&o->value, bytes_in(&from->value));
    }
    while (e == ERR_NONE && copy->n_chain < card->n_chain) {
        copy->chain[copy->n_chain] = (struct bytes){ NULL, 0 };
        e = bytes_set(&copy->chain[copy->n_chain], bytes_in(&card->chain[copy->n_chain]));
        copy->n_chain++;
    }
    if (e != ERR_NONE) {
        card_free(copy);
        return e;
    }
    *out = copy;
    return ERR_NONE;
}

struct card_key *card_key(const struct card *card, uint8_t ref)
{
    for (size_t i = 0; i < card->n_keys; i++)
        if (card->keys[i].ref == ref)
            return (struct card_key *)&card->keys[i];
    return NULL;
}

struct card_key *card_key_by_public(const struct card *card, struct in public)
{
    for (size_t i = 0; i < card->n_keys; i++)
        if (in_equal(bytes_in(&card->keys[i].public), public))
            return (struct card_key *)&card->keys[i];
    return NULL;
}

static void drop_key(struct card *card, struct card_key *key)
{
    struct card_key *last = &card->keys[card->n_keys - 1];

    key_clear(key);
    *key = *last;
    *last = (struct card_key){ 0 };
    card->n_keys--;
}

enum err card_put_key(const struct piv_env *env, struct card *card, const struct keyref *ref, const EVP_PKEY *pkey,
                      enum pin_policy pin_policy, enum touch_policy touch_policy, enum key_origin origin,
                      const char *label)
{
    const struct alg *alg = alg_of_key(pkey);
    struct card_key key = { .ref = ref->ref, .number = card->next_number, .origin = (uint8_t)origin, .label = NULL };
    uint8_t room[KEY_PUBLIC_MAX];
    struct out public = out_of(room, sizeof room);
    struct secret *private = NULL;
    enum err e;

    if (alg == NULL)
        return ERR_UNSUPPORTED;
    key.alg = alg->id;
    key.pin_policy = (uint8_t)(pin_policy == PIN_POLICY_DEFAULT ? ref->policy : pin_policy);
    key.touch_policy = (uint8_t)(touch_policy == TOUCH_POLICY_DEFAULT ? TOUCH_POLICY_NEVER : touch_policy);
    if ((e = key_encode_public(pkey, alg, &public)) != ERR_NONE ||
        (e = bytes_set(&key.public, out_in(&public))) != ERR_NONE ||
        (e = key_encode_private(pkey, alg, &private)) != ERR_NONE)
        goto out;
    if (label != NULL && (key.label = OPENSSL_strdup(label)) == NULL) {
        e = ERR_MEMORY;
        goto out;
    }
    if ((e = seal_card_key(env, card, &key, private)) != ERR_NONE)
        goto out;
    if (card_key(card, ref->ref) != NULL)
        drop_key(card, card_key(card, ref->ref));
    card->next_number++;
    card->keys[card->n_keys++] = key;
    key = (struct card_key){ 0 };
out:
    secret_free(private);
    key_clear(&key);
    return e;
}

enum err card_move_key(struct card *card, const struct keyref *from, const struct keyref *to)
{
    struct card_key *key = card_key(card, from->ref);

    if (key == NULL)
        return ERR_NOT_FOUND;
    if (to == NULL)
        drop_key(card, key);
    else if (card_key(card, to->ref) != NULL)
        return ERR_EXISTS;
    else
        key->ref = to->ref;
    return ERR_NONE;
}

static struct card_object *find_object(const struct card *card, uint32_t tag)
{
    for (size_t i = 0; i < card->n_objects; i++)
        if (card->objects[i].tag == tag)
            return (struct card_object *)&card->objects[i];
    return NULL;
}

struct in card_object(const struct card *card, uint32_t tag)
{
    const struct card_object *o = find_object(card, tag);

    return o == NULL ? in_of(NULL, 0) : bytes_in(&o->value);
}

static void drop_object(struct card *card, struct card_object *o)
{
    struct card_object *last = &card->objects[card->n_objects - 1];

    bytes_clear(&o->value);
    *o = *last;
    *last = (struct card_object){ 0 };
    card->n_objects--;
}

enum err card_put_object(struct card *card, uint32_t tag, struct in value)
{
    struct card_object *o = find_object(card, tag);
    size_t total = value.n;
    enum err e;

    if (value.n == 0) {
        if (o != NULL)
            drop_object(card, o);
        return ERR_NONE;
    }
    for (size_t i = 0; i < card->n_objects; i++)
        if (card->objects[i].tag != tag)
            total += card->objects[i].value.n;
    if (value.n > OBJECT_MAX || total > OBJECTS_TOTAL_MAX || (o == NULL && card->n_objects == CARD_OBJECTS_MAX))
        return ERR_FULL;
    if (o != NULL)
        return bytes_set(&o->value, value);
    o = &card->objects[card->n_objects];
    *o = (struct card_object){ .tag = tag };
    e = bytes_set(&o->value, value);
    if (e == ERR_NONE)
        card->n_objects++;
    return e;
}

/* SP 800-73-5 Part 1, 3.3.2. */
static void make_discovery(const struct card *card, struct out *scratch)
{
    tlv_put(scratch, 0x4F, piv_aid);
    tlv_put(scratch, 0x5F2F, in_of(card->pin_usage, sizeof card->pin_usage));
}

/* SP 800-73-5 Part 1, 3.3.3.  C1 counts up to the highest retired certificate: OpenSC looks only at the first C1
 * objects, and gaps do no harm. */
static enum err make_key_history(const struct card *card, struct out *scratch)
{
    uint8_t count = 0;

    for (uint32_t tag = OBJECT_CERT_RETIRED_FIRST; tag <= OBJECT_CERT_RETIRED_LAST; tag++)
        if (find_object(card, tag) != NULL)
            count = (uint8_t)(tag - OBJECT_CERT_RETIRED_FIRST + 1);
    if (count == 0)
        return ERR_NOT_FOUND;
    tlv_put_u8(scratch, 0xC1, count);
    tlv_put_u8(scratch, 0xC2, 0);
    tlv_put(scratch, 0xFE, in_of(NULL, 0));
    return ERR_NONE;
}

enum err card_read_object(const struct card *card, uint32_t tag, struct out *scratch, struct in *value)
{
    enum err e = ERR_NONE;

    *value = card_object(card, tag);
    if (value->n > 0)
        return ERR_NONE;
    if (tag == OBJECT_DISCOVERY)
        make_discovery(card, scratch);
    else
        e = tag == OBJECT_KEY_HISTORY ? make_key_history(card, scratch) : ERR_NOT_FOUND;
    *value = out_in(scratch);
    return e == ERR_NONE && scratch->bad ? ERR_FULL : e;
}

/* One zlib stream with a gzip wrapper, either way, into at most cap bytes. */
static bool gzip(bool deflating, struct in from, uint8_t *to, size_t cap, size_t *n)
{
    enum { GZIP_WINDOW = 15 + 16 };
    z_stream z = { .next_in = (Bytef *)from.p, .avail_in = (uInt)from.n, .next_out = to, .avail_out = (uInt)cap };
    int made = deflating ? deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY)
                         : inflateInit2(&z, GZIP_WINDOW);
    int done;

    if (made != Z_OK)
        return false;
    done = deflating ? deflate(&z, Z_FINISH) : inflate(&z, Z_FINISH);
    *n = z.total_out;
    made = deflating ? deflateEnd(&z) : inflateEnd(&z);
    return done == Z_STREAM_END && made == Z_OK;
}

enum err card_put_certificate(struct card *card, const struct keyref *ref, const X509 *cert)
{
    uint8_t *der = NULL, *room = OPENSSL_malloc(OBJECT_MAX), *packed = OPENSSL_malloc(OBJECT_MAX);
    struct out out = out_of(room, room == NULL ? 0 : OBJECT_MAX);
    struct in value;
    int n = i2d_X509((X509 *)cert, &der);
    size_t packed_n = 0;
    bool compress = n > CERT_PLAIN_MAX;
    enum err e = ERR_NONE;

    if (room == NULL || packed == NULL || n <= 0) {
        e = ERR_MEMORY;
        goto out;
    }
    value = in_of(der, (size_t)n);
    if (compress) {
        if (value.n > CERT_INFLATED_MAX || !gzip(true, value, packed, OBJECT_MAX, &packed_n)) {
            e = ERR_FULL;
            goto out;
        }
        value = in_of(packed, packed_n);
    }
    /* SP 800-73-5 Part 1, appendix A, table 10. */
    tlv_put(&out, 0x70, value);
    tlv_put_u8(&out, 0x71, compress ? 0x01 : 0x00);
    tlv_put(&out, 0xFE, in_of(NULL, 0));
    e = out.bad ? ERR_FULL : card_put_object(card, ref->certificate, out_in(&out));
out:
    OPENSSL_free(packed);
    OPENSSL_free(room);
    OPENSSL_free(der);
    return e;
}

static X509 *parse_certificate(struct in der)
{
    const uint8_t *p = der.p;
    X509 *cert = d2i_X509(NULL, &p, (long)der.n);

    if (cert != NULL && p != der.p + der.n) {
        X509_free(cert);
        cert = NULL;
    }
    return cert;
}

X509 *card_certificate(const struct card *card, const struct keyref *ref)
{
    struct in object = card_object(card, ref->certificate), value, info;
    uint8_t how = 0, *room;
    size_t n = 0;
    X509 *cert = NULL;

    if (!tlv_get(&object, 0x70, &value))
        return NULL;
    if (tlv_get(&object, 0x71, &info) && (!in_u8(&info, &how) || !in_end(&info)))
        return NULL;
    if ((how & 0x01) == 0)
        return parse_certificate(value);
    room = OPENSSL_malloc(CERT_INFLATED_MAX);
    if (room != NULL && gzip(false, value, room, CERT_INFLATED_MAX, &n))
        cert = parse_certificate(in_of(room, n));
    OPENSSL_free(room);
    return cert;
}

enum err card_add_chain(struct card *card, const X509 *cert)
{
    uint8_t *der = NULL;
    int n = i2d_X509((X509 *)cert, &der);
    struct in value = in_of(der, n > 0 ? (size_t)n : 0);
    enum err e = n > 0 ? ERR_NONE : ERR_MEMORY;

    for (size_t i = 0; e == ERR_NONE && i < card->n_chain; i++)
        if (in_equal(bytes_in(&card->chain[i]), value))
            goto out;
    if (e == ERR_NONE && (card->n_chain == CARD_CHAIN_MAX || value.n > CERT_INFLATED_MAX))
        e = ERR_FULL;
    if (e == ERR_NONE) {
        card->chain[card->n_chain] = (struct bytes){ NULL, 0 };
        e = bytes_set(&card->chain[card->n_chain], value);
    }
    if (e == ERR_NONE)
        card->n_chain++;
out:
    OPENSSL_free(der);
    return e;
}

bool card_announces(const struct card *card)
{
    for (size_t i = 0; i < card->n_keys; i++)
        if (alg_by_id(card->keys[i].alg)->announce)
            return true;
    return false;
}

const struct atr *card_atr(const struct card *card)
{
    if (card->atr != NULL)
        return card->atr;
    return atr_by_name(card_announces(card) ? card->persona->atr_announce : card->persona->atr);
}
