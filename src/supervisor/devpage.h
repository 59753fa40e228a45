/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devpage - what `fcsd --dev` prints when it is ready: lines to copy and
 * paste. Layer: supervisor (7). Every printed command must work as it stands;
 * a test pastes them.
 */
#ifndef SUPERVISOR_DEVPAGE_H
#define SUPERVISOR_DEVPAGE_H

#include <stdint.h>
#include <stdio.h>

#include "base/config.h"

struct devpage {
	const struct config *config;
	const char *rtmp, *http; /* "127.0.0.1:1935", NULL: none */
	int64_t ready_ms;        /* from the start */
};
void devpage_print(const struct devpage *, FILE *to);

#endif
