/* SPDX-License-Identifier: BSD-2-Clause */
/* check_card.c — the card as a value: new, copied, its keys, objects, certificates, chain; and the tables it shows. */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "applet/key.h"
#include "tests/cards.h"
#include "tests/check_suites.h"
#include "tests/live.h"
#include "tests/vectors.h"

static struct fake fake;
static struct card *card;

static void set_up(void)
{
    fake_init(&fake, 1);
    card = sample_card(&fake.env);
}

static void tear_down(void)
{
    card_free(card);
    fake_clear(&fake);
}

/* --- a new card ------------------------------------------------------------------------------------------------------ */

START_TEST(a_new_card_has_an_identity_of_its_own)
{
    struct card *other = sample_card(&fake.env);
    struct in chuid = card_object(card, OBJECT_CHUID), ccc = card_object(card, OBJECT_CCC), value;

    ck_assert(memcmp(card->guid, other->guid, 16) != 0 && card->serial != 0 && card->serial != other->serial);
    ck_assert((card->guid[6] & 0xF0) == 0x40 && (card->guid[8] & 0xC0) == 0x80 && card->serial < 0x80000000);
    ck_assert(tlv_get(&chuid, 0x30, &value) && value.n == 25);
    ck_assert(tlv_get(&chuid, 0x34, &value) && in_equal(value, in_of(card->guid, 16)));
    ck_assert(tlv_get(&chuid, 0x35, &value) && in_equal(value, in_of("20491231", 8)));
    ck_assert(tlv_get(&chuid, 0x3E, &value) && value.n == 0 && tlv_get(&chuid, 0xFE, &value) && in_end(&chuid));
    ck_assert(ccc.n == 51 && memcmp(ccc.p, "\xF0\x15\xA0\x00\x00\x01\x16\xFF\x02", 9) == 0);
    ck_assert(card->pin_usage[0] == 0x40 && card->pin_usage[1] == 0x00 && card->pin[PIN_GLOBAL].log_n == 0);
    card_free(other);
}
END_TEST

static enum err all_ones(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0xFF, n);
    return ERR_NONE;
}

static enum err all_zeros(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0, n);
    return ERR_NONE;
}

static struct card *yubikey_by(enum err (*random)(void *ctx, uint8_t *p, size_t n))
{
    fake.env.random = random;
    return factory_card(&fake.env, "yubikey", 1);
}

/* RFC 4122, 4.4: of 128 random bits, six are given.  RFC 5280, 4.1.2.2: a certificate's number is positive. */
START_TEST(random_bits_are_kept_but_for_the_given_ones)
{
    static const uint8_t most[16] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x4F, 0xFF,
                                      0xBF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
    static const uint8_t least[16] = { [6] = 0x40, [8] = 0x80 };
    struct card *made = yubikey_by(all_ones);
    X509 *cert;

    ck_assert_mem_eq(made->guid, most, sizeof most);
    card_free(made);
    made = yubikey_by(all_zeros);
    ck_assert_mem_eq(made->guid, least, sizeof least);
    cert = card_certificate(made, keyref_by_ref(KEYREF_ATTESTATION));
    ck_assert_int_eq(ASN1_INTEGER_get(X509_get0_serialNumber(cert)), 1);
    X509_free(cert);
    card_free(made);
}
END_TEST

/* FASC-N: 40 groups of four bits, least significant first, and odd parity; SS, separators, ES and LRC in their places. */
START_TEST(the_fasc_n_is_well_formed)
{
    struct in chuid = card_object(card, OBJECT_CHUID), value;
    static const uint8_t marks[] = { 0, 5, 10, 17, 19, 21 }; /* start sentinel, then field separators */
    uint8_t groups[40], lrc = 0;

    ck_assert(tlv_get(&chuid, 0x30, &value));
    for (size_t g = 0; g < 40; g++) {
        unsigned bits = 0, ones = 0;

        for (size_t b = 0; b < 5; b++) {
            size_t at = 5 * g + b;
            unsigned bit = value.p[at / 8] >> (7 - at % 8) & 1u;

            bits |= b < 4 ? bit << b : 0;
            ones += bit;
        }
        ck_assert_msg(ones % 2 == 1 || g == 39, "parity of group %zu", g);
        groups[g] = (uint8_t)bits;
        lrc ^= (uint8_t)bits;
    }
    for (size_t i = 0; i < sizeof marks; i++)
        ck_assert_uint_eq(groups[marks[i]], i == 0 ? 0xB : 0xD);
    ck_assert_uint_eq(groups[38], 0xF);
    ck_assert_uint_eq(lrc, 0);
    ck_assert(groups[1] == 9 && groups[2] == 9 && groups[3] == 9 && groups[4] == 9);
}
END_TEST

