/* SPDX-License-Identifier: BSD-2-Clause */
/* touch.h — the entry `touch` of a reader's directory: there while an operation of its card waits for a finger.
 *
 * Taking it away is the touch: `vpiv touch`, or rm.  Its one line names the key that waits, and "never" behind it
 * where the reader feels nothing.  Whoever waits holds a lock on it, so that one which a killed pcscd has left deceives
 * nobody.
 */
#ifndef VPIV_CONF_TOUCH_H
#define VPIV_CONF_TOUCH_H

#include <stdbool.h>

#include "applet/err.h"

/* What a reader does when a key wants a touch (vpiv.conf(5)). */
enum touch_mode { TOUCH_AUTO, TOUCH_WAIT, TOUCH_NEVER, TOUCH_MODES };

/* touch_mode_by_name — of "auto", "wait" or "never"; TOUCH_MODES: another word. */
enum touch_mode touch_mode_by_name(const char *name);

enum { TOUCH_KEY_MAX = 8 };

/* touch_ask — make the entry, for the key of this name.  *fd keeps it alive.  ERR_STORE, with errno.
 * touch_stands — it has not been taken away.
 * touch_end — nobody waits any more: closes fd (-1 = none) and removes what is left. */
enum err touch_ask(const char *directory, const char *key, enum touch_mode mode, int *fd) MUST_CHECK;
bool touch_stands(const char *directory);
void touch_end(const char *directory, int fd);

/* touch_asked — somebody waits in this reader: for which key, and whether a touch is felt. */
bool touch_asked(const char *directory, char key[TOUCH_KEY_MAX], bool *felt);

/* touch_give — the touch.  ERR_NOT_FOUND: just now over.  ERR_STORE, with errno. */
enum err touch_give(const char *directory) MUST_CHECK;

#endif
