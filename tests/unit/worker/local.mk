# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += tests/unit/worker/test_locate
endif
tests_unit_worker_test_locate_LDADD = $(UNIT) $(LIBS_WORKER)
