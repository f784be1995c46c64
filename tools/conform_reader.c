/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_reader.c — rows of group 16 that a PC/SC client can see, and what other groups want of a second client. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <reader.h>

#include "tools/conform_judge.h"
#include "tools/conform_pcsc.h"

enum { GET_FEATURES = SCARD_CTL_CODE(3400), FEATURE_BYTES = 6, WAIT_MS = 150 };

static bool connect_as(struct pcsc *p, DWORD protocols, SCARDHANDLE *card, DWORD *active, LONG *status)
{
    *status = SCardConnect(p->context, p->reader, SCARD_SHARE_SHARED, protocols, card, active);
    return *status == SCARD_S_SUCCESS;
}

/* One command by another client of the same reader; its answer is put into `answer`. */
static bool by_another(struct judge *j, struct in command, struct out *answer)
{
    struct pcsc *p = j->wire->pcsc;
    SCARDHANDLE card;
    DWORD active;
    LONG status;

    if (!connect_as(p, PCSC_BOTH, &card, &active, &status))
        return fail(j, "a second client cannot connect: %s", pcsc_stringify_error(status));
    bool good = pcsc_send(p, card, active, command, answer);
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    return good || fail(j, "the second client's command was not sent");
}

static const uint8_t ask_pin[] = { 0x00, 0x20, 0x00, 0x80 };
static const uint8_t get_discovery[] = { 0x00, 0xCB, 0x3F, 0xFF, 0x03, 0x5C, 0x01, 0x7E, 0x00 };

static bool verified_for_another(struct judge *j, bool *verified)
{
    uint8_t space[MAX_BUFFER_SIZE];
    struct out answer = out_of(space, sizeof space);
    uint16_t sw;

    if (!by_another(j, in_of(ask_pin, sizeof ask_pin), &answer))
        return false;
    struct in in = out_in(&answer);
    if (!in_u16(&in, &sw))
        return fail(j, "the second client got no status word");
    *verified = sw == 0x9000;
    return true;
}

bool other_client_sees_pin(struct judge *j)
{
    bool verified;

    if (!verified_for_another(j, &verified))
        return false;
    return verified || fail(j, "the second client is told that no PIN was verified");
}

bool other_client_reads(struct judge *j)
{
    uint8_t space[MAX_BUFFER_SIZE];
    struct out answer = out_of(space, sizeof space);

    if (j->wire->pcsc == NULL)
        return play(j, "get 7E -> 7E* 9000");
    return by_another(j, in_of(get_discovery, sizeof get_discovery), &answer);
}

/* T=0, T=1, both: what the ATR offers works and nothing else.  ISO/IEC 7816-3, 8.2.3: TDi's low nibble. */
static bool rdr_03(struct judge *j)
{
    static const DWORD wishes[] = { SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, PCSC_BOTH };
    struct pcsc *p = j->wire->pcsc;
    DWORD usual = p->protocol;

    for (size_t i = 0; i < 3; i++) {
        SCARDHANDLE card;
        DWORD active;
        LONG status;
        bool offered = (wishes[i] & usual) != 0;
        bool connected = connect_as(p, wishes[i], &card, &active, &status);
        if (connected)
            SCardDisconnect(card, SCARD_LEAVE_CARD);
        if (connected != offered)
            return fail(j, "protocols %lu: %s", (unsigned long)wishes[i], pcsc_stringify_error(status));
        if (!connected && status != SCARD_E_PROTO_MISMATCH)
            return fail(j, "a wrong protocol gives %s, not a mismatch", pcsc_stringify_error(status));
    }
    return true;
}

struct second {
    struct pcsc *pcsc;
    atomic_bool begun;       /* it is about to send */
    struct timespec answered;
    bool good;
};

