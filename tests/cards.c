/* SPDX-License-Identifier: BSD-2-Clause */
/* cards.c — sample cards for tests, and a scratch directory to put them in.  The keys were made for this file. */
#include "tests/cards.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

static const char rsa_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCR3T0fdG8JroXa\n"
    "wrWKuYHsQirSEHTnP6VUZikMLykHzvKWvwabxdb9UwWXsD24VjctLeAdPTt/usAN\n"
    "lB30NDopH15DJSCF+BYW3DwftvGmcDsOXXwTlustgr5FrFjS1kPUOhXyjn1N2/iV\n"
    "WtK7O24HfZOVeNespv7euMk6pFWBOjDFtYR547Iv+rogsBUT3ivzC0eKbg2s4f6Z\n"
    "sbnQUcfVLTEI7nwxuu/HlzE4hnpaY/fN8vBD01HMFa53Ulli7Qj8BKgM6bDIP4be\n"
    "KyRZe15+w5mDCQg8mfLY/Onp58+EBYHW1itqcwVN7I7bW6uhJoXuRJiSnQPrEAOG\n"
    "ETEdbKrtAgMBAAECggEAAzco5ezB35boUMZiVdiwMTwcvvhywiSPLglDEYeMnZMF\n"
    "mkse4yx9LO3eBrGWDQLz0wC2UeoeEvIK0hQYPGBWXQe1R4nu/AmhTVCQtHP8+b5y\n"
    "w2a74sRhW67DcQV3vzqqPh9MiWq9SB5A11IHqTb3vmbQa+uKL+LgQOPNE9FvTRqp\n"
    "xMr9ZG9nQ0e9REUPZWGLP/U2g3hQsPBJ+e61lt5epKwrbeN08zNMSPlUMry/hK1L\n"
    "lsedNZoBcrnNGYnHoe1AEaVJ390IzWvIaNqntrdVUxlx7JEX029PC5fNfB5GlNI2\n"
    "tGzm3NpGQtCfD24o4aUwbQlvFx+BYuGEyK6wFxPapQKBgQDDmh4zD5lpjTSjhh+j\n"
    "4EsRZqeTJ+J1Lcm5djgPEeg0+92N7w+zuvW6ykATSnYDcLxdoeNGlQXLYJUabc4a\n"
    "NNYhhXJhyuPCT2ualoBk+azXGkxhRAiBUNg6bu1XptzdOoTnRClLCZ9UhdL9Ifjj\n"
    "yv95V0dXXHf1eoH457Bj9vXuhwKBgQC+53ahVPyZHUSCsVbphDXPrpudlScljSxC\n"
    "AtNJgwH/3ls8+WmiJhN+MzNrRxPjIWdb4vGd+ZFE4QqYdSXFKwwYikC/Tr82gr+Z\n"
    "vq6FHJcCFqQL61Yer4/ETc/kmMxY/nUejEO/SSjNHg/FAEbN2F4epjPVmrzzfN/Q\n"
    "dlLkyM/j6wKBgFODILOyTFDJjhjnMekY4VQbnR5yH/jhxMffVo3wmlDM3Eo2MGEP\n"
    "SM0ofvT9jKdpYbMkZFIFXET6Bo8TJLUBrA8B19Uy981FdW66JTV3eDkarFO25V64\n"
    "8qj4JXOP9aqqyoWnD25PPGys+mlDMO2pBSx8fCQrgbgYRxfLa/8yOMxPAoGACgvy\n"
    "YVEwrfotVddxZH6xuklNJUDpO3+veZXeerrrSwTvtkjF92ObmQOmzBmEgWqLnvlV\n"
    "j+PHcmGJhjZ8E2FNlKkJ+UdyprLA1J2FX7n+dHyui3YKJTlGDqWtsDEeZ/yUO1RU\n"
    "aGe4Pvs7BzoZf9HIOkKy7aXkFchXmwfvGt06m5sCgYBo7gHSSSmlRGwgPz2fJ2tF\n"
    "PwfO96e2xQx+/yKow+KW92aO+8V9OouUf947bz2AwFP7+m0pB45SSz4PhZiPgetX\n"
    "nW7Q9Z74dW1DSI1989BtDD9qWF8OI0jA1RXSObVvQU61lWGLjFuBbdJp1yGx9P5v\n"
    "2cY3JffzQD68laNORdi4Mw==\n"
    "-----END PRIVATE KEY-----\n";

