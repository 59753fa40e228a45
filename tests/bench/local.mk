# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/bench/callload
tests_bench_callload_LDADD = $(LIBS_CODEC)
if HAVE_CHECK
check_PROGRAMS += tests/bench/convert tests/bench/history
endif
tests_bench_convert_SOURCES = tests/bench/convert.c $(SCRIPT_HOST)
tests_bench_convert_LDADD = $(UNIT) $(LIBS_SCRIPT)
tests_bench_history_SOURCES = tests/bench/history.c tests/store/store_lib.c \
	tests/store/store_lib.h
tests_bench_history_LDADD = $(UNIT) $(LIBS_STORAGE)
