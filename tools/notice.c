/* SPDX-License-Identifier: BSD-2-Clause */
/* notice.c — waits until pcscd has noticed a change.
 *
 * The client library waits for ever on a daemon that has been stopped, so a thread does that: it is left behind when
 * its time is over.
 */
#include "tools/notice.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <winscard.h>

/* As many as one library may have; pcscd 1.9 has room for 16, 2.5 for all. */
enum { WAIT_MS = 1000, NOTICE_READERS_MAX = 255 };

struct notice {
    bool present, seen;
    sem_t ready, changed, over;
    SCARDCONTEXT context;
    char names[NOTICE_READERS_MAX * MAX_READERNAME];
    SCARD_READERSTATE states[NOTICE_READERS_MAX];
    DWORD n; /* readers */
};

/* The states as they are now are what later ones are compared with. */
static bool look(struct notice *notice, DWORD ms)
{
    LONG rv = SCardGetStatusChange(notice->context, ms, notice->states, notice->n);

    /* pcsc-lite 2.5 (2.5.3 seen) reads an event that comes between its registration and its question as the answer; the
     * context is of no more use then. */
    if (rv == SCARD_E_UNKNOWN_READER || rv == SCARD_E_UNSUPPORTED_FEATURE) {
        SCardReleaseContext(notice->context);
        if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &notice->context) == SCARD_S_SUCCESS)
            rv = SCardGetStatusChange(notice->context, ms, notice->states, notice->n);
    }
    if (rv != SCARD_S_SUCCESS)
        return false;
    for (DWORD i = 0; i < notice->n; i++)
        notice->states[i].dwCurrentState = notice->states[i].dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
    return true;
}

static bool any_card(const struct notice *notice)
{
    bool any = false;

    for (DWORD i = 0; i < notice->n; i++)
        any |= (notice->states[i].dwEventState & SCARD_STATE_PRESENT) != 0;
    return any;
}

static void list(struct notice *notice)
{
    DWORD size = sizeof notice->names;

    if (SCardListReaders(notice->context, NULL, notice->names, &size) != SCARD_S_SUCCESS)
        return;
    for (const char *name = notice->names; *name != '\0' && notice->n < NOTICE_READERS_MAX;
         name += strlen(name) + 1)
        notice->states[notice->n++].szReader = name;
    if (!look(notice, 0) || (!notice->present && !any_card(notice)))
        notice->n = 0;
}

static bool changed_to(const struct notice *notice, DWORD state)
{
    for (DWORD i = 0; i < notice->n; i++)
        if ((notice->states[i].dwEventState & SCARD_STATE_CHANGED) != 0 &&
            (notice->states[i].dwEventState & state) != 0)
            return true;
    return false;
}

static void *watch(void *arg)
{
    struct notice *notice = arg;
    const DWORD state = notice->present ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY;
    bool connected = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &notice->context) == SCARD_S_SUCCESS;

    if (connected)
        list(notice);
    sem_post(&notice->ready);
    while (sem_wait(&notice->changed) != 0)
        continue;
    /* A card that replaces another is first gone. */
    while (notice->n > 0 && !notice->seen && look(notice, WAIT_MS))
        notice->seen = changed_to(notice, state);
    if (connected)
        SCardReleaseContext(notice->context);
    sem_post(&notice->over);
    return NULL;
}

static bool wait_for(sem_t *semaphore, long ms)
{
    struct timespec end;
    int status;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000;
    if (end.tv_nsec >= 1000000000)
        end.tv_sec++, end.tv_nsec -= 1000000000;
    do
        status = sem_timedwait(semaphore, &end);
    while (status != 0 && errno == EINTR);
    return status == 0;
}

/* With its thread over, a notice can go; one whose thread hangs is left to the end of the process. */
static void release(struct notice *notice)
{
    sem_destroy(&notice->ready);
    sem_destroy(&notice->changed);
    sem_destroy(&notice->over);
    free(notice);
}

struct notice *notice_begin(bool present)
{
    struct notice *notice = calloc(1, sizeof *notice);
    pthread_t thread;

    if (notice == NULL)
        return NULL;
    notice->present = present;
    sem_init(&notice->ready, 0, 0);
    sem_init(&notice->changed, 0, 0);
    sem_init(&notice->over, 0, 0);
    if (pthread_create(&thread, NULL, watch, notice) != 0) {
        release(notice);
        return NULL;
    }
    pthread_detach(thread);
    if (!wait_for(&notice->ready, WAIT_MS))
        return NULL;
    if (notice->n > 0)
        return notice;
    (void)notice_end(notice, false);
    return NULL;
}

bool notice_end(struct notice *notice, bool done)
{
    bool seen;

    if (notice == NULL)
        return true;
    if (!done)
        notice->n = 0;
    sem_post(&notice->changed);
    if (!wait_for(&notice->over, WAIT_MS))
        return false;
    seen = notice->seen;
    release(notice);
    return seen;
}
