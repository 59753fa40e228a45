/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording read from disk: walked with its index being made, its metadata
 * read, given to a player, and written again with key frames.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "codec/flv.h"
#include "storage/rechead.h"
#include "storage/recscan.h"
#include "tests/fuzz/fuzz.h"

static void
try_head(const uint8_t *meta, size_t len)
{
	static const uint32_t times[] = { 0, 2000, 4000 };
	static const uint64_t places[] = { 13, 5000, 10000 };
	struct rechead h = { .meta = meta,
		.meta_len = len,
		.duration_ms = 5000,
		.file_size = 12345,
		.times_ms = times,
		.positions = places,
		.key_count = 3 };
	struct rechead_mark mark;
	struct buf a, b;

	rechead_read(meta, len, &mark);
	buf_init(&a, 0);
	buf_init(&b, 0);
	FUZZ_CHECK(rechead_play(&a, meta, len, 7000) == FCS_OK);
	buf_reset(&a, 0);
	if (rechead_build(&a, &h, 0) == FCS_OK) {
		rechead_read(buf_data(&a), buf_len(&a), &mark);
		FUZZ_CHECK(mark.ours && !mark.recording);
		/* what was built fits again where it was */
		h.meta = buf_data(&a);
		h.meta_len = buf_len(&a);
		h.recording = true;
		FUZZ_CHECK(rechead_build(&b, &h, buf_len(&a)) == FCS_OK);
		FUZZ_CHECK(buf_len(&b) == buf_len(&a));
		rechead_read(buf_data(&b), buf_len(&b), &mark);
		FUZZ_CHECK(mark.ours && mark.recording);
	}
	buf_fini(&a);
	buf_fini(&b);
}

static void
walk(int fd, const uint8_t *data, size_t len, bool strict)
{
	static struct recscan scan;
	struct recscan_facts f;
	struct recscan_tag t;
	struct recscan_key key;
	uint64_t last_pos = 0;
	uint32_t last_key = 0;
	int rc;

	memset(&f, 0, sizeof(f));
	if (recscan_init(&scan, fd, len, strict) != FCS_OK)
		return;
	while ((rc = recscan_next(&scan, &t)) == FCS_OK) {
		FUZZ_CHECK(t.offset + FLV_TAG_HEADER + t.size <= len);
		FUZZ_CHECK(scan.pos > last_pos && scan.pos <= len);
		last_pos = scan.pos;
		if (recscan_take(&f, &t, &key)) {
			FUZZ_CHECK(f.keys == 1 || key.ts_ms >= last_key);
			FUZZ_CHECK(key.offset == t.offset);
			FUZZ_CHECK(key.video_conf <= key.offset);
			FUZZ_CHECK(key.audio_conf <= key.offset);
			last_key = key.ts_ms;
		}
		if (t.metadata && f.meta_at == t.offset)
			try_head(data + t.offset + FLV_TAG_HEADER, t.size);
	}
	FUZZ_CHECK(rc == FCS_ENOENT || rc == FCS_ESHORT || rc == FCS_EFORMAT);
	FUZZ_CHECK(scan.pos <= len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd = memfd_create("rec", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, data, len) == (ssize_t)len);
	walk(fd, data, len, false);
	walk(fd, data, len, true);
	close(fd);
	try_head(data, len);
	return 0;
}
