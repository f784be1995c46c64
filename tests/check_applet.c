/* SPDX-License-Identifier: BSD-2-Clause */
/* check_applet.c — whole exchanges with a card: worked examples, byte for byte. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "applet/applet.h"
#include "tests/check_suites.h"
#include "tests/fake.h"

/* Every draw from this generator is 00 01 02 … (CCC) or, once `pattern` is set, 00 11 22 … (challenges). */
static bool pattern;

static enum err counted_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(pattern ? i * 0x11 : i);
    return ERR_NONE;
}

static const uint8_t guid[16] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                  0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x00 };

static struct fake fake;
static struct piv *piv;

static void set_up(void)
{
    struct card_plan plan = { .persona = persona_by_name("piv"), .guid = guid, .log_n = SEAL_LOG_N_TEST,
                              .management_alg = ALG_3DES };
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    struct card *card;

    fake_init(&fake, 1);
    pattern = false;
    fake.env.random = counted_random;
    ck_assert_int_eq(factory_pin(&pin), ERR_NONE);
    ck_assert_int_eq(factory_puk(&puk), ERR_NONE);
    ck_assert_int_eq(factory_management(ALG_3DES, &management), ERR_NONE);
    plan.pin = pin;
    plan.puk = puk;
    plan.management = management;
    ck_assert_int_eq(card_new(&fake.env, &plan, &card), ERR_NONE);
    secret_free(pin);
    secret_free(puk);
    secret_free(management);
    piv = piv_new(&fake.env, card);
    ck_assert_ptr_nonnull(piv);
    ck_assert_ptr_nonnull(piv_power(piv));
    pattern = true;
}

static void tear_down(void)
{
    piv_free(piv);
    fake_clear(&fake);
}

/* Send hex, get hex.  The command lies in memory of its exact size, so that a sanitizer sees one byte too many. */
static void exchange(const char *command, char answer[2 * PIV_RESPONSE_MAX + 1])
{
    static uint8_t room[PIV_RESPONSE_MAX];
    struct out rsp = out_of(room, sizeof room);
    long n;
    unsigned char *cmd = OPENSSL_hexstr2buf(command, &n);

    ck_assert_ptr_nonnull(cmd);
    piv_exchange(piv, in_of(cmd, (size_t)n), &rsp);
    OPENSSL_free(cmd);
    for (size_t i = 0; i < rsp.n; i++)
        sprintf(answer + 2 * i, "%02X", room[i]);
}

#define APT "612D4F0BA00000030800001000010079074F05A000000308501576706976207669727475616C2050495620636172649000"
#define DISCOVERY "7E124F0BA0000003080000100001005F2F0240009000"
#define PIN_OK "0020008008313233343536FFFF"
#define PIN_BAD "0020008008313131313131FFFF"

