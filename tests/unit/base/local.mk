# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += \
	tests/unit/base/test_arena \
	tests/unit/base/test_buf \
	tests/unit/base/test_clock \
	tests/unit/base/test_config \
	tests/unit/base/test_cursor \
	tests/unit/base/test_err \
	tests/unit/base/test_hash \
	tests/unit/base/test_idmap \
	tests/unit/base/test_limits \
	tests/unit/base/test_log \
	tests/unit/base/test_name \
	tests/unit/base/test_queue \
	tests/unit/base/test_refbuf \
	tests/unit/base/test_rnd \
	tests/unit/base/test_str \
	tests/unit/base/test_utf8
endif
tests_unit_base_test_arena_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_buf_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_clock_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_config_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_cursor_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_err_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_hash_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_idmap_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_limits_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_log_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_name_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_queue_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_refbuf_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_rnd_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_str_LDADD = $(UNIT) $(LIBS_BASE)
tests_unit_base_test_utf8_LDADD = $(UNIT) $(LIBS_BASE)
