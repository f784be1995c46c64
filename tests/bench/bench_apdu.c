/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_apdu.c — what APDUs cost through SCardTransmit: rows, sides in turn, and many clients at once.
 *
 *   bench_apdu rows DIVISOR SIDE[=SOCKET]…    each row below on every side; a higher divisor has fewer blocks
 *   bench_apdu rates MS ROUNDS SIDE=SOCKET…   RSA-2048 signatures a second: 1, 2, 4, 8 clients on 1 and 2 readers
 *
 * A side is a pcscd with its driver; openssl is what the floor driver does, called without any pcscd. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <winscard.h>

#include "tests/bench/alternate.h"
#include "tests/bench/ifdnull.h"

enum { READERS = 3, APDU_MAX = 700, ANSWER_MAX = 65538, CHUNK = 255 };

#define LOGIN "0020008008313233343536FFFF"
#define LOGOUT "0020FF80"

/* What the data of GENERAL AUTHENTICATE is made of. */
enum about { NOTHING, BLOCK, HASH, POINT };

static const struct row {
    const char *name;
    size_t reader;         /* of the cards that bench.sh makes */
    const char *first;     /* sent before each block, not counted */
    const char *hex;       /* the APDU, or the head of a GENERAL AUTHENTICATE: P1 P2 */
    enum about about;
    size_t size;
    enum how { PLAIN, CHAINED, RESET } how; /* short APDUs; a reset before each, not counted */
    size_t n, blocks;
} rows[] = {
    { "select", 0, NULL, "00A4040009A0000003080000100000", NOTHING, 0, PLAIN, 50, 60 },
    { "status", 0, LOGOUT, "00200080", NOTHING, 0, PLAIN, 50, 60 },
    { "status-verified", 0, LOGIN, "00200080", NOTHING, 0, PLAIN, 50, 40 },
    { "get-1200", 0, NULL, "00CB3FFF0000055C035FC1050000", NOTHING, 0, PLAIN, 40, 40 },
    { "get-1200-short", 0, NULL, "00CB3FFF055C035FC10500", NOTHING, 0, PLAIN, 20, 40 },
    { "get-3000", 0, NULL, "00CB3FFF0000055C035FC10A0000", NOTHING, 0, PLAIN, 40, 40 },
    { "get-3000-short", 0, NULL, "00CB3FFF055C035FC10A00", NOTHING, 0, PLAIN, 10, 40 },
    { "sign-rsa2048", 0, LOGIN, "079A", BLOCK, 256, PLAIN, 8, 60 },
    { "sign-rsa2048-short", 0, LOGIN, "079A", BLOCK, 256, CHAINED, 8, 30 },
    { "sign-rsa3072", 1, LOGIN, "059A", BLOCK, 384, PLAIN, 4, 20 },
    { "sign-rsa4096", 2, LOGIN, "169A", BLOCK, 512, PLAIN, 2, 20 },
    { "sign-p256", 0, NULL, "119E", HASH, 32, PLAIN, 40, 80 },
    { "sign-p384", 1, NULL, "149E", HASH, 48, PLAIN, 6, 20 },
    { "ecdh-p256", 1, LOGIN, "119D", POINT, 32, PLAIN, 20, 40 },
    { "decrypt-rsa2048", 0, LOGIN, "079D", BLOCK, 256, PLAIN, 8, 30 },
    { "verify-first", 0, NULL, LOGIN, NOTHING, 0, RESET, 1, 15 },
    { "verify-later", 0, LOGIN, LOGIN, NOTHING, 0, PLAIN, 10, 20 },
};

enum { ROWS = sizeof rows / sizeof *rows, ROW_SIGN = 7 };
static const double row_seconds = 10;

static SCARDCONTEXT context;
static SCARDHANDLE cards[READERS];

/* --- one APDU --------------------------------------------------------------------------------------------------- */

static size_t unhex(const char *text, unsigned char *out)
{
    size_t n = 0;
    unsigned byte;
    int used;

    for (; sscanf(text, " %2x%n", &byte, &used) == 1; text += used)
        out[n++] = (unsigned char)byte;
    return n;
}

/* A point that is on the curve: a public key made for it. */
static void put_point(unsigned char *to, size_t n)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    if (key == NULL || EVP_PKEY_get_octet_string_param(key, "pub", to, n, &n) != 1)
        exit(1);
    EVP_PKEY_free(key);
}

static size_t put_head(unsigned char *to, unsigned char tag, size_t n)
{
    size_t at = 0;

    to[at++] = tag;
    if (n > 0xFF)
        to[at++] = 0x82, to[at++] = (unsigned char)(n >> 8);
    else if (n > 0x7F)
        to[at++] = 0x81;
    to[at++] = (unsigned char)n;
    return at;
}

