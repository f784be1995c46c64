/* SPDX-License-Identifier: BSD-2-Clause */
/* p12.c — walks a PKCS#12 bundle: its bags become keys and certificates (RFC 7292, 4). */
#include "tools/p12.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "tools/p12asn1.h"
#include "tools/p12work.h"
#include "tools/p12find.h"
#include "tools/plain.h"

/* struct walk — one bundle on its way. */
struct walk {
    struct p12_work work;
    struct p12 *p12;
    size_t bags;
};

static enum err malformed(struct walk *w, const char *what)
{
    return why_set(w->work.why, ERR_DATA, "not a well-formed PKCS#12 file: %s", what);
}

static void bags_free(STACK_OF(P12_BAG) *bags)
{
    ASN1_item_free((ASN1_VALUE *)bags, ASN1_ITEM_rptr(P12_BAGS));
}

/* The inside of a bag, whatever its type: OpenSSL keeps what is constructed with its header. */
static void *inside(const ASN1_TYPE *value, const ASN1_ITEM *item)
{
    const uint8_t *at;

    if (value->type != V_ASN1_SEQUENCE)
        return NULL;
    at = value->value.sequence->data;
    return ASN1_item_d2i(NULL, &at, value->value.sequence->length, item);
}

/* ---- attributes: RFC 2985, 5.5.1 friendlyName, 5.5.2 localKeyID ---- */

static const ASN1_TYPE *attribute(const P12_BAG *bag, int nid)
{
    int at = X509at_get_attr_by_NID(bag->attributes, nid, -1);

    return at < 0 ? NULL : X509_ATTRIBUTE_get0_type(X509at_get_attr(bag->attributes, at), 0);
}

/* A label for terminals and card files: no control characters, and of bounded length. */
static char *clean(char *name)
{
    size_t n = name == NULL ? 0 : strlen(plain_text(name));

    if (n > P12_NAME_MAX) {
        for (n = P12_NAME_MAX; n > 0 && ((unsigned char)name[n] & 0xC0) == 0x80;)
            n--;
        name[n] = '\0';
    }
    return name;
}

static char *friendly_name(const P12_BAG *bag)
{
    const ASN1_TYPE *value = attribute(bag, NID_friendlyName);

    if (value == NULL || (value->type != V_ASN1_BMPSTRING && value->type != V_ASN1_UTF8STRING))
        return NULL;
    if (value->type == V_ASN1_UTF8STRING)
        return clean(OPENSSL_strndup((const char *)value->value.utf8string->data,
                                     (size_t)value->value.utf8string->length));
    return clean(OPENSSL_uni2utf8(value->value.bmpstring->data, value->value.bmpstring->length));
}

static ASN1_OCTET_STRING *local_key_id(const P12_BAG *bag)
{
    const ASN1_TYPE *value = attribute(bag, NID_localKeyID);

    return value == NULL || value->type != V_ASN1_OCTET_STRING ? NULL : ASN1_STRING_dup(value->value.octet_string);
}

/* ---- bags ---- */

static enum err room_for_one(void **list, size_t n, size_t size)
{
    void *more = OPENSSL_clear_realloc(*list, n * size, (n + 1) * size);

    if (more == NULL)
        return ERR_MEMORY;
    *list = more;
    memset((char *)more + n * size, 0, size);
    return ERR_NONE;
}

static void one_key_free(P12_KEY *key)
{
    if (key != NULL && key->key != NULL && key->key->length > 0)
        OPENSSL_cleanse(key->key->data, (size_t)key->key->length);
    ASN1_item_free((ASN1_VALUE *)key, ASN1_ITEM_rptr(P12_KEY));
}

