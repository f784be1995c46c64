/* SPDX-License-Identifier: BSD-2-Clause */
/* state.h — what one host knows: its secret and the tries records of its cards, in one directory. */
#ifndef VPIV_CONF_STATE_H
#define VPIV_CONF_STATE_H

#include <sys/types.h>

#include "applet/env.h"

struct state;

/* state_open — read host.key of the directory; with `create` make directory and key where they are missing (the
 * first one wins; never overwritten).  shared: how to make the directory: group vpiv, host.key 0640; else 0700 and
 * 0600.  One that exists says so itself: it is shared when it is setgid and its group may write (state_shared).
 * lib: the OpenSSL context that every env made from this state uses; must outlive it; may be NULL.
 * An empty host.key: the secret is the file vpiv.host.key in $CREDENTIALS_DIRECTORY, a systemd credential.
 * ERR_NOT_FOUND: no host.key and not asked to make one.  ERR_OWNER: others may read it.  ERR_DATA: not 32 bytes. */
enum err state_open(const char *directory, bool create, bool shared, OSSL_LIB_CTX *lib, struct state **out,
                    struct why *why) MUST_CHECK;
void state_close(struct state *state);

const char *state_directory(const struct state *state);
bool state_shared(const struct state *state);

/* A private state directory may hold an entry `seed`: then nothing that the envs below draw is random (seed.h).
 * ERR_SECURITY from state_open: it is shared.
 * state_serve — the card that was just opened: its own stream begins.  ERR_SECURITY: there is a seed, and the card is
 * no test card. */
enum err state_serve(struct state *state, const uint8_t guid[16], bool test, struct why *why) MUST_CHECK;

/* For conf/ alone.  state_fd — the open directory; state_group — the group that shares it, or FILE_NO_GROUP;
 * state_lib — the OpenSSL context. */
int state_fd(const struct state *state);
gid_t state_group(const struct state *state);
OSSL_LIB_CTX *state_lib(const struct state *state);

/* state_env — host secret, random and clock; storing is refused with ERR_STORE.  For making a card (card_new).
 * state_env_memory — the same, and a card that lives in memory alone: store always succeeds and keeps nothing, tries
 * are kept in *tries, which must outlive `state`'s use of it.  For trying a card before it is written.  Out of
 * memory: every function of the env says so. */
struct piv_env state_env(struct state *state);
struct piv_env state_env_memory(struct state *state, struct tries *tries);

#endif
