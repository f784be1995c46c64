/* SPDX-License-Identifier: BSD-2-Clause */
/* pcsc_probe.c — a PC/SC client that looks at a reader closely: event latency, swaps, stale handles, rates.
 *
 * Every verb prints "name=value" lines and exits 0, or says what went wrong and exits 1.  READER is a part of
 * the reader's name. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <reader.h>
#include <winscard.h>

static SCARDCONTEXT context;
static char reader[MAX_READERNAME];

static void fail(const char *what, LONG rv)
{
    printf("%s: %s\n", what, rv == 0 ? "failed" : pcsc_stringify_error(rv));
    exit(1);
}

static void check(const char *what, LONG rv)
{
    if (rv != SCARD_S_SUCCESS)
        fail(what, rv);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print_times(const char *name, double *us, size_t n)
{
    qsort(us, n, sizeof *us, by_value);
    printf("%s_median_us=%.1f\n", name, us[n / 2]);
    printf("%s_p99_us=%.1f\n", name, us[n * 99 / 100]);
    printf("%s_max_us=%.1f\n", name, us[n - 1]);
    printf("%s_all_us=", name);
    for (size_t i = 0; i < n; i++)
        printf("%.1f%c", us[i], i + 1 < n ? ' ' : '\n');
}

static void find_reader(const char *part)
{
    static char names[16 * 1024];
    DWORD n = sizeof names;

    check("SCardListReaders", SCardListReaders(context, NULL, names, &n));
    for (const char *name = names; *name != '\0'; name += strlen(name) + 1) {
        if (strstr(name, part) != NULL) {
            snprintf(reader, sizeof reader, "%s", name);
            return;
        }
    }
    fail(part, SCARD_E_UNKNOWN_READER);
}

/* status_change — SCardGetStatusChange in a context of its own, and a new one where pcsc-lite has lost the thread:
 * since 2.5.0 (2.5.3 seen) its client registers for events and then asks for the states, and an event that comes in
 * between is read as the answer: "Unknown reader" or "Feature not supported".  No card need move for it: connect,
 * disconnect and ask for the state in a loop, and one in some thousand rounds fails. */
static LONG status_change(SCARD_READERSTATE *s)
{
    static SCARDCONTEXT waiting;
    LONG rv = SCARD_E_UNKNOWN_READER;

    for (int i = 0; i < 5 && (rv == SCARD_E_UNKNOWN_READER || rv == SCARD_E_UNSUPPORTED_FEATURE); i++) {
        if (waiting == 0)
            check("SCardEstablishContext", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &waiting));
        rv = SCardGetStatusChange(waiting, 10000, s, 1);
        if (rv == SCARD_E_UNKNOWN_READER || rv == SCARD_E_UNSUPPORTED_FEATURE) {
            SCardReleaseContext(waiting);
            waiting = 0;
        }
    }
    return rv;
}

/* wait_state — until the reader's state has all of `bits`; the state. */
static DWORD wait_state(DWORD known, DWORD bits)
{
    SCARD_READERSTATE s = { .szReader = reader, .dwCurrentState = known };

    for (;;) {
        check("SCardGetStatusChange", status_change(&s));
        if ((s.dwEventState & bits) == bits)
            return s.dwEventState;
        s.dwCurrentState = s.dwEventState;
    }
}

static SCARDHANDLE connect_card(void)
{
    SCARDHANDLE card;
    DWORD protocol;

    check("SCardConnect",
          SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol));
    return card;
}

static const BYTE select_piv[] = { 0x00, 0xA4, 0x04, 0x00, 0x09, 0xA0, 0x00,
                                   0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00 };

/* exchange — the status word, or the error. */
static LONG exchange(SCARDHANDLE card, const BYTE *apdu, size_t n, unsigned *sw)
{
    BYTE answer[MAX_BUFFER_SIZE_EXTENDED];
    DWORD m = sizeof answer;
    LONG rv = SCardTransmit(card, SCARD_PCI_T1, apdu, n, NULL, answer, &m);

    *sw = rv == SCARD_S_SUCCESS && m >= 2 ? (unsigned)answer[m - 2] << 8 | answer[m - 1] : 0;
    return rv;
}

static void must_answer(SCARDHANDLE card, const BYTE *apdu, size_t n, unsigned wanted)
{
    unsigned sw;

    check("SCardTransmit", exchange(card, apdu, n, &sw));
    if (sw != wanted) {
        printf("status word %04X, not %04X\n", sw, wanted);
        exit(1);
    }
}

