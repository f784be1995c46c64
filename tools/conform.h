/* SPDX-License-Identifier: BSD-2-Clause */
/* conform.h — judging a PIV card: the wire to it, the rows that say what must hold, and the judge who plays them.
 *
 * A row is a line of a table: its id, the state it starts from, and a script of commands and expectations.
 *
 *   bytes       0020FF80          hexadecimal; blanks and "_" separate
 *               {pin} {x}         a known value or one that the row has captured or computed
 *               {FF*300}          a byte so many times
 *               53(70(AABB)71(00)) BER-TLV: a tag and, in brackets, its value; the length is computed
 *               00200080[{pin}]   Lc and data: short, or extended above 255 bytes
 *   answer      BYTES SW          the bytes may hold ?8 (eight bytes of any value), ?8=x (and keep them as x),
 *                                 ?b (as many as a block of the management key) and a last * (anything)
 *               9000+             and whatever is pending is fetched with GET RESPONSE first
 *               6A80|6A86         either; the report says which one came.  63Cx: x is any digit
 *               6A80~err          what this project's own card says, and behind "~" what the standard leaves open
 *               T  T-1            63Cn with as many tries as the PIN is allowed, or one less;  U for the PUK
 *               err               any error (64xx to 6Fxx);  none: the reader refused, the card said nothing
 *               … =x              keep the whole data as x
 *   statement   BYTES -> ANSWER   statements are separated by ";"
 *               chain BYTES -> …  the same as a command chain of blocks of 255 bytes
 *               x := FUNCTION ARGS   and   check TEST ARGS: conform_words.c has the tables of both
 *               each 01 7F FE: STATEMENT, STATEMENT   with {.} for the value;  repeat 10: …;  piv: …;  yk: …;
 *               ext: … (the card takes extended lengths);  house: … (it is this project's own card)
 *               verbs (pin, bad, adm, try, get TAG, put TAG BYTES, sign KEY ALG BYTES, …): table in conform_script.c
 */
#ifndef VPIV_TOOLS_CONFORM_H
#define VPIV_TOOLS_CONFORM_H

#include <openssl/evp.h>

#include "applet/secret.h"
#include "applet/tlv.h"

/* struct wire — the way to one card.  Commands of any length go in, also such as no reader would pass on. */
struct wire {
    void *ctx;
    const char *name;
    bool (*send)(void *ctx, struct in command, struct out *answer); /* false: the reader refused; no answer */
    bool (*reset)(void *ctx, bool cold);
    struct in (*atr)(void *ctx);
    /* mark — remember the card as it is now, under one of two numbers; back — have it like that again.
     * NULL where a card has no such thing. */
    bool (*mark)(void *ctx, unsigned n);
    bool (*back)(void *ctx, unsigned n);
    struct pcsc *pcsc; /* what rows about the reader itself use, or NULL */
};

/* struct terms — what the caller says about the card, and what he allows. */
struct terms {
    bool yubikey;     /* persona: Yubico's commands are expected too */
    bool destructive; /* rows may write, block, and replace every key */
    bool full;        /* rows that repeat do it as often as the plan says, not a sample */
    bool house;       /* it is this project's own card: where the standard leaves a choice, it must be this one */
    const struct secret *pin, *puk, *management; /* NULL = not known: rows that need it do not apply */
    uint8_t management_alg;
};

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_NOT_APPLICABLE, VERDICT_COUNT };

struct judge;

struct row {
    const char *id;
    const char *start;  /* words of the table in conform_start.c: state, access, needs, what is spoiled */
    const char *what;   /* what is promised */
    const char *script; /* NULL = code alone; with the start word "hands" the reason why no program can run it */
    bool (*code)(struct judge *judge); /* played after the script, or NULL */
    const char *clause; /* P1, P2 = SP 800-73-5 Part 1, 2; 78 = SP 800-78-5; 85B = SP 800-85B; YK = YubiKey 5.7 */
};

struct group {
    const char *name;  /* the prefix of its ids */
    const char *title;
    const struct row *rows; /* the last one has no id */
};

#define GROUP_COUNT 20
extern const struct group groups[GROUP_COUNT];

struct result {
    enum verdict verdict;
    char text[1200]; /* why it failed, with the bytes; why it does not apply */
    char came[160];  /* which of several allowed answers came */
};

/* conform_by_id — the row, or NULL. */
const struct row *conform_by_id(const char *id);

/* conform_is_yubikey — the card says so: SELECT gives the AID without its RID, GET VERSION gives three bytes. */
bool conform_is_yubikey(struct wire *wire);

/* judge_new — get to know the card on the wire.  NULL with a sentence in why: it does not answer, or the PIN given
 * is not its PIN.  wire and terms are borrowed. */
struct judge *judge_new(struct wire *wire, const struct terms *terms, struct why *why);

/* judge_end — take away the certificates whose keys the rows have replaced.  The keys themselves stay: a PIV card has
 * no command that deletes one. */
bool judge_end(struct judge *judge, struct why *why);
void judge_free(struct judge *judge);

/* judge_allow — whether what the standard leaves open passes, as it does unless the terms say that it is this
 * project's own card. */
void judge_allow(struct judge *judge, bool others);

/* judge_row — bring the card to the row's start, play it, look at the card once more, bring it back. */
void judge_row(struct judge *judge, const struct row *row, struct result *result);

/* Rows run in turns: those that need an empty or factory card first, those that take a key away last. */
enum { TURN_FIRST, TURN_KEYS, TURN_LATE, TURN_LAST, TURN_COUNT };
unsigned row_turn(const struct row *row);

/* The two wires.  pcsc: `reader` is a name, a part of one, a number, or NULL = the only one with a card in it.
 * applet: a factory card of the persona in this process. */
bool wire_pcsc_open(struct wire *wire, const char *reader, struct why *why) MUST_CHECK;
void wire_pcsc_close(struct wire *wire);
bool wire_applet_open(struct wire *wire, const char *persona, uint8_t management_alg, struct why *why) MUST_CHECK;
void wire_applet_close(struct wire *wire);

#endif
