# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += tests/unit/supervisor/test_options
endif
tests_unit_supervisor_test_options_LDADD = $(UNIT) $(LIBS_SUPERVISOR)
