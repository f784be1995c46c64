/* SPDX-License-Identifier: BSD-2-Clause */
/* applet.h — a PIV card: bytes in, bytes out.
 *
 * One struct piv is one card with power on or off.  It is single-threaded by contract; the driver holds a lock.
 * It always answers: after piv_exchange there is a status word, whatever came in.
 */
#ifndef VPIV_APPLET_APPLET_H
#define VPIV_APPLET_APPLET_H

#include "applet/card.h"

struct piv;

/* Largest command and response: extended APDU of ISO/IEC 7816-3, 12.1. */
enum { PIV_COMMAND_MAX = 4 + 3 + 65535 + 2, PIV_RESPONSE_MAX = 65536 + 2 };

/* piv_new — take `card` (owned from here, also on failure) and serve it through `env` (copied; what its pointers
 * lead to must outlive the piv).  The card is unpowered.  NULL: out of memory. */
struct piv *piv_new(const struct piv_env *env, struct card *card) MUST_CHECK;
void piv_free(struct piv *piv);

/* piv_power — up: cold or warm reset, forgets all status, selects PIV (SP 800-73-5 Part 2, 2.3.1), returns the ATR.
 * piv_unpower — drops every secret. */
const struct atr *piv_power(struct piv *piv);
void piv_unpower(struct piv *piv);
bool piv_powered(const struct piv *piv);

/* piv_exchange — one command APDU, one response APDU.
 * rsp: empty on entry, cap of at least 2; on return it holds data and SW1 SW2.  A cap of PIV_RESPONSE_MAX is always
 * enough; with less an answer that does not fit becomes 6700. */
void piv_exchange(struct piv *piv, struct in cmd, struct out *rsp);

/* piv_card — the card as it is now; borrowed until the next call on piv. */
const struct card *piv_card(const struct piv *piv);

/* piv_verify — VERIFY for 8 bytes of PIN, with its try (the `vpiv` command; the card's own handler calls it too).
 * ERR_WRONG and *left; ERR_BLOCKED; ERR_UNSUPPORTED: the PUK is not verified; anything else: storage failed. */
enum err piv_verify(struct piv *piv, enum pin which, struct in pin, uint8_t *left) MUST_CHECK;

/* piv_change — CHANGE REFERENCE DATA and RESET RETRY COUNTER in one: prove `old` of `proof` (one try), then give
 * `which` the value `next`.  (proof, which) is (X, X) for a change, (PIN_PUK, PIN_APPLICATION) to unblock. */
enum err piv_change(struct piv *piv, enum pin proof, struct in old, enum pin which, struct in next, uint8_t *left)
    MUST_CHECK;

/* piv_authenticate_management — the owner proves key 9B to the card in process. */
enum err piv_authenticate_management(struct piv *piv, struct in key) MUST_CHECK;

/* piv_commit — have `next` (taken, also on failure) stored and make it the card.  Keys that are no longer on it are
 * closed.  On failure the card is what it was. */
enum err piv_commit(struct piv *piv, struct card *next) MUST_CHECK;

#endif
