/* SPDX-License-Identifier: BSD-2-Clause */
/* check_main.c — runs every unit-test suite and prints TAP, so that make check counts each test case.
 *
 * CK_RUN_SUITE=name and CK_RUN_CASE=name choose; CK_FORK=no keeps all in one process, for a debugger.
 */
#include <stdlib.h>

#include "tests/check_suites.h"

/* One row a suite, in alphabetical order. */
static Suite *(*const suites[])(void) = {
    suite_alg,
    suite_apdu,
    suite_applet,
    suite_auth,
    suite_card,
    suite_cardfile,
    suite_cardio,
    suite_cardtext,
    suite_command,
    suite_compute,
    suite_err,
    suite_fault,
    suite_faults,
    suite_generate,
    suite_key,
    suite_keyref,
    suite_mask,
    suite_object,
    suite_p12,
    suite_pin,
    suite_pinblock,
    suite_property,
    suite_record,
    suite_seal,
    suite_security,
    suite_settings,
    suite_state,
    suite_store,
    suite_tlv,
    suite_tries,
    suite_view,
    suite_yubikey,
};

int main(void)
{
    SRunner *runner = srunner_create(NULL);

    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    /* A failure shows in the TAP lines; the status tells the same to those who run the program by hand. */
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
