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

static void make_card(const char *persona)
{
    struct card_plan plan = { .persona = persona_by_name(persona), .serial = 12345678, .guid = guid,
                              .log_n = SEAL_LOG_N_TEST,
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

static void set_up(void)
{
    make_card("piv");
}

static void set_up_yubikey(void)
{
    make_card("yubikey");
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
struct example {
    const char *what, *command, *answer;
};

static const struct example worked[] = {
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
      "5333F015A000000116FF02000102030405060708090A0B0C0D"
      "F10121F20121F300F40100F50110F600F700FA00FB00FC00FD00FE009000" },
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

/* The same with Yubico's command set, firmware 5.7.1, serial number 12345678; public test vectors where they exist
 * (FIPS 197, RFC 6979, RFC 7748, RFC 8032, NIST CAVP). */
static const struct example yubikey_worked[] = {
    { "SELECT", "00A4040009A0000003080000100000", "61114F0600001000010079074F05A0000003089000" },
    { "version", "00FD000000", "0507019000" },
    { "serial 12345678", "00F8000000", "00BC614E9000" },
    { "management SELECT",
      "00A4040008A000000527471117",
      "5669727475616C206D6772202D2046572076657273696F6E20352E372E319000" },
    { "READ CONFIG", "001D000000", "1901020010020400BC614E0302001004010105030507010A01009000" },
    { "PIV again, RID alone, no Le", "00A4040005A000000308", "61114F0600001000010079074F05A0000003089000" },
    { "PIN metadata (extended form)", "00F70080000000", "0101FF050101060203039000" },
    { "9B metadata", "00F7009B000000", "010103020200010501019000" },
    { "metadata of an empty slot", "00F7009A00", "6A88" },
    { "challenge, RNG -> 0011223344556677", "0087039B047C02810000", "7C0A810800112233445566779000" },
    { "response E(K,R)", "0087039B0C7C0A820826604D88E55BD3E7", "9000" },
    { "set 9B to AES-128 (FIPS-197 key)", "00FFFFFF13089B10000102030405060708090A0B0C0D0E0F", "9000" },
    { "witness, W = 00112233…EEFF: FIPS-197 ciphertext",
      "0087089B047C02800000",
      "7C12801069C4E0D86A7B0430D8CDB78070B4C55A9000" },
    { "step 2, the same block as challenge",
      "0087089B267C24801000112233445566778899AABBCCDDEEFF"
      "811000112233445566778899AABBCCDDEEFF",
      "7C12821069C4E0D86A7B0430D8CDB78070B4C55A9000" },
    { "set 9B to AES-192 (FIPS-197 key)",
      "00FFFFFF1B0A9B18000102030405060708090A0B0C0D0E0F1011121314151617",
      "9000" },
    { "witness, W = 00112233…EEFF: FIPS-197 ciphertext",
      "00870A9B047C02800000",
      "7C128010DDA97CA4864CDFE06EAF70A0EC0D71919000" },
    { "step 2, the same block as challenge",
      "00870A9B267C24801000112233445566778899AABBCCDDEEFF"
      "811000112233445566778899AABBCCDDEEFF",
      "7C128210DDA97CA4864CDFE06EAF70A0EC0D71919000" },
    { "set 9B to AES-256 (FIPS-197 key)",
      "00FFFFFF230C9B20000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
      "9000" },
    { "witness, W = 00112233…EEFF: FIPS-197 ciphertext",
      "00870C9B047C02800000",
      "7C1280108EA2B7CA516745BFEAFC49904B4960899000" },
    { "step 2, the same block as challenge",
      "00870C9B267C24801000112233445566778899AABBCCDDEEFF"
      "811000112233445566778899AABBCCDDEEFF",
      "7C1282108EA2B7CA516745BFEAFC49904B4960899000" },
    { "back to 3DES default", "00FFFFFF1B039B18010203040506070801020304050607080102030405060708", "9000" },
    { "import CAVP P-256 key into 9D",
      "00FE119D2206207D7DC5F71EB29DDAF80D6214632EEAE03D9058AF1FB6D22ED80BADB62BC1A534",
      "9000" },
    { "ECDH without PIN",
      "0087119D477C458200854104700C48F77F56584C5CC632CA65640DB91B6BACCE3A4DF6B42CE7CC838833D287"
      "DB71E509E3FD9B060DDB20BA5C51DCC5948D46FBF640DFE0441782CAB85FA4AC00",
      "6982" },
    { "VERIFY", "0020008008313233343536FFFF", "9000" },
    { "ECDH = CAVP ZIUT",
      "0087119D477C458200854104700C48F77F56584C5CC632CA65640DB91B6BACCE3A4DF6B42CE7CC838833D287"
      "DB71E509E3FD9B060DDB20BA5C51DCC5948D46FBF640DFE0441782CAB85FA4AC00",
      "7C22822046FC62106420FF012E54A434FBDD2D25CCC5852060561E68040DD7778997BD7B9000" },
    { "import RFC 8032 test 2 seed into 9A",
      "00FEE09A2207204CCD089B28FF96DA9DB6C346EC114E0F5B8A319F35ABA624DA8CF6ED4FB8A6FB",
      "9000" },
    { "Ed25519 signature of the byte 72",
      "0087E09A077C05820081017200",
      "7C42824092A009A9F0D4CAB8720E820B5F642540A2B27B5416503F8FB3762223EBDB69DA085AC1E43E15996E"
      "458F3613D0F11D8C387B2EAEB4302AEEB00D291612BB0C009000" },
    { "import RFC 7748 §6.1 Bob into 82",
      "00FEE1822208205DAB087E624A8A4B79E17F8B83800EE66F3BB1292618B6FD1C2F8B27FF88E0EB",
      "9000" },
    { "X25519 = RFC 7748 K",
      "0087E182267C24820085208520F0098930A754748B7DDCB43EF75A0DBF3A0D26381AF4EBA4A98EAA9B4E6A00",
      "7C2282204A5D9D5BA4CE2DE1728E3BF480350F25E07E21C947D19E3376F09B3C1E1617429000" },
    { "metadata of slot 82 (public key DE9EDB7D…)",
      "00F7008200",
      "0101E10202020103010204228620DE9EDB7D7B7DC1B4D35B61C2ECE435373F8343C85B78674DADFC7E146F88"
      "2B4F9000" },
    { "import the RFC 6979 A.2.5 key into 9C",
      "00FE119C220620C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
      "9000" },
    { "metadata of 9C: always, Ux = 60FED4BA",
      "00F7009C00",
      "01011102020301030102044386410460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60"
      "F29FB67903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D44622999000" },
    { "9C needs a fresh VERIFY (other commands came between)",
      "0087119C267C2482008120AF2BDBE1AA9B6EC1E2ADE1D694F41FC71A831D0268E9891562113D8A62ADD1BF00",
      "6982" },
    { "VERIFY", "0020008008313233343536FFFF", "9000" },
    { "MOVE 9D -> 83", "00F6839D", "9000" },
    { "source slot is empty now", "00F7009D00", "6A88" },
    { "delete 83", "00F6FF83", "9000" },
    { "RESET while not blocked", "00FB0000", "6985" },
    { "ATTEST of an imported key", "00F9820000", "6A80" },
    { "GET CHALLENGE not supported", "0084000008", "6D00" },
    { "SELECT MF", "00A4000C023F00", "6D00" },
    { "PIV INS while another application is selected: management", "00A4040008A000000527471117",
      "5669727475616C206D6772202D2046572076657273696F6E20352E372E319000" },
    { "VERIFY is unknown there", "00200080", "6D00" },
    { "page that does not exist", "001D010000", "6B00" },
    { "write configuration", "001C000000", "6985" },
    { "unknown AID", "00A4040006A00000000101", "6A82" },
    { "what was selected still is", "00200080", "6D00" },
    { "PIV", "00A4040005A000000308", "61114F0600001000010079074F05A0000003089000" },
    { "VERIFY", PIN_OK, "9000" },
    { "selected again", "00A4040005A000000308", "61114F0600001000010079074F05A0000003089000" },
    { "costs the PIN", "00200080", "63C3" },
};

static void run(const struct example *rows, size_t n)
{
    static char answer[2 * PIV_RESPONSE_MAX + 1];

    for (size_t i = 0; i < n; i++) {
        exchange(rows[i].command, answer);
        ck_assert_msg(strcmp(answer, rows[i].answer) == 0, "%zu %s: %s\n got %s\nwant %s", i, rows[i].what,
                      rows[i].command, answer, rows[i].answer);
    }
}

START_TEST(worked_examples)
{
    run(worked, sizeof worked / sizeof worked[0]);
}
END_TEST

START_TEST(worked_examples_of_yubikey)
{
    run(yubikey_worked, sizeof yubikey_worked / sizeof yubikey_worked[0]);
}
END_TEST

Suite *suite_applet(void)
{
    Suite *suite = suite_create("applet");
    TCase *exchanges = tcase_create("exchanges");
    TCase *yubikey = tcase_create("yubikey");

    tcase_add_checked_fixture(exchanges, set_up, tear_down);
    tcase_add_test(exchanges, worked_examples);
    suite_add_tcase(suite, exchanges);
    tcase_add_checked_fixture(yubikey, set_up_yubikey, tear_down);
    tcase_add_test(yubikey, worked_examples_of_yubikey);
    suite_add_tcase(suite, yubikey);
    return suite;
}
