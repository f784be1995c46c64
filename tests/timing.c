/* SPDX-License-Identifier: BSD-2-Clause */
/* timing.c — does the time of a refusal tell how much of a guess was right?
 *
 *   timing [MEASUREMENTS]
 *
 * For each case two guesses are sent in random order, one that is wrong from its first byte on and one that is wrong
 * in its last byte alone, and Welch's t is taken over the times of both.  Below 4.5 nobody can tell them apart with so
 * many measurements; a comparison that stops at the first difference reaches hundreds.  TAP on stdout.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "applet/applet.h"
#include "tests/fake.h"

static const double limit = 4.5;

struct bench {
    struct fake fake;
    struct piv *piv;
};

static void fail(const char *what)
{
    printf("Bail out! %s\n", what);
    exit(1);
}

static void open_card(struct bench *b, enum err (*random_source)(void *, uint8_t *, size_t))
{
    struct card_plan plan = { .persona = persona_by_name("piv"), .log_n = 1, .management_alg = ALG_AES256 };
    struct secret *pin = NULL, *puk = NULL, *management = NULL;
    struct card *card = NULL;

    fake_init(&b->fake, 7);
    if (random_source != NULL)
        b->fake.env.random = random_source;
    if (pin_from_text(in_of("83920571", 8), &pin) != ERR_NONE ||
        puk_from_text(in_of("61738204", 8), &puk) != ERR_NONE ||
        factory_management(ALG_AES256, &management) != ERR_NONE)
        fail("out of memory");
    plan.pin = pin;
    plan.puk = puk;
    plan.management = management;
    if (card_new(&b->fake.env, &plan, &card) != ERR_NONE || (b->piv = piv_new(&b->fake.env, card)) == NULL)
        fail("no card");
    piv_power(b->piv);
    secret_free(pin);
    secret_free(puk);
    secret_free(management);
}

static sw_t send(struct bench *b, const void *command, size_t n)
{
    static uint8_t room[PIV_RESPONSE_MAX];
    struct out rsp = out_of(room, sizeof room);

    piv_exchange(b->piv, in_of(command, n), &rsp);
    return rsp.n < 2 ? 0 : (sw_t)(room[rsp.n - 2] << 8 | room[rsp.n - 1]);
}

/* Each case makes the command of one guess; `late`: only its last byte is wrong. */
struct guess {
    uint8_t bytes[64];
    size_t n;
    sw_t wanted;
};

static void guess_pin(struct bench *b, bool late, struct guess *g)
{
    static const char *const early_late[] = { "93920571", "83920572" };
    struct out out = out_of(g->bytes, sizeof g->bytes);

    out_put(&out, in_of("\x00\x20\x00\x80\x08", 5));
    out_put(&out, in_of(early_late[late], 8));
    g->n = out.n;
    g->wanted = 0x63C2;
    b->fake.tries.left[PIN_APPLICATION] = 3;
}

static void guess_puk(struct bench *b, bool late, struct guess *g)
{
    static const char *const early_late[] = { "71738204", "61738205" };
    struct out out = out_of(g->bytes, sizeof g->bytes);

    out_put(&out, in_of("\x00\x2C\x00\x80\x10", 5));
    out_put(&out, in_of(early_late[late], 8));
    out_put(&out, in_of("83920571", 8));
    g->n = out.n;
    g->wanted = 0x63C2;
    b->fake.tries.left[PIN_PUK] = 3;
}

/* The witness of the mutual handshake is what the card has drawn: it can be read before it is asked. */
static uint8_t witness[16];

static enum err fixed_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        p[i] = witness[i % sizeof witness] = (uint8_t)(0x41 + i);
    return ERR_NONE;
}

