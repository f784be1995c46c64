/* SPDX-License-Identifier: BSD-2-Clause */
/* bars.c — two tables and the judge. */
#include "tests/bench/bars.h"

#include <string.h>

#define APDU "APDUs without cryptography, through SCardTransmit"
#define KEYS "Keys, through SCardTransmit"
#define P11 "Keys, through PKCS#11"
#define LIFE "A card's life"
#define RATE "RSA-2048 signatures a second"
#define COUNT "Counted in the driver, per APDU"
#define MEMORY "Memory"

const struct shown shown[] = {
    { APDU, "select", "SELECT", "null" },
    { APDU, "status", "VERIFY, status query", "null" },
    { APDU, "status-verified", "VERIFY, status query, PIN verified", "null" },
    { APDU, "get-1200", "GET DATA, 1.2 KB, extended", "null" },
    { APDU, "get-1200-short", "GET DATA, 1.2 KB, GET RESPONSE", "floor" },
    { APDU, "get-3000", "GET DATA, 3 KB, extended", "null" },
    { APDU, "get-3000-short", "GET DATA, 3 KB, GET RESPONSE", "floor" },
    { KEYS, "sign-rsa2048", "sign RSA-2048", "floor" },
    { KEYS, "sign-rsa2048-short", "sign RSA-2048, chained", "floor" },
    { KEYS, "sign-rsa3072", "sign RSA-3072", "floor" },
    { KEYS, "sign-rsa4096", "sign RSA-4096", "floor" },
    { KEYS, "sign-p256", "sign P-256", "floor" },
    { KEYS, "sign-p384", "sign P-384", "floor" },
    { KEYS, "ecdh-p256", "ECDH P-256", "floor" },
    { KEYS, "decrypt-rsa2048", "decrypt RSA-2048", "floor" },
    { KEYS, "verify-first", "VERIFY, first of a power session", NULL },
    { KEYS, "verify-later", "VERIFY, later ones", NULL },
    { P11, "p11-sign-rsa2048", "sign RSA-2048", "softhsm" },
    { P11, "p11-sign-rsa3072", "sign RSA-3072", "softhsm" },
    { P11, "p11-sign-rsa4096", "sign RSA-4096", "softhsm" },
    { P11, "p11-sign-p256", "sign P-256", "softhsm" },
    { P11, "p11-sign-p384", "sign P-384", "softhsm" },
    { P11, "p11-ecdh-p256", "ECDH P-256", "softhsm" },
    { P11, "p11-decrypt-rsa2048", "decrypt RSA-2048", "softhsm" },
    { LIFE, "insert", "insertion to a client's event", NULL },
    { LIFE, "remove", "removal to a client's event", NULL },
    { LIFE, "run-true", "vpiv run -- true", "null" },
    { LIFE, "run-connect", "vpiv run, to the first connect", "null" },
    { LIFE, "run-names", "vpiv run, client lists readers, all gone", "null" },
    { LIFE, "import", "import of one bundle", NULL },
    { LIFE, "import-1000", "1,000 imports (scaled up from fewer)", NULL },
    { RATE, "rate-1r-1c", "1 reader, 1 client", "floor" },
    { RATE, "rate-1r-2c", "1 reader, 2 clients", "floor" },
    { RATE, "rate-1r-4c", "1 reader, 4 clients", "floor" },
    { RATE, "rate-1r-8c", "1 reader, 8 clients", "floor" },
    { RATE, "rate-2r-1c", "2 readers, 1 client", "floor" },
    { RATE, "rate-2r-2c", "2 readers, 2 clients", "floor" },
    { RATE, "rate-2r-4c", "2 readers, 4 clients", "floor" },
    { RATE, "rate-2r-8c", "2 readers, 8 clients", "floor" },
    { COUNT, "instructions-select", "instructions, SELECT", NULL },
    { COUNT, "instructions-status", "instructions, VERIFY status query", NULL },
    { COUNT, "instructions-status-verified", "instructions, the same, PIN verified", NULL },
    { COUNT, "instructions-discovery", "instructions, GET DATA discovery object", NULL },
    { COUNT, "instructions-get-1200", "instructions, GET DATA 1.2 KB extended", NULL },
    { COUNT, "instructions-get-1200-short", "instructions, GET DATA 1.2 KB short", NULL },
    { COUNT, "instructions-get-3000", "instructions, GET DATA 3 KB extended", NULL },
    { COUNT, "instructions-unknown", "instructions, unknown INS", NULL },
    { COUNT, "instructions-verify-later", "instructions, VERIFY", NULL },
    { COUNT, "instructions-sign-p256", "instructions, sign P-256", NULL },
    { COUNT, "instructions-sign-rsa2048", "instructions, sign RSA-2048", NULL },
    { COUNT, "calls-select", "system calls, SELECT", NULL },
    { COUNT, "calls-status", "system calls, VERIFY status query", NULL },
    { COUNT, "calls-get-3000", "system calls, GET DATA 3 KB extended", NULL },
    { COUNT, "calls-verify-later", "system calls, VERIFY", NULL },
    { COUNT, "calls-sign-p256", "system calls, sign P-256", NULL },
    { COUNT, "calls-sign-rsa2048", "system calls, sign RSA-2048", NULL },
    { COUNT, "allocations-select", "allocations, SELECT", NULL },
    { COUNT, "allocations-status", "allocations, VERIFY status query", NULL },
    { COUNT, "allocations-get-3000", "allocations, GET DATA 3 KB extended", NULL },
    { COUNT, "allocations-verify-later", "allocations, VERIFY", NULL },
    { COUNT, "allocations-sign-p256", "allocations, sign P-256", NULL },
    { COUNT, "allocations-sign-rsa2048", "allocations, sign RSA-2048", NULL },
    { MEMORY, "resident-1", "pcscd resident, 1 reader", "null" },
    { MEMORY, "resident-16", "pcscd resident, 16 readers", "null" },
    { MEMORY, "growth-used", "in use, growth over many APDUs", NULL },
    { MEMORY, "growth-resident", "resident, growth over many APDUs", NULL },
};

