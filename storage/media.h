/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * media - the recordings of one application: FLV files, their index, and the
 * thread that does what would block. DESIGN 3, 4, 10.
 *
 * Belongs to: storage (rank 3). Used by: core/record, core/playback, worker
 * (start, stop, wake), admin.
 * Threading: everything here is called on the loop thread. Work goes to the
 * media thread; after wake(arg), called from that thread, the loop calls
 * media_collect(), which delivers all callbacks. Nothing is ever called back
 * within the call that asked for it, but media_reader_next reads what is in
 * the page cache at once (preadv2 RWF_NOWAIT).
 * Units: ms of the file's own clock, bytes.
 * Files: <state_dir>/recordings/<instance>/NAME.flv, and read-only
 * <media_dir>/NAME.flv for every instance. `x`, `x.flv`, `flv:x` are one.
 */
#ifndef STORAGE_MEDIA_H
#define STORAGE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/refbuf.h"
#include "codec/avtag.h"

struct media;

struct media_conf {
	const char *state_dir; /* <state>/apps/<app>, exists; copied */
	const char *media_dir; /* apps/<app>/media or NULL; may be missing */
	const struct limits *limits; /* borrowed; NULL: defaults */
	void (*wake)(void *arg);     /* media thread */
	void *arg;
};

/* Locks the recordings, opens the index, starts the thread. Recordings cut
 * off by a crash are repaired in the background at once, or on first use.
 * FCS_EBUSY another process; FCS_EIO, FCS_EACCES, FCS_ENOSPC, FCS_ENOMEM. */
int media_start(
    const struct media_conf *, struct media **out, struct err *why) FCS_MUSTUSE;
/* Deliver what the media thread finished; calls back. */
void media_collect(struct media *);
/*
 * Close what is being recorded (players of any program can seek in it then),
 * finish all work, deliver the callbacks, end the thread. Readers and writers
 * still held by others must not be used afterwards but for media_*_close and
 * media_writer_forget before this call. NULL allowed.
 */
void media_stop(struct media *);

/* The one name of `x`, `x.flv` and `flv:x`. FCS_EINVAL, FCS_ELIMIT. */
int media_name(const char *name, char out[NAME_STREAM_MAX + 1]) FCS_MUSTUSE;

/* Nothing was asked whose answer is still to come. Bytes of recordings may
 * wait for their batch: queued_bytes of media_stats. */
bool media_is_idle(const struct media *);

struct media_stats {
	uint32_t writers, readers;
	uint64_t queued_bytes; /* handed over, not written yet */
	uint64_t written_bytes, batches, syncs;
	uint64_t hot_reads, cold_reads, read_bytes;
	uint64_t indexed, repaired; /* files scanned, files cut and closed */
	size_t buffer_bytes;        /* read buffers in use */
};
void media_stats(struct media *, struct media_stats *out);

/* What is known of a recording. */
struct media_info {
	char inst[NAME_INSTANCE_MAX + 1]; /* "" = shipped, for all */
	char name[NAME_STREAM_MAX + 1];
	bool growing;   /* being recorded now */
	bool read_only; /* shipped with the application */
	bool indexed;   /* else only size and changed_ms are known */
	bool has_video, has_audio;
	uint32_t duration_ms; /* last timestamp; so far, when growing */
	uint32_t first_ts_ms;
	uint64_t size;       /* bytes that play; so far, when growing */
	uint64_t tags, keys; /* keys: entries of the index */
	int64_t changed_ms;  /* wall clock */
	struct avtag video, audio;
	uint32_t odd; /* enum recscan_odd */
	/* since the process started */
	uint64_t opens, seeks, read_bytes;
	uint64_t seek_bytes; /* read for the last seek, until its first tag */
};

/* --- recording --- */

enum media_mode {
	MEDIA_NEW,   /* an existing file goes once the new one began well */
	MEDIA_KEEP,  /* ... keeps its time in its name instead */
	MEDIA_APPEND /* continue; new when there is none */
};

struct media_writer;
struct media_writer_ops { /* all required; why is never NULL */
	/* last_ts_ms: of an existing file being continued, else 0;
	 * idle_ms: how long ago it was last written to. */
	void (*opened)(void *arg, int result, const struct err *why,
	    bool existed, uint32_t last_ts_ms, int64_t idle_ms);
	/* Writing failed: FCS_ENOSPC, FCS_EIO. What was written before is
	 * being closed; closed() follows. */
	void (*failed)(void *arg, int result, const struct err *why);
	/* The file is complete; the writer is gone. */
	void (*closed)(void *arg, int result, const struct err *why);
};

/* Tags may be handed over at once, before opened(). FCS_EEXIST being recorded
 * already; FCS_EINVAL, FCS_ELIMIT the name; FCS_ENOMEM. */
int media_writer_open(struct media *, const char *inst, const char *name,
    enum media_mode, const struct media_writer_ops *, void *arg,
    struct media_writer **out, struct err *why) FCS_MUSTUSE;
/* The publisher's onMetaData payload for the head of the file, copied; only
 * what is set before the first tag counts. */
void media_writer_metadata(
    struct media_writer *, const uint8_t *payload, size_t len);
/* One tag; takes a reference to payload. Timestamps should not fall.
 * FCS_ELIMIT the queue to the disk is full, or the tag is too large;
 * FCS_ECLOSED after failed(); FCS_ENOMEM. On error it was not taken. */