START_TEST(pins_of_people_become_pins_of_the_wire)
{
    static const struct {
        const char *text;
        bool pin, puk;
    } texts[] = {
        { "123456", true, true },    { "12345678", true, true },  { "1234567", true, true },  { "12345", false, false },
        { "123456789", false, false }, { "", false, false },      { "12345a", false, true },  { "abcdefgh", false, true },
        { "12345\xFF", false, false }, { "      ", false, true }, { "12345:", false, true },  { "12345/", false, true },
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct secret *pin = NULL, *puk = NULL;
        size_t n = strlen(texts[i].text);

        ck_assert_int_eq(pin_from_text(in_of(texts[i].text, n), &pin), texts[i].pin ? ERR_NONE : ERR_DATA);
        ck_assert_int_eq(puk_from_text(in_of(texts[i].text, n), &puk), texts[i].puk ? ERR_NONE : ERR_DATA);
        if (texts[i].pin)
            ck_assert(pin->n == 8 && memcmp(pin->p, texts[i].text, n) == 0 && (n == 8 || pin->p[n] == 0xFF));
        secret_free(puk);
        secret_free(pin);
    }
}
END_TEST

/* A YubiKey says that its PIN is the factory's; the file of any other card must not. */
START_TEST(only_a_yubikey_is_known_by_its_factory_pin)
{
    struct card yubikey = { .persona = persona_by_name("yubikey") };

    ck_assert(pin_is_known(&yubikey, PIN_APPLICATION, in_of("123456\xFF\xFF", 8)));
    ck_assert(pin_is_known(&yubikey, PIN_PUK, in_of("12345678", 8)));
    ck_assert(!pin_is_known(&yubikey, PIN_PUK, in_of("123456\xFF\xFF", 8)));
    ck_assert(!pin_is_known(&yubikey, PIN_APPLICATION, in_of("123456", 6)));
    ck_assert(!pin_is_known(card, PIN_APPLICATION, in_of("123456\xFF\xFF", 8)));
    ck_assert(!card->pin[PIN_APPLICATION].standard && !card->pin[PIN_PUK].standard);
}
END_TEST

START_TEST(management_keys_are_ciphers_of_the_right_length)
{
    struct secret *key = NULL, *again = NULL;

    ck_assert_int_eq(factory_management(ALG_P256, &key), ERR_UNSUPPORTED);
    ck_assert_int_eq(factory_management(0x55, &key), ERR_UNSUPPORTED);
    for (size_t i = 0; i < ALG_COUNT; i++) {
        if (algs[i].family != ALG_CIPHER)
            continue;
        ck_assert_int_eq(factory_management(algs[i].id, &key), ERR_NONE);
        ck_assert_int_eq(card_set_management(&fake.env, card, algs[i].id, TOUCH_POLICY_NEVER, key), ERR_NONE);
        ck_assert(!card->management.standard && card->management.alg == algs[i].id);
        ck_assert_int_eq(card_open_management(&fake.env, card, &again), ERR_NONE);
        ck_assert(secret_equal(key, secret_in(again)));
        secret_drop(&again);
        /* The box is bound to cipher and touch policy: it cannot be read as another's. */
        card->management.touch_policy = TOUCH_POLICY_ALWAYS;
        ck_assert_int_eq(card_open_management(&fake.env, card, &again), ERR_WRONG);
        key->n--;
        ck_assert_int_eq(card_set_management(&fake.env, card, algs[i].id, TOUCH_POLICY_NEVER, key), ERR_DATA);
        key->n++;
        ck_assert_int_eq(card_set_management(&fake.env, card, ALG_P256, TOUCH_POLICY_NEVER, key), ERR_DATA);
        secret_drop(&key);
    }
}
END_TEST

/* --- copies, keys ------------------------------------------------------------------------------------------------------ */

