# SPDX-License-Identifier: BSD-2-Clause
SCRIPT_HOST = tests/unit/script/host.c tests/unit/script/host.h
if HAVE_CHECK
check_PROGRAMS += \
	tests/unit/script/test_app \
	tests/unit/script/test_apps \
	tests/unit/script/test_client \
	tests/unit/script/test_engine \
	tests/unit/script/test_reload \
	tests/unit/script/test_ruby \
	tests/unit/script/test_verdict \
	tests/unit/script/test_vmarena \
	tests/unit/script/test_vmguard \
	tests/unit/script/test_vmlib
endif
tests_unit_script_test_app_SOURCES = tests/unit/script/test_app.c \
	$(SCRIPT_HOST)
tests_unit_script_test_app_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_unit_script_test_apps_SOURCES = tests/unit/script/test_apps.c \
	$(SCRIPT_HOST)
tests_unit_script_test_apps_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_unit_script_test_client_SOURCES = tests/unit/script/test_client.c \
	$(SCRIPT_HOST)
tests_unit_script_test_client_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_unit_script_test_engine_SOURCES = tests/unit/script/test_engine.c \
	$(SCRIPT_HOST)
tests_unit_script_test_engine_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_unit_script_test_reload_SOURCES = tests/unit/script/test_reload.c \
	tests/lib/leap.c tests/lib/leap.h $(SCRIPT_HOST)
tests_unit_script_test_reload_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_unit_script_test_ruby_SOURCES = tests/unit/script/test_ruby.c \
	$(SCRIPT_HOST)
tests_unit_script_test_ruby_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_unit_script_test_verdict_SOURCES = tests/unit/script/test_verdict.c \
	$(SCRIPT_HOST)
tests_unit_script_test_verdict_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_unit_script_test_vmarena_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_unit_script_test_vmguard_SOURCES = tests/unit/script/test_vmguard.c \
	$(SCRIPT_HOST)
tests_unit_script_test_vmguard_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_unit_script_test_vmlib_SOURCES = tests/unit/script/test_vmlib.c \
	$(SCRIPT_HOST)
tests_unit_script_test_vmlib_LDADD = $(UNIT) $(LIBS_SCRIPT)
EXTRA_DIST += tests/unit/script/api.rb tests/unit/script/app.rb \
	tests/unit/script/await.rb \
	tests/unit/script/check.rb tests/unit/script/runaway.rb \
	tests/unit/script/sandbox.rb tests/unit/script/sohistory.rb \
	tests/unit/script/type.rb \
	tests/unit/script/value.rb tests/unit/script/world.rb
