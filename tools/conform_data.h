/* SPDX-License-Identifier: BSD-2-Clause */
/* conform_data.h — what the files of group 11 share. */
#ifndef VPIV_TOOLS_CONFORM_DATA_H
#define VPIV_TOOLS_CONFORM_DATA_H

#include "tools/conform_judge.h"

/* object_inside — what stands inside 53 (7E: inside itself); empty where there is no object. */
bool object_inside(struct judge *j, uint32_t tag, struct in *inside);
bool each_object(struct judge *j, bool (*look)(struct judge *j, uint32_t tag, const char *tags, struct in inside));
bool chuid_part(struct judge *j, const char *path, size_t n, struct in *value);

/* conform_objects.c */
bool dat_01(struct judge *j), dat_02(struct judge *j), dat_03(struct judge *j), dat_05(struct judge *j),
    dat_07(struct judge *j), dat_08(struct judge *j);

/* conform_issuer.c */
bool dat_12(struct judge *j), dat_13(struct judge *j), dat_14(struct judge *j), dat_15(struct judge *j),
    dat_21(struct judge *j), dat_24(struct judge *j);
bool has_purpose(X509 *x, const char *oid); /* its extended key usage names it */

/* conform_signed.c */
bool dat_22(struct judge *j), dat_23(struct judge *j), dat_27(struct judge *j), dat_28(struct judge *j);

#endif
