/* SPDX-License-Identifier: BSD-2-Clause */
/* check_yubikey.c — Yubico's commands: metadata, retries, reset, management key, attestation, move, configuration. */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "applet/attest.h"
#include "applet/command.h"
#include "tests/check_suites.h"
#include "tests/live.h"
#include "tests/vectors.h"

static struct live l;

static void set_up(void)
{
    live_init(&l, "yubikey", ALG_3DES, 0);
}

static void set_up_global(void)
{
    live_init(&l, "yubikey", ALG_3DES, LIVE_GLOBAL);
}

static void tear_down(void)
{
    live_clear(&l);
}

static bool answered(const char *text)
{
    uint8_t bytes[64];
    struct out room = out_of(bytes, sizeof bytes);

    return in_equal(l.data, hex(text, &room));
}

static void put_key(uint8_t ref, uint8_t alg, enum pin_policy pin, enum touch_policy touch)
{
    EVP_PKEY *key = known_key(alg);

    live_put_key(&l, ref, key, pin, touch);
    EVP_PKEY_free(key);
}

static void block(enum pin which)
{
    while (l.fake.tries.left[which] > 0)
        live_hex(&l, which == PIN_PUK ? "002C008010" "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" : LIVE_PIN_BAD);
}

START_TEST(metadata_of_pins)
{
    answers(live_hex(&l, "00F70080"), SW_SUCCESS);
    ck_assert(answered("0101FF 050101 06020303"));
    answers(live_hex(&l, LIVE_PIN_BAD), 0x63C2);
    answers(live_hex(&l, "0024008010" LIVE_PIN "363534333231FFFF"), SW_SUCCESS);
    answers(live_hex(&l, LIVE_PIN_BAD), 0x63C2);
    answers(live_hex(&l, "00F70080"), SW_SUCCESS);
    ck_assert(answered("0101FF 050100 06020302"));
    answers(live_hex(&l, "0024008110" LIVE_PUK "363534333231FFFF"), SW_SUCCESS);
    answers(live_hex(&l, "00F70081"), SW_SUCCESS);
    ck_assert(answered("0101FF 050100 06020303"));
    answers(live_hex(&l, "0024008110" "363534333231FFFF" LIVE_PUK), SW_SUCCESS);
    answers(live_hex(&l, "00F70081"), SW_SUCCESS);
    ck_assert(answered("0101FF 050101 06020303"));
}
END_TEST

START_TEST(metadata_of_keys)
{
    for (unsigned ref = 0; ref < 0x100; ref++) {
        const uint8_t command[] = { 0x00, 0xF7, 0x00, (uint8_t)ref };
        bool there = ref == 0x80 || ref == 0x81 || ref == 0x9B || ref == 0xF9;

        answers(live_send(&l, in_of(command, 4)), there ? SW_SUCCESS : SW_REFERENCE_NOT_FOUND);
    }
    put_key(0x9C, ALG_ED25519, PIN_POLICY_DEFAULT, TOUCH_POLICY_CACHED);
    answers(live_hex(&l, "00F7009C"), SW_SUCCESS);
    ck_assert(answered("0101E0 02020303 030102 0422 8620"
                       "3D4017C3E843895A92B70AA74D1B7EBC9C982CCF2EC4968CC0CD55F12AF4660C"));
    put_key(0x9A, ALG_RSA4096, PIN_POLICY_NEVER, TOUCH_POLICY_DEFAULT);
    answers(live_call(&l, 0xF7, 0x00, 0x9A, in_of(NULL, 0)), SW_SUCCESS);
    ck_assert_uint_eq(l.data.n, 3 + 4 + 3 + 4 + 4 + 512 + 5);
}
END_TEST

/* --- SET PIN RETRIES ----------------------------------------------------------------------------------------------- */

