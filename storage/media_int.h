/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * media_int - the inside of media, for media*.c and their tests only.
 *
 * media.c: the thread, jobs, start and stop. media_file.c: finding, indexing
 * and repairing a file. media_writer.c, media_write.c:
 * recordings being made, the loop's half and the thread's. media_read.c:
 * readers. media_admin.c: questions of administrators.
 */
#ifndef STORAGE_MEDIA_INT_H
#define STORAGE_MEDIA_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/queue.h"
#include "storage/media.h"
#include "storage/recidx.h"
#include "storage/recpath.h"
#include "storage/recscan.h"

#define MEDIA_TICK_MS  50          /* appends are gathered this long */
#define MEDIA_BATCH    (256 << 10) /* or until this many bytes */
#define MEDIA_SYNC_MS  1000
#define MEDIA_SLICE_US 10000 /* of a long scan, before others get a turn */

/* Work for the media thread. Made and freed on the loop thread. */
struct media_job {
	struct queue_item item;
	/* Media thread. Leaves again true to be run again later. */
	void (*run)(struct media *, struct media_job *);
	void (*done)(struct media *, struct media_job *); /* loop thread */
	bool again;
	bool park;      /* run it again when a recording begins or ends */
	bool is_away;   /* with the sync thread: it runs again after that */
	int sync_errno; /* what came of that; 0 = it is on the disk */
	bool unasked;   /* a report of the media thread, not an answer */
	struct media_job *next; /* list of those that go on */
};

/* An open file shared by the writer and readers of a recording. */
struct media_file {
	atomic_uint refs;
	int fd;
	atomic_ullong end;   /* bytes written and whole */
	atomic_uint last_ts; /* ms */
	atomic_bool growing;
	atomic_bool sync_failed;
};

/* Counters of a recording since the start of the process; by key. */
struct media_count {
	uint64_t opens, seeks, read_bytes, seek_bytes;
	UT_hash_handle hh;
	char key[];
};

struct media_writer { /* lists: media thread; see media_write.c */
	struct media *m;
	/* loop thread */
	const struct media_writer_ops *ops; /* NULL: forgotten */
	void *arg;
	bool closing;
	bool is_kicked;
	char name_key[RECPATH_MAX + 2]; /* one recording of a name */
	struct media_writer *loop_next;
	/* both, under lock */
	pthread_mutex_t lock;
	struct media_pending *pending;
	size_t pending_count, pending_cap;
	size_t pending_bytes;
	uint8_t *meta; /* publisher's onMetaData, until the first batch */
	size_t meta_len;
	/* both */
	atomic_bool is_failed;
	struct media_job kick;
	struct media_write_job
	    *close_job; /* made at open: a close cannot fail */
	/* media thread */
	struct recpath path;
	char key[RECPATH_MAX + 2]; /* in the index */
	enum media_mode mode;
	struct media_file *file;
	char hidden[RECPATH_MAX]; /* its name until it began well, or "" */
	bool begun;               /* has its own name, is in the index */
	bool dirty;               /* not synced */
	bool index_lost;          /* entries are missing */
	struct recidx_rec rec;
	struct media_writer *next;
};

struct media {
	struct media_conf conf;
	struct limits limits_own;
	char *state_dir;
	int rec_fd;  /* <state_dir>/recordings */
	int ship_fd; /* media_dir, -1 none */
	pthread_t thread, sync_thread;
	bool running;
	struct queue *jobs;           /* to the media thread */
	struct queue *done;           /* to the loop thread */
	struct queue *to_sync;        /* to the sync thread */
	struct media_job *unfinished; /* sync thread: came back too late */
	/* loop thread */
	struct media_writer *loop_writers;
	uint32_t readers, writer_count;
	size_t in_flight; /* jobs not delivered yet */
	/* any thread */
	atomic_ullong queued_bytes, written_bytes, batches, syncs;
	atomic_ullong hot_reads, cold_reads, read_bytes, indexed, repaired;
	atomic_bool stopping;
	struct media_pool *pool; /* memory of read windows */
	/* media thread */
	struct recidx *index;
	struct media_writer *writers;
	struct media_job *slow, **slow_last;
	struct media_job *parked;
	struct media_count *counts;
	int64_t last_tick_ms, last_sync_ms, last_idle_ms;
	struct media_update *updates; /* files being indexed */
	bool index_warned;
	bool any_dirty;
	bool in_txn; /* of the index, for a batch */
};

