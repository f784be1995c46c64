/* SPDX-License-Identifier: BSD-2-Clause */
/* sendto.h — the card that a verb sends commands to: a card file, a reader, or a fresh test card. */
#ifndef VPIV_TOOLS_SENDTO_H
#define VPIV_TOOLS_SENDTO_H

#include "tools/conform.h"
#include "tools/vpiv.h"

/* struct sendto_options — as they stand on the command line. */
struct sendto_options {
    const char *card;    /* -c: of the store; without pcscd */
    const char *reader;  /* -r: any card that PC/SC reaches; the only one with a card when nothing is given */
    bool test;           /* -t: a card in this process, gone with it */
    const char *persona; /* of the test card */
};

/* SENDTO_ROWS — the rows of these options, for a verb whose struct of options has them at `at`. */
#define SENDTO_ROWS(at) \
    { "card", 'c', OPTION_TEXT, "CARD", (at) + offsetof(struct sendto_options, card), \
      "a card of the store, without pcscd", NULL }, \
    { "reader", 'r', OPTION_TEXT, "READER", (at) + offsetof(struct sendto_options, reader), \
      "number, name or a part of the name (the one with a card)", NULL }, \
    { "test", 't', OPTION_FLAG, NULL, (at) + offsetof(struct sendto_options, test), \
      "a fresh test card in this process", NULL }, \
    { "persona", 0, OPTION_TEXT, "P", (at) + offsetof(struct sendto_options, persona), \
      "persona of the test card (piv)", NULL }

/* sendto_open — powered and ready; false after having told why.  A card file obeys all its rules: a wrong PIN
 * counts, what a command changes is on disk before its answer. */
bool sendto_open(struct cli *cli, const struct sendto_options *options, struct wire *wire) MUST_CHECK;
void sendto_close(struct wire *wire);

/* sendto_is_test — a throw-away card, whose secrets anyone knows. */
bool sendto_is_test(const struct wire *wire);

#endif