START_TEST(retries_need_both_rights)
{
    answers(live_hex(&l, "00FA0505"), SW_SECURITY_STATUS);
    live_verify(&l);
    answers(live_hex(&l, "00FA0505"), SW_SECURITY_STATUS);
    live_reset(&l);
    live_admin(&l);
    answers(live_hex(&l, "00FA0505"), SW_SECURITY_STATUS);
    live_verify(&l);
    answers(live_hex(&l, "00FA0005"), SW_WRONG_DATA);
    answers(live_hex(&l, "00FA0500"), SW_WRONG_DATA);
    ck_assert_uint_eq(l.fake.tries.allowed[PIN_APPLICATION], 3);
}
END_TEST

START_TEST(retries_are_set_and_pins_are_factory)
{
    struct in result;

    put_key(0x9A, ALG_P256, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    answers(live_hex(&l, "0024008010" LIVE_PIN "363534333231FFFF"), SW_SUCCESS);
    answers(live_hex(&l, "0024008110" LIVE_PUK "3837363534333231"), SW_SUCCESS);
    live_admin(&l);
    answers(live_hex(&l, "0020008008" "363534333231FFFF"), SW_SUCCESS);
    answers(live_hex(&l, "00FA0805"), SW_SUCCESS);
    answers(live_tries(&l), 0x63C8);
    ck_assert_uint_eq(l.fake.tries.allowed[PIN_PUK], 5);
    answers(live_hex(&l, "0020008008" "363534333231FFFF"), 0x63C7);
    live_verify(&l);
    answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    answers(live_hex(&l, "002C008010" LIVE_PUK LIVE_PIN), SW_SUCCESS);
}
END_TEST

/* The global PIN is the platform's: it stays, with its count, and may stay verified. */
START_TEST(retries_leave_the_global_pin_alone)
{
    struct in result;

    put_key(0x9A, ALG_P256, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    answers(live_hex(&l, "0024008010" LIVE_PIN "3131313131313131"), SW_SUCCESS);
    live_admin(&l);
    answers(live_hex(&l, "0020000008" LIVE_GLOBAL_PIN), SW_SUCCESS);
    answers(live_hex(&l, "0020008008" "3131313131313131"), SW_SUCCESS);
    answers(live_hex(&l, "00FA0805"), SW_SUCCESS);
    answers(live_tries(&l), 0x63C8);
    answers(live_hex(&l, "00200000"), SW_SUCCESS);
    answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    answers(live_hex(&l, "0020008008" "3131313131313131"), 0x63C7);
    live_verify(&l);
    live_reset(&l);
    answers(live_hex(&l, "00200000"), 0x63C3);
    answers(live_hex(&l, "0020000008" LIVE_GLOBAL_PIN), SW_SUCCESS);
    answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
}
END_TEST

/* --- RESET ---------------------------------------------------------------------------------------------------------- */

START_TEST(reset_wants_both_blocked)
{
    answers(live_hex(&l, "00FB0000"), SW_CONDITIONS);
    block(PIN_APPLICATION);
    answers(live_hex(&l, "00FB0000"), SW_CONDITIONS);
    answers(live_hex(&l, "002C008010" LIVE_PUK LIVE_PIN), SW_SUCCESS);
    block(PIN_PUK);
    answers(live_hex(&l, "00FB0000"), SW_CONDITIONS);
    live_verify(&l);
    block(PIN_APPLICATION);
    answers(live_hex(&l, "00FB0000"), SW_SUCCESS);
}
END_TEST

START_TEST(reset_makes_a_factory_card)
{
    const struct card *card = piv_card(l.piv);
    uint8_t guid[16];
    struct in value, own;
    uint8_t attestation[2048];

    memcpy(guid, card->guid, sizeof guid);
    own = card_object(card, OBJECT_YK_ATTESTATION);
    memcpy(attestation, own.p, own.n);
    put_key(0x9A, ALG_P256, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    put_key(0x95, ALG_P256, PIN_POLICY_NEVER, TOUCH_POLICY_DEFAULT);
    live_admin(&l);
    answers(live_put(&l, OBJECT_CERT_AUTHENTICATION, in_of("cert", 4)), SW_SUCCESS);
    answers(live_put(&l, OBJECT_YK_FIRST, in_of("admin", 5)), SW_SUCCESS);
    answers(live_hex(&l, "00FFFFFF13089B10000102030405060708090A0B0C0D0E0F"), SW_SUCCESS);
    live_verify(&l);
    answers(live_hex(&l, "00FA0A0A"), SW_SUCCESS);
    answers(live_hex(&l, "0024008010" LIVE_PIN "363534333231FFFF"), SW_SUCCESS);
    block(PIN_APPLICATION);
    block(PIN_PUK);
    answers(live_hex(&l, "00FB0000"), SW_SUCCESS);
    card = piv_card(l.piv);
    ck_assert(card->n_keys == 1 && card->n_objects == 1 && memcmp(card->guid, guid, 16) == 0);
    ck_assert(card->serial == 12345678 && card_key(card, KEYREF_ATTESTATION) != NULL);
    ck_assert(in_equal(card_object(card, OBJECT_YK_ATTESTATION), in_of(attestation, own.n)));
    answers(live_get(&l, OBJECT_CHUID, &value), SW_NOT_FOUND);
    answers(live_get(&l, OBJECT_DISCOVERY, &value), SW_SUCCESS);
    answers(live_put(&l, OBJECT_CHUID, in_of("x", 1)), SW_SECURITY_STATUS);
    answers(live_hex(&l, "00F7009B"), SW_SUCCESS);
    ck_assert(answered("010103 02020001 050101"));
    answers(live_tries(&l), 0x63C3);
    live_verify(&l);
    answers(live_hex(&l, "002C008010" LIVE_PUK LIVE_PIN), SW_SUCCESS);
    live_admin(&l);
}
END_TEST

/* With a global PIN verified there is a card key in memory: after RESET it opens nothing, so it must go. */
START_TEST(reset_forgets_the_global_pin_too)
{
    struct in result;

    answers(live_hex(&l, "0020000008" LIVE_GLOBAL_PIN), SW_SUCCESS);
    block(PIN_APPLICATION);
    block(PIN_PUK);
    answers(live_hex(&l, "00200000"), SW_SUCCESS);
    answers(live_hex(&l, "00FB0000"), SW_SUCCESS);
    ck_assert(l.piv->card_key == NULL && (l.piv->status & (STATUS_PIN | STATUS_GLOBAL | STATUS_KEYS)) == 0);
    answers(live_hex(&l, "00200000"), SW_REFERENCE_NOT_FOUND);
    answers(live_hex(&l, "00CB3FFF035C017E"), SW_SUCCESS);
    ck_assert(answered("7E12 4F0BA000000308000010000100 5F2F024000"));
    live_admin(&l);
    answers(live_hex(&l, "0047009A05AC03800111"), SW_SUCCESS);
    live_verify(&l);
    answers(live_compute(&l, ALG_P256, 0x9A, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
}
END_TEST

/* --- SET MANAGEMENT KEY ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *command;
    sw_t sw;
} management[] = {
    { "00FFFFFF13 08 9B10 000102030405060708090A0B0C0D0E0F", SW_SUCCESS },
    { "00FFFFFE13 08 9B10 000102030405060708090A0B0C0D0E0F", SW_SUCCESS },
    { "00FFFFFD1B 0A 9B18 000102030405060708090A0B0C0D0E0F1011121314151617", SW_SUCCESS },
    { "00FFFFFF23 0C 9B20 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", SW_SUCCESS },
    { "00FFFFFF1B 03 9B18 010203040506070801020304050607080102030405060708", SW_SUCCESS },
    { "00FFFFFF1B 03 9B18 000102030405060708090A0B0C0D0E0F1011121314151617", SW_SUCCESS },
    { "00FFFFFF1B 03 9B18 000102030405060700010203040506071011121314151617", SW_SUCCESS }, /* first two equal */
    { "00FFFFFF1B 03 9B18 112233445566778811223344556677881122334455667788", SW_SUCCESS }, /* as in libykpiv's tests */
    { "00FFFFFF1B 03 9B18 010101010101010108090A0B0C0D0E0F1011121314151617", SW_WRONG_DATA }, /* weak, */
    { "00FFFFFF1B 03 9B18 0001020304050607FEFEFEFEFEFEFEFF1011121314151617", SW_WRONG_DATA },
    { "00FFFFFF1B 03 9B18 000102030405060708090A0B0C0D0E0FE0E0E0E0F1F1F1F1", SW_WRONG_DATA },
    { "00FFFFFF1B 03 9B18 01FE01FE01FE01FE08090A0B0C0D0E0F1011121314151617", SW_WRONG_DATA }, /* and semi-weak */
    { "00FFFFFF1B 03 9B18 00010203040506071FE01FE00EF10EF11011121314151617", SW_WRONG_DATA },
    { "00FFFFFF1B 03 9B18 00010203040506071FE01FE00EF10EF01EE01FE10EF10EF0", SW_WRONG_DATA },
    { "00FFFFFF1B 03 9B18 01FE01FE01FE01FC08090A0B0C0D0E0F1011121314151617", SW_SUCCESS },    /* a bit beside */
    { "00FFFFFF1B 03 9B18 1F1F1F1F1F1F1F1F08090A0B0C0D0E0F1011121314151617", SW_SUCCESS },
    { "00FFFFFF13 03 9B10 000102030405060708090A0B0C0D0E0F", SW_WRONG_DATA },
    { "00FFFFFF13 0C 9B10 000102030405060708090A0B0C0D0E0F", SW_WRONG_DATA },
    { "00FFFFFF13 11 9B10 000102030405060708090A0B0C0D0E0F", SW_WRONG_DATA },
    { "00FFFFFF13 55 9B10 000102030405060708090A0B0C0D0E0F", SW_WRONG_DATA },
    { "00FFFFFF13 08 9A10 000102030405060708090A0B0C0D0E0F", SW_WRONG_DATA },
    { "00FFFFFF12 08 9B10 000102030405060708090A0B0C0D0E", SW_WRONG_DATA },
    { "00FFFFFF14 08 9B10 000102030405060708090A0B0C0D0E0F10", SW_WRONG_DATA },
    { "00FFFFFF01 08", SW_WRONG_DATA },
    { "00FFFFFF", SW_WRONG_DATA },
    { "00FFFFFC13 08 9B10 000102030405060708090A0B0C0D0E0F", SW_WRONG_P1P2 },
    { "00FFFEFF13 08 9B10 000102030405060708090A0B0C0D0E0F", SW_WRONG_P1P2 },
};

START_TEST(management_keys)
{
    answers(live_hex(&l, management[_i].command), management[_i].sw == SW_WRONG_P1P2 ? SW_WRONG_P1P2
                                                                                      : SW_SECURITY_STATUS);
    live_admin(&l);
    answers(live_hex(&l, management[_i].command), management[_i].sw);
    answers(live_put(&l, OBJECT_CHUID, in_of("x", 1)), SW_SUCCESS); /* it stays administrator */
    answers(live_hex(&l, "00F7009B"), SW_SUCCESS);
    if (management[_i].sw != SW_SUCCESS)
        ck_assert(answered("010103 02020001 050101"));
    else
        ck_assert_uint_eq(l.data.p[6], _i == 1   ? TOUCH_POLICY_ALWAYS
                                       : _i == 2 ? TOUCH_POLICY_CACHED
                                                 : TOUCH_POLICY_NEVER);
}
END_TEST

/* libykpiv and piv-go before 5.0: select OTP, ask, select PIV again. */
START_TEST(old_firmware_tells_its_serial_number_elsewhere)
{
    static const char *const selects[] = { "00A4040008A000000527200101", "00A4040007A0000005272001" };
    struct card *card = (struct card *)(uintptr_t)piv_card(l.piv);

    for (size_t i = 0; i < 2; i++)
        answers(live_hex(&l, selects[i]), SW_NOT_FOUND);
    memcpy(card->firmware, firmware_by_name("4.3.5")->version, 3);
    answers(live_hex(&l, "00011000"), SW_INS_NOT_SUPPORTED);
    for (size_t i = 0; i < 2; i++) {
        live_verify(&l);
        answers(live_hex(&l, selects[i]), SW_SUCCESS);
        ck_assert(answered("040305 00 0000"));
        answers(live_hex(&l, "00011000"), SW_SUCCESS);
        ck_assert(answered("00BC614E"));
        answers(live_hex(&l, "00011100"), SW_WRONG_P1P2);
        answers(live_hex(&l, "00030000"), SW_INS_NOT_SUPPORTED);
        answers(live_hex(&l, "00200080"), SW_INS_NOT_SUPPORTED);
        answers(live_hex(&l, "00A4040005A000000308"), SW_SUCCESS);
        answers(live_tries(&l), 0x63C3);
    }
    answers(live_hex(&l, "00A4040009A00000052720010101"), SW_NOT_FOUND);
}
END_TEST

START_TEST(old_firmware_has_less)
{
    static const char *const unknown[] = { "00F80000", "00F70080", "00F6829A" };
    struct card *card = (struct card *)(uintptr_t)piv_card(l.piv);

    memcpy(card->firmware, firmware_by_name("4.3.5")->version, 3);
    for (size_t i = 0; i < 3; i++)
        answers(live_hex(&l, unknown[i]), SW_INS_NOT_SUPPORTED);
    live_admin(&l);
    answers(live_hex(&l, management[0].command), SW_WRONG_DATA);
    answers(live_hex(&l, "0047009A05AC038001E0"), SW_WRONG_DATA);
    answers(live_hex(&l, "0047009A05AC03800105"), SW_WRONG_DATA);
    answers(live_hex(&l, "0047009A05AC03800106"), SW_SUCCESS);
    answers(live_hex(&l, "00A4040008A000000527471117"), SW_SUCCESS);
    ck_assert(l.data.n == 30 && memcmp(l.data.p + 25, "4.3.5", 5) == 0);
    card = (struct card *)(uintptr_t)piv_card(l.piv); /* GENERATE has put another in its place */
    memset(card->firmware, 9, 3); /* a version without a row: nothing that a row would give */
    answers(live_hex(&l, "00A4040005A000000308"), SW_SUCCESS);
    answers(live_hex(&l, "00F80000"), SW_INS_NOT_SUPPORTED);
    ck_assert(firmware_by_version(card->firmware) == NULL && firmware_by_name("9.9.9") == NULL);
    answers(live_hex(&l, "00A4040008A000000527471117"), SW_SUCCESS);
}
END_TEST

/* --- ATTEST ------------------------------------------------------------------------------------------------------------- */

/* Yubico's extensions: firmware, serial number, policies, form factor. */
static void check_facts(const X509 *cert, const struct card_key *key)
{
    const uint8_t policies[] = { key->pin_policy, key->touch_policy };
    const struct {
        const char *oid;
        struct in value;
    } facts[] = {
        { "1.3.6.1.4.1.41482.3.3", in_of("\x05\x07\x01", 3) },
        { "1.3.6.1.4.1.41482.3.7", in_of("\x02\x04\x00\xBC\x61\x4E", 6) },
        { "1.3.6.1.4.1.41482.3.8", in_of(policies, 2) },
        { "1.3.6.1.4.1.41482.3.9", in_of("\x01", 1) },
    };

    ck_assert_int_eq(X509_get_ext_count(cert), 4);
    for (size_t i = 0; i < 4; i++) {
        ASN1_OBJECT *oid = OBJ_txt2obj(facts[i].oid, 1);
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(cert, X509_get_ext_by_OBJ(cert, oid, -1)));

        ck_assert(in_equal(in_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)), facts[i].value));
        ASN1_OBJECT_free(oid);
    }
}

static void check_attestation(X509 *cert, uint8_t ref, uint8_t alg)
{
    X509 *issuer = card_certificate(piv_card(l.piv), keyref_by_ref(KEYREF_ATTESTATION));
    EVP_PKEY *signer = X509_get_pubkey(issuer), *of_slot;
    char name[64], wanted[64];

    ck_assert_int_eq(X509_verify(cert, signer), 1);
    ck_assert_int_eq(X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)), 0);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
    snprintf(wanted, sizeof wanted, "YubiKey PIV Attestation %s", keyref_by_ref(ref)->name);
    ck_assert_str_eq(name, wanted);
    of_slot = key_public(NULL, alg_by_id(alg), bytes_in(&card_key(piv_card(l.piv), ref)->public));
    ck_assert_int_eq(EVP_PKEY_eq(X509_get0_pubkey(cert), of_slot), 1);
    check_facts(cert, card_key(piv_card(l.piv), ref));
    EVP_PKEY_free(of_slot);
    EVP_PKEY_free(signer);
    X509_free(issuer);
}

