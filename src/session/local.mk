# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libsession.a
libsession_a_SOURCES = \
	src/session/sess_bw.c \
	src/session/sess_call.c \
	src/session/sess_connect.c \
	src/session/sess_live.c \
	src/session/sess_play.c \
	src/session/sess_publish.c \
	src/session/sess_stream.c \
	src/session/sess_traffic.c \
	src/session/sess_vod.c \
	src/session/session.c