static int verb_names(char **args)
{
    static char names[16 * 1024];
    DWORD n = sizeof names;

    (void)args;
    check("SCardListReaders", SCardListReaders(context, NULL, names, &n));
    for (const char *name = names; *name != '\0'; name += strlen(name) + 1)
        printf("%s\n", name);
    return 0;
}

/* connect READER — until it succeeds; the time then, in microseconds since 1970. */
static int verb_connect(char **args)
{
    struct timespec now;

    for (;;) {
        DWORD protocol;
        SCARDHANDLE card;
        find_reader(args[0]);
        if (SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol) == SCARD_S_SUCCESS)
            break;
        (void)wait_state(SCARD_STATE_UNAWARE, SCARD_STATE_PRESENT);
    }
    clock_gettime(CLOCK_REALTIME, &now);
    printf("at_us=%lld\n", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    return 0;
}

/* state READER — present, mute or empty, and pcscd's count of insertions and removals. */
static int verb_state(char **args)
{
    SCARD_READERSTATE s = { .szReader = reader };

    find_reader(args[0]);
    check("SCardGetStatusChange", status_change(&s)); /* of a state that nobody knows: at once */
    const char *present = s.dwEventState & SCARD_STATE_MUTE ? "mute" : "present";
    bool there = s.dwEventState & SCARD_STATE_PRESENT;
    printf("%s %lu\n", there ? present : "empty", s.dwEventState >> 16 & 0xFFFF);
    return 0;
}

/* --- events: another thread changes the directory while this one is blocked ----------------------------- */
struct act {
    const char *from, *to; /* symlink(from, to); from NULL = unlink(to) */
    bool swap;             /* rename(from, to) over what is there */
    double at;
};

static void *do_act(void *arg)
{
    struct act *act = arg;
    struct timespec gap = { .tv_nsec = 5000000 + rand() % 10000000 };

    nanosleep(&gap, NULL); /* not a wait for a state: the client is to be blocked for a random while */
    act->at = now_us();
    int r;
    if (act->swap)
        r = rename(act->from, act->to);
    else
        r = act->from != NULL ? symlink(act->from, act->to) : unlink(act->to);
    if (r != 0) {
        printf("%s: %s\n", act->to, strerror(errno));
        exit(1);
    }
    return NULL;
}

/* timed — do it in another thread, wait for `bits`; how long it took. */
static double timed(struct act *act, DWORD *state, DWORD bits)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, do_act, act) != 0)
        fail("pthread_create", 0);
    *state = wait_state(*state, bits);
    double end = now_us();
    pthread_join(thread, NULL);
    return end - act->at;
}

/* events READER LINK CARD COUNT — the reader is empty; insert and remove COUNT times, with an APDU in
 * between. */
static int verb_events(char **args)
{
    size_t n = strtoul(args[3], NULL, 10);
    double *in = calloc(n, sizeof *in), *out = calloc(n, sizeof *out);

    find_reader(args[0]);
    DWORD state = wait_state(SCARD_STATE_UNAWARE, SCARD_STATE_EMPTY), first = state >> 16;
    for (size_t i = 0; i < n; i++) {
        struct act insert = { .from = args[2], .to = args[1] }, take = { .to = args[1] };
        unsigned sw;
        in[i] = timed(&insert, &state, SCARD_STATE_PRESENT);
        SCARDHANDLE card = connect_card();
        must_answer(card, select_piv, sizeof select_piv, 0x9000);
        out[i] = timed(&take, &state, SCARD_STATE_EMPTY);
        if (exchange(card, select_piv, sizeof select_piv, &sw) != SCARD_W_REMOVED_CARD)
            fail("a removed card answers", 0);
        SCardDisconnect(card, SCARD_LEAVE_CARD);
    }
    print_times("insert", in, n);
    print_times("remove", out, n);
    printf("events=%lu\n", ((state >> 16) - first) & 0xFFFF);
    free(in);
    free(out);
    return 0;
}

/* swap READER LINK CARD CARD2 COUNT — replace the link's target by rename, as `ln -sf` does: each must be
 * seen as a removal and an insertion, by a client that waits and by the handle of one that does not. */
