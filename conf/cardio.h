/* SPDX-License-Identifier: BSD-2-Clause */
/* cardio.h — a card file's bytes on disk: found, read whole, written beside the name it is to have.  Nothing here
 * knows the tries record or takes the lock: cardfile.c does.
 */
#ifndef VPIV_CONF_CARDIO_H
#define VPIV_CONF_CARDIO_H

#include "conf/cardfile.h"
#include "conf/file.h"

/* card_resolve — where a name, such as a reader's link, leads to.  ERR_NOT_FOUND: nowhere.  ERR_OWNER: in a loop. */
enum err card_resolve(const char *path, char resolved[PATH_MAX], struct why *why) MUST_CHECK;

/* card_base — the last part of a resolved path.  card_directory — open what stands before it.
 * card_sync_directory — make the name durable. */
const char *card_base(const char *path);
enum err card_directory(const char *path, int *fd) MUST_CHECK;
enum err card_sync_directory(const char *path) MUST_CHECK;

/* card_read_text — the whole file, after a look at its kind and size; text->p is the caller's to free, always. */
enum err card_read_text(const char *path, const struct state *state, struct out *text, enum file_kind *kind,
                        struct why *why) MUST_CHECK;

/* card_read_head — the first line alone. */
enum err card_read_head(const char *path, struct cardfile_head *head) MUST_CHECK;

/* card_next_text — what a file of this card and generation holds, with a new stamp; text->p is the caller's to free,
 * always. */
enum err card_next_text(struct state *state, const struct card *card, uint64_t generation,
                        struct cardfile_head *head, struct out *text) MUST_CHECK;

/* card_write_temporary — the text as a finished, durable file of the wanted kind in `dir`.  ERR_OWNER: the directory
 * gives it another group. */
enum err card_write_temporary(int dir, const char *base, struct in text, const struct state *state,
                              enum file_kind kind, char name[NAME_MAX + 1]) MUST_CHECK;

/* card_new_path — the path of a file to be made: its directory resolved, its name as it is.
 * card_publish — make it, whole and durable.  ERR_EXISTS: the name is taken. */
enum err card_new_path(const char *path, char resolved[PATH_MAX], struct why *why) MUST_CHECK;
enum err card_publish(const char *path, const struct state *state, struct in text) MUST_CHECK;

#endif
