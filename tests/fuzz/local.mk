# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets. Without --enable-fuzzing each is a test that runs its stored
# inputs once (replay.c); with it, libFuzzer supplies main.
FUZZ_CODEC = tests/fuzz/fuzz_amf0 tests/fuzz/fuzz_amf3 \
	tests/fuzz/fuzz_chunk tests/fuzz/fuzz_command tests/fuzz/fuzz_flv \
	tests/fuzz/fuzz_handshake tests/fuzz/fuzz_sol tests/fuzz/fuzz_somsg \
	tests/fuzz/fuzz_url
check_PROGRAMS += $(FUZZ_CODEC)
noinst_HEADERS += tests/fuzz/fuzz.h
if FUZZING
FUZZ_MAIN =
else
FUZZ_MAIN = tests/fuzz/replay.c
endif
tests_fuzz_fuzz_amf0_SOURCES = tests/fuzz/fuzz_amf0.c $(FUZZ_MAIN)
tests_fuzz_fuzz_amf0_LDADD = $(LIBS_CODEC)
tests_fuzz_fuzz_amf0_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_amf3_SOURCES = tests/fuzz/fuzz_amf3.c $(FUZZ_MAIN)
tests_fuzz_fuzz_amf3_LDADD = $(LIBS_CODEC)
tests_fuzz_fuzz_amf3_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_chunk_SOURCES = tests/fuzz/fuzz_chunk.c $(FUZZ_MAIN)
tests_fuzz_fuzz_chunk_LDADD = $(LIBS_CODEC)
tests_fuzz_fuzz_chunk_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_command_SOURCES = tests/fuzz/fuzz_command.c $(FUZZ_MAIN)
tests_fuzz_fuzz_command_LDADD = $(LIBS_CODEC)
tests_fuzz_fuzz_command_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_flv_SOURCES = tests/fuzz/fuzz_flv.c $(FUZZ_MAIN)
tests_fuzz_fuzz_flv_LDADD = $(LIBS_CODEC)
tests_fuzz_fuzz_flv_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_handshake_SOURCES = tests/fuzz/fuzz_handshake.c $(FUZZ_MAIN)
tests_fuzz_fuzz_handshake_LDADD = $(LIBS_CODEC)
tests_fuzz_fuzz_handshake_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_sol_SOURCES = tests/fuzz/fuzz_sol.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sol_LDADD = $(LIBS_CODEC)
tests_fuzz_fuzz_sol_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_somsg_SOURCES = tests/fuzz/fuzz_somsg.c $(FUZZ_MAIN)
tests_fuzz_fuzz_somsg_LDADD = $(LIBS_CODEC)
tests_fuzz_fuzz_somsg_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_url_SOURCES = tests/fuzz/fuzz_url.c $(FUZZ_MAIN)
tests_fuzz_fuzz_url_LDADD = $(LIBS_CODEC)
tests_fuzz_fuzz_url_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
check_PROGRAMS += tests/fuzz/fuzz_peer
tests_fuzz_fuzz_peer_SOURCES = tests/fuzz/fuzz_peer.c $(FUZZ_MAIN)
tests_fuzz_fuzz_peer_LDADD = $(LIBS_PEER)
tests_fuzz_fuzz_peer_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
check_PROGRAMS += tests/fuzz/fuzz_session
tests_fuzz_fuzz_session_SOURCES = tests/fuzz/fuzz_session.c $(FUZZ_MAIN)
tests_fuzz_fuzz_session_LDADD = $(LIBS_SESSION)
tests_fuzz_fuzz_session_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
check_PROGRAMS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(FUZZ_MAIN)
tests_fuzz_fuzz_config_LDADD = $(LIBS_BASE)
tests_fuzz_fuzz_config_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
check_PROGRAMS += tests/fuzz/fuzz_control tests/fuzz/fuzz_guest \
	tests/fuzz/fuzz_handover
tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c $(FUZZ_MAIN)
tests_fuzz_fuzz_control_LDADD = libcontrol.a $(LIBS_BASE)
tests_fuzz_fuzz_control_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_guest_SOURCES = tests/fuzz/fuzz_guest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_guest_LDADD = $(LIBS_GATEWAY)
tests_fuzz_fuzz_guest_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
tests_fuzz_fuzz_handover_SOURCES = tests/fuzz/fuzz_handover.c $(FUZZ_MAIN)
tests_fuzz_fuzz_handover_LDADD = $(LIBS_NET)
tests_fuzz_fuzz_handover_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
check_PROGRAMS += tests/fuzz/fuzz_recfile
tests_fuzz_fuzz_recfile_SOURCES = tests/fuzz/fuzz_recfile.c $(FUZZ_MAIN)
tests_fuzz_fuzz_recfile_LDADD = $(LIBS_STORAGE)
tests_fuzz_fuzz_recfile_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
check_PROGRAMS += tests/fuzz/fuzz_weburl
tests_fuzz_fuzz_weburl_SOURCES = tests/fuzz/fuzz_weburl.c $(FUZZ_MAIN)
tests_fuzz_fuzz_weburl_LDADD = $(LIBS_NET)
tests_fuzz_fuzz_weburl_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
check_PROGRAMS += tests/fuzz/fuzz_filename
tests_fuzz_fuzz_filename_SOURCES = tests/fuzz/fuzz_filename.c $(FUZZ_MAIN)
tests_fuzz_fuzz_filename_LDADD = $(LIBS_STORAGE)
tests_fuzz_fuzz_filename_LDFLAGS = $(FUZZ_LDFLAGS) $(AM_LDFLAGS)
