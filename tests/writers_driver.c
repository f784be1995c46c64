/* SPDX-License-Identifier: BSD-2-Clause */
/* writers_driver.c — the driver in a process of its own, as pcscd runs it: one thread asks for events, one is a client
 * that updates its counter by APDUs alone. */
#include "tests/writers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <ifdhandler.h>

#include <openssl/evp.h>

static struct {
    pthread_mutex_t lock; /* pcscd's, one for each reader */
    struct ledger *ledger;
    unsigned role;
    bool present;         /* and powered, and seen to know no PIN */
    atomic_bool over;
    uint8_t answer[PIV_RESPONSE_MAX];
} my = { .lock = PTHREAD_MUTEX_INITIALIZER };

enum { NO_CARD = 1 }; /* where a status word would be: the session is over */

static sw_t transmit_locked(struct in command, struct in *data)
{
    SCARD_IO_HEADER send = { 1, 0 }, receive = { 0, 0 };
    uint8_t bytes[300];
    DWORD n = sizeof my.answer;
    RESPONSECODE rc;

    /* A buffer of its own: the driver wipes the commands that carry secrets. */
    memcpy(bytes, command.p, command.n);
    rc = IFDHTransmitToICC(0, send, bytes, command.n, my.answer, &n, &receive);
    if (rc != IFD_SUCCESS || n < 2)
        return NO_CARD;
    *data = in_of(my.answer, n - 2);
    return (sw_t)(my.answer[n - 2] << 8 | my.answer[n - 1]);
}

static sw_t transmit(struct in command, struct in *data)
{
    sw_t sw = NO_CARD;

    pthread_mutex_lock(&my.lock);
    if (my.present)
        sw = transmit_locked(command, data);
    pthread_mutex_unlock(&my.lock);
    return sw;
}

/* --- the event thread ----------------------------------------------------------------------------------- */

/* A card that is put in knows no PIN, even if it was verified a moment before. */
static void inserted(void)
{
    uint8_t atr[MAX_ATR_SIZE];
    struct in none;
    DWORD n = sizeof atr;
    sw_t sw;

    if (IFDHPowerICC(0, IFD_POWER_UP, atr, &n) != IFD_SUCCESS)
        return; /* gone again */
    sw = transmit_locked(in_of("\x00\x20\x00\x80", 4), &none);
    if (sw != NO_CARD && (sw & 0xFFF0) != SW_TRIES && sw != SW_BLOCKED && sw != SW_MEMORY_FAILURE)
        guilty(my.ledger, "a card that was put in answers VERIFY without PIN with %04X", sw);
}

static void look_for_change(void)
{
    bool there;

    pthread_mutex_lock(&my.lock);
    there = IFDHICCPresence(0) == IFD_ICC_PRESENT;
    if (there && !my.present) {
        my.ledger->insertions++;
        inserted();
    } else if (!there && my.present) {
        my.ledger->removals++;
    }
    my.present = there;
    pthread_mutex_unlock(&my.lock);
}

static void *watch(void *unused)
{
    long (*poll_events)(DWORD, int) = NULL;
    DWORD n = sizeof poll_events;

    (void)unused;
    if (IFDHGetCapabilities(0, TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, &n, (PUCHAR)&poll_events) != IFD_SUCCESS) {
        guilty(my.ledger, "the driver has no event function");
        return NULL;
    }
    while (!my.over) {
        poll_events(0, 200);
        look_for_change();
    }
    return NULL;
}

/* --- the client ----------------------------------------------------------------------------------------- */

/* expect — one command of a session.  A card that is taken out, and one that was put in meanwhile, end it. */
static bool expect(struct in command, sw_t wanted, struct in *data, const char *what)
{
    sw_t sw = transmit(command, data);

    if (sw == wanted || (wanted == SW_TRIES && (sw & 0xFFF0) == SW_TRIES))
        return true;
    if (sw == NO_CARD || sw == SW_SECURITY_STATUS)
        my.ledger->interrupted++;
    else if (sw == SW_MEMORY_FAILURE) /* no lock, or another was first */
        my.ledger->refused++;
    else
        guilty(my.ledger, "%s is answered %04X", what, sw);
    return false;
}

static bool verify(bool right)
{
    uint8_t bytes[13] = { 0x00, 0x20, 0x00, 0x80, 0x08 };
    struct in none;

    memcpy(bytes + 5, pin_value(PIN_APPLICATION, right ? OLD : WRONG).p, 8);
    return expect(in_of(bytes, sizeof bytes), right ? SW_SUCCESS : SW_TRIES, &none, right ? "the PIN" : "a wrong PIN");
}

static bool encipher(const uint8_t challenge[8], uint8_t response[8])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_des_ede3_ecb(), NULL, management_value(OLD).p, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_EncryptUpdate(ctx, response, &n, challenge, 8) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return ok && n == 8;
}

