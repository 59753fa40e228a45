/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * at_clock - time that moves by command only, for all threads of the process:
 * it starts at the time of day and stands still. Layer: apptest (8).
 */
#ifndef APPTEST_AT_CLOCK_H
#define APPTEST_AT_CLOCK_H

#include <stdint.h>

void at_clock_start(void); /* before there are threads */
/* Move to ms of the monotonic clock; never back. Loop thread. */
void at_clock_move(int64_t ms);

#endif
