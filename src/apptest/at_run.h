/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * at_run - the tests of one application, each in a process of its own with
 * fresh stores: what fails, hangs or crashes is one failed test. Layer:
 * apptest (8). Thread: main; the caller has no other threads.
 */
#ifndef APPTEST_AT_RUN_H
#define APPTEST_AT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct at_run_options {
	const char *dir;            /* of the application */
	const char *name;           /* of the application */
	const char *const *folders; /* where others are, NULL-terminated */
	const char *filter;         /* a part of the name, NULL: all */
	uint32_t timeout_ms;        /* for one test */
	bool json, verbose;         /* verbose: with the log of each test */
};

/* Exit status: 0 all passed, 1 some failed, 2 there is nothing to run or it
 * cannot be run. Says everything on stdout, trouble on stderr. */
int at_run(const struct at_run_options *);

#endif