START_TEST(a_copy_is_the_same_and_its_own)
{
    struct card *full = full_card(&fake.env), *copy = NULL;

    ck_assert_int_eq(card_copy(full, &copy), ERR_NONE);
    ck_assert(same_card(full, copy));
    ck_assert_int_eq(card_put_object(copy, OBJECT_CHUID, in_of("x", 1)), ERR_NONE);
    ck_assert(!same_card(full, copy) && card_object(full, OBJECT_CHUID).n != 1);
    card_free(full);
    card_free(copy);
    card_free(NULL);
}
END_TEST

/* A key's box is bound to the card, its number and its policies: whatever of them is changed, it does not open. */
START_TEST(a_sealed_key_cannot_be_widened_or_moved)
{
    EVP_PKEY *pkey = known_key(ALG_P256);
    struct secret *pin = NULL, *card_key_secret = NULL, *private = NULL;
    struct card *other = sample_card(&fake.env);
    struct card_key *key;

    ck_assert_int_eq(factory_pin(&pin), ERR_NONE);
    ck_assert_int_eq(open_pin(&fake.env, card->guid, PIN_APPLICATION, secret_in(pin), &card->pin[PIN_APPLICATION],
                              &card_key_secret), ERR_NONE);
    for (enum pin_policy policy = PIN_POLICY_NEVER; policy <= PIN_POLICY_ALWAYS; policy++) {
        uint8_t *fields[5];

        ck_assert_int_eq(card_put_key(&fake.env, card, keyref_by_ref(0x82), pkey, policy, TOUCH_POLICY_ALWAYS,
                                      ORIGIN_IMPORTED, "label"), ERR_NONE);
        key = card_key(card, 0x82);
        ck_assert_int_eq(open_card_key(&fake.env, card, key, card_key_secret, &private), ERR_NONE);
        secret_drop(&private);
        fields[0] = &key->alg, fields[1] = &key->touch_policy, fields[2] = &key->origin;
        fields[3] = (uint8_t *)&key->number, fields[4] = &key->pin_policy;
        for (size_t i = 0; i < 5; i++) {
            *fields[i] ^= i == 4 && policy == PIN_POLICY_NEVER ? 3 : 1;
            ck_assert_msg(open_card_key(&fake.env, card, key, card_key_secret, &private) != ERR_NONE, "field %zu", i);
            *fields[i] ^= i == 4 && policy == PIN_POLICY_NEVER ? 3 : 1;
        }
        ck_assert_int_ne(open_card_key(&fake.env, other, key, card_key_secret, &private), ERR_NONE);
        ck_assert_int_eq(open_card_key(&fake.env, card, key, NULL, &private),
                         policy == PIN_POLICY_NEVER ? ERR_NONE : ERR_SECURITY);
        secret_drop(&private);
    }
    card_free(other);
    secret_free(card_key_secret);
    secret_free(pin);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(keys_come_go_and_move)
{
    EVP_PKEY *a = known_key(ALG_P256), *b = known_key(ALG_ED25519), *strange = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    const struct keyref *r9a = keyref_by_ref(0x9A), *r82 = keyref_by_ref(0x82), *r83 = keyref_by_ref(0x83);
    uint32_t number;

    ck_assert_int_eq(card_put_key(&fake.env, card, r9a, strange, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT,
                                  ORIGIN_IMPORTED, NULL), ERR_UNSUPPORTED);
    ck_assert_uint_eq(card->n_keys, 1);
    number = card_key(card, 0x9A)->number;
    ck_assert_int_eq(card_put_key(&fake.env, card, r9a, a, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT, ORIGIN_IMPORTED,
                                  NULL), ERR_NONE);
    ck_assert(card->n_keys == 1 && card_key(card, 0x9A)->number > number);
    ck_assert(!card_announces(card) && strcmp(card_atr(card)->name, "piv-extended") == 0);
    ck_assert_int_eq(card_put_key(&fake.env, card, r82, b, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT, ORIGIN_IMPORTED,
                                  NULL), ERR_NONE);
    ck_assert(card_announces(card) && strcmp(card_atr(card)->name, "piv-announce") == 0);
    ck_assert_ptr_eq(card_key_by_public(card, bytes_in(&card_key(card, 0x82)->public)), card_key(card, 0x82));
    ck_assert_ptr_null(card_key_by_public(card, in_of("x", 1)));
    ck_assert_int_eq(card_move_key(card, r83, r82), ERR_NOT_FOUND);
    ck_assert_int_eq(card_move_key(card, r9a, r82), ERR_EXISTS);
    ck_assert_int_eq(card_move_key(card, r82, r83), ERR_NONE);
    ck_assert(card_key(card, 0x82) == NULL && card_key(card, 0x83) != NULL);
    ck_assert_int_eq(card_move_key(card, r9a, NULL), ERR_NONE);
    ck_assert(card->n_keys == 1 && card_key(card, 0x83)->alg == ALG_ED25519);
    card->atr = atr_by_name("piv-sm");
    ck_assert_ptr_eq(card_atr(card), atr_by_name("piv-sm"));
    EVP_PKEY_free(strange);
    EVP_PKEY_free(b);
    EVP_PKEY_free(a);
}
END_TEST

/* --- certificates -------------------------------------------------------------------------------------------------------- */

/* A certificate that takes at least n bytes; `dense`: bytes that do not compress. */
static X509 *large_certificate(size_t n, bool dense)
{
    X509 *cert = sample_certificate(SAMPLE_LEAF);
    EVP_PKEY *key = sample_key(SAMPLE_EC);
    uint8_t *bytes = malloc(n);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension;

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 'x', n);
    if (dense)
        fake.env.random(&fake, bytes, n);
    ASN1_OCTET_STRING_set(value, bytes, (int)n);
    extension = X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 0, value);
    ck_assert_int_eq(X509_add_ext(cert, extension, -1), 1);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    EVP_PKEY_free(key);
    free(bytes);
    return cert;
}

