/* SPDX-License-Identifier: BSD-2-Clause */
/* pcsc_client.c — a small PC/SC client for tests and benchmarks: what no installed program measures.
 *
 *     pcsc_client list               the readers, one a line     pcsc_client events DIR N       take the
 * card out of reader directory DIR and put it back, N times, and print how
 * long a client that waits in SCardGetStatusChange took to hear of it     pcsc_client exchange N
 * send one short GET DATA N times and print how long an exchange takes Times are printed in milliseconds:
 * "NAME median MIN max", one line a name.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <winscard.h>

enum { DEADLINE_MS = 5000, TIMES_MAX = 100000 };

static _Noreturn void die(const char *what, LONG rv)
{
    fprintf(stderr, "pcsc_client: %s: %s\n", what, pcsc_stringify_error(rv));
    exit(EXIT_FAILURE);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_times(const char *name, double *times, size_t n)
{
    qsort(times, n, sizeof *times, by_size);
    printf("%s median %.3f max %.3f\n", name, times[n / 2], times[n - 1]);
}

static SCARDCONTEXT open_context(void)
{
    SCARDCONTEXT context;
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);

    if (rv != SCARD_S_SUCCESS)
        die("no pcscd", rv);
    return context;
}

/* The readers' names, one after the other, with an empty one at the end. */
static void list_readers(SCARDCONTEXT context, char *names, DWORD size)
{
    LONG rv = SCardListReaders(context, NULL, names, &size);

    if (rv != SCARD_S_SUCCESS)
        die("no readers", rv);
}

static int verb_list(void)
{
    char names[4096];

    list_readers(open_context(), names, sizeof names);
    for (const char *name = names; *name != '\0'; name += strlen(name) + 1)
        puts(name);
    return EXIT_SUCCESS;
}

/* Who moves the card: waits for the gate, notes the time, moves. */
struct mover {
    pthread_barrier_t gate;
    const char *link, *target;
    int rounds;
    double at; /* written before the move, read after the event: pcscd orders the two */
};

static void *move_card(void *arg)
{
    struct mover *m = arg;
    const struct timespec settle = { .tv_nsec = 3000000 };

    for (int i = 0; i < 2 * m->rounds; i++) {
        pthread_barrier_wait(&m->gate);
        nanosleep(&settle, NULL); /* the other thread is on its way into the call that waits */
        m->at = now_ms();
        if ((i % 2 == 0 ? unlink(m->link) : symlink(m->target, m->link)) != 0) {
            fprintf(stderr, "pcsc_client: %s: %s\n", m->link, strerror(errno));
            exit(EXIT_FAILURE);
        }
    }
    return NULL;
}

static void wait_for_state(SCARDCONTEXT context, SCARD_READERSTATE *state, DWORD wanted)
{
    do {
        state->dwCurrentState = state->dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
        LONG rv = SCardGetStatusChange(context, DEADLINE_MS, state, 1);
        if (rv != SCARD_S_SUCCESS)
            die("the event did not come", rv);
    } while (!(state->dwEventState & wanted));
}

static int verb_events(const char *directory, int rounds)
{
    char link[PATH_MAX], target[PATH_MAX] = "", names[4096];
    double removal[TIMES_MAX], insertion[TIMES_MAX];
    struct mover mover = { .link = link, .target = target, .rounds = rounds };
    SCARDCONTEXT context = open_context();
    SCARD_READERSTATE state = { .szReader = names };
    pthread_t thread;

    snprintf(link, sizeof link, "%s/card", directory);
    if (readlink(link, target, sizeof target - 1) <= 0) {
        fprintf(stderr, "pcsc_client: %s: no card\n", link);
        return EXIT_FAILURE;
    }
    list_readers(context, names, sizeof names); /* the first one is meant */
    wait_for_state(context, &state, SCARD_STATE_PRESENT);
    pthread_barrier_init(&mover.gate, NULL, 2);
    pthread_create(&thread, NULL, move_card, &mover);
    for (int i = 0; i < rounds; i++) {
        pthread_barrier_wait(&mover.gate);
        wait_for_state(context, &state, SCARD_STATE_EMPTY);
        removal[i] = now_ms() - mover.at;
        pthread_barrier_wait(&mover.gate);
        wait_for_state(context, &state, SCARD_STATE_PRESENT);
        insertion[i] = now_ms() - mover.at;
    }
    pthread_join(thread, NULL);
    print_times("removal", removal, (size_t)rounds);
    print_times("insertion", insertion, (size_t)rounds);
    return EXIT_SUCCESS;
}

static int verb_exchange(int n)
{
    /* GET DATA of the discovery object: SP 800-73-5 Part 2, 3.1.2. */
    static const BYTE get_data[] = { 0x00, 0xCB, 0x3F, 0xFF, 0x03, 0x5C, 0x01, 0x7E, 0x00 };
    char names[4096];
    double times[TIMES_MAX];
    SCARDCONTEXT context = open_context();
    SCARDHANDLE card;
    DWORD protocol;

    list_readers(context, names, sizeof names);
    LONG rv = SCardConnect(context, names, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, &card, &protocol);
    if (rv != SCARD_S_SUCCESS)
        die("no card", rv);
    for (int i = 0; i < n; i++) {
        BYTE answer[258];
        DWORD length = sizeof answer;
        double start = now_ms();

        rv = SCardTransmit(card, SCARD_PCI_T1, get_data, sizeof get_data, NULL, answer, &length);
        times[i] = now_ms() - start;
        if (rv != SCARD_S_SUCCESS || length < 2 || answer[length - 2] != 0x90)
            die("the card did not answer", rv);
    }
    print_times("exchange", times, (size_t)n);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    int n = argc > 2 ? atoi(argv[argc - 1]) : 0;

    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return verb_list();
    if (n > 0 && n <= TIMES_MAX) {
        if (argc == 4 && strcmp(argv[1], "events") == 0)
            return verb_events(argv[2], n);
        if (argc == 3 && strcmp(argv[1], "exchange") == 0)
            return verb_exchange(n);
    }
    fprintf(stderr, "usage: pcsc_client list | events DIRECTORY N | exchange N\n");
    return 2;
}
