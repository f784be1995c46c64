/* SPDX-License-Identifier: BSD-2-Clause */
/* profile.h — what an issuer of PIV cards writes beside keys: printed information, a signed CHUID, a security object.
 * SP 800-73-5 Part 1, 3.1.2, 3.1.7, 3.3.1 and appendix A. */
#ifndef VPIV_TOOLS_PROFILE_H
#define VPIV_TOOLS_PROFILE_H

#include "applet/card.h"

struct profile {
    /* Printed information; NULL = none of it.  ASCII, with the standard's limits (appendix A, table 14). */
    const char *name;           /* 1 to 125 */
    const char *affiliation;    /* 0 to 20 */
    const char *serial;         /* agency card serial number, 0 to 20 */
    const char *issuer;         /* issuer identification, 0 to 15 */
    const char *organization;   /* 0 to 20, NULL = absent */
    const char *organization2;  /* 0 to 20, NULL = absent */

    const char *expires;        /* YYYYMMDD: of the CHUID and of the printed information; NULL = as the card has it */

    /* The issuer's content signing key; NULL = CHUID unsigned, no security object. */
    const X509 *signer;
    EVP_PKEY *signer_key;
};

/* profile_apply — write the objects into the card.  All or nothing is the caller's: on failure throw the card away.
 * ERR_DATA: a text is too long or not ASCII, or the date is none.  ERR_MISMATCH: signer and key do not belong
 * together.  ERR_UNSUPPORTED: SP 800-78-5, table 2 has no such key for a signer. */
enum err profile_apply(struct card *card, const struct profile *profile, struct why *why) MUST_CHECK;

#endif
