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

/* ISO/IEC 7816-4, 5.6; SP 800-73-5 Part 2, tables 2 to 20.  `mask`: digits that count; the rest is a number. */
static const struct {
    sw_t sw, mask;
    const char *sentence;
} words[] = {
    { SW_SUCCESS, 0xFFFF, "success" },
    { SW_MORE, 0xFF00, "more to fetch with GET RESPONSE" },
    { SW_TRIES, 0xFFF0, "verification failed, the last digit is the tries left" },
    { 0x6300, 0xFFFF, "verification failed" },
    { SW_MEMORY_FAILURE, 0xFFFF, "memory failure" },
    { SW_WRONG_LENGTH, 0xFFFF, "wrong length" },
    { SW_CHANNEL_NOT_SUPPORTED, 0xFFFF, "logical channel not supported" },
    { SW_SM_NOT_SUPPORTED, 0xFFFF, "secure messaging not supported" },
    { 0x6884, 0xFFFF, "command chaining not supported" },
    { SW_SECURITY_STATUS, 0xFFFF, "security status not satisfied" },
    { SW_BLOCKED, 0xFFFF, "authentication method blocked" },
    { SW_CONDITIONS, 0xFFFF, "conditions of use not satisfied" },
    { SW_WRONG_DATA, 0xFFFF, "incorrect parameter in command data" },
    { SW_FUNCTION_NOT_SUPPORTED, 0xFFFF, "function not supported" },
    { SW_NOT_FOUND, 0xFFFF, "data object or application not found" },
    { SW_NO_ROOM, 0xFFFF, "not enough memory" },
    { SW_WRONG_P1P2, 0xFFFF, "incorrect parameter in P1 or P2" },
    { SW_REFERENCE_NOT_FOUND, 0xFFFF, "referenced data or reference data not found" },
    { SW_OUT_OF_RANGE, 0xFFFF, "wrong parameters P1-P2" },
    { 0x6C00, 0xFF00, "wrong Le, the last byte is the right one" },
    { SW_INS_NOT_SUPPORTED, 0xFFFF, "instruction not supported" },
    { SW_CLA_NOT_SUPPORTED, 0xFFFF, "class not supported" },
    { 0x6F00, 0xFF00, "no precise diagnosis" },
};

const char *sw_sentence(sw_t sw)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((sw & words[i].mask) == words[i].sw)
            return words[i].sentence;
    return "";
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
