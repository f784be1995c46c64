/* SPDX-License-Identifier: BSD-2-Clause */
/* plain.c — control characters taken out of a text. */
#include "tools/plain.h"

#include <stddef.h>

char *plain_text(char *text)
{
    for (char *at = text; at != NULL && *at != '\0'; at++) {
        unsigned char c = (unsigned char)at[0], next = (unsigned char)at[1];

        if (c < 0x20 || c == 0x7F)
            at[0] = '?';
        else if (c == 0xC2 && next >= 0x80 && next < 0xA0)
            at[0] = at[1] = '?';
    }
    return text;
}
