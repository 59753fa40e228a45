# SPDX-License-Identifier: BSD-2-Clause
fcsctl_SOURCES = src/ctl/main.c
fcsctl_CPPFLAGS = $(AM_CPPFLAGS) $(SMARTCOLS_CFLAGS) $(EDIT_CFLAGS)
fcsctl_LDADD = $(LIBS_BASE) $(SMARTCOLS_LIBS) $(EDIT_LIBS)
