# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += tests/unit/session/test_session \
	tests/unit/session/test_stream \
	tests/unit/session/test_traffic
endif
tests_unit_session_test_session_SOURCES = tests/unit/session/test_session.c \
	tests/unit/session/wire.c \
	tests/unit/session/wire.h tests/unit/core/fake.c \
	tests/unit/core/fake.h
tests_unit_session_test_session_LDADD = $(UNIT) $(LIBS_SESSION)
tests_unit_session_test_stream_SOURCES = tests/unit/session/test_stream.c \
	tests/unit/session/wire.c \
	tests/unit/session/wire.h $(RECENV)
tests_unit_session_test_stream_LDADD = $(UNIT) $(LIBS_SESSION)
tests_unit_session_test_traffic_SOURCES = tests/unit/session/test_traffic.c \
	tests/unit/session/wire.c \
	tests/unit/session/wire.h tests/unit/core/fake.c \
	tests/unit/core/fake.h tests/lib/leap.c tests/lib/leap.h
tests_unit_session_test_traffic_LDADD = $(UNIT) $(LIBS_SESSION)