/* As the structure from which the library makes a key: the same again, without what it does not know. */
static PKCS8_PRIV_KEY_INFO *as_pkcs8(const P12_KEY *key)
{
    P12_KEY bare = { .version = ASN1_INTEGER_new(), .algorithm = key->algorithm, .key = key->key };
    PKCS8_PRIV_KEY_INFO *p8 = NULL;
    uint8_t *der = NULL, *to;
    const uint8_t *from;
    int n = 0;

    if (bare.version != NULL && ASN1_INTEGER_set(bare.version, 0) == 1)
        n = ASN1_item_i2d((ASN1_VALUE *)&bare, NULL, ASN1_ITEM_rptr(P12_KEY));
    if (n > 0 && (to = der = OPENSSL_secure_malloc((size_t)n)) != NULL) {
        ASN1_item_i2d((ASN1_VALUE *)&bare, &to, ASN1_ITEM_rptr(P12_KEY));
        from = der;
        p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &from, n);
    }
    OPENSSL_secure_clear_free(der, n > 0 ? (size_t)n : 0);
    ASN1_INTEGER_free(bare.version);
    return p8;
}

static enum err take_key(struct walk *w, const P12_BAG *bag, const P12_KEY *one)
{
    struct p12 *p = w->p12;
    PKCS8_PRIV_KEY_INFO *p8 = as_pkcs8(one);
    struct p12_key *k;
    char name[80];

    p->key_bags++;
    if (p8 == NULL)
        return malformed(w, "its private key cannot be decoded");
    if (room_for_one((void **)&p->keys, p->n_keys, sizeof *p->keys) != ERR_NONE) {
        PKCS8_PRIV_KEY_INFO_free(p8);
        return ERR_MEMORY;
    }
    k = &p->keys[p->n_keys++];
    k->key = p12_private(w->work.lib, p8);
    k->cert = P12_NONE;
    k->name = friendly_name(bag);
    k->id = local_key_id(bag);
    if (k->key != NULL) {
        p12_key_kind(k->key, k->kind);
        if (!p12_is_multi_prime(k->key))
            k->alg = alg_of_key(k->key);
    } else {
        snprintf(k->kind, sizeof k->kind, "%s", p12_object_name(one->algorithm->algorithm, name));
    }
    PKCS8_PRIV_KEY_INFO_free(p8);
    ERR_clear_error();
    return ERR_NONE;
}

static enum err bag_key(struct walk *w, const P12_BAG *bag, size_t depth)
{
    P12_KEY *key = inside(bag->value, ASN1_ITEM_rptr(P12_KEY));
    enum err e = key == NULL ? malformed(w, "its private key cannot be decoded") : take_key(w, bag, key);

    (void)depth;
    if (bag->value->type == V_ASN1_SEQUENCE) /* the key itself, in the clear */
        OPENSSL_cleanse(bag->value->value.sequence->data, (size_t)bag->value->value.sequence->length);
    one_key_free(key);
    return e;
}

static enum err bag_shrouded(struct walk *w, const P12_BAG *bag, size_t depth)
{
    X509_SIG *box = inside(bag->value, ASN1_ITEM_rptr(X509_SIG));
    const X509_ALGOR *algorithm;
    const ASN1_OCTET_STRING *bytes;
    void *key = NULL;
    enum err e;

    if (box == NULL) /* GnuTLS puts a plain key into this bag when there is no password */
        return bag_key(w, bag, depth);
    X509_SIG_get0(box, &algorithm, &bytes);
    e = p12_decrypt(&w->work, algorithm, bytes, ASN1_ITEM_rptr(P12_KEY), "private key", &key);
    if (e == ERR_NONE)
        e = take_key(w, bag, key);
    one_key_free(key);
    X509_SIG_free(box);
    return e;
}

static enum err take_cert(struct walk *w, const P12_BAG *bag, const ASN1_OCTET_STRING *der)
{
    X509 *cert = X509_new_ex(w->work.lib, NULL);
    const uint8_t *at = der->data;
    char *name = friendly_name(bag);
    enum err e;

