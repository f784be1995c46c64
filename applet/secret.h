/* SPDX-License-Identifier: BSD-2-Clause */
/* secret.h — bytes that nobody may find afterwards: PINs, PUKs, keys, pass phrases.
 *
 * They live in OpenSSL's secure heap (locked, left out of core images) once secret_heap() has been called, and are
 * zeroed when freed.  A secret never lives in a char array, a struct in that outlives the command, a log or a trace.
 */
#ifndef VPIV_APPLET_SECRET_H
#define VPIV_APPLET_SECRET_H

#include "applet/tlv.h"

struct secret {
    size_t n;
    uint8_t p[];
};

/* secret_heap — open the process's secure heap; later calls change nothing.
 * Returns false when there is none: private keys are then refused, not kept elsewhere. */
bool secret_heap(void);

/* secret_heap_open — the same; says of the heap that it opens whether its pages are locked, or may be swapped out
 * because the process may lock too little (RLIMIT_MEMLOCK).  The numbers are OpenSSL's. */
enum heap { HEAP_NONE = 0, HEAP_LOCKED = 1, HEAP_UNLOCKED = 2 };
enum heap secret_heap_open(void);

/* secret_new — n zero bytes.  NULL when the secure heap is full.  Owned by the caller: secret_free. */
struct secret *secret_new(size_t n) MUST_CHECK;

/* secret_copy — a new secret holding a copy of bytes. */
struct secret *secret_copy(struct in bytes) MUST_CHECK;

/* secret_free — zero and free; NULL is fine. */
void secret_free(struct secret *s);

/* secret_drop — free *s and set it to NULL. */
void secret_drop(struct secret **s);

/* secret_equal — compare in time that depends on the length alone. */
bool secret_equal(const struct secret *s, struct in bytes) MUST_CHECK;

static inline struct in secret_in(const struct secret *s)
{
    return in_of(s->p, s->n);
}

static inline struct out secret_out(struct secret *s)
{
    return out_of(s->p, s->n);
}

#endif
