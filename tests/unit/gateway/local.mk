# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += tests/unit/gateway/test_guest
endif
tests_unit_gateway_test_guest_LDADD = $(UNIT) $(LIBS_GATEWAY)
