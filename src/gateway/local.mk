# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgateway.a
libgateway_a_SOURCES = \
	src/gateway/census.c src/gateway/census.h \
	src/gateway/gateway.c src/gateway/gateway.h \
	src/gateway/gateway_int.h \
	src/gateway/guest.c \
	src/gateway/route.c
