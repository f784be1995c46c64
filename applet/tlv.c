/* SPDX-License-Identifier: BSD-2-Clause */
/* tlv.c — byte cursors and BER-TLV: the only file that moves pointers over bytes from outside. */
#include "applet/tlv.h"

#include <string.h>

bool in_take(struct in *in, size_t n, struct in *part)
{
    if (n > in->n)
        return false;
    *part = in_of(in->p, n);
    if (n > 0)
        in->p += n;
    in->n -= n;
    return true;
}

static bool in_number(struct in *in, size_t width, uint32_t *v)
{
    struct in part;

    if (!in_take(in, width, &part))
        return false;
    *v = 0;
    for (size_t i = 0; i < width; i++)
        *v = *v << 8 | part.p[i];
    return true;
}

bool in_u8(struct in *in, uint8_t *v)
{
    uint32_t wide;

    if (!in_number(in, 1, &wide))
        return false;
    *v = (uint8_t)wide;
    return true;
}

bool in_u16(struct in *in, uint16_t *v)
{
    uint32_t wide;

    if (!in_number(in, 2, &wide))
        return false;
    *v = (uint16_t)wide;
    return true;
}

bool in_u32(struct in *in, uint32_t *v)
{
    return in_number(in, 4, v);
}

bool in_equal(struct in a, struct in b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

uint8_t *out_room(struct out *out, size_t n)
{
    uint8_t *room;

    if (out->bad || n > out->cap - out->n) {
        out->bad = true;
        return NULL;
    }
    room = out->p + out->n;
    out->n += n;
    return room;
}

void out_put(struct out *out, struct in bytes)
{
    uint8_t *room = out_room(out, bytes.n);

    if (room != NULL && bytes.n > 0)
        memmove(room, bytes.p, bytes.n);
}

void out_zero(struct out *out, size_t n)
{
    uint8_t *room = out_room(out, n);

    if (room != NULL && n > 0)
        memset(room, 0, n);
}

void out_u8(struct out *out, uint8_t v)
{
    out_put(out, in_of(&v, 1));
}

void out_u16(struct out *out, uint16_t v)
{
    out_u8(out, (uint8_t)(v >> 8));
    out_u8(out, (uint8_t)v);
}

void out_u32(struct out *out, uint32_t v)
{
    out_u16(out, (uint16_t)(v >> 16));
    out_u16(out, (uint16_t)v);
}

void out_cut(struct out *out, size_t n)
{
    if (n < out->n)
        out->n = n;
}

/* ISO/IEC 7816-4, 5.2.2.1: low five bits all set = more tag bytes, each but the last with bit 8. */
static bool take_tag(struct in *in, uint32_t *tag)
{
    uint8_t b;

    if (!in_u8(in, &b))
        return false;
    *tag = b;
    if ((b & 0x1F) != 0x1F)
        return true;
    for (int more = 0; more < 2; more++) {
        if (!in_u8(in, &b))
            return false;
        *tag = *tag << 8 | b;
        if ((b & 0x80) == 0)
            return true;
    }
    return false;
}

static bool take_length(struct in *in, size_t *n)
{
    uint8_t b;
    uint32_t v;

    if (!in_u8(in, &b))
        return false;
    if (b < 0x80) {
        *n = b;
        return true;
    }
    if (b == 0x80 || b > 0x83 || !in_number(in, b & 0x0F, &v))
        return false;
    *n = v;
    return true;
}

bool tlv_next(struct in *in, uint32_t *tag, struct in *value)
{
    struct in rest = *in;
    size_t n;

    if (!take_tag(&rest, tag) || !take_length(&rest, &n) || !in_take(&rest, n, value))
        return false;
    *in = rest;
    return true;
}

bool tlv_get(struct in *in, uint32_t tag, struct in *value)
{
    struct in rest = *in;
    uint32_t found;

    if (!tlv_next(&rest, &found, value) || found != tag)
        return false;
    *in = rest;
    return true;
}

static void put_tag(struct out *out, uint32_t tag)
{
    if (tag > 0xFFFF)
        out_u8(out, (uint8_t)(tag >> 16));
    if (tag > 0xFF)
        out_u8(out, (uint8_t)(tag >> 8));
    out_u8(out, (uint8_t)tag);
}

/* Bytes that the shortest form of length n takes. */
static size_t length_width(size_t n)
{
    return n < 0x80 ? 1 : n <= 0xFF ? 2 : n <= 0xFFFF ? 3 : 4;
}

static void put_length(struct out *out, size_t n)
{
    size_t width = length_width(n);

    if (n > 0xFFFFFF) {
        out->bad = true;
        return;
    }
    if (width > 1)
        out_u8(out, (uint8_t)(0x80 + width - 1));
    for (size_t i = width > 1 ? width - 1 : 1; i > 0; i--)
        out_u8(out, (uint8_t)(n >> 8 * (i - 1)));
}

void tlv_head(struct out *out, uint32_t tag, size_t n)
{
    put_tag(out, tag);
    put_length(out, n);
}

void tlv_put(struct out *out, uint32_t tag, struct in value)
{
    tlv_head(out, tag, value.n);
    out_put(out, value);
}

void tlv_put_u8(struct out *out, uint32_t tag, uint8_t value)
{
    tlv_put(out, tag, in_of(&value, 1));
}

/* One byte is kept for the length; tlv_end moves the value up when the length needs more. */
size_t tlv_begin(struct out *out, uint32_t tag)
{
    put_tag(out, tag);
    out_u8(out, 0);
    return out->n;
}

void tlv_end(struct out *out, size_t mark)
{
    size_t n, extra;
    struct out length;

    if (out->bad || mark == 0 || mark > out->n)
        return;
    n = out->n - mark;
    extra = length_width(n) - 1;
    if (out_room(out, extra) == NULL)
        return;
    memmove(out->p + mark + extra, out->p + mark, n);
    length = out_of(out->p + mark - 1, extra + 1);
    put_length(&length, n);
    out->bad = length.bad;
}
