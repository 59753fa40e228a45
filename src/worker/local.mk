# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = \
	src/worker/devwatch.c src/worker/devwatch.h \
	src/worker/locate.c src/worker/locate.h \
	src/worker/place.c src/worker/place.h \
	src/worker/worker.c src/worker/worker.h
