# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/conformance/sol2json
tests_conformance_sol2json_LDADD = $(LIBS_CODEC)
if HAVE_CHECK
check_PROGRAMS += tests/conformance/test_flv
endif
tests_conformance_test_flv_SOURCES = tests/conformance/test_flv.c $(REC_LIB)
tests_conformance_test_flv_LDADD = $(UNIT) $(LIBS_STORAGE)
