/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz.h — what every fuzz target is: one function that takes any bytes and aborts when it sees a fault. */
#ifndef VPIV_TESTS_FUZZ_H
#define VPIV_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's name for it.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* fuzz_p12: the first byte for "Passw0rd", and the most rounds of key derivation. */
enum { FUZZ_P12_PASSWORD = 0, FUZZ_P12_ITERATIONS = 2000 };

#endif