static int verb_swap(char **args)
{
    size_t n = strtoul(args[4], NULL, 10);
    double *us = calloc(n, sizeof *us);
    char temporary[4096];

    snprintf(temporary, sizeof temporary, "%s.next", args[1]);
    find_reader(args[0]);
    DWORD state = wait_state(SCARD_STATE_UNAWARE, SCARD_STATE_PRESENT), first = state >> 16;
    for (size_t i = 0; i < n; i++) {
        struct act act = { .from = temporary, .to = args[1], .swap = true };
        SCARDHANDLE card = connect_card();
        unsigned sw;
        must_answer(card, select_piv, sizeof select_piv, 0x9000);
        if (symlink(args[i % 2 == 0 ? 3 : 2], temporary) != 0)
            fail(temporary, 0);
        DWORD wanted = ((state >> 16) + 2) & 0xFFFF;
        us[i] = timed(&act, &state, 0);
        while (((state >> 16) & 0xFFFF) != wanted || !(state & SCARD_STATE_PRESENT))
            state = wait_state(state, 0);
        if (exchange(card, select_piv, sizeof select_piv, &sw) != SCARD_W_REMOVED_CARD &&
            exchange(card, select_piv, sizeof select_piv, &sw) != SCARD_W_RESET_CARD)
            fail("the handle of a swapped card lives", 0);
        SCardDisconnect(card, SCARD_LEAVE_CARD);
    }
    print_times("swap", us, n);
    printf("events=%lu\n", ((state >> 16) - first) & 0xFFFF);
    free(us);
    return 0;
}

/* stale READER LINK CARD — a handle that outlives a removal and more than the 5 s after which pcscd takes
 * power from the card: reconnected with LEAVE it never gets a power-up of its own. */
static int verb_stale(char **args)
{
    struct act insert = { .from = args[2], .to = args[1] }, take = { .to = args[1] };
    struct timespec grace = { .tv_sec = 7 };
    DWORD protocol, state;

    find_reader(args[0]);
    state = wait_state(SCARD_STATE_UNAWARE, SCARD_STATE_PRESENT);
    SCARDHANDLE card = connect_card();
    must_answer(card, select_piv, sizeof select_piv, 0x9000);
    (void)timed(&take, &state, SCARD_STATE_EMPTY);
    (void)timed(&insert, &state, SCARD_STATE_PRESENT);
    nanosleep(&grace, NULL);
    check("SCardReconnect",
          SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD, &protocol));
    must_answer(card, select_piv, sizeof select_piv, 0x9000);
    must_answer(card, select_piv, sizeof select_piv, 0x9000);
    puts("answers=2");
    return 0;
}

/* grace READER FILE — verify the PIN and leave; make FILE in a directory that the driver watches; the PIN must
 * still be verified half a second later, for only a change of presence may end pcscd's 5 s of grace. */
static int verb_grace(char **args)
{
    static const BYTE verify[] = { 0x00, 0x20, 0x00, 0x80, 0x08, '1', '2', '3', '4', '5', '6', 0xFF, 0xFF };
    static const BYTE verified[] = { 0x00, 0x20, 0x00, 0x80 };
    struct timespec half = { .tv_nsec = 500000000 };
    unsigned sw;

    find_reader(args[0]);
    SCARDHANDLE card = connect_card();
    must_answer(card, select_piv, sizeof select_piv, 0x9000);
    must_answer(card, verify, sizeof verify, 0x9000);
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    FILE *f = fopen(args[1], "w");
    if (f == NULL || fclose(f) != 0)
        fail(args[1], 0);
    nanosleep(&half, NULL);
    card = connect_card();
    check("SCardTransmit", exchange(card, verified, sizeof verified, &sw));
    printf("verified=%04X\n", sw);
    SCardDisconnect(card, SCARD_RESET_CARD);
    card = connect_card();
    check("SCardTransmit", exchange(card, verified, sizeof verified, &sw));
    printf("after_reset=%04X\n", sw);
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    return unlink(args[1]);
}

/* --- rates ---------------------------------------------------------------------------------------------- */
static size_t unhex(const char *text, BYTE *out, size_t cap)
{
    size_t n = 0;
    unsigned byte;

    for (; n < cap && sscanf(text, "%2x", &byte) == 1 && text[0] != '\0' && text[1] != '\0'; text += 2)
        out[n++] = (BYTE)byte;
    return n;
}

/* rate READER COUNT APDU [FIRST APDU…] — round trips of one APDU after 10 % to warm up. */
static int verb_rate(char **args)
{
    size_t n = strtoul(args[1], NULL, 10);
    double *us = calloc(n, sizeof *us);
    BYTE apdu[4096];
    unsigned sw = 0;

    find_reader(args[0]);
    SCARDHANDLE card = connect_card();
    for (char **first = args + 3; *first != NULL; first++) {
        size_t m = unhex(*first, apdu, sizeof apdu);
        check("SCardTransmit", exchange(card, apdu, m, &sw));
    }
    size_t m = unhex(args[2], apdu, sizeof apdu);
    for (size_t i = 0; i < n / 10; i++)
        check("SCardTransmit", exchange(card, apdu, m, &sw));
    double start = now_us();
    for (size_t i = 0; i < n; i++) {
        double before = now_us();
        check("SCardTransmit", exchange(card, apdu, m, &sw));
        us[i] = now_us() - before;
    }
    printf("sw=%04X\nper_second=%.0f\n", sw, (double)n * 1e6 / (now_us() - start));
    print_times("apdu", us, n);
    free(us);
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    return 0;
}