    if (cert == NULL || d2i_X509(&cert, &at, der->length) == NULL || at != der->data + der->length) {
        e = malformed(w, "a certificate in it cannot be decoded");
    } else {
        e = p12_add_cert(w->p12, cert, name);
        w->p12->cert_bags++;
        if (e == ERR_NONE)
            w->p12->certs[w->p12->n_certs - 1].id = local_key_id(bag);
    }
    OPENSSL_free(name);
    X509_free(cert);
    ERR_clear_error();
    return e;
}

static enum err bag_cert(struct walk *w, const P12_BAG *bag, size_t depth)
{
    P12_CONTENT *inner = inside(bag->value, ASN1_ITEM_rptr(P12_CONTENT));
    enum err e = ERR_NONE;

    (void)depth;
    if (inner == NULL || inner->value == NULL)
        e = malformed(w, "a certificate bag in it cannot be decoded");
    else if (OBJ_obj2nid(inner->type) != NID_x509Certificate || inner->value->type != V_ASN1_OCTET_STRING)
        w->p12->others++; /* an SDSI certificate: nobody has seen one */
    else
        e = take_cert(w, bag, inner->value->value.octet_string);
    ASN1_item_free((ASN1_VALUE *)inner, ASN1_ITEM_rptr(P12_CONTENT));
    return e;
}

static enum err bag_crl(struct walk *w, const P12_BAG *bag, size_t depth)
{
    (void)bag, (void)depth;
    w->p12->crls++;
    return ERR_NONE;
}

static enum err bag_secret(struct walk *w, const P12_BAG *bag, size_t depth)
{
    (void)bag, (void)depth;
    w->p12->secrets++;
    return ERR_NONE;
}

static enum err walk_bags(struct walk *w, const STACK_OF(P12_BAG) *bags, size_t depth);

static enum err bag_nested(struct walk *w, const P12_BAG *bag, size_t depth)
{
    STACK_OF(P12_BAG) *bags;
    enum err e;

    if (depth == P12_DEPTH_MAX)
        return why_set(w->work.why, ERR_FULL, "its bags are nested more than %d deep", P12_DEPTH_MAX);
    bags = inside(bag->value, ASN1_ITEM_rptr(P12_BAGS));
    e = bags == NULL ? malformed(w, "nested bags in it cannot be decoded") : walk_bags(w, bags, depth + 1);
    bags_free(bags);
    return e;
}

/* RFC 7292, 4.2: the kinds of bags. */
static const struct {
    int nid;
    enum err (*take)(struct walk *, const P12_BAG *, size_t depth);
} bag_kinds[] = {
    { NID_keyBag,                bag_key },
    { NID_pkcs8ShroudedKeyBag,   bag_shrouded },
    { NID_certBag,               bag_cert },
    { NID_crlBag,                bag_crl },
    { NID_secretBag,             bag_secret },
    { NID_safeContentsBag,       bag_nested },
};

static enum err walk_bags(struct walk *w, const STACK_OF(P12_BAG) *bags, size_t depth)
{
    enum err e = ERR_NONE;

    for (int i = 0; i < sk_P12_BAG_num(bags) && e == ERR_NONE; i++) {
        const P12_BAG *bag = sk_P12_BAG_value(bags, i);
        int nid = OBJ_obj2nid(bag->type);
        size_t k = 0;

        while (k < sizeof bag_kinds / sizeof bag_kinds[0] && bag_kinds[k].nid != nid)
            k++;
        if (w->bags++ == P12_BAGS_MAX)
            e = why_set(w->work.why, ERR_FULL, "it holds more than %d things", P12_BAGS_MAX);
        else if (k == sizeof bag_kinds / sizeof bag_kinds[0])
            w->p12->others++;
        else
            e = bag_kinds[k].take(w, bag, depth);
    }
    return e;
}

/* ---- safes ---- */

