/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FLV files made by other programs ($FCS_DATA/flv): indexed, verified with a
 * word on what is odd in them, played byte-identical, sought.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "tests/store/rec_lib.h"

struct walked { /* the file read by rules of the case's own */
	uint64_t hash;
	uint32_t tags, last_ts, keys;
};

static struct walked
walk(const uint8_t *p, size_t len)
{
	struct walked w = { 0 };
	size_t at = 13;

	while (len - at >= 11) {
		size_t size = (size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 |
			      p[at + 3];
		uint32_t ts = (uint32_t)p[at + 7] << 24 |
			      (uint32_t)p[at + 4] << 16 |
			      (uint32_t)p[at + 5] << 8 | p[at + 6];

		if (len - at - 11 < size)
			break;
		if (p[at] == 8 || p[at] == 9) {
			w.hash = rec_hash(w.hash, p + at, 1);
			w.hash = rec_hash(w.hash, &ts, 4);
			w.hash = rec_hash(w.hash, p + at + 11, size);
			w.keys += p[at] == 9 && size > 1 &&
				  p[at + 11] >> 4 == 1 &&
				  !((p[at + 11] & 15) == 7 && p[at + 12] == 0);
		}
		w.tags++;
		if (ts > w.last_ts)
			w.last_ts = ts;
		at += size + 15;
		if (at > len)
			break;
	}
	return w;
}

static void
one_file(struct rec *r, const char *dir, const char *file)
{
	char path[1024];
	char name[256];
	struct media_verify verify;
	struct media_info info;
	struct rec_player p;
	struct walked want;
	uint8_t *bytes;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	snprintf(name, sizeof(name), "%.*s", (int)strlen(file) - 4, file);
	bytes = rec_slurp(path, &len);
	want = walk(bytes, len);
	free(bytes);
	ck_assert_int_eq(rec_info(r, "_definst_", name, &info), 0);
	ck_assert_uint_eq(info.tags, want.tags);
	ck_assert_uint_eq(info.duration_ms, want.last_ts);
	ck_assert_uint_gt(info.keys, 0);
	ck_assert_int_eq(rec_verify(r, "_definst_", name, &verify), 0);
	ck_assert_int_eq(verify.index, FCS_OK);
	printf("# %s: %u ms, %s + %s, %u key frames: %s\n", file,
	    info.duration_ms, avtag_video_text(info.video),
	    avtag_audio_text(info.audio), (unsigned)info.keys, verify.text);
	rec_open(r, &p, "_definst_", name);
	ck_assert_int_eq(p.result, FCS_OK);
	rec_seek(r, &p, 0);
	rec_play(r, &p, 0);
	ck_assert_int_eq(p.end, FCS_ENOENT);
	ck_assert_msg(p.hash == want.hash, "%s does not play as it is", file);
	for (uint32_t i = 1; i <= 20; i++) {
		uint32_t to = (uint32_t)((uint64_t)want.last_ts * i / 20);

		rec_seek(r, &p, to);
		ck_assert_int_eq(p.place.result, FCS_OK);
		ck_assert_uint_le(p.place.key_ms, to);
		rec_play(r, &p, 5);
		ck_assert(
		    p.place.at_start || p.first_is_key || !info.has_video);
	}
	rec_close(&p);
}

UNIT_TIMEOUT(files_of_other_programs_play_as_they_are, 60)
{
	const char *data = getenv("FCS_DATA");
	struct rec r;
	struct dirent *de;
	char dir[512];
	unsigned n = 0;
	DIR *d;

	ck_assert_msg(data != NULL, "FCS_DATA is not set");
	snprintf(dir, sizeof(dir), "%s/flv", data);
	d = opendir(dir);
	ck_assert_msg(d != NULL, "no folder %s", dir);
	rec_start(&r, unit_tmpdir(), dir);
	while ((de = readdir(d)) != NULL) {
		size_t len = strlen(de->d_name);

		if (len > 4 && strcmp(de->d_name + len - 4, ".flv") == 0) {
			one_file(&r, dir, de->d_name);
			n++;
		}
	}
	closedir(d);
	ck_assert_uint_gt(n, 0);
	rec_stop(&r);
}

UNIT_MAIN