static const char ec_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpoAbNH+mWso8v2cy\n"
    "oKVYKaa1RpGc1gvDXjTqo85plx6hRANCAASK9F1kdoLTnc+Ta8BpSuQZQfPRyoVG\n"
    "ees13mgxegUoSjIGbKzW93r3Up7kLq16j9jqz4mDIRKZ/RLp4Hpd00PU\n"
    "-----END PRIVATE KEY-----\n";

static const char leaf_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICZTCCAgugAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5FeGFtcGxl\n"
    "IElzc3VlcjAgFw0yNjExMjUwNDM1MDNaGA8yMDUxMDcxNzA0MzUwM1owKTEVMBMG\n"
    "A1UEAwwMQW5uYSBFeGFtcGxlMRAwDgYDVQQKDAdFeGFtcGxlMIIBIjANBgkqhkiG\n"
    "9w0BAQEFAAOCAQ8AMIIBCgKCAQEAkd09H3RvCa6F2sK1irmB7EIq0hB05z+lVGYp\n"
    "DC8pB87ylr8Gm8XW/VMFl7A9uFY3LS3gHT07f7rADZQd9DQ6KR9eQyUghfgWFtw8\n"
    "H7bxpnA7Dl18E5brLYK+RaxY0tZD1DoV8o59Tdv4lVrSuztuB32TlXjXrKb+3rjJ\n"
    "OqRVgTowxbWEeeOyL/q6ILAVE94r8wtHim4NrOH+mbG50FHH1S0xCO58Mbrvx5cx\n"
    "OIZ6WmP3zfLwQ9NRzBWud1JZYu0I/ASoDOmwyD+G3iskWXtefsOZgwkIPJny2Pzp\n"
    "6efPhAWB1tYranMFTeyO21uroSaF7kSYkp0D6xADhhExHWyq7QIDAQABo2cwZTAO\n"
    "BgNVHQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0OBBYEFGmW\n"
    "YGzQ2N7iG4de6xTabEEyC028MB8GA1UdIwQYMBaAFP1zam9fOM3eHuJ3WwRN0woy\n"
    "l1xvMAoGCCqGSM49BAMCA0gAMEUCIQClJA9UVtcapxJX13VTc9pqrofn7Tp4xVny\n"
    "i2zXfLpBawIgFVjgB+YWCLjo2GnUrzu92qinfme/XOrYrUnOo811qm8=\n"
    "-----END CERTIFICATE-----\n";

static const char issuer_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBmTCCAT+gAwIBAgIUZgUDWJrk7ukjtTvkUwKoXSixRLIwCgYIKoZIzj0EAwIw\n"
    "GTEXMBUGA1UEAwwORXhhbXBsZSBJc3N1ZXIwIBcNMjYxMTI1MDQzNTAzWhgPMjA1\n"
    "MTA3MTcwNDM1MDNaMBkxFzAVBgNVBAMMDkV4YW1wbGUgSXNzdWVyMFkwEwYHKoZI\n"
    "zj0CAQYIKoZIzj0DAQcDQgAEivRdZHaC053Pk2vAaUrkGUHz0cqFRnnrNd5oMXoF\n"
    "KEoyBmys1vd691Ke5C6teo/Y6s+JgyESmf0S6eB6XdND1KNjMGEwHQYDVR0OBBYE\n"
    "FP1zam9fOM3eHuJ3WwRN0woyl1xvMB8GA1UdIwQYMBaAFP1zam9fOM3eHuJ3WwRN\n"
    "0woyl1xvMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMAoGCCqGSM49\n"
    "BAMCA0gAMEUCIQC8o/JOXY0GwBlloxOf1V7GbebgiEe9IDvN2ouanyGA5QIgRCxF\n"
    "fMyUjFPxttti9gpVDSKRGk02ORKookgMCxee5hk=\n"
    "-----END CERTIFICATE-----\n";

EVP_PKEY *sample_key(enum sample_key which)
{
    const char *pem = which == SAMPLE_RSA ? rsa_pem : ec_pem;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    ck_assert_ptr_nonnull(key);
    return key;
}

X509 *sample_certificate(enum sample_certificate which)
{
    const char *pem = which == SAMPLE_LEAF ? leaf_pem : issuer_pem;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    ck_assert_ptr_nonnull(cert);
    return cert;
}

