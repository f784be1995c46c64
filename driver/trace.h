/* SPDX-License-Identifier: BSD-2-Clause */
/* trace.h — what happens in one reader, a line each, for who listens: the reader's entry `trace`.
 *
 * A listener is a socket (SOCK_SEQPACKET, one line a packet: `vpiv trace`), or a regular file that was there before
 * (`vpiv run --trace`), which only a reader's directory that is this process's own may lead to: nobody shall have
 * root's pcscd write into a file of his choice.  A listener that does not keep up loses lines and is told how many.
 *
 *     # vpiv-trace 1
 *     SECONDS.MICROSECONDS READER card PERSONA test|own GUID
 *     SECONDS.MICROSECONDS READER none
 *     SECONDS.MICROSECONDS READER power ATR
 *     SECONDS.MICROSECONDS READER off
 *     SECONDS.MICROSECONDS READER apdu MICROSECONDS COMMAND ANSWER     "-": no answer
 *     SECONDS.MICROSECONDS READER fault WORDS
 *     SECONDS.MICROSECONDS READER lost LINES
 *
 * Bytes are hex; "**" is one that is masked (mask.h).  Nothing is masked while the entry `unmask` is beside `trace` and
 * the card is a test card.
 */
#ifndef VPIV_DRIVER_TRACE_H
#define VPIV_DRIVER_TRACE_H

#include "applet/card.h"

struct trace;

/* trace_look — who listens now?  `trace`, when that is who listened before; another one, owned by the caller, who ends
 * the old one; NULL: nobody.  Does not touch `trace`. */
struct trace *trace_look(struct trace *trace, const char *directory) MUST_CHECK;
void trace_end(struct trace *trace);

/* trace_clock — microseconds since 1970. */
uint64_t trace_clock(void);

/* One line each.  trace may be NULL.  card: NULL = none now.  began: when the exchange began. */
void trace_card(struct trace *trace, const struct card *card);
void trace_power(struct trace *trace, struct in atr);
void trace_off(struct trace *trace);
void trace_apdu(struct trace *trace, uint64_t began, struct in command, struct in answer);
void trace_fault(struct trace *trace, const char *words);

#endif
