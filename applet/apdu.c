/* SPDX-License-Identifier: BSD-2-Clause */
/* apdu.c — the length cases and the class byte. */
#include "applet/apdu.h"

enum { NE_SHORT = 256, NE_EXTENDED = 65536 };
enum { CLA_PROPRIETARY = 0x80, CLA_FURTHER = 0x40, CLA_RESERVED = 0x20, CLA_CHAIN = 0x10, CLA_SM = 0x0C,
       CLA_CHANNEL = 0x03 };

/* Le of `width` bytes, all of what is left; 0 stands for the most. */
static bool take_ne(struct in *in, bool extended, size_t *ne)
{
    uint16_t wide;
    uint8_t narrow;

    if (extended ? !in_u16(in, &wide) : !in_u8(in, &narrow))
        return false;
    if (extended)
        *ne = wide == 0 ? NE_EXTENDED : wide;
    else
        *ne = narrow == 0 ? NE_SHORT : narrow;
    return in_end(in);
}

/* After the header: nothing, Le, Lc data, or Lc data Le; short or extended by the first byte. */
static bool take_body(struct in in, struct apdu *apdu)
{
    struct in whole = in;
    bool extended;
    uint16_t wide;
    uint8_t first;
    size_t nc;

    if (in_end(&in))
        return true;
    if (in.n == 1)
        return take_ne(&in, false, &apdu->ne);
    if (!in_u8(&in, &first))
        return false;
    extended = first == 0;
    nc = first;
    if (extended) {
        apdu->ne = NE_EXTENDED;
        if (whole.n == 3)
            return take_ne(&in, true, &apdu->ne);
        if (!in_u16(&in, &wide) || wide == 0)
            return false;
        nc = wide;
    }
    if (!in_take(&in, nc, &apdu->data))
        return false;
    return in_end(&in) || take_ne(&in, extended, &apdu->ne);
}

bool apdu_parse(struct in bytes, struct apdu *apdu)
{
    *apdu = (struct apdu){ .ne = NE_SHORT };
    return in_u8(&bytes, &apdu->cla) && in_u8(&bytes, &apdu->ins) && in_u8(&bytes, &apdu->p1) &&
           in_u8(&bytes, &apdu->p2) && take_body(bytes, apdu);
}

sw_t apdu_class(const struct apdu *apdu)
{
    if (apdu->cla & CLA_PROPRIETARY)
        return SW_CLA_NOT_SUPPORTED;
    if (apdu->cla & CLA_FURTHER)
        return SW_CHANNEL_NOT_SUPPORTED;
    if (apdu->cla & CLA_RESERVED)
        return SW_CLA_NOT_SUPPORTED;
    if (apdu->cla & CLA_CHANNEL)
        return SW_CHANNEL_NOT_SUPPORTED;
    return apdu->cla & CLA_SM ? SW_SM_NOT_SUPPORTED : SW_SUCCESS;
}

bool apdu_chained(const struct apdu *apdu)
{
    return (apdu->cla & CLA_CHAIN) != 0;
}