/* GENERAL AUTHENTICATE with key 9B: challenge and response. */
static bool manage(void)
{
    uint8_t bytes[17] = { 0x00, 0x87, 0x03, 0x9B, 0x0C, 0x7C, 0x0A, 0x82, 0x08 };
    struct in data;

    return expect(in_of("\x00\x87\x03\x9B\x04\x7C\x02\x81\x00\x00", 10), SW_SUCCESS, &data, "a challenge") &&
           (data.n == 12 || guilty(my.ledger, "a challenge of %zu bytes", data.n)) &&
           encipher(data.p + 4, bytes + 9) && expect(in_of(bytes, 17), SW_SUCCESS, &data, "the management key");
}

/* get — also without any right.  Nothing there is nothing counted yet. */
static bool get(struct counters *counters)
{
    uint8_t command[] = { 0x00, 0xCB, 0x3F, 0xFF, 0x05, 0x5C, 0x03, COUNTED >> 16, COUNTED >> 8 & 0xFF,
                          COUNTED & 0xFF, 0x00 };
    struct in data, value = { NULL, 0 };
    sw_t sw = transmit(in_of(command, sizeof command), &data);

    if (sw == NO_CARD) {
        my.ledger->interrupted++;
        return false;
    }
    if (sw != SW_NOT_FOUND && (sw != SW_SUCCESS || !tlv_get(&data, 0x53, &value)))
        return guilty(my.ledger, "GET DATA is answered %04X", sw);
    my.ledger->looks++;
    return counters_read(value, counters) || guilty(my.ledger, "what is on the card is not what anybody wrote");
}

static bool put(const struct counters *counters)
{
    uint8_t bytes[80] = { 0x00, 0xDB, 0x3F, 0xFF, 7 + COUNTERS_SIZE, 0x5C, 0x03, COUNTED >> 16, COUNTED >> 8 & 0xFF,
                          COUNTED & 0xFF, 0x53, COUNTERS_SIZE };
    struct in none;

    counters_write(counters, bytes + 12);
    return expect(in_of(bytes, 12 + COUNTERS_SIZE), SW_SUCCESS, &none, "PUT DATA");
}

/* One session.  Whatever came in between, the right to write is the old card's, and so the update is of what was
 * read. */
static void update(void)
{
    struct ledger *ledger = my.ledger;
    struct counters now;
    uint64_t since = clock_ms();

    if ((random() % 10 != 0 || verify(false)) && verify(true) && manage() && get(&now)) {
        if (now.of[my.role] != ledger->counted)
            guilty(ledger, "counter %u is %u after %u acknowledged updates", my.role, now.of[my.role],
                   ledger->counted);
        now.of[my.role]++;
        if (put(&now)) {
            ledger->done++;
            ledger->counted++;
        }
    }
    took(ledger, since);
}

static void reach(enum phase phase)
{
    while (shared->phase < (int)phase)
        pause_ms(2);
}

/* agree — look until what the driver shows is what is in the file. */
static void agree(void)
{
    enum { PATIENCE_MS = 5000 };
    uint64_t until = clock_ms() + PATIENCE_MS;

    do {
        pause_ms(5);
        if (!get(&my.ledger->seen))
            memset(&my.ledger->seen, 0xFF, sizeof my.ledger->seen);
    } while (memcmp(&my.ledger->seen, &shared->last, sizeof shared->last) != 0 && clock_ms() < until);
    shared->ready++;
}

static void alone(void)
{
    struct counters now;

    if (shared->alone != my.role) {
        shared->ready++;
        return;
    }
    for (unsigned i = 0; i < ALONE_CHANGES; i++) {
        if (!verify(true) || !manage() || !get(&now))
            break;
        now.of[my.role]++;
        if (!put(&now))
            break;
        my.ledger->counted++;
    }
    shared->ready++;
}

void work_driver(unsigned role, const char *directory)
{
    char name[PATH_ROOM + 40];
    pthread_t thread;

    my.ledger = &shared->of[role];
    my.role = role;
    snprintf(name, sizeof name, "%s:", directory);
    if (IFDHCreateChannelByName(0, name) != IFD_SUCCESS || pthread_create(&thread, NULL, watch, NULL) != 0) {
        guilty(my.ledger, "the driver does not start");
        return;
    }
    srandom((unsigned)clock_ms() + role);
    while (shared->phase < PHASE_STOP) {
        if (shared->phase == PHASE_WORK && my.ledger->verdict[0] == '\0')
            update();
        pause_ms(10);
    }
    shared->ready++;
    reach(PHASE_AGREE);
    agree();
    reach(PHASE_ALONE);
    alone();
    reach(PHASE_AGREE_AGAIN);
    agree();
    reach(PHASE_END);
    my.over = true;
    pthread_join(thread, NULL);
    IFDHCloseChannel(0);
}
