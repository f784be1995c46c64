/* SPDX-License-Identifier: BSD-2-Clause */
/* check_suites.h — the unit-test suites, one for each source file: suite_X stands in check_X.c. */
#ifndef VPIV_TESTS_CHECK_SUITES_H
#define VPIV_TESTS_CHECK_SUITES_H

#include <check.h>

Suite *suite_applet(void);
Suite *suite_err(void);

#endif