START_TEST(certificates_come_back_compressed_or_not)
{
    static const struct {
        size_t n;
        bool dense, compressed;
        enum err e;
    } sizes[] = {
        { 1, false, false, ERR_NONE },     { 2400, false, false, ERR_NONE },   { 3500, false, true, ERR_NONE },
        { 3500, true, true, ERR_NONE },    { 60000, false, true, ERR_NONE },   { 64000, false, true, ERR_NONE },
        { 66000, false, true, ERR_FULL },  { 20000, true, true, ERR_FULL },
    };
    const struct keyref *ref = keyref_by_ref(0x9D);

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        X509 *cert = large_certificate(sizes[i].n, sizes[i].dense), *again;
        struct in object, value;

        ck_assert_int_eq(card_put_certificate(card, ref, cert), sizes[i].e);
        if (sizes[i].e == ERR_NONE) {
            again = card_certificate(card, ref);
            ck_assert(again != NULL && X509_cmp(cert, again) == 0);
            X509_free(again);
            object = card_object(card, ref->certificate);
            ck_assert(tlv_get(&object, 0x70, &value) && tlv_get(&object, 0x71, &value) && value.n == 1);
            ck_assert_int_eq(value.p[0], sizes[i].compressed);
            ck_assert(tlv_get(&object, 0xFE, &value) && value.n == 0 && in_end(&object));
        }
        X509_free(cert);
    }
}
END_TEST

START_TEST(what_is_no_certificate_is_none)
{
    static const char *const objects_tried[] = {
        "", "FE00", "70", "7000", "700130", "7001307101", "70013071020000FE00", "700130710101FE00",
        "70141F8B080000000000000303000000000000000000710101FE00", "71010070013000",
    };
    const struct keyref *ref = keyref_by_ref(0x9D);
    X509 *cert = sample_certificate(SAMPLE_LEAF);
    struct in object;
    uint8_t copy[2048];

    for (size_t i = 0; i < sizeof objects_tried / sizeof objects_tried[0]; i++) {
        uint8_t bytes[64];
        struct out room = out_of(bytes, sizeof bytes);

        ck_assert_int_eq(card_put_object(card, ref->certificate, hex(objects_tried[i], &room)), ERR_NONE);
        ck_assert_ptr_null(card_certificate(card, ref));
    }
    /* One byte after the certificate, or one less. */
    ck_assert_int_eq(card_put_certificate(card, ref, cert), ERR_NONE);
    object = card_object(card, ref->certificate);
    for (int more = -1; more <= 1; more += 2) {
        struct out out = out_of(copy, sizeof copy);
        size_t n = object.n - 4 - 5 + (size_t)more;

        tlv_put(&out, 0x70, in_of(object.p + 4, n));
        ck_assert_int_eq(card_put_object(card, 0x5FC10A, out_in(&out)), ERR_NONE);
        ck_assert_ptr_null(card_certificate(card, keyref_by_ref(0x9C)));
    }
    X509_free(cert);
}
END_TEST