const size_t shown_count = sizeof shown / sizeof *shown;

#define PLAIN "select status status-verified get-1200 get-3000"
#define PLAIN_OF(what) what "-select " what "-status-verified " what "-discovery " what "-get-1200 " \
                       what "-get-1200-short " what "-get-3000 " what "-unknown"

const struct bar bars[] = {
    { "APDU without cryptography / null handler, median", RATIO, PLAIN, "null", 1.05,
      "a long answer is moved by pcscd, where the null handler answers two bytes: compare with the floor handler" },
    { "APDU without cryptography / null handler, p99 (slowest of each 50)", RATIO_P99, PLAIN, "null", 1.25,
      "what else the machine does" },
    { "long answers by GET RESPONSE / floor handler, median", RATIO, "get-1200-short get-3000-short", "floor", 1.05,
      "the rest of an answer is copied and wiped" },
    { "sign RSA-2048 / floor handler, median", RATIO, "sign-rsa2048", "floor", 1.05,
      "the sweep of stack and registers after a private operation" },
    { "sign P-256 / floor handler, median", RATIO, "sign-p256", "floor", 1.05,
      "the sweep of stack and registers after a private operation: 1 us of 45" },
    { "two readers signing, scaling / that of the floor handler", SCALING, "rate-2r-2c", "floor", 0.95,
      "client and daemon need the same cores" },
    { "first VERIFY of a power session, median, us", MEDIAN, "verify-first", NULL, 150000,
      "scrypt, which is the price of a guess" },
    { "later VERIFY with its durable writes, p95, us", P95, "verify-later", NULL, 1000, "two fdatasync of the disk" },
    { "insertion to a client's event, median, us", MEDIAN, "insert", NULL, 2000,
      "the card file is read, checked and its seal verified before it is shown" },
    { "vpiv run -- true, median, us", MEDIAN, "run-true", NULL, 20000, "start and end of a pcscd" },
    { "vpiv run with a client that lists readers, median, us", MEDIAN, "run-names", NULL, 40000,
      "start and end of a pcscd; the kernel takes four ticks, 16 ms, to end a process that watches directories" },
    { "instructions per APDU without cryptography", MEDIAN, PLAIN_OF("instructions") " instructions-status", NULL, 5000, "copying" },
    { "allocations per APDU without cryptography", MEDIAN, PLAIN_OF("allocations") " allocations-status", NULL, 0, "none is needed" },
    { "system calls per APDU without cryptography", MEDIAN, PLAIN_OF("calls"), NULL, 0, "none is needed" },
    { "system calls of a status query, which asks for changes of the tries record", MEDIAN, "calls-status", NULL, 1,
      "a record that has changed is read again" },
    { "growth over many APDUs, bytes in use", MEDIAN, "growth-used", NULL, 4096, "what the library keeps per thread" },
};