/* SP 800-73-5 Part 2, 3.2.4: 7C { 82 00, 81 or 85 }. */
static size_t template_of(const struct row *row, unsigned char *to)
{
    unsigned char body[APDU_MAX], head[8];
    size_t n = row->about == POINT ? 1 + 2 * row->size : row->size, at = 2, m;

    memcpy(body, "\x82", 2);
    at += put_head(body + at, row->about == POINT ? 0x85 : 0x81, n);
    memset(body + at, 0xFF, n);
    if (row->about == POINT)
        put_point(body + at, n);
    else
        memcpy(body + at, "\x00\x01", 2); /* below the modulus */
    m = put_head(head, 0x7C, at + n);
    memcpy(to, head, m);
    memcpy(to + m, body, at + n);
    return m + at + n;
}

/* The row's command as one APDU, or the first block of a chain and the rest. */
static size_t command_of(const struct row *row, unsigned char apdu[APDU_MAX], unsigned char data[APDU_MAX], size_t *nc)
{
    unsigned char p[2];

    *nc = 0;
    if (row->about == NOTHING)
        return unhex(row->hex, apdu);
    unhex(row->hex, p);
    *nc = template_of(row, data);
    memcpy(apdu, (const unsigned char[]){ 0x00, 0x87, p[0], p[1], 0, (unsigned char)(*nc >> 8), (unsigned char)*nc }, 7);
    memcpy(apdu + 7, data, *nc);
    memset(apdu + 7 + *nc, 0, 2);
    return 7 + *nc + 2;
}

static unsigned send_one(SCARDHANDLE card, const unsigned char *apdu, size_t n)
{
    static unsigned char answer[ANSWER_MAX];
    DWORD m = sizeof answer;

    if (SCardTransmit(card, SCARD_PCI_T1, apdu, n, NULL, answer, &m) != SCARD_S_SUCCESS || m < 2)
        return 0;
    return (unsigned)answer[m - 2] << 8 | answer[m - 1];
}

static unsigned take_rest(SCARDHANDLE card, unsigned sw)
{
    while (sw >> 8 == 0x61)
        sw = send_one(card, (const unsigned char[]){ 0x00, 0xC0, 0x00, 0x00, (unsigned char)sw }, 5);
    return sw;
}

static unsigned send_chain(SCARDHANDLE card, const unsigned char *head, const unsigned char *data, size_t nc)
{
    unsigned char block[5 + CHUNK + 1] = { 0x10, head[1], head[2], head[3], CHUNK };
    unsigned sw = 0x9000;

    for (; nc > CHUNK && sw == 0x9000; data += CHUNK, nc -= CHUNK) {
        memcpy(block + 5, data, CHUNK);
        sw = send_one(card, block, 5 + CHUNK);
    }
    block[0] = 0x00;
    block[4] = (unsigned char)nc;
    memcpy(block + 5, data, nc);
    block[5 + nc] = 0;
    return sw == 0x9000 ? take_rest(card, send_one(card, block, 5 + nc + 1)) : sw;
}

/* --- sides ------------------------------------------------------------------------------------------------------ */

static unsigned send_hex(SCARDHANDLE card, const char *hex)
{
    unsigned char apdu[64];

    return hex == NULL ? 0x9000 : send_one(card, apdu, unhex(hex, apdu));
}

static bool reset(SCARDHANDLE card)
{
    DWORD protocol;

    return SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_RESET_CARD, &protocol) ==
           SCARD_S_SUCCESS;
}

static bool is_done(unsigned sw)
{
    return sw == 0x9000 || sw >> 4 == 0x63C;
}

static bool open_pcsc(const char *socket)
{
    static char names[4096];
    DWORD n = sizeof names, protocol;
    size_t i = 0;

    setenv("PCSCLITE_CSOCK_NAME", socket, 1);
    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS ||
        SCardListReaders(context, NULL, names, &n) != SCARD_S_SUCCESS)
        return false;
    for (const char *name = names; *name != '\0' && i < READERS; name += strlen(name) + 1) {
        if (SCardConnect(context, name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &cards[i], &protocol) ==
            SCARD_S_SUCCESS)
            i++;
    }
    return i > 0;
}

static bool run_pcsc(size_t number, size_t n, double *us)
{
    const struct row *row = &rows[number];
    unsigned char apdu[APDU_MAX], data[APDU_MAX];
    size_t nc, m = command_of(row, apdu, data, &nc);
    SCARDHANDLE card = cards[row->reader];

    if (card == 0 || send_hex(card, row->first) == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (row->how == RESET && !reset(card))
            return false;
        double before = now_us();
        unsigned sw = row->how == CHAINED ? send_chain(card, apdu, data, nc) : take_rest(card, send_one(card, apdu, m));
        us[i] = now_us() - before;
        if (!is_done(sw))
            return false;
    }
    return true;
}