START_TEST(the_chain_has_an_end)
{
    ck_assert_uint_eq(card->n_chain, 1);
    for (int i = 1; i < CARD_CHAIN_MAX + 3; i++) {
        X509 *next = large_certificate((size_t)i, false);

        ck_assert_int_eq(card_add_chain(card, next), i < CARD_CHAIN_MAX ? ERR_NONE : ERR_FULL);
        X509_free(next);
    }
    ck_assert_uint_eq(card->n_chain, CARD_CHAIN_MAX);
}
END_TEST

START_TEST(a_ca_certificate_is_kept_once)
{
    X509 *issuer = sample_certificate(SAMPLE_ISSUER), *large = large_certificate(66000, false);

    ck_assert_int_eq(card_add_chain(card, issuer), ERR_NONE);
    ck_assert_uint_eq(card->n_chain, 1);
    ck_assert_int_eq(card_add_chain(card, large), ERR_FULL);
    X509_free(large);
    X509_free(issuer);
}
END_TEST

/* --- personas and ATRs ---------------------------------------------------------------------------------------------------- */

/* ISO/IEC 7816-3, 8.2: TS, T0 with its count of historical bytes, interface bytes by TD, TCK when not T=0 alone. */
START_TEST(every_atr_is_valid_and_offers_t1)
{
    const struct atr *atr = &atrs[_i];
    unsigned y = atr->bytes[1] >> 4, historical = atr->bytes[1] & 0x0F, t = 0, xor = 0;
    size_t at = 2;
    bool t1 = false;

    ck_assert(atr->n >= 4 && atr->n <= 33 && atr->bytes[0] == 0x3B);
    while (y != 0) {
        unsigned next = 0;

        for (unsigned bit = 0; bit < 4; bit++) {
            if ((y & 1u << bit) == 0)
                continue;
            if (bit == 3) {
                next = atr->bytes[at] >> 4;
                t = atr->bytes[at] & 0x0F;
                t1 |= t == 1;
            }
            at++;
        }
        y = next;
    }
    ck_assert(t1);
    ck_assert_uint_eq(at + historical + 1, atr->n);
    for (size_t i = 1; i < atr->n; i++)
        xor ^= atr->bytes[i];
    ck_assert_uint_eq(xor, 0);
    ck_assert_ptr_eq(atr_by_name(atr->name), atr);
}
END_TEST

START_TEST(personas_name_things_that_exist)
{
    for (size_t i = 0; i < PERSONA_COUNT; i++) {
        ck_assert_ptr_eq(persona_by_name(personas[i].name), &personas[i]);
        ck_assert(atr_by_name(personas[i].atr) != NULL && atr_by_name(personas[i].atr_announce) != NULL);
    }
    ck_assert(persona_by_name("x") == NULL && atr_by_name("x") == NULL);
    ck_assert_str_eq(persona_by_name("yubikey")->reader, "Yubico YubiKey CCID");
}
END_TEST

Suite *suite_card(void)
{
    Suite *suite = suite_create("card");
    TCase *value = tcase_create("value"), *tables = tcase_create("tables");

    tcase_set_timeout(value, 60);
    tcase_add_checked_fixture(value, set_up, tear_down);
    tcase_add_test(value, a_new_card_has_an_identity_of_its_own);
    tcase_add_test(value, random_bits_are_kept_but_for_the_given_ones);
    tcase_add_test(value, the_fasc_n_is_well_formed);
    tcase_add_test(value, pins_of_people_become_pins_of_the_wire);
    tcase_add_test(value, only_a_yubikey_is_known_by_its_factory_pin);
    tcase_add_test(value, management_keys_are_ciphers_of_the_right_length);
    tcase_add_test(value, a_copy_is_the_same_and_its_own);
    tcase_add_test(value, a_sealed_key_cannot_be_widened_or_moved);
    tcase_add_test(value, keys_come_go_and_move);
    tcase_add_test(value, certificates_come_back_compressed_or_not);
    tcase_add_test(value, what_is_no_certificate_is_none);
    tcase_add_test(value, the_chain_has_an_end);
    tcase_add_test(value, a_ca_certificate_is_kept_once);
    suite_add_tcase(suite, value);
    tcase_add_loop_test(tables, every_atr_is_valid_and_offers_t1, 0, ATR_COUNT);
    tcase_add_test(tables, personas_name_things_that_exist);
    suite_add_tcase(suite, tables);
    return suite;
}
