/* SPDX-License-Identifier: BSD-2-Clause */
/* firmware.c — the table of firmware versions. */
#include "applet/firmware.h"

#include <string.h>

/* Yubico's documents name the version that brought each: serial 5.0, metadata 5.3, AES 5.4.2, the rest 5.7.  Before
 * 5.0 libykpiv and piv-go select the OTP application for the serial number, and are lost where it is not.  That
 * nothing is selected after a SELECT in vain was seen on 4.3.7 (OpenSC, pull request 1243); of 5 nobody tells it, and
 * GnuPG's scdaemon 2.4, which looks for OpenPGP beside PIV and goes on with PIV, could not use such a card. */
const struct firmware firmwares[FIRMWARE_COUNT] = {
    { { 4, 3, 5 }, "4.3.5", FEATURE_OTP },
    { { 5, 4, 3 }, "5.4.3", FEATURE_SERIAL | FEATURE_METADATA | FEATURE_AES | FEATURE_STAY },
    { { 5, 7, 1 }, "5.7.1",
      FEATURE_SERIAL | FEATURE_METADATA | FEATURE_AES | FEATURE_STAY | FEATURE_LARGE | FEATURE_MOVE },
};

const struct firmware *firmware_by_version(const uint8_t version[3])
{
    for (size_t i = 0; i < FIRMWARE_COUNT; i++)
        if (memcmp(firmwares[i].version, version, sizeof firmwares[i].version) == 0)
            return &firmwares[i];
    return NULL;
}

const struct firmware *firmware_by_name(const char *name)
{
    for (size_t i = 0; i < FIRMWARE_COUNT; i++)
        if (strcmp(firmwares[i].name, name) == 0)
            return &firmwares[i];
    return NULL;
}
