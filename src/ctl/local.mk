# SPDX-License-Identifier: BSD-2-Clause
fcsctl_SOURCES = \
	src/ctl/cmd_app.c \
	src/ctl/cmd_author.c \
	src/ctl/cmd_console.c \
	src/ctl/cmd_rec.c \
	src/ctl/cmd_server.c \
	src/ctl/cmd_so.c \
	src/ctl/ctl.h \
	src/ctl/ctl_commands.c \
	src/ctl/ctl_conn.c \
	src/ctl/ctl_run.c \
	src/ctl/ctl_table.c \
	src/ctl/main.c
fcsctl_CPPFLAGS = $(AM_CPPFLAGS) $(SMARTCOLS_CFLAGS) $(EDIT_CFLAGS)
fcsctl_LDADD = libcontrol.a $(LIBS_BASE) $(SMARTCOLS_LIBS) $(EDIT_LIBS)
