# SPDX-License-Identifier: BSD-2-Clause
# libcontrol is the part fcsctl links too.
noinst_LIBRARIES += libadmin.a libcontrol.a
libcontrol_a_SOURCES = src/admin/control.c src/admin/control.h
libadmin_a_SOURCES = \
	src/admin/adm_app.c \
	src/admin/adm_inst.c \
	src/admin/adm_rec.c \
	src/admin/adm_rows.c src/admin/adm_rows.h \
	src/admin/adm_so.c \
	src/admin/adm_tables.c \
	src/admin/admin.c src/admin/admin.h \
	src/admin/link.c src/admin/link.h \
	src/admin/role.c src/admin/role.h
