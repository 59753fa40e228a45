# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/bench/callload
tests_bench_callload_LDADD = $(LIBS_CODEC)
if HAVE_CHECK
check_PROGRAMS += tests/bench/convert
endif
tests_bench_convert_SOURCES = tests/bench/convert.c $(SCRIPT_HOST)
tests_bench_convert_LDADD = $(UNIT) $(LIBS_SCRIPT)
