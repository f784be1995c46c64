/* SPDX-License-Identifier: BSD-2-Clause */
/* cardtext.h — struct card as the text of a card file, and back (vpiv-card(5)).  No file is touched here.
 *
 * Writing needs no library that could abort the process, because pcscd writes cards; reading parses with libconfig,
 * which ends the process when memory runs out: never while a command is answered.
 */
#ifndef VPIV_CONF_CARDTEXT_H
#define VPIV_CONF_CARDTEXT_H

#include "conf/cardfile.h"

/* The head never needs more than this. */
enum { CARDTEXT_HEAD_MAX = 96 };

/* cardtext_head — the first line of `text`, of which the first CARDTEXT_HEAD_MAX bytes are enough.
 * ERR_DATA: it is not the head of a card file.  ERR_VERSION: of another version; head->version says which. */
enum err cardtext_head(struct in text, struct cardfile_head *head) MUST_CHECK;

/* cardtext_write — head, card and seal.  ERR_FULL: it does not fit into `text`.  ERR_DATA: the card holds what a
 * reader would refuse. */
enum err cardtext_write(const struct piv_env *env, const struct cardfile_head *head, const struct card *card,
                        struct out *text) MUST_CHECK;

/* cardtext_read — check the whole text and make the card (owned: card_free).  path is for messages.
 * ERR_DATA, ERR_VERSION, ERR_MISMATCH (the seal does not fit). */
enum err cardtext_read(const struct piv_env *env, const char *path, struct in text, struct cardfile_head *head,
                       struct card **card, struct why *why) MUST_CHECK;

#endif
