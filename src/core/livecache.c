/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/livecache.h"

#include <stdlib.h>
#include <string.h>

#include "codec/amf0.h"
#include "codec/command.h"

#define DATA_ARENA_MAX (4u << 20)

void
livecache_init(struct livecache *lc, const struct limits *lim)
{
	memset(lc, 0, sizeof(*lc));
	lc->gop_max = (uint32_t)limits_get(lim, LIMIT_GOP_MESSAGES);
	lc->gop_bytes_max = (size_t)limits_get(lim, LIMIT_GOP_BYTES);
}

static void
drop_gop(struct livecache *lc)
{
	uint32_t i;

	for (i = 0; i < lc->gop_count; i++)
		packet_unref(lc->gop[i]);
	lc->gop_count = 0;
	lc->gop_bytes = 0;
	lc->gop_open = false;
}

static void
drop_frame(struct livecache *lc, uint32_t i)
{
	free(lc->frames[i].name);
	packet_unref(lc->frames[i].packet);
	lc->frames[i] = lc->frames[--lc->frame_count];
}

static void
replace(struct packet **slot, struct packet *p)
{
	if (*slot != NULL)
		packet_unref(*slot);
	*slot = p != NULL ? packet_ref(p) : NULL;
}

void
livecache_clear(struct livecache *lc)
{
	drop_gop(lc);
	while (lc->frame_count > 0)
		drop_frame(lc, lc->frame_count - 1);
	replace(&lc->video_config, NULL);
	replace(&lc->video_meta, NULL);
	replace(&lc->audio_config, NULL);
}

void
livecache_fini(struct livecache *lc)
{
	livecache_clear(lc);
	free(lc->gop);
	free(lc->frames);
	memset(lc, 0, sizeof(*lc));
}

static void
add_to_gop(struct livecache *lc, struct packet *p)
{
	struct packet **grown;
	uint32_t cap;

	if (!lc->gop_open)
		return;
	if (lc->gop_count >= lc->gop_max ||
	    lc->gop_bytes + p->payload->len > lc->gop_bytes_max) {
		drop_gop(lc); /* newcomers wait for the next key frame */
		return;
	}
	if (lc->gop_count == lc->gop_cap) {
		cap = lc->gop_cap != 0 ? lc->gop_cap * 2 : 64;
		grown = realloc(lc->gop, cap * sizeof(struct packet *));
		if (grown == NULL) {
			drop_gop(lc);
			return;
		}
		lc->gop = grown;
		lc->gop_cap = cap;
	}
	lc->gop[lc->gop_count++] = packet_ref(p);
	lc->gop_bytes += p->payload->len;
}

void
livecache_media(struct livecache *lc, struct packet *p)
{
	if (p->type == MESSAGE_AUDIO) {
		if ((p->flags & AVTAG_CONFIG) != 0)
			replace(&lc->audio_config, p);
		else
			add_to_gop(lc, p);
		return;
	}
	if ((p->flags & AVTAG_CONFIG) != 0) {
		/* A new configuration makes the group undecodable. */
		replace(&lc->video_config, p);
		drop_gop(lc);
	} else if ((p->flags & AVTAG_METADATA) != 0) {
		replace(&lc->video_meta, p);
	} else {
		if ((p->flags & AVTAG_KEY) != 0) {
			drop_gop(lc);
			lc->gop_open = true;
		}
		add_to_gop(lc, p);
	}
}

static uint32_t
frame_index(const struct livecache *lc, const char *name, size_t len)
{
	uint32_t i;

	for (i = 0; i < lc->frame_count; i++) {
		if (strlen(lc->frames[i].name) == len &&
		    memcmp(lc->frames[i].name, name, len) == 0)
			break;
	}
	return i;
}

static int
keep_frame(struct livecache *lc, const char *name, size_t len, struct packet *p)
{
	struct livecache_frame *grown;
	uint32_t i = frame_index(lc, name, len);
	char *copy;

	if (i < lc->frame_count) {
		replace(&lc->frames[i].packet, p);
		return FCS_OK;
	}
	if (lc->frame_count == LIVECACHE_FRAMES_MAX)
		return FCS_OK;
	grown = realloc(lc->frames, (i + 1) * sizeof(*grown));
	if (grown == NULL)
		return FCS_ENOMEM;
	lc->frames = grown;
	if ((copy = strndup(name, len)) == NULL)
		return FCS_ENOMEM;
	lc->frames[i].name = copy;
	lc->frames[i].packet = packet_ref(p);
	lc->frame_count++;
	return FCS_OK;
}

static bool
is_name(struct value_str s, const char *text)
{
	return value_str_eq(s, text);
}

/* The values of d as an AMF0 data message named name. */
static int
write_data(struct buf *out, struct value_str name, struct value *const *args,
    uint32_t count)
{
	struct amf0_writer w;
	uint32_t i;
	int rc = FCS_OK;

	amf0_writer_init(&w, out, AMF0_PLAIN);
	amf0_put_string(out, name.ptr, name.len);
	for (i = 0; i < count && rc == FCS_OK; i++)
		rc = amf0_write(&w, args[i]);
	amf0_writer_fini(&w);
	return rc != FCS_OK ? rc : buf_status(out);
}

