# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += \
	tests/unit/core/test_inst_reload \
	tests/unit/core/test_instance \
	tests/unit/core/test_limits \
	tests/unit/core/test_livecache \
	tests/unit/core/test_playback \
	tests/unit/core/test_record \
	tests/unit/core/test_sharedobj \
	tests/unit/core/test_sharedobj_history \
	tests/unit/core/test_sharedobj_script \
	tests/unit/core/test_viewer
endif
tests_unit_core_test_inst_reload_SOURCES = \
	tests/unit/core/test_inst_reload.c \
	tests/unit/core/fake.c tests/unit/core/fake.h \
	tests/lib/leap.c tests/lib/leap.h
tests_unit_core_test_inst_reload_LDADD = $(UNIT) $(LIBS_CORE)
tests_unit_core_test_instance_SOURCES = tests/unit/core/test_instance.c \
	tests/unit/core/fake.c tests/unit/core/fake.h
tests_unit_core_test_instance_LDADD = $(UNIT) $(LIBS_CORE)
tests_unit_core_test_livecache_LDADD = $(UNIT) $(LIBS_CORE)
tests_unit_core_test_viewer_LDADD = $(UNIT) $(LIBS_CORE)
SO_LIB = tests/unit/core/fake.c tests/unit/core/fake.h \
	tests/unit/core/so_lib.c tests/unit/core/so_lib.h
tests_unit_core_test_sharedobj_SOURCES = tests/unit/core/test_sharedobj.c \
	$(SO_LIB)
tests_unit_core_test_sharedobj_LDADD = $(UNIT) $(LIBS_CORE)
RECENV = tests/unit/core/recenv.c tests/unit/core/recenv.h \
	tests/unit/core/fake.c tests/unit/core/fake.h
tests_unit_core_test_playback_SOURCES = tests/unit/core/test_playback.c \
	$(RECENV)
tests_unit_core_test_playback_LDADD = $(UNIT) $(LIBS_CORE)
tests_unit_core_test_record_SOURCES = tests/unit/core/test_record.c $(RECENV)
tests_unit_core_test_record_LDADD = $(UNIT) $(LIBS_CORE)
tests_unit_core_test_sharedobj_history_SOURCES = \
	tests/unit/core/test_sharedobj_history.c $(SO_LIB)
tests_unit_core_test_sharedobj_script_SOURCES = \
	tests/unit/core/test_sharedobj_script.c $(SO_LIB)
tests_unit_core_test_sharedobj_history_LDADD = $(UNIT) $(LIBS_CORE)
tests_unit_core_test_sharedobj_script_LDADD = $(UNIT) $(LIBS_CORE)
tests_unit_core_test_limits_SOURCES = tests/unit/core/test_limits.c \
	tests/unit/core/fake.c tests/unit/core/fake.h \
	tests/lib/leap.c tests/lib/leap.h
tests_unit_core_test_limits_LDADD = $(UNIT) $(LIBS_CORE)
