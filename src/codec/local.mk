# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libcodec.a
libcodec_a_SOURCES = \
	src/codec/amf0.c \
	src/codec/amf0.h \
	src/codec/amf0_write.c \
	src/codec/amf3.c \
	src/codec/amf3.h \
	src/codec/amf3_write.c \
	src/codec/amf_int.h \
	src/codec/avtag.c \
	src/codec/avtag.h \
	src/codec/chunk.c \
	src/codec/chunk.h \
	src/codec/chunk_reader.c \
	src/codec/command.c \
	src/codec/command.h \
	src/codec/flv.c \
	src/codec/flv.h \
	src/codec/handshake.c \
	src/codec/handshake.h \
	src/codec/message.c \
	src/codec/message.h \
	src/codec/packet.c \
	src/codec/packet.h \
	src/codec/sol.c \
	src/codec/sol.h \
	src/codec/somsg.c \
	src/codec/somsg.h \
	src/codec/status.c \
	src/codec/status.h \
	src/codec/url.c \
	src/codec/url.h \
	src/codec/value.c \
	src/codec/value.h \
	src/codec/value_json.c \
	src/codec/weburl.c \
	src/codec/weburl.h
