/* SPDX-License-Identifier: BSD-2-Clause */
/* vault.h — where private keys are while they are open, and what is swept up behind every secret.
 *
 * OpenSSL keeps numbers of an open key in ordinary memory.  While the calling thread is inside the vault,
 * all that the library allocates comes from its own secure heap: locked, left out of core images, wiped
 * when freed.  Inside are only the opening of a key and its first private operation, whose caches last as
 * long as the key.
 */
#ifndef VPIV_DRIVER_VAULT_H
#define VPIV_DRIVER_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

/* vault_open — hooks into libcrypto, then its secure heap.  Once per process, before any other call to the
 * library: after the first allocation it refuses.  False: no vault, and a log line says why. */
bool vault_open(void);

/* vault_prepare — before a command that may open a key: what the library keeps for ever is made outside, its caches
 * once, this thread's random generators for each thread.  lib: always the same. */
void vault_prepare(OSSL_LIB_CTX *lib, const uint8_t *command, size_t n);

/* vault_enter, vault_leave — this thread alone.  enter is false, and has no effect, where there is no
 * vault or somebody replaced the hooks. */
bool vault_enter(void);
void vault_leave(void);

/* vault_sweep — wipe the stack below the caller and the registers. */
void vault_sweep(void);

/* vault_forget — after a command: wipe it in the caller's own buffer if it carried a PIN or a key, and
 * sweep if it made the card touch a secret.  By its instruction alone: right or wrong, complete or not; but a VERIFY
 * that neither carries nor ends anything asks a question, and is the most frequent of all.
 * in_chain: the reader's, kept from command to command. */
void vault_forget(uint8_t *command, size_t n, bool *in_chain);

#endif
