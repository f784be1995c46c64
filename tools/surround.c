/* SPDX-License-Identifier: BSD-2-Clause */
/* surround.c — what CMD of `vpiv run` finds in its environment. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/run.h"

/* Where distributions put OpenSC's module: the first that is there. */
static const char *const modules[] = {
    "/usr/lib/" VPIV_MULTIARCH "/opensc-pkcs11.so", /* Debian, Ubuntu */
    "/usr/lib64/opensc-pkcs11.so",                  /* Fedora, openSUSE */
    "/usr/lib64/pkcs11/opensc-pkcs11.so",
    "/usr/lib/opensc-pkcs11.so",                    /* Arch, Alpine */
    "/usr/lib/*/opensc-pkcs11.so",
    "/usr/local/lib/opensc-pkcs11.so",
};

/* Variables in which programs look for a PKCS#11 module; one that is set already is the caller's wish. */
static const char *const module_variables[] = {
    "PKCS11_MODULE_PATH",     /* libp11's engine and provider */
    "PKCS11_PROVIDER_MODULE", /* latchset's pkcs11-provider */
};

static void set_modules(void)
{
    glob_t found = { 0 };

    for (size_t i = 0; i < sizeof modules / sizeof *modules && found.gl_pathc == 0; i++) {
        globfree(&found);
        if (glob(modules[i], 0, NULL, &found) != 0)
            found.gl_pathc = 0;
    }
    for (size_t i = 0; found.gl_pathc > 0 && i < sizeof module_variables / sizeof *module_variables; i++)
        setenv(module_variables[i], found.gl_pathv[0], 0);
    globfree(&found);
}

void surround_command(const struct run_plan *plan)
{
    char path[RUN_PATH_MAX + 16];

    snprintf(path, sizeof path, "%s/pcscd.sock", plan->directory);
    setenv("PCSCLITE_CSOCK_NAME", path, 1);
    snprintf(path, sizeof path, "%s/readers", plan->directory);
    setenv("VPIV_READER_DIR", path, 1);
    set_modules();
}
