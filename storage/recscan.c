/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recscan - see recscan.h. Tags are read through a small window: a payload is
 * never read whole, only its first bytes, and large ones are skipped over.
 */
#include "storage/recscan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "codec/flv.h"
#include "codec/message.h"

/* Timestamps this near to 2^32 at the start of a file are negative ones. */
#define NEGATIVE_FROM  0xFFF00000u
#define NEGATIVE_UNTIL 0x0FFFFFFFu
#define AUDIO_STEP_MS  1000
#define WEAVE_MS       1000

static const uint8_t meta_name[] = { 0x02, 0x00, 0x0A, 'o', 'n', 'M', 'e', 't',
	'a', 'D', 'a', 't', 'a' };

void
recscan_describe(struct recscan_tag *t, const uint8_t *head, size_t len)
{
	memset(&t->av, 0, sizeof(t->av));
	t->metadata = false;
	if (t->filtered)
		return;
	if (t->type == MESSAGE_VIDEO)
		t->av = avtag_video(head, len);
	else if (t->type == MESSAGE_AUDIO)
		t->av = avtag_audio(head, len);
	else
		t->metadata = len >= sizeof(meta_name) &&
			      memcmp(head, meta_name, sizeof(meta_name)) == 0;
}

uint32_t
recscan_ts(uint32_t ts_ms, uint32_t last_ts_ms)
{
	return ts_ms >= NEGATIVE_FROM && last_ts_ms < NEGATIVE_UNTIL ? 0
								     : ts_ms;
}

static void
take_codec(struct recscan_facts *f, const struct recscan_tag *t)
{
	bool picture =
	    (t->av.flags & (AVTAG_EMPTY | AVTAG_COMMAND)) == 0 && t->size > 0;

	if (t->type == MESSAGE_VIDEO) {
		f->video_bytes += t->size;
		if (picture) {
			f->has_video = true;
			f->video = t->av;
		}
		if ((t->av.flags & AVTAG_CONFIG) != 0)
			f->video_conf = t->offset;
	} else if (t->type == MESSAGE_AUDIO) {
		f->audio_bytes += t->size;
		if (picture) {
			f->has_audio = true;
			f->audio = t->av;
		}
		if ((t->av.flags & AVTAG_CONFIG) != 0)
			f->audio_conf = t->offset;
	} else {
		f->data_bytes += t->size;
		if (t->metadata && f->meta_at == 0) {
			f->meta_at = t->offset;
			f->meta_size = t->size;
		} else {
			f->odd |= RECSCAN_ODD_DATA;
		}
	}
}

/* An entry for the index: every key frame; without video one a second. */
static bool
wants_entry(const struct recscan_facts *f, const struct recscan_tag *t)
{
	if ((t->av.flags & (AVTAG_CONFIG | AVTAG_COMMAND | AVTAG_EMPTY |
			       AVTAG_END | AVTAG_METADATA)) != 0 ||
	    t->metadata || t->size == 0)
		return false;
	if (f->keys > 0 && t->ts_ms < f->last_key_ts)
		return false; /* falling time: the index stays ordered */
	if (t->type == MESSAGE_VIDEO)
		return (t->av.flags & AVTAG_KEY) != 0;
	if (f->has_video || (t->type != MESSAGE_AUDIO && f->has_audio))
		return false;
	return f->keys == 0 || t->ts_ms >= f->last_key_ts + AUDIO_STEP_MS;
}

bool
recscan_take(struct recscan_facts *f, const struct recscan_tag *t,
    struct recscan_key *out)
{
	bool entry;

	f->end = t->offset + FLV_TAG_HEADER + t->size + FLV_TAG_TRAILER;
	f->last_size = t->size;
	f->tags++;
	if (t->filtered) {
		f->odd |= RECSCAN_ODD_FILTERED;
		return false;
	}
	if (f->tags == 1)
		f->first_ts = t->ts_ms;
	/* sound and pictures may be woven a little out of order */
	if (f->last_ts > WEAVE_MS && t->ts_ms < f->last_ts - WEAVE_MS)
		f->odd |= RECSCAN_ODD_BACKWARDS;
	if (t->ts_ms > f->last_ts)
		f->last_ts = t->ts_ms;
	entry = wants_entry(f, t);
	take_codec(f, t);
	if (!entry)
		return false;
	f->keys++;
	f->last_key_ts = t->ts_ms;
	out->ts_ms = t->ts_ms;
	out->offset = t->offset;
	out->video_conf = f->video_conf;
	out->audio_conf = f->audio_conf;
	out->flags = t->type == MESSAGE_VIDEO ? 1 : 0;
	return true;
}

/* Up to want bytes at pos, borrowed from the window; *out_len what is there.
 * want <= RECSCAN_WINDOW. */
