# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
	src/core/access.c \
	src/core/application.c \
	src/core/client.c \
	src/core/client_call.c \
	src/core/inst_work.c \
	src/core/instance.c \
	src/core/instance_call.c \
	src/core/instance_stop.c \
	src/core/live.c \
	src/core/livecache.c \
	src/core/viewer.c
