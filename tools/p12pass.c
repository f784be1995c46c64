/* SPDX-License-Identifier: BSD-2-Clause */
/* p12pass.c — the forms of a password, as a table. */
#include "tools/p12pass.h"

#include <iconv.h>
#include <string.h>

#include <openssl/crypto.h>

/* Code points of `typed`, one uint32_t each, in a secret; or NULL where the bytes are not UTF-8. */
struct text {
    struct secret *points;
    size_t n;
    bool utf8;   /* what was typed is UTF-8; else it was taken as Latin-1 */
    bool ascii;
};

static uint32_t point(const struct text *t, size_t i)
{
    uint32_t v;

    memcpy(&v, t->points->p + i * sizeof v, sizeof v);
    return v;
}

static void point_set(struct text *t, uint32_t v)
{
    memcpy(t->points->p + t->n * sizeof v, &v, sizeof v);
    t->n++;
    if (v > 0x7F)
        t->ascii = false;
}

/* One UTF-8 character.  RFC 3629: shortest form, no surrogates, to 10FFFF. */
static bool take_utf8(struct in *in, uint32_t *v)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    struct in at = *in;
    uint8_t b;
    size_t more;

    if (!in_u8(&at, &b))
        return false;
    more = b < 0x80 ? 0 : (b & 0xE0) == 0xC0 ? 1 : (b & 0xF0) == 0xE0 ? 2 : (b & 0xF8) == 0xF0 ? 3 : 4;
    if (more == 4)
        return false;
    *v = more == 0 ? b : b & (0x3Fu >> more);
    for (size_t i = 0; i < more; i++) {
        if (!in_u8(&at, &b) || (b & 0xC0) != 0x80)
            return false;
        *v = *v << 6 | (b & 0x3F);
    }
    if (*v < least[more] || *v > 0x10FFFF || (*v >= 0xD800 && *v <= 0xDFFF))
        return false;
    *in = at;
    return true;
}

static void put_utf8(struct out *out, uint32_t v)
{
    if (v < 0x80) {
        out_u8(out, (uint8_t)v);
    } else if (v < 0x800) {
        out_u8(out, (uint8_t)(0xC0 | v >> 6));
        out_u8(out, (uint8_t)(0x80 | (v & 0x3F)));
    } else if (v < 0x10000) {
        out_u8(out, (uint8_t)(0xE0 | v >> 12));
        out_u8(out, (uint8_t)(0x80 | (v >> 6 & 0x3F)));
        out_u8(out, (uint8_t)(0x80 | (v & 0x3F)));
    } else {
        out_u8(out, (uint8_t)(0xF0 | v >> 18));
        out_u8(out, (uint8_t)(0x80 | (v >> 12 & 0x3F)));
        out_u8(out, (uint8_t)(0x80 | (v >> 6 & 0x3F)));
        out_u8(out, (uint8_t)(0x80 | (v & 0x3F)));
    }
}

static bool text_of(const struct secret *typed, struct text *t)
{
    struct in in = secret_in(typed);
    uint32_t v;
    uint8_t b;

    *t = (struct text){ .points = secret_new(typed->n * sizeof v), .utf8 = true, .ascii = true };
    if (t->points == NULL)
        return false;
    while (t->utf8 && !in_end(&in)) {
        if (take_utf8(&in, &v))
            point_set(t, v);
        else
            t->utf8 = false;
    }
    if (t->utf8)
        return true;
    /* Typed on a terminal that does not speak UTF-8: take each byte as a letter of Latin-1. */
    t->n = 0;
    for (in = secret_in(typed); in_u8(&in, &b);)
        point_set(t, b);
    return true;
}

/* UTF-16, big-endian; `unit` is called for each unit. */
static void each_unit(const struct text *t, struct out *out, void (*unit)(struct out *, uint16_t))
{
    for (size_t i = 0; i < t->n; i++) {
        uint32_t v = point(t, i);

        if (v >= 0x10000) {
            unit(out, (uint16_t)(0xD7C0 + (v >> 10)));
            unit(out, (uint16_t)(0xDC00 | (v & 0x3FF)));
        } else {
            unit(out, (uint16_t)v);
        }
    }
}

static void unit_7bit(struct out *out, uint16_t v)
{
    out_u8(out, v & 0x7F);
}

/* ---- the forms: each writes its bytes, or says that it is not another form of this password ---- */

static bool form_utf8(const struct text *t, struct out *out)
{
    for (size_t i = 0; i < t->n; i++)
        put_utf8(out, point(t, i));
    return !t->utf8;
}

static bool form_latin1(const struct text *t, struct out *out)
{
    for (size_t i = 0; i < t->n; i++) {
        if (point(t, i) > 0xFF)
            return false;
        out_u8(out, (uint8_t)point(t, i));
    }
    return !t->ascii;
}

/* OpenSSL before 1.1.0 widened each byte of what it got; OpenSSL of today does so with what is not UTF-8.  To make
 * it see the UTF-8 bytes as letters, each of them is written as a letter. */
