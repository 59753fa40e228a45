/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * at_check - what is wrong with an application before it runs: app.yaml, every
 * Ruby file, the declarations of its class. Layer: apptest (8). Thread: main.
 */
#ifndef APPTEST_AT_CHECK_H
#define APPTEST_AT_CHECK_H

#include <stdbool.h>

#include "base/err.h"

/* Problems as "file:line: what" on stdout, JSON lines if so. Exit status: 0
 * none, 1 some, 2 it cannot be looked at. folders as for at_run(). */
int at_check(
    const char *dir, const char *name, const char *const *folders, bool json);

#endif
