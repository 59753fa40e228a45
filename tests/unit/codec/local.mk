# SPDX-License-Identifier: BSD-2-Clause
if HAVE_CHECK
check_PROGRAMS += \
	tests/unit/codec/test_amf0 \
	tests/unit/codec/test_amf3 \
	tests/unit/codec/test_avtag \
	tests/unit/codec/test_chunk \
	tests/unit/codec/test_command \
	tests/unit/codec/test_flv \
	tests/unit/codec/test_handshake \
	tests/unit/codec/test_message \
	tests/unit/codec/test_packet \
	tests/unit/codec/test_sol \
	tests/unit/codec/test_somsg \
	tests/unit/codec/test_status \
	tests/unit/codec/test_url \
	tests/unit/codec/test_value \
	tests/unit/codec/test_weburl
endif
noinst_HEADERS += tests/unit/codec/vec.h
tests_unit_codec_test_amf0_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_amf3_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_avtag_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_chunk_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_command_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_flv_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_handshake_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_message_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_packet_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_sol_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_somsg_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_status_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_url_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_value_LDADD = $(UNIT) $(LIBS_CODEC)
tests_unit_codec_test_weburl_LDADD = $(UNIT) $(LIBS_CODEC)