static bool form_widened(const struct text *t, struct out *out)
{
    uint8_t one[4];

    for (size_t i = 0; i < t->n; i++) {
        struct out letter = out_of(one, sizeof one);

        put_utf8(&letter, point(t, i));
        for (struct in in = out_in(&letter); !in_end(&in);) {
            uint8_t b;

            if (in_u8(&in, &b))
                put_utf8(out, b);
        }
    }
    OPENSSL_cleanse(one, sizeof one);
    return !t->ascii;
}

static bool form_utf16z(const struct text *t, struct out *out)
{
    each_unit(t, out, out_u16);
    out_u16(out, 0);
    return true;
}

static bool form_utf16(const struct text *t, struct out *out)
{
    each_unit(t, out, out_u16);
    return t->n > 0;
}

static bool form_7bit(const struct text *t, struct out *out)
{
    each_unit(t, out, unit_7bit);
    return !t->ascii;
}

static bool form_codepage(const struct text *t, struct out *out, const char *page)
{
    iconv_t convert = iconv_open(page, "UTF-8");
    struct secret *utf8 = secret_new(t->n * 4);
    bool done = false;

    if (convert != (iconv_t)-1 && utf8 != NULL) {
        struct out from = secret_out(utf8);

        for (size_t i = 0; i < t->n; i++)
            put_utf8(&from, point(t, i));
        char *in = (char *)from.p, *to = (char *)out->p;
        size_t in_left = from.n, to_left = out->cap;

        done = iconv(convert, &in, &in_left, &to, &to_left) == 0 && in_left == 0;
        out->n = out->cap - to_left;
    }
    if (convert != (iconv_t)-1)
        iconv_close(convert);
    secret_free(utf8);
    return done && !t->ascii;
}

static bool form_cp1252(const struct text *t, struct out *out)
{
    return form_codepage(t, out, "CP1252");
}

static bool form_cp850(const struct text *t, struct out *out)
{
    return form_codepage(t, out, "CP850");
}

static const struct form {
    bool (*write)(const struct text *, struct out *);
    unsigned use;
    const char *what;
} forms[] = {
    { form_utf8,    PASS_BYTES,            "the password in UTF-8" },
    { form_latin1,  PASS_BYTES,            "the password in Latin-1, as Java and Bouncy Castle give it" },
    { form_widened, PASS_KDF,              "the password as OpenSSL before 1.1 gave it" },
    { form_utf16z,  PASS_BYTES,            "the password in UTF-16, as old NSS gave it" },
    { form_utf16,   PASS_BYTES,            "the password in UTF-16" },
    { form_7bit,    PASS_BYTES,            "the password cut to 7 bits a letter, as Java gives it" },
    { form_cp1252,  PASS_KDF | PASS_BYTES, "the password in Windows' code page 1252" },
    { form_cp850,   PASS_KDF | PASS_BYTES, "the password in the code page 850 of Windows' console" },
};

static bool known(const struct passes *passes, const struct secret *bytes, unsigned use)
{
    for (size_t i = 0; i < passes->n; i++) {
        const struct pass *p = &passes->of[i];

        if (p->bytes != NULL && (p->use & use) == use && secret_equal(p->bytes, secret_in(bytes)))
            return true;
    }
    return false;
}

static enum err add(struct passes *passes, struct in bytes, unsigned use, const char *what)
{
    struct secret *copy = secret_copy(bytes);

    if (copy == NULL)
        return ERR_MEMORY;
    if (passes->n == PASSES_MAX || known(passes, copy, use))
        secret_free(copy);
    else
        passes->of[passes->n++] = (struct pass){ copy, use, what };
    return ERR_NONE;
}

enum err passes_of(const struct secret *typed, struct passes *passes)
{
    struct text t = { .points = NULL };
    struct secret *room = secret_new(typed->n * 8 + 4); /* widened: 2 bytes for each of at most 4 */
    enum err e = ERR_MEMORY;

    *passes = (struct passes){ .n = 0 };
    if (room == NULL || !text_of(typed, &t))
        goto out;
    e = add(passes, secret_in(typed), PASS_KDF | PASS_BYTES, NULL);
    if (typed->n == 0) /* Pressing Enter means both; only the key derivation of RFC 7292 tells them apart. */
        passes->of[passes->n++] = (struct pass){ NULL, PASS_KDF, NULL };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && e == ERR_NONE; i++) {
        struct out out = secret_out(room);

        if (forms[i].write(&t, &out) && !out.bad)
            e = add(passes, out_in(&out), forms[i].use, forms[i].what);
    }
out:
    secret_free(t.points);
    secret_free(room);
    if (e != ERR_NONE)
        passes_clear(passes);
    return e;
}

void passes_clear(struct passes *passes)
{
    for (size_t i = 0; i < passes->n; i++)
        secret_free(passes->of[i].bytes);
    *passes = (struct passes){ .n = 0 };
}