const size_t bars_count = sizeof bars / sizeof *bars;

/* How many times faster two readers are than one. */
static double scaling(const struct samples *s, const char *side)
{
    const struct series *one = samples_of(s, "rate-1r-1c", side), *two = samples_of(s, "rate-2r-2c", side);

    return one == NULL || two == NULL ? 0 : ratio_of(two, one).median;
}

/* Compared with the other side's.  The sides were measured right after each other, one and two readers were not. */
static double scaling_ratio(const struct samples *s, const char *base)
{
    static const char one[] = "rate-1r-1c", two[] = "rate-2r-2c";

    if (scaling(s, "vpiv") <= 0 || scaling(s, base) <= 0)
        return 0;
    return ratio_of(samples_of(s, two, "vpiv"), samples_of(s, two, base)).median /
           ratio_of(samples_of(s, one, "vpiv"), samples_of(s, one, base)).median;
}

/* A handler without a card that gives answers as long: how far the bar can be reached at all. */
static const char *floor_note(const struct bar *bar, const struct samples *s, const char *row, char note[48])
{
    const struct series *floor = samples_of(s, row, "floor"), *base = samples_of(s, row, bar->base);

    note[0] = '\0';
    if (floor != NULL && base != NULL && floor != base)
        snprintf(note, 48, "; the floor handler %.3f", ratio_of(floor, base).median);
    return note;
}

static bool measure(const struct bar *bar, const struct samples *s, const char *row, struct verdict *v)
{
    const struct series *a = samples_of(s, row, "vpiv");
    const struct series *b = bar->base == NULL ? NULL : samples_of(s, row, bar->base);
    char floors[48];
    struct ratio r;

    if (a == NULL || (bar->base != NULL && bar->measure != SCALING && b == NULL))
        return false;
    v->note[0] = '\0';
    switch (bar->measure) {
    case RATIO:
        r = ratio_of(a, b);
        v->value = r.median;
        snprintf(v->note, sizeof v->note, "quartiles %.3f to %.3f%s", r.low, r.high, floor_note(bar, s, row, floors));
        break;
    case RATIO_P99:
        r = ratio_of_slowest(a, b);
        v->value = r.median;
        snprintf(v->note, sizeof v->note, "quartiles %.2f to %.2f; of all at once %.2f", r.low, r.high,
                 quantile(a->sorted, a->n, 0.99) / quantile(b->sorted, b->n, 0.99));
        break;
    case MEDIAN:
    case P95:
        v->value = quantile(a->sorted, a->n, bar->measure == P95 ? 0.95 : 0.5);
        if (strcmp(a->unit, "us") == 0)
            snprintf(v->note, sizeof v->note, "the quickest tenth takes up to %.0f", quantile(a->sorted, a->n, 0.1));
        break;
    case SCALING:
        v->value = scaling_ratio(s, bar->base);
        snprintf(v->note, sizeof v->note, "vpiv %.2f x, floor %.2f x one reader", scaling(s, "vpiv"),
                 scaling(s, bar->base));
        break;
    }
    return true;
}

struct verdict bar_judge(const struct bar *bar, const struct samples *s)
{
    struct verdict worst = { .measured = false };

    for (const char *at = bar->rows; *at != '\0'; at += strspn(at, " ")) {
        struct verdict v = { .row = at };
        char row[48];
        size_t n = strcspn(at, " ");

        snprintf(row, sizeof row, "%.*s", (int)n, at);
        at += n;
        if (!measure(bar, s, row, &v))
            continue;
        bool worse = bar->measure == SCALING ? v.value < worst.value : v.value > worst.value;
        if (!worst.measured || worse)
            worst = v;
        worst.measured = true;
    }
    worst.met = worst.measured && (bar->measure == SCALING ? worst.value >= bar->limit : worst.value <= bar->limit);
    return worst;
}