/* The second client: its command must wait until the first one's transaction is over. */
static void *second_client(void *arg)
{
    struct second *s = arg;
    SCARDCONTEXT context;
    SCARDHANDLE card;
    DWORD active, n = MAX_BUFFER_SIZE;
    uint8_t answer[MAX_BUFFER_SIZE];

    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
        return NULL;
    atomic_store(&s->begun, true);
    if (SCardConnect(context, s->pcsc->reader, SCARD_SHARE_SHARED, PCSC_BOTH, &card, &active) == SCARD_S_SUCCESS) {
        s->good = SCardBeginTransaction(card) == SCARD_S_SUCCESS &&
                  SCardTransmit(card, SCARD_PCI_T1, ask_pin, sizeof ask_pin, NULL, answer, &n) == SCARD_S_SUCCESS &&
                  SCardEndTransaction(card, SCARD_LEAVE_CARD) == SCARD_S_SUCCESS;
        clock_gettime(CLOCK_MONOTONIC, &s->answered);
        SCardDisconnect(card, SCARD_LEAVE_CARD);
    }
    SCardReleaseContext(context);
    return NULL;
}

static long ms_between(const struct timespec *a, const struct timespec *b)
{
    return (b->tv_sec - a->tv_sec) * 1000 + (b->tv_nsec - a->tv_nsec) / 1000000;
}

static bool rdr_04(struct judge *j)
{
    struct second s = { .pcsc = j->wire->pcsc };
    struct timespec end, now, start;
    pthread_t thread;

    if (SCardBeginTransaction(s.pcsc->card) != SCARD_S_SUCCESS)
        return fail(j, "no transaction could be begun");
    if (pthread_create(&thread, NULL, second_client, &s) != 0) {
        SCardEndTransaction(s.pcsc->card, SCARD_LEAVE_CARD);
        return fail(j, "no second client could be started");
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    bool good = true;
    do { /* hold the card for a while, and work */
        good = good && play(j, "try -> T");
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (good && (!atomic_load(&s.begun) || ms_between(&start, &now) < WAIT_MS) && ms_between(&start, &now) < 5000);
    clock_gettime(CLOCK_MONOTONIC, &end);
    SCardEndTransaction(s.pcsc->card, SCARD_LEAVE_CARD);
    pthread_join(thread, NULL);
    if (good && !s.good)
        return fail(j, "the second client got no answer after the transaction");
    return good && (ms_between(&end, &s.answered) >= 0 ||
                    fail(j, "the second client was served inside the transaction"));
}

/* Leave keeps the verified PIN, reset and unpower clear it, eject keeps it: no such reader has an arm. */
static bool rdr_05(struct judge *j)
{
    static const struct {
        DWORD how;
        bool kept;
        const char *name;
    } ways[] = { { SCARD_LEAVE_CARD, true, "leave" }, { SCARD_EJECT_CARD, true, "eject" },
                 { SCARD_RESET_CARD, false, "reset" }, { SCARD_UNPOWER_CARD, false, "unpower" } };
    struct pcsc *p = j->wire->pcsc;

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        bool verified;
        SCARDHANDLE card;
        DWORD active;
        LONG status;
        if (!play(j, "reset; select; pin") || !connect_as(p, PCSC_BOTH, &card, &active, &status))
            return fail(j, "the card cannot be reached a second time");
        SCardDisconnect(card, ways[i].how);
        /* Our own handle is told of the reset at its next use. */
        if (!verified_for_another(j, &verified))
            return false;
        if (verified != ways[i].kept)
            return fail(j, "after disconnect with %s the PIN is %sverified", ways[i].name, verified ? "" : "not ");
    }
    return play(j, "reset; select");
}

/* The feature list is whole 6-byte elements, and a feature without parameters answers.  PC/SC part 10, 2.2. */
static bool rdr_06(struct judge *j)
{
    struct pcsc *p = j->wire->pcsc;
    uint8_t list[256], answer[256];
    DWORD n = 0, m = 0;

    LONG status = SCardControl(p->card, GET_FEATURES, NULL, 0, list, sizeof list, &n);
    if (status == SCARD_E_UNSUPPORTED_FEATURE && !j->terms.house)
        return does_not_apply(j, "the reader lists no features");
    if (status != SCARD_S_SUCCESS || n % FEATURE_BYTES != 0)
        return fail(j, "the feature list: %s, %lu bytes", pcsc_stringify_error(status), (unsigned long)n);
    for (struct in in = in_of(list, n); !in_end(&in);) {
        uint8_t tag, length;
        uint32_t code;
        if (!in_u8(&in, &tag) || !in_u8(&in, &length) || length != 4 || !in_u32(&in, &code))
            return fail(j, "the feature list is not tag, 04 and a code each");
        bool plain = tag == FEATURE_GET_TLV_PROPERTIES || tag == FEATURE_IFD_PIN_PROPERTIES;
        if (plain && SCardControl(p->card, code, NULL, 0, answer, sizeof answer, &m) != SCARD_S_SUCCESS)
            return fail(j, "feature %02X is listed and does not work", tag);
    }
    return true;
}

static bool attribute(struct judge *j, DWORD id, uint8_t *value, DWORD *n, LONG *status)
{
    *n = MAX_BUFFER_SIZE;
    *status = SCardGetAttrib(j->wire->pcsc->card, id, value, n);
    return *status == SCARD_S_SUCCESS;
}

static bool rdr_08(struct judge *j)
{
    static const DWORD known[] = { SCARD_ATTR_VENDOR_NAME, SCARD_ATTR_VENDOR_IFD_VERSION, SCARD_ATTR_ATR_STRING };
    uint8_t first[MAX_BUFFER_SIZE], again[MAX_BUFFER_SIZE];
    DWORD n, m;
    LONG status;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!attribute(j, known[i], first, &n, &status) && status == SCARD_E_UNSUPPORTED_FEATURE)
            return does_not_apply(j, "the reader does not tell its name, its version or the ATR as attributes");
        if (status != SCARD_S_SUCCESS || !attribute(j, known[i], again, &m, &status))
            return fail(j, "attribute %06lX: %s", (unsigned long)known[i], pcsc_stringify_error(status));
        if (!in_equal(in_of(first, n), in_of(again, m)))
            return fail(j, "attribute %06lX varies", (unsigned long)known[i]);
        if (known[i] == SCARD_ATTR_ATR_STRING && !in_equal(in_of(first, n), j->wire->atr(j->wire->ctx)))
            return fail(j, "the attribute ATR is not the ATR");
    }
    return !attribute(j, SCARD_ATTR_VALUE(SCARD_CLASS_VENDOR_DEFINED, 0x5A5A), first, &n, &status) ||
           fail(j, "an attribute that nobody knows is answered");
}