START_TEST(generated_keys_are_attested)
{
    static const uint8_t ids[] = { ALG_P256, ALG_P384, ALG_ED25519, ALG_X25519, ALG_RSA1024 };
    static const uint8_t refs[] = { 0x9A, 0x9C, 0x9D, 0x9E, 0x82 };

    live_admin(&l);
    for (size_t i = 0; i < 5; i++) {
        const uint8_t data[] = { 0xAC, 0x03, 0x80, 0x01, ids[i] };
        const uint8_t *at;
        X509 *cert;

        answers(live_call(&l, 0xF9, refs[i], 0x00, in_of(NULL, 0)), SW_WRONG_DATA);
        answers(live_call(&l, 0x47, 0x00, refs[i], in_of(data, sizeof data)), SW_SUCCESS);
        answers(live_call(&l, 0xF9, refs[i], 0x00, in_of(NULL, 0)), SW_SUCCESS);
        at = l.data.p;
        cert = d2i_X509(NULL, &at, (long)l.data.n);
        ck_assert(cert != NULL && at == l.data.p + l.data.n);
        check_attestation(cert, refs[i], ids[i]);
        X509_free(cert);
    }
    put_key(0x9A, ALG_P256, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT); /* imported */
    answers(live_hex(&l, "00F99A00"), SW_WRONG_DATA);
    answers(live_hex(&l, "00F9F900"), SW_WRONG_DATA);
    answers(live_hex(&l, "00F90000"), SW_WRONG_DATA);
}
END_TEST

