# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libscript.a
libscript_a_SOURCES = \
	src/script/bind.h \
	src/script/bind_app.c \
	src/script/bind_client.c \
	src/script/bind_core.c \
	src/script/bind_http.c \
	src/script/bind_json.c \
	src/script/bind_peer.c \
	src/script/bind_secret.c \
	src/script/bind_sharedobj.c \
	src/script/bind_stream.c \
	src/script/bind_text.c \
	src/script/conv.c \
	src/script/conv.h \
	src/script/conv_int.h \
	src/script/conv_out.c \
	src/script/engine.c \
	src/script/engine.h \
	src/script/engine_call.c \
	src/script/engine_console.c \
	src/script/engine_int.h \
	src/script/engine_reload.c \
	src/script/engine_status.c \
	src/script/engine_status.h \
	src/script/vm.c \
	src/script/vm.h \
	src/script/vmarena.c \
	src/script/vmarena.h \
	src/script/vmdecl.c \
	src/script/vmdecl.h \
	src/script/vmguard.c \
	src/script/vmguard.h \
	src/script/vmlib.c \
	src/script/vmlib.h \
	src/script/vmload.c \
	src/script/vmload.h \
	src/script/vmlog.c \
	src/script/vmlog.h \
	src/script/vmprobe.c \
	src/script/vmprobe.h \
	src/script/vmtest.c \
	src/script/vmtest.h \
	src/script/vmtimer.c \
	src/script/vmtimer.h \
	src/script/vmwait.c \
	src/script/vmwait.h
