# SPDX-License-Identifier: BSD-2-Clause
# The script engine with much of something: too long for the quick tests.
if HAVE_CHECK
check_PROGRAMS += \
	tests/script/test_collect \
	tests/script/test_untrusted
endif
tests_script_test_collect_SOURCES = tests/script/test_collect.c \
	$(SCRIPT_HOST)
tests_script_test_collect_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_script_test_untrusted_SOURCES = tests/script/test_untrusted.c \
	$(SCRIPT_HOST)
tests_script_test_untrusted_LDADD = $(UNIT) $(LIBS_SCRIPT)
