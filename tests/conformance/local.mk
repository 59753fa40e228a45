# SPDX-License-Identifier: BSD-2-Clause
check_PROGRAMS += tests/conformance/sol2json
tests_conformance_sol2json_LDADD = $(LIBS_CODEC)
