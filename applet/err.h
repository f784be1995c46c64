/* SPDX-License-Identifier: BSD-2-Clause */
/* err.h — what can go wrong below a command handler, and the two things it becomes: a status word, a sentence.
 *
 * Nothing below a handler knows a status word; nothing but this table maps an error to one.  The driver has the
 * only other bridge (ifd_of).  People read the sentence, and before it what `struct why` says of this very case.
 */
#ifndef VPIV_APPLET_ERR_H
#define VPIV_APPLET_ERR_H

#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum err {
    ERR_NONE,
    ERR_DATA,        /* ill-formed input */
    ERR_UNSUPPORTED, /* well-formed, but of a kind that a PIV card has no place for */
    ERR_NOT_FOUND,
    ERR_EXISTS,
    ERR_FULL,        /* no room: an object, the card or a buffer at its limit */
    ERR_SECURITY,    /* an access rule is not met */
    ERR_WRONG,       /* wrong PIN, PUK, key or pass phrase */
    ERR_BLOCKED,     /* no tries left */
    ERR_MISMATCH,    /* two things that must belong together do not: key and certificate, card and host */
    ERR_VERSION,     /* made by another version of the format */
    ERR_OWNER,       /* a file that is neither private nor shared (DESIGN.md 2) */
    ERR_STORE,       /* reading or writing failed */
    ERR_BUSY,        /* somebody else held the lock for longer than we wait */
    ERR_CHANGED,     /* somebody else wrote the card since it was read */
    ERR_ABSENT,      /* no card, no reader */
    ERR_MEMORY,
    ERR_CRYPTO,      /* the library failed where it should not */
    ERR_COUNT
};

/* Status words, by the names of ISO/IEC 7816-4 and SP 800-73-5 Part 2. */
typedef uint16_t sw_t;
enum {
    SW_SUCCESS = 0x9000,
    SW_MORE = 0x6100,                /* + bytes left, 00 for 256 or more */
    SW_TRIES = 0x63C0,               /* + tries left, at most F */
    SW_MEMORY_FAILURE = 0x6581,
    SW_WRONG_LENGTH = 0x6700,
    SW_CHANNEL_NOT_SUPPORTED = 0x6881,
    SW_SM_NOT_SUPPORTED = 0x6882,
    SW_SECURITY_STATUS = 0x6982,
    SW_BLOCKED = 0x6983,
    SW_CONDITIONS = 0x6985,
    SW_WRONG_DATA = 0x6A80,
    SW_FUNCTION_NOT_SUPPORTED = 0x6A81,
    SW_NOT_FOUND = 0x6A82,
    SW_NO_ROOM = 0x6A84,
    SW_WRONG_P1P2 = 0x6A86,
    SW_REFERENCE_NOT_FOUND = 0x6A88,
    SW_OUT_OF_RANGE = 0x6B00,
    SW_INS_NOT_SUPPORTED = 0x6D00,
    SW_CLA_NOT_SUPPORTED = 0x6E00,
};

/* err_name — the enumerator without ERR_, in lower case, for logs and tests. */
const char *err_name(enum err e);

/* err_sentence — half a sentence for people, without a full stop: "the card file could not be read or written". */
const char *err_sentence(enum err e);

/* sw_of — the status word a card answers for e (PIV.md section 4). */
sw_t sw_of(enum err e);

/* sw_sentence — half a sentence for people, in the standard's words; "" for one that is not in the table. */
const char *sw_sentence(sw_t sw);

/* struct why — what a person must read about one failure: which file, which line, what to do.
 * Callers that have nobody to tell pass NULL.  The first one to speak wins: it was nearest to the fault. */
struct why {
    char text[512];
};

/* why_set — fill w, unless it is NULL or already says something.  Returns e, so that a failure is one line. */
enum err why_set(struct why *w, enum err e, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
