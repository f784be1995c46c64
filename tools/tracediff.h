/* SPDX-License-Identifier: BSD-2-Clause */
/* tracediff.h — what makes two exchanges the same, and where two traces part. */
#ifndef VPIV_TOOLS_TRACEDIFF_H
#define VPIV_TOOLS_TRACEDIFF_H

#include "tools/tracefile.h"
#include "tools/vpiv.h"

/* struct exchange — one APDU of a trace, kept. */
struct exchange {
    uint64_t time;
    bool reset; /* the card got power anew before it */
    struct traced command, answer;
};

/* struct exchanges — those of one reader, in their order. */
struct exchanges {
    struct exchange *p;
    size_t n;
};

/* exchanges_read — of this reader of the trace, or (NULL) of the first that has any.  Free with exchanges_clear. */
bool exchanges_read(struct cli *cli, const char *name, const char *reader, struct exchanges *e) MUST_CHECK;
void exchanges_clear(struct exchanges *e);

/* traced_same — byte for byte; one that is masked is like any other. */
bool traced_same(const struct traced *a, const struct traced *b);

/* answers_same — as traced_same; unless `exact`, what is new each time (signatures, new keys, what is fetched of them)
 * may differ, all but the status word.  `fetched`: in and out, whether GET RESPONSE fetches such an answer now. */
bool answers_same(struct in command, const struct traced *a, const struct traced *b, bool exact, bool *fetched);

/* traces_show_diff — "-" what is in `a` alone, "+" what is in `b` alone, in words.  How many lines. */
size_t traces_show_diff(const struct exchanges *a, const struct exchanges *b, bool exact);

/* exchange_show — one line in words, and the bytes below it. */
void exchange_show(char sign, const struct exchange *e);

#endif
