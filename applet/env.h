/* SPDX-License-Identifier: BSD-2-Clause */
/* env.h — everything the applet asks of the world.  It does no I/O, reads no clock and draws no random byte itself:
 * whoever hosts it (driver, command, test, fuzzer) hands these functions in, each with its own `ctx`. */
#ifndef VPIV_APPLET_ENV_H
#define VPIV_APPLET_ENV_H

#include <openssl/types.h>

#include "applet/secret.h"

struct card;

/* The reference data that count tries.  Their key references: 80, 81, 00 (SP 800-73-5 Part 1, table 5). */
enum pin { PIN_APPLICATION, PIN_PUK, PIN_GLOBAL, PIN_COUNT };

/* struct tries — tries left and tries allowed, 0 to 255 each; all zero = no valid record. */
struct tries {
    uint8_t left[PIN_COUNT];
    uint8_t allowed[PIN_COUNT];
};

enum { HOST_SECRET_SIZE = 32 };

struct piv_env {
    void *ctx;                  /* first argument of every function below, but for touch */
    OSSL_LIB_CTX *lib;          /* NULL = OpenSSL's default */
    const struct secret *host;  /* HOST_SECRET_SIZE bytes */

    /* random — fill p with n unpredictable bytes. */
    enum err (*random)(void *ctx, uint8_t *p, size_t n);

    /* clock — milliseconds that only grow. */
    uint64_t (*clock)(void *ctx);

    /* store — make `next` the card.  When it returns ERR_NONE it is durable; otherwise nothing has changed. */
    enum err (*store)(void *ctx, const struct card *next);

    /* tries_read — the record as it is now.  A missing or forged record reads as all zero, not as an error. */
    enum err (*tries_read)(void *ctx, struct tries *now);

    /* tries_spend — take one try of `which`.  When it returns ERR_NONE the lower count is durable, *left holds it,
     * and the comparison may follow.  ERR_BLOCKED: there was none left, nothing was taken.  Any other: no
     * comparison. */
    enum err (*tries_spend)(void *ctx, enum pin which, uint8_t *left);

    /* tries_restore — the secret was right: `which` is back to what is allowed, durably. */
    enum err (*tries_restore)(void *ctx, enum pin which);

    /* tries_write — a new record, for SET PIN RETRIES and RESET. */
    enum err (*tries_write)(void *ctx, const struct tries *next);

    /* vault — true before a private key is opened and first used, false after, on every path: memory that OpenSSL
     * takes in between must come from the secure heap.  False: it cannot; a key opened now is closed after one use.
     * NULL = nothing to do. */
    bool (*vault)(void *ctx, bool inside);

    /* touch — wait for a finger on the device, on behalf of this key reference.  ERR_SECURITY: it did not come in
     * time.  NULL = always touched.  The finger is the reader's and not the card file's: hence a ctx of its own. */
    void *touch_ctx;
    enum err (*touch)(void *touch_ctx, uint8_t ref);
};

#endif
