# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	src/net/channel.c src/net/channel.h \
	src/net/channel_handover.c \
	src/net/dial.c src/net/dial.h \
	src/net/fetch.c src/net/fetch.h \
	src/net/fetch_easy.c src/net/fetch_int.h \
	src/net/http.c src/net/http.h \
	src/net/listener.c src/net/listener.h \
	src/net/lookup.c src/net/lookup.h \
	src/net/loop.c src/net/loop.h \
	src/net/loop_int.h \
	src/net/pace.c src/net/pace.h \
	src/net/stream.c src/net/stream.h \
	src/net/timer.c src/net/timer.h \
	src/net/watchdir.c src/net/watchdir.h
