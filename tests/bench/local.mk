# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/bench/callload
tests_bench_callload_LDADD = $(LIBS_CODEC)
