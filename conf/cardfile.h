/* SPDX-License-Identifier: BSD-2-Clause */
/* cardfile.h — a card as one text file: checked when read, whole on disk before it has its name (vpiv-card(5)).
 *
 * struct cardfile is an open card file together with its tries record: it is the env (store, tries_*) of the driver
 * and of the command alike.  Nothing is held locked between calls.
 *
 * The lock is the directory of the tries record (tries.h), not the card file: each write gives the file a new inode,
 * so a lock on it would be a lock on the past; and two names of one card must not have two locks.  Who waits longer
 * than 1 s gets ERR_BUSY.
 */
#ifndef VPIV_CONF_CARDFILE_H
#define VPIV_CONF_CARDFILE_H

#include "applet/card.h"
#include "conf/state.h"

struct cardfile;

enum { CARDFILE_MAX = 1 << 20, CARDFILE_VERSION = 1, CARDFILE_STAMP = 16 };

/* struct cardfile_head — the first line, "# vpiv-card VERSION GENERATION STAMP": identity of one write. */
struct cardfile_head {
    unsigned version;
    uint64_t generation;
    uint8_t stamp[CARDFILE_STAMP];
};

/* cardfile_open — read and check the card: kind, owner and size of the file, version, seal under the host secret,
 * every field, and its generation against the tries record (an older copy put back is refused).
 * No key derivation: about a millisecond.  *card is the card (owned by the caller; piv_new takes it).
 * Errors: ERR_NOT_FOUND, ERR_OWNER (neither private nor shared, not a regular file), ERR_FULL (too large),
 * ERR_VERSION, ERR_MISMATCH (sealed by another host, or edited, or an older copy), ERR_DATA (with line), ERR_BUSY.
 * A card without a tries record opens, and has no tries. */
enum err cardfile_open(const char *path, struct state *state, struct cardfile **out, struct card **card,
                       struct why *why) MUST_CHECK;
void cardfile_close(struct cardfile *file);

/* cardfile_follow — for who asks often: tries_read reads again only after a change that *events tells of, an
 * inotify(7) instance that is made when it is needed (-1 at first), the caller's to close, and for one file at a
 * time. */
void cardfile_follow(struct cardfile *file, int *events);

/* cardfile_create — a new card under a name that does not exist yet (ERR_EXISTS): tries record first, name last. */
enum err cardfile_create(const char *path, struct state *state, const struct card *card, const struct tries *tries,
                         struct why *why) MUST_CHECK;

/* cardfile_adopt — the owner takes a restored card into use: it is read and checked as by cardfile_open, but for its
 * generation, and gets a new tries record. */
enum err cardfile_adopt(const char *path, struct state *state, const struct tries *tries, struct why *why) MUST_CHECK;

/* cardfile_env — the env that stores into this file; borrowed pointers live as long as `file` and its state.
 * store refuses with ERR_CHANGED when another program has written the card since it was read.  Where store fails
 * because the directory could not be synced, the file may be the new one: cardfile_is_ours then says no. */
struct piv_env cardfile_env(struct cardfile *file);

/* cardfile_remove — the card is gone for good: its name first, then its tries record.  `file` is still to be
 * closed. */
enum err cardfile_remove(struct cardfile *file, struct why *why) MUST_CHECK;

/* cardfile_is_ours — the file under this path still starts with the head that we read or wrote last (one open, one
 * read).  Safe beside a store in another thread: the driver's watcher asks this. */
bool cardfile_is_ours(struct cardfile *file);

/* cardfile_path — where the file is: absolute, without symbolic links (a reader's entry leads to it). */
const char *cardfile_path(const struct cardfile *file);

/* cardfile_head — the head of any card file, without checking the rest. */
enum err cardfile_head(const char *path, struct cardfile_head *head) MUST_CHECK;

#endif
