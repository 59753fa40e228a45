/* SPDX-License-Identifier: BSD-2-Clause */
/* A file walked from tag to tag, and what the tags say of themselves. */
#include "codec/avtag.h"
#include "codec/flv.h"
#include "codec/message.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	bool audio, video;
	struct flv_tag t, again;
	struct buf b;
	uint32_t at;
	size_t pos;

	FUZZ_CHECK(avtag_video_text(avtag_video(data, len)) != NULL);
	FUZZ_CHECK(avtag_audio_text(avtag_audio(data, len)) != NULL);
	if (flv_read_header(data, len, &at, &audio, &video) != FCS_OK)
		return 0;
	for (pos = at; pos < len && len - pos >= FLV_TAG_HEADER;
	     pos += FLV_TAG_HEADER + t.size + FLV_TAG_TRAILER) {
		if (flv_read_tag(data + pos, &t) != FCS_OK ||
		    t.size > len - pos - FLV_TAG_HEADER)
			break;
		if (t.type == MESSAGE_VIDEO)
			(void)avtag_video(data + pos + FLV_TAG_HEADER, t.size);
		else
			(void)avtag_audio(data + pos + FLV_TAG_HEADER, t.size);
		buf_init(&b, 0);
		flv_write_tag(
		    &b, t.type, t.ts_ms, data + pos + FLV_TAG_HEADER, t.size);
		FUZZ_CHECK(flv_read_tag(buf_data(&b), &again) == FCS_OK);
		FUZZ_CHECK(again.type == t.type && again.size == t.size &&
			   again.ts_ms == t.ts_ms);
		buf_fini(&b);
	}
	return 0;
}
