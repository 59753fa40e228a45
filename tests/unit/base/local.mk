# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += tests/unit/base/test_err
endif
tests_unit_base_test_err_LDADD = $(UNIT) $(LIBS_BASE)
