/* SPDX-License-Identifier: BSD-2-Clause */
/* avtag - the header bytes of audio and video messages. Of a multitrack
 * message the first track speaks for all (track 0 is written first). */
#include "codec/avtag.h"

#include "base/cursor.h"

#define FOURCC(a, b, c, d)                                                     \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

enum {
	PT_START = 0,
	PT_FRAMES = 1,
	PT_END = 2,
	PT_FRAMES_X = 3
};
enum {
	VPT_METADATA = 4,
	VPT_TS_START = 5,
	VPT_MULTITRACK = 6
};
enum {
	APT_CHANNELS = 4,
	APT_MULTITRACK = 5,
	PT_MODEX = 7
};
enum {
	CODEC_AVC = 7,
	CODEC_HEVC = 12,
	CODEC_AV1 = 13,
	SOUND_AAC = 10
};

/* Step over ModEx blocks; the packet type behind them. */
static unsigned
skip_modex(struct cursor *c, unsigned pt)
{
	size_t n;

	while (pt == PT_MODEX && cursor_ok(c)) {
		n = cursor_u8(c) + 1u;
		if (n == 256)
			n = cursor_be16(c) + 1u;
		cursor_skip(c, n);
		pt = cursor_u8(c) & 0x0f;
	}
	return pt;
}

/* Packet type and FourCC of an enhanced header, multitrack included. */
static unsigned
enhanced(struct cursor *c, unsigned pt, unsigned multitrack, uint32_t *fourcc)
{
	pt = skip_modex(c, pt);
	if (pt == multitrack)
		pt = cursor_u8(c) & 0x0f;
	*fourcc = cursor_be32(c);
	return pt;
}

static uint32_t
video_frame_flags(unsigned frame)
{
	if (frame == 1)
		return AVTAG_KEY;
	if (frame == 5)
		return AVTAG_COMMAND;
	return frame == 3 ? AVTAG_DISPOSABLE : 0;
}

static void
video_enhanced(struct cursor *c, uint8_t first, struct avtag *t)
{
	unsigned frame = first >> 4 & 7, pt = first & 0x0f;

	t->enhanced = true;
	if (frame == 5 && pt != VPT_METADATA) {
		t->flags = AVTAG_COMMAND; /* no FourCC follows */
		return;
	}
	pt = enhanced(c, pt, VPT_MULTITRACK, &t->codec);
	if (!cursor_ok(c))
		return;
	switch (pt) {
	case PT_START:
	case VPT_TS_START:
		t->flags = AVTAG_CONFIG;
		break;
	case PT_FRAMES:
	case PT_FRAMES_X:
		t->flags = video_frame_flags(frame);
		break;
	case PT_END:
		t->flags = AVTAG_END;
		break;
	case VPT_METADATA:
		t->flags = AVTAG_METADATA;
		break;
	default:
		break;
	}
}

struct avtag
avtag_video(const uint8_t *data, size_t len)
{
	struct avtag t = { 0, 0, false };
	struct cursor c;
	uint8_t first;
	int pt;

	if (len == 0) {
		t.flags = AVTAG_EMPTY;
		return t;
	}
	cursor_init(&c, data, len);
	first = cursor_u8(&c);
	if (first & 0x80) {
		video_enhanced(&c, first, &t);
		return t;
	}
	t.codec = first & 0x0f;
	t.flags = video_frame_flags(first >> 4);
	if (t.flags == AVTAG_COMMAND)
		return t;
	if (t.codec != CODEC_AVC && t.codec != CODEC_HEVC &&
	    t.codec != CODEC_AV1)
		return t;
	pt = cursor_peek(&c);
	if (pt == PT_START)
		t.flags = AVTAG_CONFIG;
	else if (pt == PT_END)
		t.flags = AVTAG_END;
	else if (pt != PT_FRAMES)
		t.flags = 0;
	return t;
}

struct avtag
avtag_audio(const uint8_t *data, size_t len)
{
	struct avtag t = { 0, 0, false };
	struct cursor c;
	uint8_t first;
	unsigned pt;

	if (len == 0) {
		t.flags = AVTAG_EMPTY;
		return t;
	}
	cursor_init(&c, data, len);
	first = cursor_u8(&c);
	t.codec = first >> 4;
	if (t.codec == 9) {
		t.enhanced = true;
		t.codec = 0;
		pt = enhanced(&c, first & 0x0f, APT_MULTITRACK, &t.codec);
		if (!cursor_ok(&c))
			return t;
		if (pt == PT_START || pt == APT_CHANNELS)
			t.flags = AVTAG_CONFIG;
		else if (pt == PT_END)
			t.flags = AVTAG_END;
	} else if (t.codec == SOUND_AAC && cursor_peek(&c) == 0) {
		t.flags = AVTAG_CONFIG;
	}
	return t;
}

static const char *
fourcc_text(uint32_t codec)
{
	static const struct {
		uint32_t code;
		const char *text;
	} table[] = {
		{ FOURCC('a', 'v', 'c', '1'), "h264" },
		{ FOURCC('h', 'v', 'c', '1'), "hevc" },
		{ FOURCC('v', 'v', 'c', '1'), "vvc" },
		{ FOURCC('a', 'v', '0', '1'), "av01" },
		{ FOURCC('v', 'p', '0', '8'), "vp8" },
		{ FOURCC('v', 'p', '0', '9'), "vp9" },
		{ FOURCC('m', 'p', '4', 'a'), "aac" },
		{ FOURCC('O', 'p', 'u', 's'), "opus" },
		{ FOURCC('f', 'L', 'a', 'C'), "flac" },
		{ FOURCC('a', 'c', '-', '3'), "ac-3" },
		{ FOURCC('e', 'c', '-', '3'), "ec-3" },
		{ FOURCC('.', 'm', 'p', '3'), "mp3" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == codec)
			return table[i].text;
	return "?";
}

const char *
avtag_video_text(struct avtag t)
{
	static const char *const texts[] = { [2] = "h263",
		[3] = "screen",
		[4] = "vp6",
		[5] = "vp6a",
		[6] = "screen2",
		[7] = "h264",
		[12] = "hevc",
		[13] = "av01" };

	if (t.enhanced)
		return fourcc_text(t.codec);
	if (t.codec >= sizeof(texts) / sizeof(texts[0]) ||
	    texts[t.codec] == NULL)
		return "?";
	return texts[t.codec];
}

const char *
avtag_audio_text(struct avtag t)
{
	static const char *const texts[16] = { [0] = "pcm",
		[1] = "adpcm",
		[2] = "mp3",
		[3] = "pcm",
		[4] = "nellymoser",
		[5] = "nellymoser",
		[6] = "nellymoser",
		[7] = "alaw",
		[8] = "mulaw",
		[10] = "aac",
		[11] = "speex",
		[14] = "mp3" };

	if (t.enhanced)
		return fourcc_text(t.codec);
	return t.codec < 16 && texts[t.codec] != NULL ? texts[t.codec] : "?";
}
