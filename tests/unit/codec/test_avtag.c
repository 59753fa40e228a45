/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/avtag.h"

#include "tests/unit/codec/vec.h"

struct row {
	const char *hex;
	uint32_t flags;
	const char *text;
};

static const struct row video[] = {
	{ "", AVTAG_EMPTY, "?" },
	{ "12", AVTAG_KEY, "h263" },
	{ "22", 0, "h263" },
	{ "32", AVTAG_DISPOSABLE, "h263" },
	{ "52 00", AVTAG_COMMAND, "h263" },
	{ "14 00 01", AVTAG_KEY, "vp6" },
	{ "17 00 00 00 00", AVTAG_CONFIG, "h264" },
	{ "17 01 00 00 00", AVTAG_KEY, "h264" },
	{ "27 01 00 00 00", 0, "h264" },
	{ "17 02 00 00 00", AVTAG_END, "h264" },
	{ "57 01", AVTAG_COMMAND, "h264" },
	{ "17", 0, "h264" },
	{ "17 03", 0, "h264" },
	{ "1c 00", AVTAG_CONFIG, "hevc" },
	{ "1c 01", AVTAG_KEY, "hevc" },
	{ "ff 61", 0, "?" },
	{ "90 68 76 63 31 01", AVTAG_CONFIG, "hevc" },
	{ "91 68 76 63 31 00 00 00", AVTAG_KEY, "hevc" },
	{ "93 61 76 30 31 00", AVTAG_KEY, "av01" },
	{ "a3 61 76 30 31 00", 0, "av01" },
	{ "91 76 70 30 39 00", AVTAG_KEY, "vp9" },
	{ "92 68 76 63 31", AVTAG_END, "hevc" },
	{ "94 68 76 63 31 02", AVTAG_METADATA, "hevc" },
	{ "95 61 76 30 31", AVTAG_CONFIG, "av01" },
	{ "d1 00", AVTAG_COMMAND, "?" },
	{ "91 68 76", 0, "?" },
	/* ModEx: 3 bytes, then coded frames; then multitrack */
	{ "97 02 00 00 00 01 68 76 63 31 00", AVTAG_KEY, "hevc" },
	{ "97 02 00 00 00", 0, "?" },
	{ "96 01 68 76 63 31 00 00 00 00", AVTAG_KEY, "hevc" },
	{ "96 00 68 76 63 31 00", AVTAG_CONFIG, "hevc" },
};

static const struct row audio[] = {
	{ "", AVTAG_EMPTY, "pcm" },
	{ "af 00 12 10", AVTAG_CONFIG, "aac" },
	{ "af 01 21", 0, "aac" },
	{ "af", 0, "aac" },
	{ "2f ff", 0, "mp3" },
	{ "b2 00", 0, "speex" },
	{ "66 00", 0, "nellymoser" },
	{ "d0", 0, "?" },
	{ "90 4f 70 75 73 00", AVTAG_CONFIG, "opus" },
	{ "91 4f 70 75 73 00", 0, "opus" },
	{ "92 4f 70 75 73", AVTAG_END, "opus" },
	{ "94 4f 70 75 73 00", AVTAG_CONFIG, "opus" },
	{ "91 6d 70", 0, "?" },
	{ "97 00 00 01 66 4c 61 43 00", 0, "flac" },
	{ "95 00 6d 70 34 61 00", AVTAG_CONFIG, "aac" },
};

UNIT(every_sort_of_video)
{
	for (size_t i = 0; i < sizeof(video) / sizeof(video[0]); i++) {
		size_t len;
		uint8_t *p = unit_hex(video[i].hex, &len);
		struct avtag t = avtag_video(p, len);

		ck_assert_msg(
		    t.flags == video[i].flags, "%s: %u", video[i].hex, t.flags);
		ck_assert_str_eq(avtag_video_text(t), video[i].text);
		free(p);
	}
}

UNIT(every_sort_of_audio)
{
	for (size_t i = 0; i < sizeof(audio) / sizeof(audio[0]); i++) {
		size_t len;
		uint8_t *p = unit_hex(audio[i].hex, &len);
		struct avtag t = avtag_audio(p, len);

		ck_assert_msg(
		    t.flags == audio[i].flags, "%s: %u", audio[i].hex, t.flags);
		ck_assert_str_eq(avtag_audio_text(t), audio[i].text);
		free(p);
	}
}

static void
try_both(const uint8_t *data, size_t len)
{
	ck_assert_ptr_nonnull(avtag_video_text(avtag_video(data, len)));
	ck_assert_ptr_nonnull(avtag_audio_text(avtag_audio(data, len)));
}

UNIT(all_first_bytes_and_lengths_are_safe)
{
	uint8_t data[8];

	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b += 5) {
			memset(data, (int)b, sizeof(data));
			data[0] = (uint8_t)a;
			vec_mutations(data, sizeof(data), try_both);
		}
}

UNIT_MAIN
