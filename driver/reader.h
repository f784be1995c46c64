/* SPDX-License-Identifier: BSD-2-Clause */
/* reader.h — one reader: a directory, the card in it, and one lock.
 *
 * What pcscd is shown changes in reader_poll alone (and in reader_new, before pcscd knows the reader):
 * pcscd sees levels, not edges, so a card that was exchanged is absent until the event thread has looked
 * (PCSC.md 4.3). Any function may run beside any other but reader_free.
 */
#ifndef VPIV_DRIVER_READER_H
#define VPIV_DRIVER_READER_H

#include <limits.h>

#include "applet/applet.h"

struct reader;

/* reader_new — for the directory, which need not exist.  NULL: out of memory. */
struct reader *reader_new(const char *directory, OSSL_LIB_CTX *lib) MUST_CHECK;
void reader_free(struct reader *reader);

/* reader_poll — wait up to `ms` for a card to come or go; returns early for that and for reader_stop, for
 * nothing else. */
void reader_poll(struct reader *reader, int ms);
void reader_stop(struct reader *reader);

/* reader_close — before the last user leaves it: nothing in it waits any more. */
void reader_close(struct reader *reader);

bool reader_present(const struct reader *reader);

/* reader_power — cold or warm reset; the ATR.  ERR_ABSENT: no card. */
enum err reader_power(struct reader *reader, struct out *atr) MUST_CHECK;
void reader_unpower(struct reader *reader);

/* reader_exchange — one command, one response.  A card without power gets it first (PCSC.md, rule 13).
 * ERR_ABSENT: no card.  Every other outcome is a status word in rsp. */
enum err reader_exchange(struct reader *reader, struct in command, struct out *rsp) MUST_CHECK;

/* reader_insertion — a number that each card gets when it is shown, and its file; false without a card.
 * reader_still — it is that card, by a look of its own: the event thread may stand behind the call that is made now.
 * reader_exchange_with — reader_exchange, for that card alone: ERR_ABSENT where another one is in. */
bool reader_insertion(struct reader *reader, uint64_t *number, char path[PATH_MAX]);
bool reader_still(struct reader *reader, uint64_t number);
enum err reader_exchange_with(struct reader *reader, uint64_t number, struct in command,
                              struct out *rsp) MUST_CHECK;

/* reader_slots — as its settings had it when it was made: pcscd asks once. */
int reader_slots(const struct reader *reader);

/* reader_pinpad — its keypad, which need not be there (pinpad.h). */
struct pinpad *reader_pinpad(struct reader *reader);
const char *reader_directory(const struct reader *reader);

/* reader_atr, reader_guid — of the card in it; false without one.  reader_atr: empty while it has no
 * power. */
bool reader_atr(struct reader *reader, struct out *atr);
bool reader_guid(struct reader *reader, struct out *guid);

/* reader_abandon — the process ends: drop the secrets if nobody uses them now, and let nobody begin. */
void reader_abandon(struct reader *reader);

#endif
