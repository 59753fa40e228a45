/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz - what a fuzz target needs. A target defines LLVMFuzzerTestOneInput
 * and is linked with libFuzzer (--enable-fuzzing) or with replay.c, which runs
 * its stored inputs once, as a test case.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FUZZ_ARENA (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A promise of the code under test, kept or not. */
#define FUZZ_CHECK(expr)                                                       \
	do {                                                                   \
		if (!(expr)) {                                                 \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__,       \
			    __LINE__, #expr);                                  \
			abort();                                               \
		}                                                              \
	} while (0)

#endif
