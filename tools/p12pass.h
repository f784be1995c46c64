/* SPDX-License-Identifier: BSD-2-Clause */
/* p12pass.h — one password as the bytes that different programs have made of it.
 *
 * RFC 7292 wants UTF-16 with two zero bytes for its own key derivation; PBES2 and PBMAC1 take bytes, by RFC 9579
 * UTF-8.  Programs differ on both, and on what "no password" is.
 */
#ifndef VPIV_TOOLS_P12PASS_H
#define VPIV_TOOLS_P12PASS_H

#include "applet/secret.h"

enum pass_use {
    PASS_KDF = 1,   /* key derivation of RFC 7292, appendix B: OpenSSL turns the bytes into UTF-16 */
    PASS_BYTES = 2, /* PBKDF2, scrypt, PBKDF1: the bytes as they are */
};

struct pass {
    struct secret *bytes; /* NULL = no password at all, which is not the same as an empty one */
    unsigned use;         /* enum pass_use, together */
    const char *what;     /* for people; NULL = the usual form */
};

enum { PASSES_MAX = 12 };

struct passes {
    size_t n;
    struct pass of[PASSES_MAX];
};

/* passes_of — every form of `typed`, the usual one first, none twice for the same use. */
enum err passes_of(const struct secret *typed, struct passes *passes) MUST_CHECK;
void passes_clear(struct passes *passes);

#endif
