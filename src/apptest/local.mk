# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libapptest.a
libapptest_a_SOURCES = \
	src/apptest/apptest.c src/apptest/apptest.h \
	src/apptest/at_actor.c src/apptest/at_actor.h \
	src/apptest/at_check.c src/apptest/at_check.h \
	src/apptest/at_clock.c src/apptest/at_clock.h \
	src/apptest/at_host.c src/apptest/at_host.h \
	src/apptest/at_new.c src/apptest/at_new.h \
	src/apptest/at_run.c src/apptest/at_run.h \
	src/apptest/at_world.c src/apptest/at_world.h