/* The octet string of a content of type "data", or NULL. */
static const ASN1_OCTET_STRING *data_of(const P12_CONTENT *content)
{
    if (content->value == NULL || content->value->type != V_ASN1_OCTET_STRING)
        return NULL;
    return content->value->value.octet_string;
}

static enum err safe_plain(struct walk *w, const P12_CONTENT *safe, void **bags)
{
    const ASN1_OCTET_STRING *data = data_of(safe);

    *bags = data == NULL ? NULL : ASN1_item_unpack(data, ASN1_ITEM_rptr(P12_BAGS));
    return *bags == NULL ? malformed(w, "its contents cannot be decoded") : ERR_NONE;
}

static enum err safe_encrypted(struct walk *w, const P12_CONTENT *safe, void **bags)
{
    PKCS7_ENCRYPT *inner = safe->value == NULL ? NULL : inside(safe->value, ASN1_ITEM_rptr(PKCS7_ENCRYPT));
    const PKCS7_ENC_CONTENT *c = inner == NULL ? NULL : inner->enc_data;
    enum err e;

    if (c == NULL || c->algorithm == NULL || c->enc_data == NULL)
        e = malformed(w, "its encrypted contents cannot be decoded");
    else
        e = p12_decrypt(&w->work, c->algorithm, c->enc_data, ASN1_ITEM_rptr(P12_BAGS), "list of certificates", bags);
    PKCS7_ENCRYPT_free(inner);
    return e;
}

static enum err safe_enveloped(struct walk *w, const P12_CONTENT *safe, void **bags)
{
    (void)safe, (void)bags;
    return why_set(w->work.why, ERR_UNSUPPORTED, "it is encrypted for the holder of a certificate, not with a "
                   "password, which vpiv cannot open: export it again with a password");
}

/* RFC 7292, 4.1: the kinds of safes. */
static const struct {
    int nid;
    enum err (*open)(struct walk *, const P12_CONTENT *, void **bags);
} safe_kinds[] = {
    { NID_pkcs7_data,      safe_plain },
    { NID_pkcs7_encrypted, safe_encrypted },
    { NID_pkcs7_enveloped, safe_enveloped },
};

static enum err walk_safe(struct walk *w, const P12_CONTENT *safe)
{
    int nid = OBJ_obj2nid(safe->type);
    void *bags = NULL;
    char name[80];
    size_t k = 0;
    enum err e;

    while (k < sizeof safe_kinds / sizeof safe_kinds[0] && safe_kinds[k].nid != nid)
        k++;
    if (k == sizeof safe_kinds / sizeof safe_kinds[0])
        e = why_set(w->work.why, ERR_UNSUPPORTED, "it holds contents of the unknown kind %s",
                    p12_object_name(safe->type, name));
    else
        e = safe_kinds[k].open(w, safe, &bags);
    if (e == ERR_NONE)
        e = walk_bags(w, bags, 0);
    bags_free(bags);
    return e;
}

static enum err check_mac(struct walk *w, const P12_PFX *pfx)
{
    const ASN1_OCTET_STRING *content = data_of(pfx->content), *digest;
    struct p12_mac mac = { .iterations = pfx->mac->iterations };

    X509_SIG_get0(pfx->mac->mac, &mac.algorithm, &digest);
    mac.digest = in_of(digest->data, (size_t)digest->length);
    mac.salt = in_of(pfx->mac->salt->data, (size_t)pfx->mac->salt->length);
    mac.content = in_of(content->data, (size_t)content->length);
    return p12_mac_check(&w->work, &mac);
}

static enum err walk_pfx(struct walk *w, const P12_PFX *pfx)
{
    STACK_OF(P12_CONTENT) *safes;
    enum err e = ERR_NONE;