/* --- media.c --- */
void media_submit(struct media *, struct media_job *); /* loop thread */
void media_post(struct media *, struct media_job *);   /* media thread */
/* Media thread, from within run(): have the sync thread write file to the disk,
 * then run job again. false: it cannot, the caller must do it. */
bool media_sync_then(struct media *, struct media_file *, struct media_job *);
/* Media thread: a recording began or ended. */
void media_unpark(struct media *);
/* Counters of key; NULL: none yet (make: no memory, too many). Media thread. */
struct media_count *media_count(struct media *, const char *key, bool make);
struct media_file *media_file_new(int fd); /* takes fd; NULL no memory */
struct media_file *media_file_ref(struct media_file *);
void media_file_unref(struct media_file *);
int64_t media_mtime_ns(const struct stat *);

/* --- media_file.c: media thread --- */

/* A recording found on disk. key: "r/<path>" or "m/<path>". */
struct media_found {
	char key[RECPATH_MAX + 2];
	char path[RECPATH_MAX];
	bool read_only;
	struct media_writer *writer; /* being recorded, NULL */
	int fd;                      /* open; the caller's */
	struct stat st;
};
/* FCS_ENOENT ... */
int media_file_find(struct media *, const struct recpath *in_inst,
    const struct recpath *shipped, bool for_writing, struct media_found *out,
    struct err *why);

/* Bringing the index up to date with a file, in slices. Zero-initialised but
 * for found. */
struct media_update {
	struct media_found *found;
	bool force; /* index it even if it seems unchanged */
	bool begun;
	bool known; /* continuing a recording cut off */
	struct recidx_rec rec;
	struct recscan *scan;
	bool is_strict;
	bool is_unfinished; /* the file says it was never closed */
	struct media_update *next;
};
/* FCS_EAGAIN call again; FCS_OK rec is right; FCS_EFORMAT no FLV file ... */
int media_file_update(struct media *, struct media_update *, struct err *why);
void media_file_update_fini(struct media *, struct media_update *);
/* Write the final head of a file of ours: duration, key frames, flags. */
int media_file_finish(struct media *, int fd, struct recidx_rec *,
    bool recording, struct err *why);
void media_file_info(struct media *, const struct media_found *,
    const struct recidx_rec *, struct media_info *out);
/* Read exactly n bytes. FCS_ESHORT the file ends before; FCS_EIO. */
int media_file_read(int fd, uint64_t at, void *p, size_t n);
int media_file_write(int fd, uint64_t at, const void *p, size_t n);
/* Payload of the tag at, a new reference; NULL: none or damaged. */
struct refbuf *media_file_tag(
    struct media *, int fd, uint64_t at, uint64_t end, uint64_t *read_bytes);

/* --- media_write.c: media thread --- */
struct media_pending {
	uint8_t type;
	uint32_t ts_ms;
	struct refbuf *payload;
};

struct media_write_job { /* open and close */
	struct media_job job;
	struct media_writer *w;
	int result;
	struct err why;
	bool existed;
	uint32_t last_ts;
	int64_t idle_ms;
	struct media_found found;
	struct media_update update;
	bool updating;
	bool is_written; /* close: all but the end of it is done */
};

struct media_failed_job {
	struct media_job job;
	struct media_writer *w;
	int result;
	struct err why;
};

void media_write_open_run(struct media *, struct media_job *);
void media_write_close_run(struct media *, struct media_job *);
void media_write_kick_run(struct media *, struct media_job *);
void media_write_tick(struct media *);
/* Is one of that name about to begin? */
bool media_write_is_coming(struct media *, const char *path);
/* Is this hidden file of a recording being begun? */
bool media_write_is_hidden(struct media *, const char *path);
struct media_writer *media_write_find(struct media *, const char *key);

/* --- media_writer.c: loop thread --- */
void media_writer_failed_done(struct media *, struct media_job *);
void media_writer_stop(struct media *); /* close all */

/* --- media_pool.c --- */
/* Windows may outlive the media store in somebody's output queue: each holds
 * the pool. NULL no memory. */
struct media_pool *media_pool_new(void);
void media_pool_unref(struct media_pool *); /* NULL allowed */
/* At least want bytes; NULL no memory. Any thread. */
struct refbuf *media_pool_window(struct media_pool *, size_t want);
size_t media_pool_bytes(struct media_pool *); /* in use */

#endif
