/* SPDX-License-Identifier: BSD-2-Clause */
/* keypad.h — how a reader's keypad is spoken to: a socket in the reader's directory, one message a question.
 *
 * The driver listens, and whoever may write to the socket is the keypad (`vpiv pinpad`): it connects, waits in the
 * queue of the socket for a question, answers it, and hears how it ended.  Only a keypad that was asked sends anything.
 *
 *     driver → keypad   'Q' entry min max flags seconds    a question; one or more in a row
 *     keypad → driver   'E' digits …                       the Enter key
 *                       'C'                                the Cancel key
 *                       'T'                                as if nobody had pressed a key for all the time there was
 *     driver → keypad   'R' SW1 SW2                        the end; then the driver hangs up
 */
#ifndef VPIV_CONF_KEYPAD_H
#define VPIV_CONF_KEYPAD_H

#include "applet/tlv.h"

#define KEYPAD_SOCKET "pinpad" /* the entry of the reader's directory */

enum {
    KEYPAD_DIGITS_MAX = 16,                    /* in one entry */
    KEYPAD_MESSAGE_MAX = 1 + KEYPAD_DIGITS_MAX,
};

/* What a keypad answers for itself, without having asked the card: PC/SC part 10, 2.5.2 and 2.5.3. */
enum {
    SW_KEYPAD_TIMEOUT = 0x6400,
    SW_KEYPAD_CANCELLED = 0x6401,
    SW_KEYPAD_DIFFERENT = 0x6402, /* the new PIN, and the new PIN again */
    SW_KEYPAD_LENGTH = 0x6403,
    SW_KEYPAD_STRUCTURE = 0x6B80, /* the client's structure is not one */
};

enum keypad_entry {
    KEYPAD_PIN,
    KEYPAD_PUK,
    KEYPAD_NEW_PIN,
    KEYPAD_NEW_PUK,
    KEYPAD_NEW_PIN_AGAIN,
    KEYPAD_NEW_PUK_AGAIN,
    KEYPAD_ENTRIES
};

struct keypad_question {
    enum keypad_entry entry;
    uint8_t min, max; /* digits */
    bool until_full;  /* the last possible digit is the Enter key as well */
    uint8_t seconds;  /* there are */
};

/* keypad_prompt — "new PIN again". */
const char *keypad_prompt(enum keypad_entry entry);

/* keypad_words — how it ended, for people: "wrong, 2 tries left". */
enum { KEYPAD_WORDS = 64 };
const char *keypad_words(sw_t sw, char words[KEYPAD_WORDS]);

/* keypad_put_question, keypad_put_result — one message.
 * keypad_get_question, keypad_get_result — false: another message, or none. */
void keypad_put_question(struct out *out, const struct keypad_question *question);
bool keypad_get_question(struct in message, struct keypad_question *question) MUST_CHECK;
void keypad_put_result(struct out *out, sw_t sw);
bool keypad_get_result(struct in message, sw_t *sw) MUST_CHECK;

/* keypad_listen — make the socket in the directory, in the place of one that nobody listens at any more, for those who
 * may write the directory.  EADDRINUSE: somebody does; two that took it from each other would never end.
 * keypad_connect — wait in its queue.
 * Both: a descriptor, or -1 with errno. */
int keypad_listen(int directory) MUST_CHECK;
int keypad_connect(int directory) MUST_CHECK;

#endif
