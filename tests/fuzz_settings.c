/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_settings.c — any bytes as vpiv.conf.  What is taken lies within the bounds of vpiv.conf(5); what is refused
 * changes nothing, and is told in a sentence that names the file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applet/card.h"
#include "conf/settings.h"
#include "tests/fuzz.h"

static char path[64];

static void make_place(void)
{
    int fd;

    snprintf(path, sizeof path, "%s/vpiv-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fd = mkstemp(path);
    must_hold(fd >= 0);
    close(fd);
}

static void remove_place(void)
{
    unlink(path);
}

static bool in_bounds(const struct settings *s)
{
    const struct alg *alg = alg_by_name(s->management_algorithm);

    return s->pin_tries >= 1 && s->pin_tries <= 10 && s->puk_tries >= 1 && s->puk_tries <= 10 && s->absent_ms >= 0 &&
           s->absent_ms <= 10000 && persona_by_name(s->persona) != NULL && alg != NULL && alg->family == ALG_CIPHER;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct settings before, settings;
    struct why why = { "" };
    enum err e;
    int fd;

    if (path[0] == '\0') {
        make_place();
        atexit(remove_place);
    }
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    must_hold(fd >= 0 && (n == 0 || pwrite(fd, bytes, n, 0) == (ssize_t)n));
    close(fd);
    settings_default(&settings);
    settings_default(&before);
    must_hold(in_bounds(&settings));
    e = settings_read(path, &settings, &why);
    if (e == ERR_NONE)
        must_hold(in_bounds(&settings) && why.text[0] == '\0');
    else
        must_hold(memcmp(&settings, &before, sizeof settings) == 0 && strncmp(why.text, path, strlen(path)) == 0);
    return 0;
}
