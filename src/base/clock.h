/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock - monotonic and wall time, replaceable for tests.
 *
 * Belongs to: base (rank 1). The only source of time in the program.
 * Threading: reading from any thread; clock_set() before threads exist.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/err.h"

struct clock_source {
	int64_t (*mono_us)(void *arg); /* never falls */
	int64_t (*wall_us)(void *arg); /* since 1970, UTC */
	void *arg;
};

int64_t clock_us(void);      /* monotonic microseconds */
int64_t clock_ms(void);      /* monotonic milliseconds */
int64_t clock_wall_us(void); /* UTC microseconds since 1970 */
int64_t clock_wall_ms(void); /* UTC milliseconds since 1970 */

/* Take time from src (borrowed until the next call); NULL: the system. */
void clock_set(const struct clock_source *src);

#define CLOCK_TEXT_MAX 32
/* "2026-11-21T15:28:12.345Z" of UTC microseconds; returns out. */
const char *clock_text(int64_t wall_us, char out[CLOCK_TEXT_MAX]);

#endif
