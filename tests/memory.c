/* SPDX-License-Identifier: BSD-2-Clause */
/* memory.c — every allocation of every command fails once: the card is what it was, and a right PIN is not a wrong one.
 *
 * All memory of the applet and of libcrypto passes through the hook of CRYPTO_set_mem_functions, which has to be there
 * before libcrypto takes its first byte: so this is a program of its own.  TAP on stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "applet/applet.h"
#include "applet/attest.h"
#include "tests/fake.h"

/* The hook has no context pointer: this is the test's only state beside the stack. */
static unsigned long taken, fail_at;

static bool fails(void)
{
    return ++taken == fail_at;
}

static void *take(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return n == 0 || fails() ? NULL : malloc(n);
}

static void *take_again(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    if (n == 0) {
        free(p);
        return NULL;
    }
    return fails() ? NULL : realloc(p, n);
}

static void give_back(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    printf("Bail out! %s\n", what);
    exit(1);
}

enum need { NOTHING = 0, PIN = 1 << 0, ADMIN = 1 << 1, TRY_GONE = 1 << 2 };

#define ZERO32 "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE32 "0900000000000000000000000000000000000000000000000000000000000000"

/* A command; what it answers when all goes well; and words that say "no" and may come in place of 6581, because the
 * library does not tell whether the data or the memory was at fault. */
static const struct scenario {
    const char *what, *persona, *command;
    unsigned needs;
    sw_t sw, other;
} scenarios[] = {
    { "VERIFY, right", "piv", "0020008008313233343536FFFF", NOTHING, 0x9000, 0 },
    { "VERIFY, right, again", "piv", "0020008008313233343536FFFF", PIN, 0x9000, 0 },
    { "VERIFY, wrong", "piv", "0020008008313131313131FFFF", NOTHING, 0x63C2, 0 },
    { "CHANGE REFERENCE DATA", "piv", "0024008010313233343536FFFF363534333231FFFF", TRY_GONE, 0x9000, 0 },
    { "RESET RETRY COUNTER", "piv", "002C0080103132333435363738363534333231FFFF", TRY_GONE, 0x9000, 0 },
    { "PUT DATA", "piv", "00DB3FFF0A5C035FC1055303616263", ADMIN, 0x9000, 0 },
    { "PUT DATA, chained", "piv", "10DB3FFF055C035FC105", ADMIN, 0x9000, 0 },
    { "PUT DATA, deletes", "piv", "00DB3FFF075C035FC1025300", ADMIN, 0x9000, 0 },
    { "GENERATE P-256", "piv", "0047009A05AC03800111", ADMIN, 0x9000, 0x6A80 },
    { "GENERATE P-256, never", "piv", "0047009E05AC03800111", ADMIN, 0x9000, 0x6A80 },
    { "GENERATE Ed25519", "piv", "0047009A05AC038001E0", ADMIN, 0x9000, 0x6A80 },
    { "sign, RSA-1024", "piv", "0087069A000088" "7C81858200818180" ZERO32 ZERO32 ZERO32 ZERO32, PIN, 0x9000, 0x6A80 },
    { "sign, P-256", "piv", "0087119C0C7C0A8200810631323334353600", PIN, 0x9000, 0 },
    { "sign, Ed25519", "piv", "0087E09E0A7C08820081043132333400", NOTHING, 0x9000, 0 },
    { "agree, X25519", "piv",
      "0087E182267C2482008520" ONE32 "00", PIN, 0x9000,
      0x6A80 },
    { "agree, P-256", "piv",
      "0087119D477C4582008541" "04700C48F77F56584C5CC632CA65640DB91B6BACCE3A4DF6B42CE7CC838833D287"
      "DB71E509E3FD9B060DDB20BA5C51DCC5948D46FBF640DFE0441782CAB85FA4AC" "00", PIN, 0x9000, 0x6A80 },
    { "witness", "piv", "0087039B047C028000", NOTHING, 0x9000, 0 },
    { "response, wrong", "piv", "0087039B0C7C0A82080011223344556677", NOTHING, 0x6982, 0 },
    { "SET PIN RETRIES", "yubikey", "00FA0805", PIN | ADMIN, 0x9000, 0 },
    { "SET MANAGEMENT KEY", "yubikey", "00FFFFFF13089B10000102030405060708090A0B0C0D0E0F", ADMIN, 0x9000, 0 },
    { "SET MANAGEMENT KEY, 3DES", "yubikey",
      "00FFFFFF1B039B18000102030405060708090A0B0C0D0E0F1011121314151617", ADMIN, 0x9000, 0x6A80 },
    { "IMPORT P-256", "yubikey", "00FE119A220620C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", ADMIN,
      0x9000, 0x6A80 },
    { "IMPORT X25519", "yubikey", "00FEE19A2208205DAB087E624A8A4B79E17F8B83800EE66F3BB1292618B6FD1C2F8B27FF88E0EB", ADMIN,
      0x9000, 0x6A80 },
    { "MOVE", "yubikey", "00F6839C", ADMIN, 0x9000, 0 },
    { "ATTEST", "yubikey", "00F99500000000", NOTHING, 0x9000, 0x6A88 },
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

static const struct {
    uint8_t ref, alg;
} keys[] = { { 0x9A, ALG_RSA1024 }, { 0x9C, ALG_P256 }, { 0x9D, ALG_P256 }, { 0x9E, ALG_ED25519 }, { 0x82, ALG_X25519 },
             { 0x95, ALG_P256 } };

static struct card *make_card(const struct piv_env *env, const char *persona)
{
    struct card_plan plan = { .persona = persona_by_name(persona), .log_n = 1, .management_alg = ALG_3DES, .serial = 1 };
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    struct card *card = NULL;

    need(factory_pin(&pin) == ERR_NONE && factory_puk(&puk) == ERR_NONE &&
         factory_management(ALG_3DES, &management) == ERR_NONE, "no PIN");
    plan.pin = pin;
    plan.puk = puk;
    plan.management = management;
    need(card_new(env, &plan, &card) == ERR_NONE, "no card");
    secret_free(management);
    secret_free(puk);
    secret_free(pin);
    return card;
}

static void add_keys(const struct piv_env *env, struct card *card)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        EVP_PKEY *key = NULL;

        need(key_generate(NULL, alg_by_id(keys[i].alg), &key) == ERR_NONE &&
             card_put_key(env, card, keyref_by_ref(keys[i].ref), key, PIN_POLICY_DEFAULT, TOUCH_POLICY_DEFAULT,
                          ORIGIN_GENERATED, "label") == ERR_NONE, "no key");
        EVP_PKEY_free(key);
    }
}

