/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live - one live stream name of an instance: at most one publisher, any number
 * of sinks (viewers, recordings). Layer: core (4). DESIGN 3.
 *
 * Keeps what a late joiner needs: data frames (@setDataFrame), codec headers,
 * the current group of pictures (bounded). Owner: the instance's live module;
 * it exists while it has a publisher, a sink or kept data. Thread: loop.
 */
#ifndef CORE_LIVE_H
#define CORE_LIVE_H

#include "codec/packet.h"
#include "core/instance.h"

struct live;

struct live_sink_ops {
	/* A packet in order. flush: must leave at the end of this turn. */
	void (*packet)(void *arg, struct packet *, bool flush);
	void (*begin)(void *arg); /* a publisher started */
	void (*end)(void *arg);   /* it left */
	/* Flush timer of audio: what was queued must leave now. NULL ok. */
	void (*flush)(void *arg);
};
struct live_sink { /* embedded in the owner; zero-initialised */
	const struct live_sink_ops *ops;
	void *arg;
	bool viewer;       /* counted as a viewer */
	struct live *live; /* private from here */
	struct live_sink *prev, *next;
};

struct live_publisher {
	const char *client; /* id, "" = server */
	const char *type;   /* live record append */
	const char *query;
	void (*displaced)(void *arg, const char *why); /* closed by others */
	void *arg;
};

/* NULL: not there and !create, limits.streams reached (logged), no memory. */
struct live *live_find(struct instance *, const char *name, bool create);
const char *live_name(const struct live *);
struct instance *live_instance(const struct live *);
bool live_is_published(const struct live *);
const struct live_publisher *live_publisher(const struct live *);
/* FCS_EEXIST taken. */
int live_publish(struct live *, const struct live_publisher *) FCS_MUSTUSE;
void live_unpublish(struct live *);
void live_close(struct live *, const char *why); /* end whoever publishes */
/* A media or data message from the publisher: borrowed. Handles
 * @setDataFrame/@clearDataFrame; timestamps are clamped to be non-decreasing
 * per type only by sinks, never here. */
int live_feed(struct live *, uint8_t type, uint32_t ts_ms,
    const uint8_t *payload, size_t len) FCS_MUSTUSE;
/* A data message of the script, at the time of the newest one; it waits for
 * what the script wrote before. As live_feed; FCS_ELIMIT too many wait. */
int live_tell(struct live *, const uint8_t *payload, size_t len) FCS_MUSTUSE;

/* Attach: with_cache delivers data frames, headers and the current group at
 * once through packet(). */
void live_attach(struct live *, struct live_sink *, bool with_cache);
void live_detach(struct live_sink *);

struct live_stats {
	uint32_t viewers;
	uint64_t packets_in, bytes_in, dropped;
	struct packet_stats serialise;
	uint32_t last_ts_ms;
	uint64_t started_ms;       /* wall clock; 0 = not published */
	struct avtag video, audio; /* last seen codecs */
	uint32_t bitrate_bps;
};
struct live_stats *live_stats(struct live *);
void live_each(struct instance *, void (*fn)(void *, struct live *), void *);
/* Payload of the kept onMetaData data message, or NULL. */
struct refbuf *live_metadata(struct live *);

extern const struct application_module live_module;

#endif
