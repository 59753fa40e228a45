# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libsession.a
libsession_a_SOURCES =