    if (ASN1_INTEGER_get(pfx->version) != 3)
        return why_set(w->work.why, ERR_UNSUPPORTED, "it says PKCS#12 version %ld; there is only version 3",
                       ASN1_INTEGER_get(pfx->version));
    if (OBJ_obj2nid(pfx->content->type) == NID_pkcs7_signed)
        return why_set(w->work.why, ERR_UNSUPPORTED, "it is protected by a signature, not by a password, which vpiv "
                       "cannot check: export it again with a password");
    if (OBJ_obj2nid(pfx->content->type) != NID_pkcs7_data || data_of(pfx->content) == NULL)
        return malformed(w, "its contents are missing");
    if (pfx->mac != NULL)
        e = check_mac(w, pfx);
    if (e != ERR_NONE)
        return e;
    safes = ASN1_item_unpack(data_of(pfx->content), ASN1_ITEM_rptr(P12_SAFES));
    if (safes == NULL)
        return malformed(w, "its contents cannot be decoded");
    for (int i = 0; i < sk_P12_CONTENT_num(safes) && e == ERR_NONE; i++)
        e = walk_safe(w, sk_P12_CONTENT_value(safes, i));
    ASN1_item_free((ASN1_VALUE *)safes, ASN1_ITEM_rptr(P12_SAFES));
    return e;
}

enum err p12_read(OSSL_LIB_CTX *lib, struct in file, const struct secret *password, unsigned long iterations,
                  struct p12 **out, struct why *why)
{
    struct walk w = { .work = { .lib = lib, .iterations = iterations, .why = why } };
    const uint8_t *at = file.p;
    P12_PFX *pfx = NULL;
    enum err e;

    *out = NULL;
    if (file.n > P12_SIZE_MAX)
        return why_set(why, ERR_FULL, "the file is larger than %d MiB", P12_SIZE_MAX >> 20);
    w.p12 = OPENSSL_zalloc(sizeof *w.p12);
    if (w.p12 != NULL)
        w.p12->lib = lib;
    e = w.p12 == NULL ? ERR_MEMORY : passes_of(password, &w.work.passes);
    if (e == ERR_NONE) {
        pfx = (P12_PFX *)ASN1_item_d2i(NULL, &at, (long)file.n, ASN1_ITEM_rptr(P12_PFX));
        e = pfx == NULL ? why_set(why, ERR_DATA, "%s", p12_looks_like(file)) : walk_pfx(&w, pfx);
    }
    ASN1_item_free((ASN1_VALUE *)pfx, ASN1_ITEM_rptr(P12_PFX));
    ERR_clear_error();
    if (e == ERR_NONE)
        e = p12_pair(w.p12);
    if (e == ERR_NONE) {
        w.p12->protected = w.work.proved;
        w.p12->password = w.work.form;
        *out = w.p12;
        w.p12 = NULL;
    }
    passes_clear(&w.work.passes);
    p12_free(w.p12);
    return e;
}

enum err p12_add_cert(struct p12 *p12, X509 *cert, const char *name)
{
    struct p12_cert *c;

    if (room_for_one((void **)&p12->certs, p12->n_certs, sizeof *p12->certs) != ERR_NONE)
        return ERR_MEMORY;
    c = &p12->certs[p12->n_certs++];
    X509_up_ref(cert);
    c->cert = cert;
    c->name = name == NULL ? NULL : OPENSSL_strdup(name);
    return ERR_NONE;
}

void p12_free(struct p12 *p12)
{
    if (p12 == NULL)
        return;
    for (size_t i = 0; i < p12->n_keys; i++) {
        EVP_PKEY_free(p12->keys[i].key);
        OPENSSL_free(p12->keys[i].name);
        ASN1_OCTET_STRING_free(p12->keys[i].id);
    }
    for (size_t i = 0; i < p12->n_certs; i++) {
        X509_free(p12->certs[i].cert);
        OPENSSL_free(p12->certs[i].name);
        ASN1_OCTET_STRING_free(p12->certs[i].id);
    }
    OPENSSL_free(p12->keys);
    OPENSSL_free(p12->certs);
    OPENSSL_free(p12);
}
