# SPDX-License-Identifier: BSD-2-Clause
# Tests. A unit test of src/LAYER is tests/unit/LAYER/test_STEM.c, two lines in
# tests/unit/LAYER/local.mk and one in tests/suite; its source is found by its
# name. It links the ranks its layer may use and no more.

if HAVE_CHECK
noinst_LIBRARIES += tests/lib/libunit.a
endif
EXTRA_LIBRARIES = tests/lib/libunit.a
tests_lib_libunit_a_SOURCES = tests/lib/unit.c tests/lib/unit.h
tests_lib_libunit_a_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
UNIT = tests/lib/libunit.a $(CHECK_LIBS)

EXTRA_DIST += tests/run tests/suite tests/expected

include tests/unit/base/local.mk
include tests/unit/codec/local.mk
include tests/unit/net/local.mk
include tests/unit/storage/local.mk
include tests/unit/rtmp/local.mk
include tests/unit/core/local.mk
include tests/unit/session/local.mk
include tests/unit/peer/local.mk
include tests/unit/script/local.mk
include tests/unit/admin/local.mk
include tests/unit/gateway/local.mk
include tests/unit/worker/local.mk
include tests/unit/supervisor/local.mk
include tests/unit/ctl/local.mk
include tests/store/local.mk
include tests/script/local.mk
include tests/wire/local.mk
include tests/e2e/local.mk
include tests/interop/local.mk
include tests/conformance/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk

TESTS_RUN = $(PYTHON3) $(srcdir)/tests/run --builddir=$(builddir) \
	--srcdir=$(srcdir)

# The total is the last line: nothing may print after it.
check-local: $(check_PROGRAMS) fcsd$(EXEEXT) fcsctl$(EXEEXT)
	@if test -n "$$FCS_DISTCHECK"; then \
	    $(TESTS_RUN) --only unit/ --cpu 2 --tag quick; \
	else $(TESTS_RUN); fi

quick: $(check_PROGRAMS) fcsd$(EXEEXT) fcsctl$(EXEEXT)
	@$(TESTS_RUN) --only unit/ --only fuzz/ --cpu 2 --tag quick \
	    --slow $(SLOW)
SLOW = 1

# ASan and UBSan over the unit tests, in a build folder of its own.
SANITIZE_DIR = sanitize
sanitize:
	@$(MKDIR_P) $(SANITIZE_DIR)
	@cd $(SANITIZE_DIR) && { test -f Makefile || \
	    $(abs_srcdir)/configure -q --enable-sanitize CFLAGS="-O1 -g" \
	    CC="$(CC)"; }
	@$(MAKE) $(AM_MAKEFLAGS) -C $(SANITIZE_DIR) all
	@$(MAKE) $(AM_MAKEFLAGS) -C $(SANITIZE_DIR) quick SLOW=4

# The end-to-end tests against that build; S_E2E picks some by prefix.
S_E2E = e2e/cli e2e/connect e2e/call e2e/publish e2e/play e2e/seek \
	e2e/record e2e/sharedobj e2e/sohistory e2e/badinput
sanitize-e2e:
	@$(MKDIR_P) $(SANITIZE_DIR)
	@cd $(SANITIZE_DIR) && { test -f Makefile || \
	    $(abs_srcdir)/configure -q --enable-sanitize CFLAGS="-O1 -g" \
	    CC="$(CC)"; }
	@$(MAKE) $(AM_MAKEFLAGS) -C $(SANITIZE_DIR) all
	@FCSD=$(abs_builddir)/$(SANITIZE_DIR)/fcsd \
	    $(PYTHON3) $(srcdir)/tests/run --builddir=$(SANITIZE_DIR) \
	    --srcdir=$(srcdir) $(S_E2E:%=--only %) --slow 3 --tag sanitize-e2e

# make conformance DATA=dir: recorded files of real peers
conformance: all $(check_PROGRAMS)
	@test -n "$(DATA)" || { echo "give DATA=folder" >&2; exit 2; }
	@FCS_DATA="$$(cd "$(DATA)" && pwd)" $(TESTS_RUN) --only conformance/ --tag conformance

# make fuzz T=config S=60: new inputs for one target, S seconds
FUZZ_DIR = fuzz
T = config
S = 60
fuzz:
	@$(MKDIR_P) $(FUZZ_DIR)
	@cd $(FUZZ_DIR) && { test -f Makefile || \
	    $(abs_srcdir)/configure -q --enable-fuzzing CFLAGS="-O1 -g" \
	    CC=clang; }
	@$(MAKE) $(AM_MAKEFLAGS) -C $(FUZZ_DIR) $(BUILT_SOURCES) \
	    tests/fuzz/fuzz_$(T)
	@$(MKDIR_P) $(FUZZ_DIR)/corpus/$(T)
	d=$(srcdir)/tests/fuzz/dict/$(T).dict; \
	$(FUZZ_DIR)/tests/fuzz/fuzz_$(T) -max_total_time=$(S) -timeout=10 \
	    -rss_limit_mb=2048 `test -f $$d && echo -dict=$$d` \
	    -artifact_prefix=$(srcdir)/tests/fuzz/regress/$(T)- \
	    $(FUZZ_DIR)/corpus/$(T) $(srcdir)/tests/fuzz/corpus/$(T)

bench: all $(check_PROGRAMS)
	@$(TESTS_RUN) --only bench/ --tag bench

clean-local:
	rm -rf $(SANITIZE_DIR) $(FUZZ_DIR) tests/logs tests/total \
	    tests/total.*