static bool open_nothing(const char *where)
{
    (void)where;
    return true;
}

/* What the floor driver does with the command, without a pcscd around it. */
static bool run_openssl(size_t number, size_t n, double *us)
{
    unsigned char apdu[APDU_MAX], data[APDU_MAX], answer[4096];
    size_t nc, m = command_of(&rows[number], apdu, data, &nc);

    if (rows[number].about == NOTHING || rows[number].how != PLAIN)
        return false;
    for (size_t i = 0; i < n; i++) {
        double before = now_us();
        if (bench_answer(0, apdu, m, answer) <= 2)
            return false;
        us[i] = now_us() - before;
    }
    return true;
}

/* sides_of — from SIDE=SOCKET arguments; their number. */
static size_t sides_of(char **args, struct side *sides, size_t max)
{
    size_t n = 0;

    for (; args[n] != NULL && n < max; n++) {
        char *socket = strchr(args[n], '=');
        sides[n] = (struct side){ args[n], "", open_nothing, run_openssl, 0, -1 };
        if (socket != NULL) {
            *socket = '\0';
            sides[n] = (struct side){ args[n], socket + 1, open_pcsc, run_pcsc, 0, -1 };
        }
        if (!side_start(&sides[n]))
            exit(1);
    }
    return n;
}

static int verb_rows(char **args)
{
    struct side sides[8];
    size_t divisor = strtoul(args[0], NULL, 10), n = sides_of(args + 1, sides, sizeof sides / sizeof *sides);

    if (divisor == 0)
        return 2;
    for (size_t i = 0; i < ROWS; i++)
        alternate(sides, n, i, rows[i].name, rows[i].n, 1 + (rows[i].blocks - 1) / divisor, row_seconds);
    for (size_t i = 0; i < n; i++)
        side_stop(&sides[i]);
    return 0;
}

/* --- many clients ----------------------------------------------------------------------------------------------- */

enum { CLIENTS = 8 };

/* One client for a while on one reader.  The order's row is the reader; the answer one number: how many a second. */
static double rate_us;

static bool run_rate(size_t reader, size_t n, double *us)
{
    unsigned char apdu[APDU_MAX], data[APDU_MAX];
    size_t nc, m = command_of(&rows[ROW_SIGN], apdu, data, &nc), done = 0;
    double start, now;

    if (send_hex(cards[reader], LOGIN) != 0x9000)
        return false;
    start = now = now_us();
    for (; now - start < rate_us; now = now_us(), done++)
        if (send_one(cards[reader], apdu, m) != 0x9000)
            return false;
    us[0] = (double)done * 1e6 / (now - start);
    return n == 1;
}

static void rate(const struct side clients[CLIENTS], const char *name, size_t n_clients, size_t n_readers)
{
    double sum = 0, one;

    for (size_t i = 0; i < n_clients; i++)
        if (!side_ask(&clients[i], i % n_readers, 1))
            exit(1);
    for (size_t i = 0; i < n_clients; i++) {
        if (!side_answer(&clients[i], 1, &one))
            exit(1);
        sum += one;
    }
    printf("rate-%zur-%zuc %s per_s %.1f\n", n_readers, n_clients, name, sum);
    fflush(stdout);
}

static int verb_rates(char **args)
{
    static struct side clients[4][CLIENTS];
    size_t rounds = strtoul(args[1], NULL, 10), n = 0;

    rate_us = strtod(args[0], NULL) * 1e3;
    for (char **side = args + 2; *side != NULL && n < 4; side++, n++) {
        char *socket = strchr(*side, '=');
        if (socket == NULL)
            return 2;
        *socket = '\0';
        for (size_t i = 0; i < CLIENTS; i++) {
            clients[n][i] = (struct side){ *side, socket + 1, open_pcsc, run_rate, 0, -1 };
            if (!side_start(&clients[n][i]))
                return 1;
        }
    }
    for (size_t round = 0; round < rounds; round++)
        for (size_t c = 1; c <= CLIENTS; c *= 2)
            for (size_t readers = 1; readers <= 2; readers++)
                for (size_t k = 0; k < n; k++) {
                    size_t i = round % 2 == 0 ? k : n - 1 - k;
                    rate(clients[i], clients[i][0].name, c, readers);
                }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < CLIENTS; k++)
            side_stop(&clients[i][k]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "rows") == 0)
        return verb_rows(argv + 2);
    if (argc > 4 && strcmp(argv[1], "rates") == 0)
        return verb_rates(argv + 2);
    fputs("usage: bench_apdu rows DIVISOR SIDE[=SOCKET]… | rates MS ROUNDS SIDE=SOCKET…\n", stderr);
    return 2;
}