static void guess_witness(struct bench *b, bool late, struct guess *g)
{
    struct out out = out_of(g->bytes, sizeof g->bytes);

    if (send(b, "\x00\x87\x0C\x9B\x04\x7C\x02\x80\x00", 9) != SW_SUCCESS)
        fail("no witness");
    out_put(&out, in_of("\x00\x87\x0C\x9B\x26\x7C\x24\x80\x10", 9));
    out_put(&out, in_of(witness, sizeof witness));
    g->bytes[late ? out.n - 1 : out.n - sizeof witness] ^= 0x01;
    out_put(&out, in_of("\x81\x10", 2));
    out_zero(&out, 16);
    g->n = out.n;
    g->wanted = SW_SECURITY_STATUS;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct sample {
    double n, mean, m2;
};

/* Welford. */
static void add(struct sample *s, double x)
{
    double delta = x - s->mean;

    s->n++;
    s->mean += delta / s->n;
    s->m2 += delta * (x - s->mean);
}

static double welch(const struct sample *a, const struct sample *b)
{
    return (a->mean - b->mean) / sqrt(a->m2 / (a->n - 1) / a->n + b->m2 / (b->n - 1) / b->n);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The times of one case, and which guess each belongs to. */
struct times {
    double *took;
    bool *late;
    size_t n;
};

static struct times times_new(size_t n)
{
    struct times t = { calloc(n, sizeof *t.took), calloc(n, sizeof *t.late), n };

    if (t.took == NULL || t.late == NULL)
        fail("out of memory");
    for (size_t i = 0; i < n; i++)
        t.late[i] = random() & 1;
    return t;
}

/* Times above the 95th percentile of both together are the machine's, not the card's. */
static double judge(struct times t)
{
    struct sample samples[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    double *sorted = calloc(t.n, sizeof *sorted), cut;

    if (sorted == NULL)
        fail("out of memory");
    memcpy(sorted, t.took, t.n * sizeof *sorted);
    qsort(sorted, t.n, sizeof *sorted, compare);
    cut = sorted[t.n * 95 / 100];
    for (size_t i = 0; i < t.n; i++)
        if (t.took[i] <= cut)
            add(&samples[t.late[i]], t.took[i]);
    free(sorted);
    free(t.late);
    free(t.took);
    return fabs(welch(&samples[0], &samples[1]));
}

static double measure(struct bench *b, void (*guess)(struct bench *, bool, struct guess *), size_t measurements)
{
    struct times t = times_new(measurements);

    for (size_t i = 0; i < t.n; i++) {
        struct guess g = { { 0 }, 0, 0 };
        double before;

        guess(b, t.late[i], &g);
        before = now();
        if (send(b, g.bytes, g.n) != g.wanted)
            fail("a wrong guess was not refused as it should be");
        t.took[i] = now() - before;
    }
    return judge(t);
}

/* The control: a comparison that stops at the first difference must be found out. */
static double control(size_t measurements)
{
    static volatile uint8_t secret[256], guess[256];
    struct times t = times_new(measurements);

    for (size_t i = 0; i < t.n; i++) {
        double before = now();
        size_t k = 0;

        guess[0] = !t.late[i];
        while (k < sizeof secret && secret[k] == guess[k])
            k++;
        t.took[i] = now() - before;
    }
    return judge(t);
}

static void say(unsigned number, bool ok, const char *what, double t)
{
    printf("%sok %u - %s: t = %.2f\n", ok ? "" : "not ", number, what, t);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*guess)(struct bench *, bool, struct guess *);
    } cases[] = {
        { "wrong PIN", guess_pin },
        { "wrong PUK", guess_puk },
        { "wrong witness of the management key", guess_witness },
    };
    size_t measurements = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000, failed = 0;
    struct bench b;
    double t;

    srandom((unsigned)time(NULL));
    printf("1..4\n# %zu measurements each\n", measurements);
    t = control(measurements);
    failed += t <= limit;
    say(1, t > limit, "the control, which stops at the first difference, is found out", t);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_card(&b, cases[i].guess == guess_witness ? fixed_random : NULL);
        t = measure(&b, cases[i].guess, measurements);
        failed += t >= limit;
        say(i + 2, t < limit, cases[i].name, t);
        piv_free(b.piv);
        fake_clear(&b.fake);
    }
    return failed > 0;
}
