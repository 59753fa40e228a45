# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += tests/unit/admin/test_admin tests/unit/admin/test_control
endif
tests_unit_admin_test_control_LDADD = $(UNIT) $(LIBS_ADMIN)
tests_unit_admin_test_admin_LDADD = $(UNIT) $(LIBS_ADMIN)
