/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_yubikey.c — rows of group 14: what persona yubikey adds. */
#include "tools/conform_judge.h"

const struct row rows_yk[] = {
    { "YK-56", "F piv write", "without Yubico's commands each of them is unknown",
      "each FD F8 F7 FA FB FE FF F9 F6: 00{.}0000 -> 6D00", NULL, "house" },
    { .id = NULL },
};