struct card *factory_card(const struct piv_env *env, const char *persona, uint32_t serial)
{
    struct card_plan plan = { .persona = persona_by_name(persona), .serial = serial, .test = true,
                              .log_n = SEAL_LOG_N_TEST, .management_alg = ALG_3DES };
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    struct card *card = NULL;

    ck_assert_int_eq(factory_pin(&pin), ERR_NONE);
    ck_assert_int_eq(factory_puk(&puk), ERR_NONE);
    ck_assert_int_eq(factory_management(ALG_3DES, &management), ERR_NONE);
    plan.pin = pin;
    plan.puk = puk;
    plan.management = management;
    ck_assert_int_eq(card_new(env, &plan, &card), ERR_NONE);
    secret_free(pin);
    secret_free(puk);
    secret_free(management);
    return card;
}

struct card *sample_card(const struct piv_env *env)
{
    EVP_PKEY *key = sample_key(SAMPLE_RSA);
    X509 *leaf = sample_certificate(SAMPLE_LEAF), *issuer = sample_certificate(SAMPLE_ISSUER);
    struct card *card = factory_card(env, "piv", 0);

    ck_assert_int_eq(card_put_key(env, card, keyref_by_name("9a"), key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT,
                                  ORIGIN_IMPORTED, "Anna Example"), ERR_NONE);
    ck_assert_int_eq(card_put_certificate(card, keyref_by_name("9a"), leaf), ERR_NONE);
    ck_assert_int_eq(card_add_chain(card, issuer), ERR_NONE);
    X509_free(leaf);
    X509_free(issuer);
    EVP_PKEY_free(key);
    return card;
}

/* Labels that a careless writer would break its file with. */
static const char *const labels[] = {
    NULL, "", "plain", "Zoë Müller — 山田", "quote \" backslash \\ semicolon ;", "line\n@include \"/etc/passwd\"\n",
    "\x01\x1f\x7f tab\t", "*/ // # { ( [", "\\x41", "end\\",
};

static void fill_keys(const struct piv_env *env, struct card *card)
{
    EVP_PKEY *key = sample_key(SAMPLE_EC);

    for (size_t i = 0; i < KEYREF_COUNT; i++) {
        enum pin_policy pin = (enum pin_policy)(PIN_POLICY_NEVER + i % 3);
        enum touch_policy touch = (enum touch_policy)(TOUCH_POLICY_NEVER + i % 3);

        ck_assert_int_eq(card_put_key(env, card, &keyrefs[i], key, pin, touch,
                                      i % 2 == 0 ? ORIGIN_GENERATED : ORIGIN_IMPORTED,
                                      labels[i % (sizeof labels / sizeof labels[0])]), ERR_NONE);
    }
    EVP_PKEY_free(key);
}

static void fill_objects(struct card *card)
{
    static const size_t sizes[] = { 1, 2, 3, 47, 48, 49, 96, 97, 1000, OBJECT_MAX };
    uint8_t *value = malloc(OBJECT_MAX);
    size_t n = 0;

    ck_assert_ptr_nonnull(value);
    for (size_t i = 0; i < OBJECT_MAX; i++)
        value[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        size_t size = sizes[n++ % (sizeof sizes / sizeof sizes[0])];

        ck_assert_int_eq(card_put_object(card, objects[i].first, in_of(value, size)), ERR_NONE);
        ck_assert_int_eq(card_put_object(card, objects[i].last, in_of(value, size)), ERR_NONE);
    }
    for (size_t i = 0; i < CARD_CHAIN_MAX; i++)
        ck_assert_int_eq(bytes_set(&card->chain[i], in_of(value, 500 + i)), ERR_NONE);
    card->n_chain = CARD_CHAIN_MAX;
    free(value);
}

struct card *full_card(const struct piv_env *env)
{
    struct card *card = sample_card(env);

    card->serial = 0xFEDCBA98;
    card->atr = &atrs[ATR_COUNT - 1];
    card->firmware[0] = 5, card->firmware[1] = 7, card->firmware[2] = 255;
    card->pin_usage[0] = 0x60, card->pin_usage[1] = 0x10;
    card->allow_rsa1024 = true;
    card->pin[PIN_GLOBAL] = card->pin[PIN_APPLICATION];
    card->pin[PIN_GLOBAL].standard = !card->pin[PIN_APPLICATION].standard;
    card->pin[PIN_GLOBAL].log_n = SEAL_LOG_N_MAX;
    card->management.touch_policy = TOUCH_POLICY_CACHED;
    card->management.standard = !card->management.standard;
    fill_keys(env, card);
    card->next_number = UINT32_MAX;
    fill_objects(card);
    return card;
}

