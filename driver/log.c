/* SPDX-License-Identifier: BSD-2-Clause */
/* log.c — pcscd exports log_msg; it is weak here, so that the library loads without pcscd too. */
#include "driver/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include <debuglog.h>

#pragma weak log_msg

static const int syslog_levels[] = {
    [LEVEL_DEBUG] = LOG_DEBUG,
    [LEVEL_INFO] = LOG_INFO,
    [LEVEL_ERROR] = LOG_ERR,
};

void log_line(enum log_level level, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    /* Paths and card files are other people's: a line stays one line. */
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = '?';
    if (log_msg != NULL)
        log_msg((int)level, "vpiv: %s", line);
    else
        syslog(LOG_AUTHPRIV | syslog_levels[level], "vpiv: %s", line);
}
