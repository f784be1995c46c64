/* SPDX-License-Identifier: BSD-2-Clause */
/* pinpad.c — the socket of a reader's keypad, and one question at a time. */
#include "driver/pinpad.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/log.h"
#include "driver/watch.h"

enum { ENTER = 'E', CANCEL = 'C', GIVE_UP = 'T' };

struct pinpad {
    pthread_mutex_t lock; /* `listener`, for as long as it takes to duplicate or replace it */
    int listener;         /* -1 = none */
    int wake;             /* eventfd */
    atomic_bool there;
    dev_t device;         /* the socket that listener is */
    ino_t inode;
    bool told;            /* that it could not be made */
    char directory[PATH_MAX];
};

struct pinpad *pinpad_new(const char *directory)
{
    struct pinpad *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    snprintf(p->directory, sizeof p->directory, "%s", directory);
    p->listener = -1;
    p->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return p;
}

static int open_directory(const struct pinpad *p)
{
    return open(p->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* still_ours — the entry is the socket that we listen on: directories come and go, and so do other pcscds. */
static bool still_ours(const struct pinpad *p, int directory)
{
    struct stat st;

    return p->listener >= 0 && fstatat(directory, KEYPAD_SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == p->device && st.st_ino == p->inode;
}

static void replace(struct pinpad *p, int listener)
{
    pthread_mutex_lock(&p->lock);
    int before = p->listener;
    p->listener = listener;
    pthread_mutex_unlock(&p->lock);
    if (before >= 0)
        close(before);
}

static void remove_socket(struct pinpad *p)
{
    int directory = open_directory(p);

    if (directory >= 0 && still_ours(p, directory))
        unlinkat(directory, KEYPAD_SOCKET, 0);
    if (directory >= 0)
        close(directory);
    replace(p, -1);
}

static void make_socket(struct pinpad *p)
{
    struct stat st;
    int directory = open_directory(p);

    if (directory < 0)
        return; /* it is waited for */
    if (!still_ours(p, directory)) {
        int listener = keypad_listen(directory);
        if (listener < 0 && !p->told)
            log_line(LEVEL_ERROR, "reader %s: no socket for its keypad: %s", p->directory, strerror(errno));
        p->told = listener < 0;
        if (listener >= 0 && fstatat(directory, KEYPAD_SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            p->device = st.st_dev;
            p->inode = st.st_ino;
        }
        replace(p, listener);
    }
    close(directory);
}

void pinpad_set(struct pinpad *p, bool there)
{
    if (there)
        make_socket(p);
    else if (p->listener >= 0)
        remove_socket(p);
    atomic_store(&p->there, there);
}

bool pinpad_there(const struct pinpad *p)
{
    return atomic_load(&p->there);
}

void pinpad_free(struct pinpad *p)
{
    if (p == NULL)
        return;
    remove_socket(p);
    if (p->wake >= 0)
        close(p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void pinpad_wake(struct pinpad *p)
{
    const uint64_t one = 1;

    if (p->wake >= 0 && write(p->wake, &one, sizeof one) < 0)
        return; /* full: it is readable, which is all that matters */
}

bool pinpad_begin(struct pinpad *p, const struct pinpad_card *card, struct pinpad_call *call)
{
    uint64_t count;

    *call = (struct pinpad_call){ .pad = p, .card = *card, .listener = -1, .keypad = -1 };
    call->watch = watch_new(p->directory, "card");
    if (call->watch == NULL)
        return false;
    watch_follow(call->watch, card->path);
    pthread_mutex_lock(&p->lock);
    if (p->listener >= 0)
        call->listener = fcntl(p->listener, F_DUPFD_CLOEXEC, 0);
    pthread_mutex_unlock(&p->lock);
    if (p->wake >= 0 && read(p->wake, &count, sizeof count) < 0)
        return errno == EAGAIN; /* nothing was there to be forgotten */
    return true;
}

static void hang_up(struct pinpad_call *call)
{
    if (call->keypad >= 0)
        close(call->keypad);
    call->keypad = -1;
}

static bool send_question(const struct pinpad_call *call, const struct keypad_question *question)
{
    uint8_t bytes[KEYPAD_MESSAGE_MAX];
    struct out message = out_of(bytes, sizeof bytes);

    keypad_put_question(&message, question);
    return send(call->keypad, bytes, message.n, MSG_NOSIGNAL) == (ssize_t)message.n;
}

/* next_keypad — the first in the queue that is still there: it is asked.  False: nobody waits now. */
static bool next_keypad(struct pinpad_call *call, const struct keypad_question *question)
{
    while (call->keypad < 0) {
        call->keypad = accept4(call->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (call->keypad < 0 && errno != EINTR && errno != ECONNABORTED)
            return false;
        if (call->keypad >= 0 && !send_question(call, question))
            hang_up(call);
    }
    return true;
}

/* take_answer — true: *answer is one.  False: nothing yet, or the keypad was pulled out. */
static bool take_answer(struct pinpad_call *call, enum pinpad_answer *answer, struct secret **digits)
{
    /* The digits go from the kernel into the secure heap, and nowhere else. */
    struct secret *message = secret_new(KEYPAD_MESSAGE_MAX + 1);
    uint8_t kind = 0;
    bool whole = false;

    *answer = PINPAD_FAILED;
    if (message == NULL)
        return true;
    ssize_t n = recv(call->keypad, message->p, message->n, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        secret_free(message);
        return false;
    }
    struct in in = in_of(message->p, n > 0 && n <= KEYPAD_MESSAGE_MAX ? (size_t)n : 0);
    if (in_u8(&in, &kind) && kind == ENTER) {
        *digits = secret_copy(in);
        *answer = *digits != NULL ? PINPAD_ENTERED : PINPAD_FAILED;
        whole = true;
    } else if ((kind == CANCEL || kind == GIVE_UP) && in_end(&in)) {
        *answer = kind == CANCEL ? PINPAD_CANCELLED : PINPAD_TIMEOUT;
        whole = true;
    } else {
        hang_up(call); /* gone, or no keypad */
    }
    secret_free(message);
    return whole;
}

/* wait_keypad — for anything at all.  True: of the keypad, or of its queue. */
static bool wait_keypad(const struct pinpad_call *call, uint64_t now, uint64_t deadline)
{
    struct pollfd fds[] = {
        { .fd = call->keypad >= 0 ? call->keypad : call->listener, .events = POLLIN },
        { .fd = call->pad->wake, .events = POLLIN },
        { .fd = watch_descriptor(call->watch), .events = POLLIN },
    };
    uint64_t left = deadline - now;

    if (fds[2].fd < 0 && left > WATCH_BLIND_MS)
        left = WATCH_BLIND_MS;
    return poll(fds, 3, (int)left) > 0 && fds[0].revents != 0;
}

/* interrupted — the reader ends, or the card is not the one that it was. */
static bool interrupted(const struct pinpad_call *call)
{
    uint64_t count;

    return (call->pad->wake >= 0 && read(call->pad->wake, &count, sizeof count) > 0) ||
           watch_drain(call->watch) == WATCH_REPLACED || !call->card.there(call->card.ctx);
}

enum pinpad_answer pinpad_ask(struct pinpad_call *call, const struct keypad_question *question, struct secret **digits)
{
    uint64_t deadline = watch_clock() + question->seconds * 1000U;
    enum pinpad_answer answer;

    if (call->keypad >= 0 && !send_question(call, question))
        return PINPAD_CANCELLED;
    for (;;) {
        if (interrupted(call))
            return PINPAD_WOKEN;
        /* A keypad that is pulled out before it has answered anything is followed by the next one. */
        if (call->keypad < 0 && call->answered)
            return PINPAD_CANCELLED;
        bool asked = next_keypad(call, question);
        uint64_t now = watch_clock();
        if (now >= deadline)
            return PINPAD_TIMEOUT;
        if (wait_keypad(call, now, deadline) && asked && take_answer(call, &answer, digits)) {
            call->answered = true;
            return answer;
        }
    }
}

void pinpad_end(struct pinpad_call *call, sw_t sw)
{
    uint8_t bytes[KEYPAD_MESSAGE_MAX];
    struct out message = out_of(bytes, sizeof bytes);

    keypad_put_result(&message, sw);
    if (call->keypad >= 0 && send(call->keypad, bytes, message.n, MSG_NOSIGNAL) < 0)
        log_line(LEVEL_DEBUG, "reader %s: its keypad is gone", call->pad->directory);
    hang_up(call);
    if (call->listener >= 0)
        close(call->listener);
    watch_free(call->watch);
}
