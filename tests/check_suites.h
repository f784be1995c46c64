/* SPDX-License-Identifier: BSD-2-Clause */
/* check_suites.h — the unit-test suites, one for each source file: suite_X stands in check_X.c. */
#ifndef VPIV_TESTS_CHECK_SUITES_H
#define VPIV_TESTS_CHECK_SUITES_H

#include <check.h>

Suite *suite_alg(void);
Suite *suite_apdu(void);
Suite *suite_applet(void);
Suite *suite_auth(void);
Suite *suite_card(void);
Suite *suite_cardfile(void);
Suite *suite_cardio(void);
Suite *suite_cardtext(void);
Suite *suite_command(void);
Suite *suite_compute(void);
Suite *suite_err(void);
Suite *suite_fault(void);
Suite *suite_faults(void);
Suite *suite_generate(void);
Suite *suite_key(void);
Suite *suite_keyref(void);
Suite *suite_mask(void);
Suite *suite_object(void);
Suite *suite_p12(void);
Suite *suite_pin(void);
Suite *suite_pinblock(void);
Suite *suite_property(void);
Suite *suite_record(void);
Suite *suite_seal(void);
Suite *suite_security(void);
Suite *suite_settings(void);
Suite *suite_state(void);
Suite *suite_store(void);
Suite *suite_tlv(void);
Suite *suite_tries(void);
Suite *suite_view(void);
Suite *suite_yubikey(void);

#endif
