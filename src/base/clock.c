/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static const struct clock_source *source;

static int64_t
system_us(clockid_t id)
{
	struct timespec t;

	fcs_assert(clock_gettime(id, &t) == 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_us(void)
{
	if (source != NULL)
		return source->mono_us(source->arg);
	return system_us(CLOCK_MONOTONIC);
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t
clock_wall_us(void)
{
	if (source != NULL)
		return source->wall_us(source->arg);
	return system_us(CLOCK_REALTIME);
}

int64_t
clock_wall_ms(void)
{
	return clock_wall_us() / 1000;
}

void
clock_set(const struct clock_source *src)
{
	source = src;
}

const char *
clock_text(int64_t wall_us, char out[CLOCK_TEXT_MAX])
{
	time_t s = (time_t)(wall_us / 1000000);
	int ms = (int)(wall_us % 1000000 / 1000);
	struct tm tm;
	size_t n;

	if (ms < 0) {
		ms += 1000;
		s--;
	}
	if (gmtime_r(&s, &tm) == NULL || tm.tm_year > 8099)
		return "-";
	n = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + n, CLOCK_TEXT_MAX - n, ".%03dZ", ms);
	return out;
}
