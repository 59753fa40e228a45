/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rechead - see rechead.h. The payload is written by hand around the
 * publisher's properties, because its length must come out exactly: what is
 * left of the room is an array named "fcspadding".
 */
#include "storage/rechead.h"

#include <string.h>

#include "base/arena.h"
#include "codec/amf0.h"
#include "codec/value.h"

#define ARENA_MAX   (8u << 20)
#define MARK        "fcsrecording"
#define PADDING     "fcspadding"
#define NAME        "onMetaData"
#define KEY_BYTES   18 /* a time and a position */
#define KEYS_FIXED  (2 + 9 + 1 + 2 + 5 + 5 + 2 + 13 + 5 + 3)
#define PADDING_MIN (2 + 10 + 5)
#define END_BYTES   3

static const char *const our_keys[] = { "duration", "filesize", "keyframes",
	"lasttimestamp", "canSeekToEnd", "hasVideo", "hasAudio", "hasKeyframes",
	"hasMetadata", "hasCuePoints", "datasize", "videosize", "audiosize",
	"lastkeyframetimestamp", "lastkeyframelocation", MARK, PADDING, NULL };

static bool
is_ours(struct value_str key)
{
	for (size_t i = 0; our_keys[i] != NULL; i++)
		if (value_str_eq(key, our_keys[i]))
			return true;
	return false;
}

/* The object of an onMetaData payload, NULL when it is none. */
static const struct value *
parse(struct arena *arena, const uint8_t *payload, size_t len)
{
	struct amf0_reader r;
	struct value *name;
	struct value *object;

	amf0_reader_init(&r, arena, payload, len);
	if (amf0_read(&r, &name) != FCS_OK || name->type != VALUE_STRING ||
	    !value_str_eq(name->str, NAME) ||
	    amf0_read(&r, &object) != FCS_OK ||
	    (object->type != VALUE_ECMA && object->type != VALUE_OBJECT))
		return NULL;
	return object;
}

static void
put_key(struct buf *b, const char *key)
{
	buf_be16(b, (unsigned)strlen(key));
	buf_append(b, key, strlen(key));
}

static void
put_number(struct buf *b, const char *key, double v)
{
	put_key(b, key);
	amf0_put_number(b, v);
}

static void
put_bool(struct buf *b, const char *key, bool v)
{
	put_key(b, key);
	amf0_put_bool(b, v);
}

/* The publisher's properties; returns how many. */
static unsigned
put_theirs(struct buf *b, const struct value *object)
{
	struct amf0_writer w;
	unsigned n = 0;

	if (object == NULL)
		return 0;
	for (uint32_t i = 0; i < object->prop_count; i++) {
		const struct value_prop *p = &object->props[i];
		size_t before = buf_len(b);

		if (is_ours(p->key) || p->key.len > UINT16_MAX)
			continue;
		buf_be16(b, p->key.len);
		buf_append(b, p->key.ptr, p->key.len);
		/* a writer each: no references between properties */
		amf0_writer_init(&w, b, AMF0_PLAIN);
		if (amf0_write(&w, p->val) == FCS_OK)
			n++;
		else
			buf_truncate(b, before);
		amf0_writer_fini(&w);
	}
	return n;
}

static void
put_array(struct buf *b, const char *key, const struct rechead *h, size_t keys,
    bool times)
{
	put_key(b, key);
	buf_u8(b, 0x0A);
	buf_be32(b, (uint32_t)keys);
	for (size_t i = 0; i < keys; i++) {
		size_t from = i * h->key_count / keys;

		amf0_put_number(b, times ? h->times_ms[from] / 1000.0
					 : (double)h->positions[from]);
	}
}

static void
put_keyframes(struct buf *b, const struct rechead *h, size_t keys)
{
	put_key(b, "keyframes");
	buf_u8(b, 0x03);
	put_array(b, "times", h, keys, true);
	put_array(b, "filepositions", h, keys, false);
	buf_be24(b, 9);
}

/* Everything but key frames and padding. *count_at: where the number of
 * properties stands. */