/* Another key may sign attestations, of every algorithm that can; X25519 cannot, and F9 stays what it was. */
START_TEST(the_attestation_key_is_one_that_signs)
{
    static const uint8_t ids[] = { ALG_P384, ALG_ED25519, ALG_RSA2048, ALG_X25519 };
    const struct card_key *f9;

    live_admin(&l);
    answers(live_hex(&l, "0047009A05AC03800111"), SW_SUCCESS);
    for (size_t i = 0; i < 4; i++) {
        const uint8_t data[] = { 0xAC, 0x03, 0x80, 0x01, ids[i] };
        bool signs = ids[i] != ALG_X25519;
        EVP_PKEY *signer;
        const uint8_t *at;
        X509 *cert;

        answers(live_call(&l, 0x47, 0x00, KEYREF_ATTESTATION, in_of(data, sizeof data)),
                signs ? SW_SUCCESS : SW_WRONG_DATA);
        f9 = card_key(piv_card(l.piv), KEYREF_ATTESTATION);
        ck_assert_uint_eq(f9->alg, signs ? ids[i] : ids[i - 1]);
        answers(live_call(&l, 0xF9, 0x9A, 0x00, in_of(NULL, 0)), SW_SUCCESS);
        at = l.data.p;
        cert = d2i_X509(NULL, &at, (long)l.data.n);
        signer = key_public(NULL, alg_by_id(f9->alg), bytes_in(&f9->public));
        ck_assert(cert != NULL && signer != NULL && X509_verify(cert, signer) == 1);
        EVP_PKEY_free(signer);
        X509_free(cert);
    }
    answers(live_hex(&l, "00FEE1F92208204040404040404040404040404040404040404040404040404040404040404040"),
            SW_WRONG_P1P2);
}
END_TEST

