# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libsupervisor.a
libsupervisor_a_SOURCES = \
	src/supervisor/options.c \
	src/supervisor/options.h
