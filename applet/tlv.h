/* SPDX-License-Identifier: BSD-2-Clause */
/* tlv.h — the byte cursors, and BER-TLV on top of them.  Every byte from outside passes through here.
 *
 * struct in reads from the front of borrowed memory; on failure it has not moved.
 * struct out writes into the caller's memory; what does not fit sets `bad`, which sticks, and nothing after it counts.
 */
#ifndef VPIV_APPLET_TLV_H
#define VPIV_APPLET_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "applet/err.h"

struct in {
    const uint8_t *p;
    size_t n;
};

struct out {
    uint8_t *p;
    size_t n, cap;
    bool bad;
};

static inline struct in in_of(const void *p, size_t n)
{
    return (struct in){ p, n };
}

static inline bool in_end(const struct in *in)
{
    return in->n == 0;
}

/* in_u8, in_u16, in_u32 — take one big-endian number from the front. */
bool in_u8(struct in *in, uint8_t *v) MUST_CHECK;
bool in_u16(struct in *in, uint16_t *v) MUST_CHECK;
bool in_u32(struct in *in, uint32_t *v) MUST_CHECK;

/* in_take — take n bytes from the front; `part` borrows them. */
bool in_take(struct in *in, size_t n, struct in *part) MUST_CHECK;

/* in_equal — same length and same bytes.  Not for secrets: secret_equal is. */
bool in_equal(struct in a, struct in b);

static inline struct out out_of(void *p, size_t cap)
{
    return (struct out){ p, 0, cap, false };
}

/* out_in — what has been written so far, to be read. */
static inline struct in out_in(const struct out *out)
{
    return (struct in){ out->p, out->n };
}

void out_u8(struct out *out, uint8_t v);
void out_u16(struct out *out, uint16_t v);
void out_u32(struct out *out, uint32_t v);
void out_put(struct out *out, struct in bytes);
void out_zero(struct out *out, size_t n);

/* out_room — reserve n bytes and return where they are, or NULL (and `bad`) when they do not fit. */
uint8_t *out_room(struct out *out, size_t n) MUST_CHECK;

/* out_cut — forget everything written after the first n bytes. */
void out_cut(struct out *out, size_t n);

/* tlv_next — take the next element, whatever its tag.
 * Tags of 1 to 3 bytes, lengths of 1 to 4 bytes; indefinite lengths and claims past the end fail.
 * ISO/IEC 7816-4, 5.2.2 (BER-TLV data objects). */
bool tlv_next(struct in *in, uint32_t *tag, struct in *value) MUST_CHECK;

/* tlv_get — take the next element if its tag is `tag`; `value` borrows from in's memory. */
bool tlv_get(struct in *in, uint32_t tag, struct in *value) MUST_CHECK;

/* tlv_put — write one element with the shortest length. */
void tlv_put(struct out *out, uint32_t tag, struct in value);
void tlv_put_u8(struct out *out, uint32_t tag, uint8_t value);

/* tlv_head — write tag and length of an element whose n bytes of value follow. */
void tlv_head(struct out *out, uint32_t tag, size_t n);

/* tlv_begin, tlv_end — write a nested element: begin returns a mark, end fills in the shortest length. */
size_t tlv_begin(struct out *out, uint32_t tag);
void tlv_end(struct out *out, size_t mark);

#endif
