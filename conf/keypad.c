/* SPDX-License-Identifier: BSD-2-Clause */
/* keypad.c — messages and socket between a reader and its keypad. */
#include "conf/keypad.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { QUESTION = 'Q', RESULT = 'R', UNTIL_FULL = 1, QUEUE = 16 };

static const char *const prompts[KEYPAD_ENTRIES] = {
    [KEYPAD_PIN] = "PIN",
    [KEYPAD_PUK] = "PUK",
    [KEYPAD_NEW_PIN] = "new PIN",
    [KEYPAD_NEW_PUK] = "new PUK",
    [KEYPAD_NEW_PIN_AGAIN] = "new PIN again",
    [KEYPAD_NEW_PUK_AGAIN] = "new PUK again",
};

const char *keypad_prompt(enum keypad_entry entry)
{
    return entry < KEYPAD_ENTRIES ? prompts[entry] : "PIN";
}

static const struct {
    sw_t sw;
    const char *words;
} ends[] = {
    { SW_SUCCESS, "accepted" },
    { SW_BLOCKED, "blocked" },
    { SW_KEYPAD_TIMEOUT, "the time is over" },
    { SW_KEYPAD_CANCELLED, "cancelled" },
    { SW_KEYPAD_DIFFERENT, "the two are different" },
    { SW_KEYPAD_LENGTH, "too short or too long" },
    { SW_KEYPAD_STRUCTURE, "the program's request is not understood" },
};

const char *keypad_words(sw_t sw, char words[KEYPAD_WORDS])
{
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends[i].sw == sw)
            return ends[i].words;
    if ((sw & 0xFFF0) == SW_TRIES)
        snprintf(words, KEYPAD_WORDS, "wrong, %d %s left", sw & 0xF, (sw & 0xF) == 1 ? "try" : "tries");
    else
        snprintf(words, KEYPAD_WORDS, "the card answered %04X", sw);
    return words;
}

void keypad_put_question(struct out *out, const struct keypad_question *question)
{
    out_u8(out, QUESTION);
    out_u8(out, (uint8_t)question->entry);
    out_u8(out, question->min);
    out_u8(out, question->max);
    out_u8(out, question->until_full ? UNTIL_FULL : 0);
    out_u8(out, question->seconds);
}

bool keypad_get_question(struct in message, struct keypad_question *question)
{
    uint8_t kind, entry, flags;

    if (!in_u8(&message, &kind) || kind != QUESTION || !in_u8(&message, &entry) || entry >= KEYPAD_ENTRIES ||
        !in_u8(&message, &question->min) || !in_u8(&message, &question->max) || !in_u8(&message, &flags) ||
        !in_u8(&message, &question->seconds) || !in_end(&message))
        return false;
    question->entry = (enum keypad_entry)entry;
    question->until_full = (flags & UNTIL_FULL) != 0;
    return true;
}

void keypad_put_result(struct out *out, sw_t sw)
{
    out_u8(out, RESULT);
    out_u16(out, sw);
}

bool keypad_get_result(struct in message, sw_t *sw)
{
    uint8_t kind;

    return in_u8(&message, &kind) && kind == RESULT && in_u16(&message, sw) && in_end(&message);
}

/* A socket's address has room for 107 bytes, a reader's path may be longer: it goes by the directory's descriptor. */
static struct sockaddr_un address(int directory)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };

    snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d/" KEYPAD_SOCKET, directory);
    return name;
}

static int fail(int fd)
{
    int number = errno;

    close(fd);
    errno = number;
    return -1;
}

/* taken — somebody listens there: another pcscd with the same reader.  Its queue may be full. */
static bool taken(const struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = fd >= 0 && (connect(fd, (const struct sockaddr *)name, sizeof *name) == 0 || errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return answers;
}

int keypad_listen(int directory)
{
    const struct sockaddr_un name = address(directory);
    struct stat st;
    int fd;

    if (taken(&name)) {
        errno = EADDRINUSE;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (fstat(directory, &st) != 0)
        return fail(fd);
    /* The mode is there before the name is: nobody else connects in between.  The group is the directory's own where
     * that hands it on. */
    mode_t mode = (st.st_mode & S_ISGID) != 0 && (st.st_mode & S_IWGRP) != 0 ? 0660 : 0600;
    if (fchmod(fd, mode) != 0 || (unlinkat(directory, KEYPAD_SOCKET, 0) != 0 && errno != ENOENT) ||
        bind(fd, (const struct sockaddr *)&name, sizeof name) != 0 ||
        fchmodat(directory, KEYPAD_SOCKET, mode, AT_SYMLINK_NOFOLLOW) != 0 || /* what the umask took away */
        listen(fd, QUEUE) != 0)
        return fail(fd);
    return fd;
}

int keypad_connect(int directory)
{
    const struct sockaddr_un name = address(directory);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    return connect(fd, (const struct sockaddr *)&name, sizeof name) == 0 ? fd : fail(fd);
}
