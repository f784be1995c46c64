/* SPDX-License-Identifier: BSD-2-Clause */
/* attribute.c — TABLE of TAG_IFD_* and SCARD_ATTR_*. */
#include "driver/attribute.h"

#include <stdio.h>
#include <string.h>

#include <ifdhandler.h>
#include <reader.h>

#include "config.h"

struct attribute {
    DWORD tag;
    bool (*put)(const struct attribute *, struct reader *, struct out *); /* false: none now */
    uint32_t number;
    const char *text;
};

static bool put_byte(const struct attribute *a, struct reader *r, struct out *out)
{
    (void)r;
    out_u8(out, (uint8_t)a->number);
    return true;
}

static bool put_slots(const struct attribute *a, struct reader *r, struct out *out)
{
    (void)a;
    out_u8(out, (uint8_t)reader_slots(r));
    return true;
}

/* A DWORD of PC/SC: four bytes, least significant first, as hardware readers have it. */
static bool put_number(const struct attribute *a, struct reader *r, struct out *out)
{
    (void)r;
    for (unsigned shift = 0; shift < 32; shift += 8)
        out_u8(out, (uint8_t)(a->number >> shift));
    return true;
}

static bool put_text(const struct attribute *a, struct reader *r, struct out *out)
{
    (void)r;
    out_put(out, in_of(a->text, strlen(a->text) + 1));
    return true;
}

/* 0xMMmmbbbb: major, minor, build. */
static bool put_version(const struct attribute *a, struct reader *r, struct out *out)
{
    unsigned major = 0, minor = 0, build = 0;

    (void)a;
    sscanf(PACKAGE_VERSION, "%u.%u.%u", &major, &minor, &build);
    uint32_t packed = (major & 0xFF) << 24 | (minor & 0xFF) << 16 | (build & 0xFFFF);
    return put_number(&(struct attribute){ .number = packed }, r, out);
}

/* A client that asks gets no code address: it always has more room than a pointer (PCSC.md 3.2); and what is written
 * here goes out to it with the error as well. */
static bool put_address(const void *function, size_t n, struct out *out)
{
    if (out->cap != n)
        return false;
    out_put(out, in_of(function, n));
    return true;
}

static bool put_poll(const struct attribute *a, struct reader *r, struct out *out)
{
    long (*const function)(DWORD, int) = ifd_poll;

    (void)a, (void)r;
    return put_address(&function, sizeof function, out);
}

static bool put_stop(const struct attribute *a, struct reader *r, struct out *out)
{
    long (*const function)(DWORD) = ifd_stop;

    (void)a, (void)r;
    return put_address(&function, sizeof function, out);
}

static bool put_atr(const struct attribute *a, struct reader *r, struct out *out)
{
    (void)a;
    (void)reader_atr(r, out); /* no card, no power: length 0 */
    return true;
}

/* The card's GUID in hex: the one number here that tells two of these readers apart. */
static bool put_serial(const struct attribute *a, struct reader *r, struct out *out)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t guid[16];
    struct out bytes = out_of(guid, sizeof guid);

    (void)a;
    if (!reader_guid(r, &bytes))
        return false;
    for (size_t i = 0; i < bytes.n; i++) {
        out_u8(out, (uint8_t)digits[guid[i] >> 4]);
        out_u8(out, (uint8_t)digits[guid[i] & 0xF]);
    }
    out_u8(out, '\0');
    return true;
}

static bool put_presence(const struct attribute *a, struct reader *r, struct out *out)
{
    (void)a;
    out_u8(out, reader_present(r) ? 2 : 0); /* 2 = present, 0 = absent; 1 would be "not swallowed" */
    return true;
}

static bool put_active(const struct attribute *a, struct reader *r, struct out *out)
{
    uint8_t bytes[MAX_ATR_SIZE];
    struct out atr = out_of(bytes, sizeof bytes);

    (void)a;
    (void)reader_atr(r, &atr);
    out_u8(out, atr.n > 0 ? 1 : 0);
    return true;
}

static const struct attribute attributes[] = {
    /* pcscd's own questions: PCSC.md 3.2.  KILLABLE and DEVICE_REMOVED are not here, which says no. */
    { TAG_IFD_SIMULTANEOUS_ACCESS, put_byte, 255, NULL },  /* less, and two readers share a Lun */
    { TAG_IFD_THREAD_SAFE, put_byte, 1, NULL },
    { TAG_IFD_SLOT_THREAD_SAFE, put_byte, 1, NULL },
    { TAG_IFD_SLOTS_NUMBER, put_slots, 0, NULL },
    { TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, put_poll, 0, NULL },
    { TAG_IFD_STOP_POLLING_THREAD, put_stop, 0, NULL },
    /* Clients' questions: PCSC.md 6.4.  The two names of the reader are not here: then pcscd answers. */
    { TAG_IFD_ATR, put_atr, 0, NULL },
    { SCARD_ATTR_ATR_STRING, put_atr, 0, NULL },
    { SCARD_ATTR_VENDOR_NAME, put_text, 0, "vpiv" },
    { SCARD_ATTR_VENDOR_IFD_TYPE, put_text, 0, "virtual PIV card reader" },
    { SCARD_ATTR_VENDOR_IFD_VERSION, put_version, 0, NULL },
    { SCARD_ATTR_VENDOR_IFD_SERIAL_NO, put_serial, 0, NULL },
    { SCARD_ATTR_ICC_PRESENCE, put_presence, 0, NULL },
    { SCARD_ATTR_ICC_INTERFACE_STATUS, put_active, 0, NULL },
    { SCARD_ATTR_CURRENT_PROTOCOL_TYPE, put_number, 2, NULL }, /* T=1: every ATR of ours says so */
    { SCARD_ATTR_MAXINPUT, put_number, 65536, NULL },
};

enum err attribute_get(struct reader *r, DWORD tag, struct out *out)
{
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        if (attributes[i].tag != tag)
            continue;
        if (!attributes[i].put(&attributes[i], r, out))
            return ERR_NOT_FOUND;
        return out->bad ? ERR_FULL : ERR_NONE;
    }
    return ERR_NOT_FOUND;
}