static bool same_bytes(const struct bytes *a, const struct bytes *b)
{
    return in_equal(bytes_in(a), bytes_in(b));
}

static bool same_seal(const struct seal *a, const struct seal *b)
{
    return a->log_n == b->log_n && a->standard == b->standard && memcmp(a->salt, b->salt, sizeof a->salt) == 0 &&
           memcmp(a->nonce, b->nonce, sizeof a->nonce) == 0 && memcmp(a->box, b->box, sizeof a->box) == 0;
}

static bool same_key(const struct card_key *a, const struct card_key *b)
{
    bool labels_equal = a->label == NULL ? b->label == NULL : b->label != NULL && strcmp(a->label, b->label) == 0;

    return a->ref == b->ref && a->number == b->number && a->alg == b->alg && a->pin_policy == b->pin_policy &&
           a->touch_policy == b->touch_policy && a->origin == b->origin && labels_equal &&
           same_bytes(&a->public, &b->public) && same_bytes(&a->sealed, &b->sealed);
}

static bool same_identity(const struct card *a, const struct card *b)
{
    return memcmp(a->guid, b->guid, sizeof a->guid) == 0 && a->serial == b->serial && a->test == b->test &&
           a->persona == b->persona && a->atr == b->atr &&
           memcmp(a->firmware, b->firmware, sizeof a->firmware) == 0 &&
           memcmp(a->pin_usage, b->pin_usage, sizeof a->pin_usage) == 0 && a->allow_rsa1024 == b->allow_rsa1024 &&
           memcmp(a->agreement, b->agreement, sizeof a->agreement) == 0 &&
           same_bytes(&a->agreement_sealed, &b->agreement_sealed) && a->next_number == b->next_number &&
           a->management.alg == b->management.alg && a->management.touch_policy == b->management.touch_policy &&
           a->management.standard == b->management.standard &&
           same_bytes(&a->management.sealed, &b->management.sealed);
}

bool same_card(const struct card *a, const struct card *b)
{
    if (!same_identity(a, b) || a->n_keys != b->n_keys || a->n_objects != b->n_objects || a->n_chain != b->n_chain)
        return false;
    for (int i = 0; i < PIN_COUNT; i++) {
        if (!same_seal(&a->pin[i], &b->pin[i]))
            return false;
    }
    for (size_t i = 0; i < a->n_keys; i++) {
        if (!same_key(&a->keys[i], &b->keys[i]))
            return false;
    }
    for (size_t i = 0; i < a->n_objects; i++) {
        if (a->objects[i].tag != b->objects[i].tag || !same_bytes(&a->objects[i].value, &b->objects[i].value))
            return false;
    }
    for (size_t i = 0; i < a->n_chain; i++) {
        if (!same_bytes(&a->chain[i], &b->chain[i]))
            return false;
    }
    return true;
}

void scratch_make(char path[SCRATCH_MAX])
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(path, SCRATCH_MAX, "%s/vpiv-check.XXXXXX", base != NULL && base[0] == '/' ? base : "/tmp");

    ck_assert_int_lt(n, SCRATCH_MAX);
    ck_assert_ptr_nonnull(mkdtemp(path));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

void scratch_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void source_path(const char *below, char path[PATH_MAX])
{
    const char *top = getenv("VPIV_TOP_SRCDIR");

    ck_assert_int_lt(snprintf(path, PATH_MAX, "%s/%s", top != NULL ? top : VPIV_TOP_SRCDIR, below), PATH_MAX);
}

void read_whole(const char *path, uint8_t **p, size_t *n)
{
    FILE *f = fopen(path, "rb");
    long size;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    ck_assert_int_ge(size, 0);
    rewind(f);
    *n = (size_t)size;
    *p = malloc(*n > 0 ? *n : 1);
    ck_assert_ptr_nonnull(*p);
    ck_assert_uint_eq(fread(*p, 1, *n, f), *n);
    fclose(f);
}

void write_whole(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}
