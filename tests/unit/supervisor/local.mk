# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += tests/unit/supervisor/test_child \
	tests/unit/supervisor/test_options
endif
tests_unit_supervisor_test_child_SOURCES = \
	tests/unit/supervisor/test_child.c \
	tests/lib/leap.c tests/lib/leap.h
tests_unit_supervisor_test_child_LDADD = $(UNIT) $(LIBS_SUPERVISOR)
tests_unit_supervisor_test_options_LDADD = $(UNIT) $(LIBS_SUPERVISOR)