static unsigned
put_base(struct buf *b, const struct rechead *h, size_t *count_at)
{
	struct arena *arena = NULL;
	const struct value *theirs = NULL;
	unsigned n;

	amf0_put_string(b, NAME, strlen(NAME));
	buf_u8(b, 0x08);
	*count_at = buf_len(b);
	buf_be32(b, 0);
	put_number(b, "duration", h->duration_ms / 1000.0);
	put_number(b, "lasttimestamp", h->duration_ms / 1000.0);
	put_number(b, "filesize", (double)h->file_size);
	put_bool(b, "hasVideo", h->has_video);
	put_bool(b, "hasAudio", h->has_audio);
	put_bool(b, "hasKeyframes", h->key_count > 0);
	put_bool(b, "canSeekToEnd", false);
	put_bool(b, MARK, h->recording);
	n = 8;
	if (h->meta != NULL &&
	    h->meta_len <= RECHEAD_META_MAX + RECHEAD_ROOM + RECHEAD_META_MAX) {
		arena = arena_new(ARENA_MAX);
		if (arena != NULL)
			theirs = parse(arena, h->meta, h->meta_len);
		n += put_theirs(b, theirs);
		arena_free(arena);
	}
	return n;
}

int
rechead_build(struct buf *out, const struct rechead *h, size_t size)
{
	uint8_t count[4];
	size_t start = buf_len(out);
	size_t count_at;
	size_t used;
	size_t keys = 0;
	size_t left;
	unsigned n;

	n = put_base(out, h, &count_at);
	used = buf_len(out) - start;
	if (size == 0)
		size = used + END_BYTES + RECHEAD_ROOM;
	if (used + PADDING_MIN + END_BYTES > size) {
		buf_truncate(out, start);
		return FCS_ELIMIT;
	}
	if (h->key_count > 0 &&
	    used + KEYS_FIXED + PADDING_MIN + END_BYTES < size)
		keys = (size - used - KEYS_FIXED - PADDING_MIN - END_BYTES) /
		       KEY_BYTES;
	if (keys > h->key_count)
		keys = h->key_count;
	if (keys > 0) {
		put_keyframes(out, h, keys);
		n++;
	}
	/* the rest as an array of nulls: readers skip it without a word */
	left = size - (buf_len(out) - start) - END_BYTES - PADDING_MIN;
	put_key(out, PADDING);
	buf_u8(out, 0x0A);
	buf_be32(out, (uint32_t)left);
	buf_fill(out, 0x05, left);
	n++;
	buf_be24(out, 9);
	count[0] = (uint8_t)(n >> 24);
	count[1] = (uint8_t)(n >> 16);
	count[2] = (uint8_t)(n >> 8);
	count[3] = (uint8_t)n;
	buf_patch(out, count_at, count, sizeof(count));
	if (buf_status(out) != FCS_OK) {
		buf_truncate(out, start);
		return FCS_ENOMEM;
	}
	return FCS_OK;
}

void
rechead_read(const uint8_t *payload, size_t len, struct rechead_mark *out)
{
	struct arena *arena = arena_new(ARENA_MAX);
	const struct value *object = NULL;
	const struct value *mark;

	out->ours = out->recording = false;
	if (arena != NULL)
		object = parse(arena, payload, len);
	mark = value_get(object, MARK);
	if (mark != NULL && mark->type == VALUE_BOOL) {
		out->ours = true;
		out->recording = mark->boolean;
	}
	arena_free(arena);
}

int
rechead_play(
    struct buf *out, const uint8_t *payload, size_t len, uint32_t duration_ms)
{
	struct arena *arena = NULL;
	const struct value *object = NULL;
	const struct value *mark;

	if (len > 0) {
		arena = arena_new(ARENA_MAX);
		if (arena == NULL)
			return FCS_ENOMEM;
		object = parse(arena, payload, len);
		mark = value_get(object, MARK);
		if (mark == NULL || mark->type != VALUE_BOOL) {
			buf_append(out, payload, len);
			arena_free(arena);
			return buf_status(out);
		}
	}
	amf0_put_string(out, NAME, strlen(NAME));
	buf_u8(out, 0x08);
	buf_be32(out, 0);
	put_number(out, "duration", duration_ms / 1000.0);
	(void)put_theirs(out, object); /* the count is a hint: 0 is allowed */
	put_bool(out, "canSeekToEnd", false);
	buf_be24(out, 9);
	arena_free(arena);
	return buf_status(out);
}
