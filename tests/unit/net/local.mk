# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += \
	tests/unit/net/test_channel \
	tests/unit/net/test_dial \
	tests/unit/net/test_fetch \
	tests/unit/net/test_listener \
	tests/unit/net/test_loop \
	tests/unit/net/test_pace \
	tests/unit/net/test_stream \
	tests/unit/net/test_watchdir
endif
tests_unit_net_test_channel_LDADD = $(UNIT) $(LIBS_NET)
tests_unit_net_test_dial_LDADD = $(UNIT) $(LIBS_NET)
tests_unit_net_test_fetch_LDADD = $(UNIT) $(LIBS_NET)
tests_unit_net_test_listener_LDADD = $(UNIT) $(LIBS_NET)
tests_unit_net_test_loop_LDADD = $(UNIT) $(LIBS_NET)
tests_unit_net_test_stream_LDADD = $(UNIT) $(LIBS_NET)
tests_unit_net_test_pace_SOURCES = tests/unit/net/test_pace.c \
	tests/lib/leap.c tests/lib/leap.h
tests_unit_net_test_pace_LDADD = $(UNIT) $(LIBS_NET)
tests_unit_net_test_watchdir_LDADD = $(UNIT) $(LIBS_NET)
