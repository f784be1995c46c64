/* SPDX-License-Identifier: BSD-2-Clause */
/* err.c — the table of errors: name, sentence, status word. */
#include "applet/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name;
    const char *sentence;
    sw_t sw;
} errors[ERR_COUNT] = {
    [ERR_NONE] = { "none", "done", SW_SUCCESS },
    [ERR_DATA] = { "data", "the data is not well-formed", SW_WRONG_DATA },
    [ERR_UNSUPPORTED] = { "unsupported", "a PIV card has no place for this", SW_WRONG_DATA },
    [ERR_NOT_FOUND] = { "not-found", "there is no such thing", SW_NOT_FOUND },
    [ERR_EXISTS] = { "exists", "it is there already", SW_WRONG_DATA },
    [ERR_FULL] = { "full", "there is no room left", SW_NO_ROOM },
    [ERR_SECURITY] = { "security", "the access rule is not met", SW_SECURITY_STATUS },
    [ERR_WRONG] = { "wrong", "wrong PIN, PUK, key or pass phrase", SW_SECURITY_STATUS },
    [ERR_BLOCKED] = { "blocked", "blocked: no tries left", SW_BLOCKED },
    [ERR_MISMATCH] = { "mismatch", "two things that must belong together do not", SW_MEMORY_FAILURE },
    [ERR_VERSION] = { "version", "made by another version of vpiv", SW_MEMORY_FAILURE },
    [ERR_OWNER] = { "owner", "the file is neither private nor shared", SW_MEMORY_FAILURE },
    [ERR_STORE] = { "store", "reading or writing failed", SW_MEMORY_FAILURE },
    [ERR_BUSY] = { "busy", "another program holds the card's lock", SW_MEMORY_FAILURE },
    [ERR_CHANGED] = { "changed", "another program changed the card", SW_MEMORY_FAILURE },
    [ERR_ABSENT] = { "absent", "there is no card", SW_MEMORY_FAILURE },
    [ERR_MEMORY] = { "memory", "out of memory", SW_MEMORY_FAILURE },
    [ERR_CRYPTO] = { "crypto", "the cryptographic library failed", SW_MEMORY_FAILURE },
};

const char *err_name(enum err e)
{
    return e < ERR_COUNT ? errors[e].name : "unknown";
}

const char *err_sentence(enum err e)
{
    return e < ERR_COUNT ? errors[e].sentence : "unknown error";
}

sw_t sw_of(enum err e)
{
    return e < ERR_COUNT ? errors[e].sw : SW_MEMORY_FAILURE;
}

enum err why_set(struct why *w, enum err e, const char *format, ...)
{
    va_list args;

    if (w == NULL || w->text[0] != '\0')
        return e;
    va_start(args, format);
    vsnprintf(w->text, sizeof w->text, format, args);
    va_end(args);
    return e;
}
