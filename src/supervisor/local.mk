# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libsupervisor.a
libsupervisor_a_SOURCES = \
	src/supervisor/child.c src/supervisor/child.h \
	src/supervisor/desk.c src/supervisor/desk.h \
	src/supervisor/devpage.c src/supervisor/devpage.h \
	src/supervisor/options.c src/supervisor/options.h \
	src/supervisor/registry.c src/supervisor/registry.h \
	src/supervisor/setup.c src/supervisor/setup.h \
	src/supervisor/supervisor.c src/supervisor/supervisor.h