START_TEST(attestation_needs_its_key_and_its_certificate)
{
    uint8_t value[2048];
    struct in own = card_object(piv_card(l.piv), OBJECT_YK_ATTESTATION);
    size_t n = own.n;

    memcpy(value, own.p, n);
    live_admin(&l);
    answers(live_hex(&l, "0047009A05AC03800111"), SW_SUCCESS);
    answers(live_put(&l, OBJECT_YK_ATTESTATION, in_of(NULL, 0)), SW_SUCCESS);
    answers(live_hex(&l, "00F99A00"), SW_REFERENCE_NOT_FOUND);
    answers(live_put(&l, OBJECT_YK_ATTESTATION, in_of("nonsense", 8)), SW_SUCCESS);
    answers(live_hex(&l, "00F99A00"), SW_REFERENCE_NOT_FOUND);
    answers(live_put(&l, OBJECT_YK_ATTESTATION, in_of(value, n)), SW_SUCCESS);
    answers(live_call(&l, 0xF9, 0x9A, 0x00, in_of(NULL, 0)), SW_SUCCESS);
    answers(live_hex(&l, "00F6FFF9"), SW_SUCCESS);
    answers(live_hex(&l, "00F99A00"), SW_REFERENCE_NOT_FOUND);
}
END_TEST