static sw_t send(struct piv *piv, const char *text)
{
    static uint8_t room[PIV_RESPONSE_MAX], bytes[1024];
    struct out rsp = out_of(room, sizeof room), command = out_of(bytes, sizeof bytes);

    for (; text[0] != '\0'; text += 2)
        out_u8(&command, (uint8_t)(OPENSSL_hexchar2int((unsigned char)text[0]) << 4 |
                                   OPENSSL_hexchar2int((unsigned char)text[1])));
    piv_exchange(piv, out_in(&command), &rsp);
    need(rsp.n >= 2, "no status word");
    return (sw_t)(room[rsp.n - 2] << 8 | room[rsp.n - 1]);
}

static struct piv *start(struct fake *fake, const struct card *sample, const struct scenario *s)
{
    struct secret *management = NULL;
    struct card *card = NULL;
    struct piv *piv = NULL;

    if (card_copy(sample, &card) == ERR_NONE)
        piv = piv_new(&fake->env, card);
    need(piv != NULL, "no memory");
    piv_power(piv);
    fake->tries.left[PIN_APPLICATION] = fake->tries.left[PIN_PUK] = 3;
    if (s->needs & TRY_GONE)
        need(send(piv, "0020008008313131313131FFFF") == 0x63C2, "a wrong PIN");
    if (s->needs & ADMIN) {
        need(factory_management(ALG_3DES, &management) == ERR_NONE &&
             piv_authenticate_management(piv, secret_in(management)) == ERR_NONE, "no administrator");
        secret_free(management);
    }
    if (s->needs & PIN)
        need(send(piv, "0020008008313233343536FFFF") == 0x9000, "the right PIN");
    return piv;
}

/* What must hold after a failure; NULL, or what does not. */
static const char *judge(const struct scenario *s, struct fake *fake, struct piv *piv, const struct tries *before,
                         unsigned stores, sw_t sw)
{
    bool refused = sw != s->sw && sw != (0x6100 | (s->sw & 0xFF));

    if (refused && sw != SW_MEMORY_FAILURE && (s->other == 0 || sw != s->other))
        return "another status word than 6581";
    if (refused && fake->stores != stores)
        return "the card has changed";
    if (s->sw != 0x9000 && (fake->tries.left[PIN_APPLICATION] > before->left[PIN_APPLICATION] ||
                            fake->tries.left[PIN_PUK] > before->left[PIN_PUK]))
        return "a count has risen";
    fake->tries.left[PIN_APPLICATION] = 3;
    if (refused && send(piv, "0020008008313233343536FFFF") != 0x9000)
        return "the PIN does not work any more";
    return NULL;
}

/* Allocation n fails, for all n until the run takes fewer. */
static const char *run(const struct scenario *s, struct fake *fake, const struct card *sample, unsigned long *n)
{
    for (*n = 1;; ++*n) {
        struct piv *piv = start(fake, sample, s);
        struct tries before = fake->tries;
        unsigned stores = fake->stores;
        const char *fault;
        bool over;
        sw_t sw;

        taken = 0;
        fail_at = *n;
        sw = send(piv, s->command);
        over = taken < fail_at;
        fail_at = 0;
        fault = over && sw != s->sw ? "not what it should be without a failure"
                                    : judge(s, fake, piv, &before, stores, sw);
        if (fault != NULL)
            printf("# allocation %lu: %04X\n", *n, sw);
        piv_free(piv);
        if (fault != NULL || over)
            return fault;
    }
}

int main(void)
{
    bool hooked = CRYPTO_set_mem_functions(take, take_again, give_back) == 1;
    struct fake fake;
    int failed = 0;

    need(hooked, "libcrypto has taken memory already");
    printf("1..%d\n", (int)SCENARIOS);
    fake_init(&fake, 1);
    for (int i = 0; i < SCENARIOS; i++) {
        const struct scenario *s = &scenarios[i];
        struct card *sample = make_card(&fake.env, s->persona);
        unsigned long n = 0;
        const char *fault;

        add_keys(&fake.env, sample);
        fault = run(s, &fake, sample, &n);
        printf("%sok %d - %s: each of %lu allocations fails%s%s\n", fault == NULL ? "" : "not ", i + 1, s->what, n - 1,
               fault == NULL ? "" : ": ", fault == NULL ? "" : fault);
        fflush(stdout);
        failed += fault != NULL;
        card_free(sample);
    }
    fake_clear(&fake);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
