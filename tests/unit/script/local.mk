# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += \
	tests/unit/script/test_engine
endif
tests_unit_script_test_engine_SOURCES = tests/unit/script/test_engine.c \
	tests/unit/script/fakeso.c tests/unit/script/host.c \
	tests/unit/script/host.h
tests_unit_script_test_engine_LDADD = $(UNIT) $(LIBS_SCRIPT)
