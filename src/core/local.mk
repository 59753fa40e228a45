# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
	src/core/access.c \
	src/core/app_reload.c \
	src/core/application.c \
	src/core/client.c \
	src/core/client_call.c \
	src/core/client_traffic.c \
	src/core/inst_reload.c \
	src/core/inst_work.c \
	src/core/instance.c \
	src/core/instance_admin.c \
	src/core/instance_call.c \
	src/core/instance_later.c \
	src/core/instance_stop.c \
	src/core/live.c \
	src/core/livecache.c \
	src/core/play.c \
	src/core/play.h \
	src/core/playback.c \
	src/core/reccopy.c \
	src/core/reccopy.h \
	src/core/record.c \
	src/core/sharedobj.c \
	src/core/sharedobj_answer.c \
	src/core/sharedobj_ask.c \
	src/core/sharedobj_entry.c \
	src/core/sharedobj_image.c \
	src/core/sharedobj_int.h \
	src/core/sharedobj_load.c \
	src/core/sharedobj_look.c \
	src/core/sharedobj_msg.c \
	src/core/sharedobj_out.c \
	src/core/sharedobj_owner.c \
	src/core/sharedobj_pace.c \
	src/core/sharedobj_path.c \
	src/core/sharedobj_proxy.c \
	src/core/sharedobj_proxy.h \
	src/core/sharedobj_queue.c \
	src/core/sharedobj_reload.c \
	src/core/sharedobj_save.c \
	src/core/sharedobj_script.c \
	src/core/sharedobj_task.c \
	src/core/sharedobj_task_int.h \
	src/core/sharedobj_user.c \
	src/core/sharedobj_wait.c \
	src/core/viewer.c