const struct row rows_rdr[] = {
    { "RDR-01", "hands", "the reader says when a card comes and goes",
      "needs the card taken out: left to the tree's own tests", NULL, "PC/SC part 3" },
    { "RDR-02", "hands", "no coming and going is lost",
      "needs the card taken out: left to the tree's own tests", NULL,
      "PC/SC" },
    { "RDR-03", "F pcsc", "the protocols of the ATR work, and no others", NULL, rdr_03, "PC/SC part 5" },
    { "RDR-04", "F pcsc", "a transaction keeps others out", NULL, rdr_04, "PC/SC part 5" },
    { "RDR-05", "F pcsc verify", "leaving keeps what is verified, reset and unpower clear it", NULL, rdr_05,
      "PC/SC part 5" },
    { "RDR-06", "F pcsc", "the features that are listed work", NULL, rdr_06, "PC/SC part 10" },
    { "RDR-07", "hands", "a PIN is taken at the reader's keys", "needs a finger on the reader's keys", NULL,
      "PC/SC part 10" },
    { "RDR-08", "F pcsc", "attributes are constant, and unknown ones refused", NULL, rdr_08, "PC/SC part 3" },
    { "RDR-09", "hands", "several readers do not disturb each other",
      "needs several readers: left to the tree's own tests", NULL, "house" },
    { "RDR-10", "hands", "the card survives restarts of pcscd",
      "needs pcscd restarted: left to the tree's own tests",
      NULL, "house" },
    { "RDR-11", "hands", "a trace replays byte for byte",
      "needs the driver's trace: left to the tree's own tests", NULL,
      "house" },
    { "RDR-12", "hands", "faults happen where the plan says",
      "needs the driver's fault plan: left to the tree's own tests",
      NULL, "house" },
    { .id = NULL },
};
