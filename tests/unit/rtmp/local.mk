# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += tests/unit/rtmp/test_conn
endif
tests_unit_rtmp_test_conn_LDADD = $(UNIT) $(LIBS_RTMP)
