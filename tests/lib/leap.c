/* SPDX-License-Identifier: BSD-2-Clause */
/* leap - see leap.h. Ours is found before the one of libc, also by libevent. */
#include "tests/lib/leap.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t ahead_ms;

void
leap_ms(int64_t ms)
{
	ahead_ms += ms;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE ||
			   id == CLOCK_BOOTTIME)) {
		ts->tv_sec += (time_t)(ahead_ms / 1000);
		ts->tv_nsec += (long)(ahead_ms % 1000) * 1000000;
		if (ts->tv_nsec >= 1000000000) {
			ts->tv_sec++;
			ts->tv_nsec -= 1000000000;
		}
	}
	return (int)rc;
}