/* In order on one card: GUID 1122…FF00, PIN 123456, PUK 12345678, default 9B (3DES), 3 tries each. */
static const struct {
    const char *what, *command, *answer;
} worked[] = {
    { "SELECT truncated, Le", "00A4040009A0000003080000100000", APT },
    { "SELECT full, no Le", "00A404000BA000000308000010000100", APT },
    { "SELECT RID alone", "00A4040005A000000308", APT },
    { "SELECT without data wanted", "00A4040C05A000000308", "9000" },
    { "unknown AID", "00A4040006A00000000101", "6A82" },
    { "AID with another version", "00A404000BA000000308000010000200", "6A82" },
    { "AID with a byte too many", "00A404000CA00000030800001000010000", "6A82" },
    { "SELECT MF", "00A4000C023F00", "6A82" },
    { "SELECT, bad P1", "00A4020005A000000308", "6A86" },
    { "still selected: discovery object", "00CB3FFF035C017E00", DISCOVERY },
    { "discovery object, Ne = 8", "00CB3FFF035C017E08", "7E124F0BA0000003610C" },
    { "the tail is dropped, read again", "00CB3FFF035C017E14", DISCOVERY },
    { "nothing pending", "00C0000000", "6985" },
    { "in two pieces", "00CB3FFF035C017E08", "7E124F0BA0000003610C" },
    { "the rest", "00C000000C", "080000100001005F2F0240009000" },
    { "CHUID", "00CB3FFF055C035FC10200",
      "533B3019D4E739DA739CED39CE739D836858210842108421C84210C3EB34101122334455667788"
      "99AABBCCDDEEFF00350832303439313233313E00FE009000" },
    { "CCC, extended Lc, no Le", "00CB3FFF0000055C035FC107",
      "5333F015A000000116FF02000102030405060708090A0B0C0DF10121F20121F300F40100F50110F600F700FA00FB00FC00FD00FE009000" },
    { "absent certificate", "00CB3FFF055C035FC10500", "6A82" },
    { "protected, absent, no PIN", "00CB3FFF055C035FC10900", "6982" },
    { "unknown tag of three bytes", "00CB3FFF055C035FFFFF00", "6A82" },
    { "two tags", "00CB3FFF085C065FC1025FC10700", "6A80" },
    { "wrong tag list", "00CB3FFF055D035FC10200", "6A80" },
    { "P2 wrong", "00CB3FFE055C035FC10200", "6A86" },
    { "PIN status, case 1", "00200080", "63C3" },
    { "PIN status, five bytes", "0020008000", "63C3" },
    { "VERIFY 123456", PIN_OK, "9000" },
    { "status now", "00200080", "9000" },
    { "protected, absent, PIN verified", "00CB3FFF055C035FC10900", "6A82" },
    { "un-verify", "0020FF80", "9000" },
    { "status after it", "00200080", "63C3" },
    { "wrong PIN", PIN_BAD, "63C2" },
    { "malformed PIN counts", "0020008008FFFFFFFFFFFFFFFF", "63C1" },
    { "right PIN restores", PIN_OK, "9000" },
    { "wrong PIN ends the verified state", PIN_BAD, "63C2" },
    { "status", "00200080", "63C2" },
    { "PIN of six bytes", "0020008006313233343536", "6A80" },
    { "right again", PIN_OK, "9000" },
    { "a chain is one command and one try", "1020008004" "31323334", "9000" },
    { "its end", "0020008004" "3536FFFF", "9000" },
    { "PUK cannot be verified", "00200081", "6A88" },
    { "no global PIN", "00200000", "6A88" },
    { "bad P1", "00200180", "6A86" },
    { "change PIN", "0024008010313233343536FFFF363534333231FFFF", "9000" },
    { "new PIN too short: nothing changes", "0024008010363534333231FFFF31323334FFFFFFFF", "6A80" },
    { "status unchanged", "0020FF80", "9000" },
    { "counter unchanged", "00200080", "63C3" },
    { "old PIN is gone", PIN_OK, "63C2" },
    { "short new PIN with one try used", "0024008010363534333231FFFF31323334FFFFFFFF", "6A80" },
    { "counter is what it was", "00200080", "63C2" },
    { "unblock with PUK", "002C0080103132333435363738313233343536FFFF", "9000" },
    { "does not log in", "00200080", "63C3" },
    { "wrong PUK", "002C0080103132333435363739313233343536FFFF", "63C2" },
    { "PUT without management authentication", "00DB3FFF095C035FC10253023E00", "6982" },
    { "GENERATE without", "0047009A05AC0380011100", "6982" },
    { "… also for the first block of a chain", "10DB3FFF055C035FC102", "6982" },
    { "challenge", "0087039B047C02810000", "7C0A810800112233445566779000" },
    { "response", "0087039B0C7C0A820826604D88E55BD3E7", "9000" },
    { "witness", "0087039B047C02800000", "7C0A800826604D88E55BD3E79000" },
    { "mutual, step 2", "0087039B167C148008001122334455667781088877665544332211", "7C0A8208DFC7C369ED04243C9000" },
    { "witness, algorithm 00", "0087009B047C02800000", "7C0A800826604D88E55BD3E79000" },
    { "with a trailing 82 00", "0087009B187C168008001122334455667781088877665544332211820000",
      "7C0A8208DFC7C369ED04243C9000" },
    { "witness", "0087039B047C02800000", "7C0A800826604D88E55BD3E79000" },
    { "wrong witness", "0087039B167C148008001122334455667881088877665544332211", "6982" },
    { "the same question serves once", "0087039B167C148008001122334455667781088877665544332211", "6982" },
    { "no administrator", "00DB3FFF095C035FC10253023E00", "6982" },
    { "witness", "0087039B047C02800000", "7C0A800826604D88E55BD3E79000" },
    { "no reflection", "0087039B0C7C0A82080011223344556677", "6982" },
    { "9B does not encrypt for the host", "0087039B0E7C0C820081080011223344556677", "6A80" },
    { "9B with another cipher", "0087089B047C02800000", "6A86" },
    { "challenge", "0087039B047C02810000", "7C0A810800112233445566779000" },
    { "response", "0087039B0C7C0A820826604D88E55BD3E7", "9000" },
    { "chain block 1 of a PUT", "10DB3FFF085C035FC10A5303FE", "9000" },
    { "last block", "00DB3FFF0200AA", "9000" },
    { "object = FE 00 AA", "00CB3FFF055C035FC10A00", "5303FE00AA9000" },
    { "chain started", "10DB3FFF055C035FC10A", "9000" },
    { "another command aborts it", "00CB3FFF035C017E00", DISCOVERY },
    { "its last part alone", "00DB3FFF025300", "6A80" },
    { "delete", "00DB3FFF075C035FC10A5300", "9000" },
    { "gone", "00CB3FFF055C035FC10A00", "6A82" },
    { "unknown object", "00DB3FFF085C035FC1FF530100", "6A81" },
    { "GENERATE RSA-1024", "0047009A05AC0380010600", "6A80" },
    { "GENERATE, unknown key reference", "0047009B05AC0380011100", "6A86" },
    { "empty key reference", "0087119A067C0482008100", "6A86" },
    { "logical channel", "0120008000", "6881" },
    { "secure messaging", "0C20008000", "6882" },
    { "proprietary class", "8084000008", "6E00" },
    { "GET CHALLENGE", "0084000008", "6D00" },
    { "Yubico's version", "00FD000003", "6D00" },
    { "three bytes", "002000", "6700" },
    { "Lc too large", "002000800831323334353637", "6700" },
    { "Lc too small", "00200080083132333435363738FFFFFF", "6700" },
    { "extended Lc of 0", "00CB3FFF0000005C035FC107", "6700" },
};

START_TEST(worked_examples)
{
    static char answer[2 * PIV_RESPONSE_MAX + 1];

    for (size_t i = 0; i < sizeof worked / sizeof worked[0]; i++) {
        exchange(worked[i].command, answer);
        ck_assert_msg(strcmp(answer, worked[i].answer) == 0, "%zu %s: %s\n got %s\nwant %s", i, worked[i].what,
                      worked[i].command, answer, worked[i].answer);
    }
}
END_TEST

Suite *suite_applet(void)
{
    Suite *suite = suite_create("applet");
    TCase *exchanges = tcase_create("exchanges");

    tcase_add_checked_fixture(exchanges, set_up, tear_down);
    tcase_add_test(exchanges, worked_examples);
    suite_add_tcase(suite, exchanges);
    return suite;
}
