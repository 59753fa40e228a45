/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leap - time that jumps: a program with this file has a monotonic clock that
 * runs as ever and is moved on by leap_ms(), timers included. For waits too
 * long to be waited for; linked as a file of the program's own. Half an hour
 * in all: the test library keeps a case's time in 31 bits of microseconds.
 */
#ifndef TESTS_LIB_LEAP_H
#define TESTS_LIB_LEAP_H

#include <stdint.h>

void leap_ms(int64_t ms);

#endif