int media_writer_append(struct media_writer *, uint8_t type, uint32_t ts_ms,
    struct refbuf *payload) FCS_MUSTUSE;
void media_writer_close(struct media_writer *); /* closed() follows */
/* As close, but no callback comes any more. */
void media_writer_forget(struct media_writer *);
bool media_is_growing(struct media *, const char *inst, const char *name);

/* --- reading --- */

struct media_reader;
struct media_place {     /* answer to a seek; buffers borrowed */
	int result;      /* FCS_OK; FCS_ECORRUPT changed or damaged; FCS_EIO */
	uint32_t key_ms; /* time of the tag reading continues at */
	bool at_start;   /* the whole file follows, headers in place */
	struct refbuf *meta; /* onMetaData for a player, never NULL if OK */
	struct refbuf *video_conf, *audio_conf; /* in force, NULL none */
};
struct media_reader_ops { /* all required */
	/* FCS_ENOENT no such recording; FCS_ECORRUPT no FLV; FCS_EINVAL the
	 * name; FCS_EIO ... info NULL unless FCS_OK. */
	void (*opened)(void *arg, int result, const struct err *why,
	    const struct media_info *);
	void (*placed)(void *arg, const struct media_place *);
	void (*ready)(void *arg); /* try media_reader_next again */
};
struct media_tag {
	uint8_t type;
	uint32_t ts_ms;
	uint64_t offset;
	bool metadata;          /* the onMetaData that media_place holds */
	struct refbuf *payload; /* the caller's reference */
};

/* NULL: no memory. opened() comes later. */
struct media_reader *media_reader_open(struct media *, const char *inst,
    const char *name, const struct media_reader_ops *, void *arg);
/* Also from its own callbacks; no callback comes after. */
void media_reader_close(struct media_reader *);
/* Continue at the key frame at or before ms (the last one when past the end).
 * placed() follows; a later seek replaces one not answered yet. FCS_ENOMEM:
 * nothing follows. */
int media_reader_seek(struct media_reader *, uint32_t ms) FCS_MUSTUSE;
/*
 * The next tag. FCS_OK; FCS_EAGAIN being fetched: ready() follows; FCS_EBUSY
 * no buffer free now: try again in a while; FCS_ENOENT the end (of what is
 * written, see media_reader_growing); FCS_ECORRUPT damaged, short or changed
 * (the file is indexed anew at its next use); FCS_EIO; FCS_ENOMEM.
 */
int media_reader_next(struct media_reader *, struct media_tag *out) FCS_MUSTUSE;
bool media_reader_growing(const struct media_reader *);
uint32_t media_reader_duration(const struct media_reader *); /* so far */
uint64_t media_reader_size(const struct media_reader *);     /* so far */

/* --- administration --- */

typedef void (*media_admin_fn)(
    void *arg, int result, const struct err *why, const struct media_info *);
/* rows sorted by instance and name, borrowed. */
typedef void (*media_admin_list_fn)(
    void *arg, int result, const struct media_info *rows, size_t count);
struct media_verify {
	int index; /* FCS_OK agrees; FCS_ESTALE differs; FCS_ENOENT none */
	uint64_t bad_keys; /* entries that differ */
	uint32_t odd;      /* enum recscan_odd */
	uint64_t playable; /* bytes of whole tags */
	uint64_t size;     /* of the file */
	uint64_t tags;
	char text[ERR_TEXT_MAX]; /* in words; "ok" */
};
typedef void (*media_admin_verify_fn)(void *arg, int result,
    const struct err *why, const struct media_info *,
    const struct media_verify *);

/* inst NULL: of all instances, and what the application ships. FCS_ENOMEM. */
int media_admin_list(struct media *, const char *inst, media_admin_list_fn,
    void *arg) FCS_MUSTUSE;
/* Indexes the file if need be. */
int media_admin_info(struct media *, const char *inst, const char *name,
    media_admin_fn, void *arg) FCS_MUSTUSE;
/* FCS_EBUSY it is being recorded. */
int media_admin_reindex(struct media *, const char *inst, const char *name,
    media_admin_fn, void *arg) FCS_MUSTUSE;
/* Reads the file and compares; changes nothing. */
int media_admin_verify(struct media *, const char *inst, const char *name,
    media_admin_verify_fn, void *arg) FCS_MUSTUSE;
/* FCS_EBUSY being recorded; FCS_EREADONLY shipped with the application. */
int media_admin_delete(struct media *, const char *inst, const char *name,
    media_admin_fn, void *arg) FCS_MUSTUSE;
/* Another name in the same instance; who plays it goes on. As delete, and
 * FCS_EEXIST: there is one of that name (one that ships with the application is
 * covered up, as by recording). info: of the new name, indexed only if the old
 * was. */
int media_admin_rename(struct media *, const char *inst, const char *name,
    const char *to, media_admin_fn, void *arg) FCS_MUSTUSE;
/* The onMetaData payload of a file, for a script; NULL: it has none. */
typedef void (*media_admin_meta_fn)(
    void *arg, int result, const struct err *why, struct refbuf *meta);
int media_admin_meta(struct media *, const char *inst, const char *name,
    media_admin_meta_fn, void *arg) FCS_MUSTUSE;

#endif
