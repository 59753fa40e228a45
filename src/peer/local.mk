# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libpeer.a
libpeer_a_SOURCES = \
	src/peer/peer.c src/peer/peer.h \
	src/peer/peer_call.c \
	src/peer/peer_conn.c \
	src/peer/peer_int.h \
	src/peer/peer_uri.c src/peer/peer_uri.h
