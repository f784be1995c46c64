/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_yubikey.h — the rows of group 14 that need more than a script. */
#ifndef VPIV_TOOLS_CONFORM_YUBIKEY_H
#define VPIV_TOOLS_CONFORM_YUBIKEY_H

#include "tools/conform_judge.h"

bool yk_07(struct judge *j), yk_18(struct judge *j), yk_23(struct judge *j), yk_24(struct judge *j),
    yk_25(struct judge *j), yk_26(struct judge *j), yk_27(struct judge *j), yk_34(struct judge *j),
    yk_36(struct judge *j), yk_38(struct judge *j), yk_40(struct judge *j), yk_54(struct judge *j),
    yk_58(struct judge *j);

#endif