static int
peek(struct recscan *s, uint64_t pos, size_t want, const uint8_t **out,
    size_t *out_len)
{
	uint64_t left = pos < s->size ? s->size - pos : 0;
	size_t have;

	if (want > left)
		want = (size_t)left;
	if (pos < s->win_at || pos + want > s->win_at + s->win_len) {
		size_t n = 0;
		size_t max =
		    left < sizeof(s->win) ? (size_t)left : sizeof(s->win);

		while (n < max) {
			ssize_t r =
			    pread(s->fd, s->win + n, max - n, (off_t)(pos + n));

			if (r < 0 && errno == EINTR)
				continue;
			if (r < 0)
				return FCS_EIO;
			if (r == 0)
				break;
			n += (size_t)r;
		}
		s->win_at = pos;
		s->win_len = n;
		s->read_bytes += n;
	}
	have = (size_t)(s->win_at + s->win_len - pos);
	*out = s->win + (pos - s->win_at);
	*out_len = have < want ? have : want;
	return FCS_OK;
}

void
recscan_at(struct recscan *s, int fd, uint64_t size, uint64_t pos, bool strict)
{
	s->fd = fd;
	s->size = size;
	s->pos = pos;
	s->strict = strict;
	s->read_bytes = 0;
	s->last_ts = 0;
	s->odd = 0;
	s->win_at = 0;
	s->win_len = 0;
}

int
recscan_init(struct recscan *s, int fd, uint64_t size, bool strict)
{
	const uint8_t *p;
	size_t len;
	uint32_t at;
	bool audio;
	bool video;
	int rc;

	recscan_at(s, fd, size, 0, strict);
	rc = peek(s, 0, FLV_HEADER_SIZE, &p, &len);
	if (rc == FCS_OK)
		rc = flv_read_header(p, len, &at, &audio, &video);
	if (rc == FCS_ESHORT)
		rc = FCS_EFORMAT;
	if (rc != FCS_OK)
		return rc;
	if (at > size)
		return FCS_EFORMAT;
	s->pos = at;
	return FCS_OK;
}

/* The four bytes behind a tag: *whole false when the file ends in them. */
static int
check_trailer(
    struct recscan *s, const struct recscan_tag *t, uint64_t at, bool *whole)
{
	const uint8_t *p;
	uint32_t value;
	size_t len;
	int rc = peek(s, at, FLV_TAG_TRAILER, &p, &len);

	*whole = false;
	if (rc != FCS_OK)
		return rc;
	if (len < FLV_TAG_TRAILER) {
		/* many files lack the last trailer; ours never do */
		if (s->strict || len != 0)
			return FCS_ESHORT;
		return FCS_OK;
	}
	*whole = true;
	value = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		(uint32_t)p[2] << 8 | p[3];
	if (value != t->size + FLV_TAG_HEADER) {
		if (s->strict)
			return FCS_EFORMAT;
		s->odd |= RECSCAN_ODD_PREV_SIZE;
	}
	return FCS_OK;
}

int
recscan_next(struct recscan *s, struct recscan_tag *out)
{
	uint8_t head[RECSCAN_HEAD_MAX];
	struct flv_tag tag;
	const uint8_t *p;
	uint64_t end;
	size_t len;
	size_t n;
	bool whole;
	int rc;

	if (s->pos >= s->size)
		return FCS_ENOENT;
	rc = peek(s, s->pos, FLV_TAG_HEADER + RECSCAN_HEAD_MAX, &p, &len);
	if (rc != FCS_OK)
		return rc;
	if (len == 0)
		return FCS_ENOENT;
	if (len < FLV_TAG_HEADER)
		return FCS_ESHORT;
	rc = flv_read_tag(p, &tag);
	if (rc != FCS_OK)
		return FCS_EFORMAT;
	end = s->pos + FLV_TAG_HEADER + tag.size;
	if (end > s->size)
		return FCS_ESHORT;
	n = len - FLV_TAG_HEADER;
	if (n > tag.size)
		n = tag.size;
	memcpy(head, p + FLV_TAG_HEADER, n);
	memset(out, 0, sizeof(*out));
	out->offset = s->pos;
	out->size = tag.size;
	out->type = tag.type;
	out->filtered = tag.filtered;
	out->ts_ms = recscan_ts(tag.ts_ms, s->last_ts);
	if (out->ts_ms != tag.ts_ms)
		s->odd |= RECSCAN_ODD_NEGATIVE;
	rc = check_trailer(s, out, end, &whole);
	if (rc != FCS_OK)
		return rc;
	recscan_describe(out, head, n);
	if (out->ts_ms > s->last_ts)
		s->last_ts = out->ts_ms;
	s->pos = whole ? end + FLV_TAG_TRAILER : end;
	return FCS_OK;
}
