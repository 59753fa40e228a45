/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * avtag - what the first bytes of an audio or video message say. Layer: codec
 * (2), pure. wire-protocol.md 7.1, 7.2 (Enhanced RTMP included).
 */
#ifndef CODEC_AVTAG_H
#define CODEC_AVTAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum avtag_flags {
	AVTAG_KEY = 1,     /* video: coded key frame, a seek target */
	AVTAG_CONFIG = 2,  /* sequence header / codec configuration */
	AVTAG_EMPTY = 4,   /* zero length, "silence" */
	AVTAG_COMMAND = 8, /* video frame type 5: seek marks, no picture */
	AVTAG_DISPOSABLE = 16,
	AVTAG_END = 32,     /* end of sequence */
	AVTAG_METADATA = 64 /* Enhanced video packet type 4 */
};

struct avtag {
	uint32_t flags; /* enum avtag_flags */
	uint32_t codec; /* legacy codec id, or FourCC when enhanced */
	bool enhanced;
};

/* Any bytes are accepted; what cannot be told is flags 0. */
struct avtag avtag_video(const uint8_t *data, size_t len);
struct avtag avtag_audio(const uint8_t *data, size_t len);
/* "h264", "aac", "vp6", "av01", "mp3", "?": static text */
const char *avtag_video_text(struct avtag);
const char *avtag_audio_text(struct avtag);

#endif