/* --- MOVE ------------------------------------------------------------------------------------------------------------------ */

START_TEST(moving_keys)
{
    struct in result, value;

    put_key(0x9C, ALG_P256, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    put_key(0x9D, ALG_P384, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT);
    answers(live_hex(&l, "00F6829C"), SW_SECURITY_STATUS);
    live_admin(&l);
    answers(live_put(&l, OBJECT_CERT_SIGNATURE, in_of("cert", 4)), SW_SUCCESS);
    answers(live_hex(&l, "00F69D9C"), SW_WRONG_DATA);        /* taken */
    answers(live_hex(&l, "00F69C9C"), SW_WRONG_DATA);        /* to itself */
    answers(live_hex(&l, "00F6829A"), SW_REFERENCE_NOT_FOUND); /* nothing there */
    answers(live_hex(&l, "00F69B9C"), SW_WRONG_P1P2);
    answers(live_hex(&l, "00F6829B"), SW_WRONG_P1P2);
    answers(live_hex(&l, "00F6F99C"), SW_WRONG_P1P2);
    answers(live_hex(&l, "00F682F9"), SW_WRONG_P1P2);
    answers(live_hex(&l, "00F6FF00"), SW_WRONG_P1P2);
    answers(live_hex(&l, "00F6829C"), SW_SUCCESS);
    answers(live_get(&l, OBJECT_CERT_SIGNATURE, &value), SW_SUCCESS); /* the certificate stays */
    live_verify(&l);
    answers(live_compute(&l, ALG_P256, 0x82, 0x81, in_of("hash", 4), &result), SW_SUCCESS);
    answers(live_compute(&l, ALG_P256, 0x82, 0x81, in_of("hash", 4), &result), SW_SECURITY_STATUS); /* "always" too */
    answers(live_compute(&l, ALG_P256, 0x9C, 0x81, in_of("hash", 4), &result), SW_WRONG_DATA);
    answers(live_hex(&l, "00F6FF82"), SW_SUCCESS);
    answers(live_hex(&l, "00F70082"), SW_REFERENCE_NOT_FOUND);
    ck_assert_ptr_null(l.piv->opened[0].key); /* … nor in memory */
    answers(live_hex(&l, "00F6FF82"), SW_REFERENCE_NOT_FOUND);
}
END_TEST

/* A wrong name is told before a missing right: FE, FF, F6 like GENERATE. */
START_TEST(names_come_before_rights)
{
    static const struct {
        const char *command;
        bool named;
    } rows[] = {
        { "00FE119A", true },  { "00FE11F9", true },  { "00FEE1F9", false }, { "00FEE19A", true },  { "00FE0795", true },  { "00FE1180", false },
        { "00FE119B", false }, { "00FE1196", false }, { "00FE039A", false }, { "00FE009A", false },
        { "00FEFF9A", false }, { "00FFFFFF", true },  { "00FFFFFE", true },  { "00FFFFFD", true },
        { "00FFFFFC", false }, { "00FFFF00", false }, { "00FF00FF", false }, { "00F6829A", true },  { "00F6FF9A", true },
        { "00F6FFF9", true },  { "00F6829B", false }, { "00F69B9A", false }, { "00F6F99A", false },
        { "00F682F9", false }, { "00F6FF00", false }, { "0047009A", true },  { "004700F9", true },
        { "0047009B", false }, { "00470080", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        answers(live_hex(&l, rows[i].command), rows[i].named ? SW_SECURITY_STATUS : SW_WRONG_P1P2);
}
END_TEST

START_TEST(management_application)
{
    static const char *const refused[] = { "001C0000", "00161100", "001F0000", "001CFFFF05AABBCCDDEE" };

    answers(live_hex(&l, "00A4040008A000000527471117"), SW_SUCCESS);
    answers(live_hex(&l, "001D0000"), SW_SUCCESS);
    ck_assert(answered("19 01020010 020400BC614E 03020010 040101 0503050701 0A0100"));
    for (unsigned page = 1; page < 0x100; page++) {
        const uint8_t command[] = { 0x00, 0x1D, (uint8_t)page, 0x00 };

        answers(live_send(&l, in_of(command, 4)), SW_OUT_OF_RANGE);
    }
    for (size_t i = 0; i < 4; i++)
        answers(live_hex(&l, refused[i]), SW_CONDITIONS);
}
END_TEST

Suite *suite_yubikey(void)
{
    Suite *suite = suite_create("yubikey");
    TCase *commands = tcase_create("commands"), *global = tcase_create("global");

    tcase_set_timeout(commands, 60);
    tcase_add_checked_fixture(commands, set_up, tear_down);
    tcase_add_test(commands, metadata_of_pins);
    tcase_add_test(commands, metadata_of_keys);
    tcase_add_test(commands, retries_need_both_rights);
    tcase_add_test(commands, retries_are_set_and_pins_are_factory);
    tcase_add_test(commands, reset_wants_both_blocked);
    tcase_add_test(commands, reset_makes_a_factory_card);
    tcase_add_loop_test(commands, management_keys, 0, sizeof management / sizeof management[0]);
    tcase_add_test(commands, old_firmware_has_less);
    tcase_add_test(commands, old_firmware_tells_its_serial_number_elsewhere);
    tcase_add_test(commands, generated_keys_are_attested);
    tcase_add_test(commands, the_attestation_key_is_one_that_signs);
    tcase_add_test(commands, attestation_needs_its_key_and_its_certificate);
    tcase_add_test(commands, moving_keys);
    tcase_add_test(commands, names_come_before_rights);
    tcase_add_test(commands, management_application);
    suite_add_tcase(suite, commands);
    tcase_add_checked_fixture(global, set_up_global, tear_down);
    tcase_add_test(global, retries_leave_the_global_pin_alone);
    tcase_add_test(global, reset_forgets_the_global_pin_too);
    suite_add_tcase(suite, global);
    return suite;
}
