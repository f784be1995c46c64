/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz.h — what every fuzz target is: one function that takes any bytes and aborts when it sees a fault. */
#ifndef VPIV_TESTS_FUZZ_H
#define VPIV_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's name for it.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* fuzz_p12: the first byte for "Passw0rd", and the most rounds of key derivation. */
enum { FUZZ_P12_PASSWORD = 0, FUZZ_P12_ITERATIONS = 2000 };

/* must_hold — what must hold for every input; else the fault is named, and the fuzzer keeps the input. */
#define must_hold(what)                                           \
    do {                                                          \
        if (!(what)) {                                            \
            fprintf(stderr, "line %d: not %s\n", __LINE__, #what); \
            abort();                                              \
        }                                                         \
    } while (0)

#endif