/* attributes READER — each known attribute as hex, and the answers to the feature request and the TLV
 * properties. */
static int verb_attributes(char **args)
{
    static const struct {
        const char *name;
        DWORD tag;
    } tags[] = {
        { "vendor_name", SCARD_ATTR_VENDOR_NAME },         { "version", SCARD_ATTR_VENDOR_IFD_VERSION },
        { "type", SCARD_ATTR_VENDOR_IFD_TYPE },            { "serial", SCARD_ATTR_VENDOR_IFD_SERIAL_NO },
        { "atr", SCARD_ATTR_ATR_STRING },                  { "presence", SCARD_ATTR_ICC_PRESENCE },
        { "active", SCARD_ATTR_ICC_INTERFACE_STATUS },     { "protocol", SCARD_ATTR_CURRENT_PROTOCOL_TYPE },
        { "maxinput", SCARD_ATTR_MAXINPUT },               { "channel", SCARD_ATTR_CHANNEL_ID },
        { "poll_function", 0x0FB3 },                       { "friendly", SCARD_ATTR_DEVICE_FRIENDLY_NAME },
    };
    static const struct {
        const char *name;
        DWORD code;
    } codes[] = {
        { "features", CM_IOCTL_GET_FEATURE_REQUEST },
        { "properties", 0x42330012 },
        { "unknown", 0x42000777 },
    };
    BYTE value[MAX_BUFFER_SIZE]; /* 264: more is refused by the library */
    SCARDHANDLE card;
    DWORD protocol, n;
    LONG rv;

    find_reader(args[0]);
    check("SCardConnect", SCardConnect(context, reader, SCARD_SHARE_DIRECT, 0, &card, &protocol));
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        n = sizeof value;
        rv = SCardGetAttrib(card, tags[i].tag, value, &n);
        printf("%s=", tags[i].name);
        for (DWORD k = 0; rv == 0 && k < n; k++)
            printf("%02X", value[k]);
        puts(rv != 0 ? pcsc_stringify_error(rv) : "");
    }
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        rv = SCardControl(card, codes[i].code, NULL, 0, value, sizeof value, &n);
        printf("%s=", codes[i].name);
        for (DWORD k = 0; rv == 0 && k < n; k++)
            printf("%02X", value[k]);
        puts(rv != 0 ? pcsc_stringify_error(rv) : "");
    }
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    return 0;
}

/* control READER CODE HEX — SCardControl with these bytes: its answer in hex, and how long it took. */
static int verb_control(char **args)
{
    BYTE in[512], value[MAX_BUFFER_SIZE];
    SCARDHANDLE card;
    DWORD n = 0;
    size_t m = unhex(args[2], in, sizeof in);

    find_reader(args[0]);
    card = connect_card();
    puts("asking");
    fflush(stdout);
    double start = now_us();
    LONG rv = SCardControl(card, (DWORD)strtoul(args[1], NULL, 16), in, m, value, sizeof value, &n);
    printf("ms=%.0f\nanswer=", (now_us() - start) / 1e3);
    for (DWORD k = 0; rv == 0 && k < n; k++)
        printf("%02X", value[k]);
    puts(rv != 0 ? pcsc_stringify_error(rv) : "");
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    return 0;
}

static const struct {
    const char *name;
    int arguments; /* at least */
    int (*run)(char **args);
} verbs[] = {
    { "names", 0, verb_names },   { "state", 1, verb_state }, { "events", 4, verb_events },
    { "swap", 5, verb_swap },     { "stale", 3, verb_stale }, { "rate", 3, verb_rate },
    { "attributes", 1, verb_attributes }, { "control", 3, verb_control },
    { "grace", 2, verb_grace },   { "connect", 1, verb_connect },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0 && argc >= 2 + verbs[i].arguments) {
            check("SCardEstablishContext", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context));
            return verbs[i].run(argv + 2);
        }
    }
    fputs("usage: pcsc_probe VERB [argument]…\n", stderr);
    return 2;
}
