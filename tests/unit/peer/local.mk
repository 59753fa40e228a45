# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += tests/unit/peer/test_peer tests/unit/peer/test_uri
endif
tests_unit_peer_test_peer_SOURCES = tests/unit/peer/test_peer.c \
	tests/unit/core/fake.c tests/unit/core/fake.h
tests_unit_peer_test_peer_LDADD = $(UNIT) $(LIBS_PEER)
tests_unit_peer_test_uri_LDADD = $(UNIT) $(LIBS_PEER)
