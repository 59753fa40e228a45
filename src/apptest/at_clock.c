/* SPDX-License-Identifier: BSD-2-Clause */
#include "apptest/at_clock.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/clock.h"

/* Whole milliseconds: a timer set for 100 ms is due 100 ms later, not 99. */
static _Atomic int64_t mono_us;
static int64_t wall_offset_us;

static int64_t
mono(void *arg)
{
	(void)arg;
	return atomic_load(&mono_us);
}

static int64_t
wall(void *arg)
{
	(void)arg;
	return atomic_load(&mono_us) + wall_offset_us;
}

static const struct clock_source source = { mono, wall, NULL };

void
at_clock_start(void)
{
	int64_t now = clock_ms() * 1000;

	atomic_store(&mono_us, now);
	wall_offset_us = clock_wall_ms() * 1000 - now;
	clock_set(&source);
}

void
at_clock_move(int64_t ms)
{
	if (ms * 1000 > atomic_load(&mono_us))
		atomic_store(&mono_us, ms * 1000);
}
