/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * at_host - answers the words of a test (script/vmtest.h): the world, its
 * clients, what arrived, what was logged. Layer: apptest (8). Owner: the
 * process of one test. Thread: loop.
 */
#ifndef APPTEST_AT_HOST_H
#define APPTEST_AT_HOST_H

#include "script/vmtest.h"

struct at_host;

/* folders: of applications, NULL-terminated; state: an empty folder; both
 * borrowed. Takes the log's tap. */
int at_host_new(const char *const *folders, const char *state,
    struct at_host **out, struct err *why) FCS_MUSTUSE;
/* The table for vmtest_new(). */
struct vmtest_host at_host_table(struct at_host *);

#endif
