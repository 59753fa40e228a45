/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unit - cases of a C test program, on Check: one process per case, TAP out.
 *
 *	#include "tests/lib/unit.h"
 *
 *	UNIT(append_grows_the_buffer)
 *	{
 *		ck_assert_int_eq(1, 1);
 *	}
 *	UNIT_MAIN
 *
 * Case names are sentences in snake case. A program argument runs the cases
 * whose name contains it; CK_FORK=no in the environment keeps
 * them in one process, for a debugger.
 */
#ifndef TESTS_LIB_UNIT_H
#define TESTS_LIB_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
/* Check writes down every assertion passed, to say after a crash where it was:
 * the sanitizer says that better, and makes the writing slow. */
#define _mark_point(file, line) ((void)0)
#endif

struct unit_case {
	const char *name;
	const TTest *test;
	int timeout_s;
	struct unit_case *next;
};

void unit_add(struct unit_case *c);
int unit_main(int argc, char **argv);
/* A folder of this case's own, removed at the end; borrowed. */
const char *unit_tmpdir(void);
/* Bytes from hex ("01 ab", spaces ignored); returns owned, *len set. */
uint8_t *unit_hex(const char *hex, size_t *len);

#define UNIT(case_name) UNIT_TIMEOUT(case_name, 10)
#define UNIT_TIMEOUT(case_name, seconds)                                       \
	static void case_name##_body(void);                                    \
	START_TEST(case_name)                                                  \
	{                                                                      \
		case_name##_body();                                            \
	}                                                                      \
	END_TEST                                                               \
	__attribute__((constructor)) static void case_name##_register(void)    \
	{                                                                      \
		static struct unit_case c = { #case_name, NULL, seconds,       \
			NULL };                                                \
		c.test = case_name;                                            \
		unit_add(&c);                                                  \
	}                                                                      \
	static void case_name##_body(void)

#define UNIT_MAIN                                                              \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return unit_main(argc, argv);                                  \
	}

#endif