static int
make_packet(uint32_t ts_ms, struct value_str name, struct value *const *args,
    uint32_t count, struct packet **out)
{
	struct buf b;
	int rc;

	buf_init(&b, 0);
	rc = write_data(&b, name, args, count);
	if (rc == FCS_OK) {
		*out =
		    packet_new(MESSAGE_DATA, ts_ms, buf_data(&b), buf_len(&b));
		if (*out == NULL)
			rc = FCS_ENOMEM;
	}
	buf_fini(&b);
	return rc;
}

/* "@setDataFrame" as it is written: marker, u16 length, text. */
#define SET_FRAME_LEN (3 + 13)

/*
 * An AMF0 message keeps its bytes: behind @setDataFrame stands the data
 * message as it must be passed on.
 */
static int
pass_bytes(
    uint32_t ts_ms, const uint8_t *payload, size_t len, struct packet **out)
{
	*out = packet_new(MESSAGE_DATA, ts_ms, payload, len);
	return *out != NULL ? FCS_OK : FCS_ENOMEM;
}

int
livecache_data(struct livecache *lc, uint8_t type, uint32_t ts_ms,
    const uint8_t *payload, size_t len, struct packet **out)
{
	struct message msg = {
		.type = type,
		.ts_ms = ts_ms,
		.payload = payload,
		.len = len,
	};
	struct arena *arena = arena_new(DATA_ARENA_MAX);
	struct command_data d;
	bool is_amf0 = type == MESSAGE_DATA;
	bool has_prefix = is_amf0 && len > SET_FRAME_LEN && payload[0] == 0x02;
	int rc;

	*out = NULL;
	if (arena == NULL)
		return FCS_ENOMEM;
	if ((rc = command_read_data(arena, &msg, &d)) != FCS_OK)
		goto out;
	if (is_name(d.name, "@clearDataFrame") && d.arg_count > 0 &&
	    d.args[0]->type == VALUE_STRING) {
		uint32_t i =
		    frame_index(lc, d.args[0]->str.ptr, d.args[0]->str.len);

		if (i < lc->frame_count)
			drop_frame(lc, i);
	} else if (is_name(d.name, "@setDataFrame") && d.arg_count > 0 &&
		   d.args[0]->type == VALUE_STRING) {
		if (has_prefix)
			rc = pass_bytes(ts_ms, payload + SET_FRAME_LEN,
			    len - SET_FRAME_LEN, out);
		else
			rc = make_packet(ts_ms, d.args[0]->str, d.args + 1,
			    d.arg_count - 1, out);
		if (rc == FCS_OK)
			rc = keep_frame(
			    lc, d.args[0]->str.ptr, d.args[0]->str.len, *out);
	} else {
		if (is_amf0)
			rc = pass_bytes(ts_ms, payload, len, out);
		else
			rc = make_packet(
			    ts_ms, d.name, d.args, d.arg_count, out);
		if (rc == FCS_OK && is_name(d.name, "onMetaData"))
			rc = keep_frame(lc, d.name.ptr, d.name.len, *out);
	}
	if (rc != FCS_OK && *out != NULL) {
		packet_unref(*out);
		*out = NULL;
	}
out:
	arena_free(arena);
	return rc;
}

/*
 * The kept packet moves to the new time, so that all newcomers of one group
 * of pictures share one serialisation.
 */
static void
replay_at(struct packet **slot, uint32_t ts_ms,
    void (*fn)(void *arg, struct packet *), void *arg)
{
	struct packet *moved;

	if (*slot == NULL)
		return;
	if ((*slot)->ts_ms != ts_ms) {
		moved = packet_from((*slot)->type, ts_ms, (*slot)->payload);
		if (moved == NULL)
			return;
		packet_unref(*slot);
		*slot = moved;
	}
	fn(arg, *slot);
}

void
livecache_replay(struct livecache *lc, uint32_t now_ms,
    void (*fn)(void *arg, struct packet *), void *arg)
{
	uint32_t i, at_ms;

	at_ms = lc->gop_count > 0 ? lc->gop[0]->ts_ms : now_ms;
	for (i = 0; i < lc->frame_count; i++)
		replay_at(&lc->frames[i].packet, at_ms, fn, arg);
	replay_at(&lc->video_config, at_ms, fn, arg);
	replay_at(&lc->video_meta, at_ms, fn, arg);
	replay_at(&lc->audio_config, at_ms, fn, arg);
	for (i = 0; i < lc->gop_count; i++)
		fn(arg, lc->gop[i]);
}

struct refbuf *
livecache_find(const struct livecache *lc, const char *name)
{
	uint32_t i = frame_index(lc, name, strlen(name));

	return i < lc->frame_count ? lc->frames[i].packet->payload : NULL;
}
