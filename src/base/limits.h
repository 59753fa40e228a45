/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limits - the one table of limits: every buffer, depth, count, queue and
 * timer that input can grow, with its default, its bounds, and what happens
 * beyond it.
 *
 * Belongs to: base (rank 1). Each row is also the configuration key
 * `limits.<name>`. What an administrator sets
 * per application (clients, quotas of shared objects, script memory) is in
 * the application table of config.h.
 * Threading: values are written before threads exist or on reload by the loop
 * thread; counters are atomic.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stdint.h>

#include "base/err.h"

enum limits_unit {
	LIMITS_COUNT, /* items */
	LIMITS_SIZE,  /* bytes */
	LIMITS_TIME,  /* milliseconds */
};

#define LIMITS_K   1024LL
#define LIMITS_M   (1024 * LIMITS_K)
#define LIMITS_G   (1024 * LIMITS_M)
#define LIMITS_S   1000LL
#define LIMITS_MIN (60 * LIMITS_S)

/*
 * symbol, name, unit, default, least, most, what happens beyond.
 * clang-format off: one row a line is the point of a table.
 */
/* clang-format off */
#define LIMITS_TABLE(X)                                                                                                                       \
	X(HANDSHAKE_TIME, "handshake_time", TIME, 5 * LIMITS_S, 100, 5 * LIMITS_MIN, "connection closed")                                     \
	X(HANDSHAKE_BYTES, "handshake_bytes", SIZE, 64 * LIMITS_K, 4 * LIMITS_K, LIMITS_M, "connection closed")                               \
	X(CONNECT_TIME, "connect_time", TIME, 10 * LIMITS_S, 100, 10 * LIMITS_MIN, "connection closed")                                       \
	X(CONNECT_BYTES, "connect_bytes", SIZE, 64 * LIMITS_K, 4 * LIMITS_K, LIMITS_M, "connection closed")                                   \
	X(PING_IDLE, "ping_idle", TIME, 30 * LIMITS_S, LIMITS_S, 60 * LIMITS_MIN, "a ping is sent")                                           \
	X(PING_TIME, "ping_time", TIME, 15 * LIMITS_S, LIMITS_S, 60 * LIMITS_MIN, "connection closed")                                        \
	X(PEER_DIAL_TIME, "peer_dial_time", TIME, 10 * LIMITS_S, 100, 10 * LIMITS_MIN, "Connect.Failed, dialled again (to reach a server)")        \
	X(STALL_TIME, "stall_time", TIME, 30 * LIMITS_S, LIMITS_S, 60 * LIMITS_MIN, "a receiver without progress is closed")                  \
	X(DRAIN_TIME, "drain_time", TIME, 2 * LIMITS_S, 0, LIMITS_MIN, "a refused connection is closed")                                      \
	X(CLIENTS, "clients", COUNT, 10000, 1, 1000000, "Connect.Rejected: server full")                                                      \
	X(CLIENTS_PER_ADDRESS, "clients_per_address", COUNT, 1000, 1, 1000000, "Connect.Rejected: too many from this address")                \
	X(HANDSHAKES_PER_ADDRESS, "handshakes_per_address", COUNT, 64, 1, 100000, "connection closed at accept")                              \
	X(CONNECTS_PER_SECOND, "connects_per_second", COUNT, 2000, 1, 1000000, "accepting pauses")                                            \
	X(RESERVE_FDS, "reserve_fds", COUNT, 16, 2, 4096, "descriptors kept back for hand-over and administration")                           \
	X(CHANNEL_QUEUE, "channel_queue", COUNT, 1024, 8, 65536, "Connect.Rejected: application busy")                                        \
	X(CSIDS, "csids", COUNT, 64, 8, 1024, "connection closed")                                                                            \
	X(CHUNK_SIZE_IN, "chunk_size_in", SIZE, 0xffffff, 128, 0xffffff, "larger announcements are clamped")                                  \
	X(CHUNK_SIZE_OUT, "chunk_size_out", SIZE, 60000, 128, 0xffffff, "size of chunks the server sends")                                    \
	X(MESSAGE_CONTROL, "message_control", SIZE, 64, 16, 4 * LIMITS_K, "connection closed")                                                \
	X(MESSAGE_DATA, "message_data", SIZE, LIMITS_M, 4 * LIMITS_K, 0xffffff, "connection closed (command, data, shared object)")            \
	X(MESSAGE_AUDIO, "message_audio", SIZE, LIMITS_M, 4 * LIMITS_K, 0xffffff, "connection closed")                                        \
	X(MESSAGE_VIDEO, "message_video", SIZE, 0xffffff, 64 * LIMITS_K, 0xffffff, "connection closed (video, aggregate)")                    \
	X(PARTIAL_BYTES, "partial_bytes", SIZE, 32 * LIMITS_M, LIMITS_M, LIMITS_G, "connection closed (sum of unfinished messages)")          \
	X(STREAMS_PER_CLIENT, "streams_per_client", COUNT, 32, 1, 65536, "_error to createStream")                                            \
	X(CALLS_PER_CLIENT, "calls_per_client", COUNT, 1024, 1, 65536, "Call.Failed")                                                         \
	X(COMMAND_NAME, "command_name", SIZE, 128, 16, LIMITS_K, "command ignored, logged")                                                   \
	X(COMMANDS_PER_SECOND, "commands_per_second", COUNT, 10000, 10, 10000000, "reading from that client pauses")                          \
	X(AMF_DEPTH, "amf_depth", COUNT, 32, 4, 256, "message dropped, logged")                                                               \
	X(AMF_ELEMENTS, "amf_elements", COUNT, 65536, 64, 16777216, "message dropped, logged")                                                \
	X(AMF_REFERENCES, "amf_references", COUNT, 65536, 64, 16777216, "message dropped, logged")                                            \
	X(AMF_BYTES, "amf_bytes", SIZE, 16 * LIMITS_M, 64 * LIMITS_K, LIMITS_G, "message dropped, logged (memory of one decoded message)")    \
	X(OUT_BYTES, "out_bytes", SIZE, 4 * LIMITS_M, 64 * LIMITS_K, LIMITS_G, "media dropped to the next key frame; replies: closed")        \
	X(OUT_TIME, "out_time", TIME, 3 * LIMITS_S, 100, 10 * LIMITS_MIN, "media dropped to the next key frame (media time queued)")          \
	X(OUT_REPLIES, "out_replies", SIZE, 16 * LIMITS_M, 64 * LIMITS_K, LIMITS_G, "connection closed (commands and shared objects queued)") \
	X(SEND_BUFFER, "send_buffer", SIZE, 256 * LIMITS_K, 16 * LIMITS_K, 64 * LIMITS_M, "kernel memory per connection")                     \
	X(GOP_BYTES, "gop_bytes", SIZE, 16 * LIMITS_M, 64 * LIMITS_K, LIMITS_G, "new viewers start at the next key frame")                    \
	X(GOP_MESSAGES, "gop_messages", COUNT, 8192, 16, 1000000, "new viewers start at the next key frame")                                  \
	X(BUFFER_TIME, "buffer_time", TIME, 60 * LIMITS_S, LIMITS_S, 60 * LIMITS_MIN, "a longer client buffer is clamped")                    \
	X(SO_EVENTS, "so_events", COUNT, 1024, 1, 65536, "message dropped, logged")                                                           \
	X(SO_NAME, "so_name", SIZE, 255, 16, 255, "status SharedObject.ObjectCreationFailed")                                                 \
	X(SO_SLOT_NAME, "so_slot_name", SIZE, 1024, 16, 1024, "status SharedObject.NoWriteAccess")                                            \
	X(SO_PER_CLIENT, "so_per_client", COUNT, 1024, 1, 65536, "status SharedObject.ObjectCreationFailed")                                  \
	X(SO_QUEUE, "so_queue", COUNT, 65536, 64, 1000000, "reading from the writers pauses (batches waiting)")                               \
	X(SO_LOCK_EVENTS, "so_lock_events", COUNT, 1024, 0, 1000000, "rejected (changes of clients waiting for a locked object)")             \
	X(STREAM_NAME, "stream_name", SIZE, 255, 16, 255, "status BadName or StreamNotFound")                                                 \
	X(STREAMS, "streams", COUNT, 65536, 1, 1000000, "NetStream.Failed (per instance)")                                                    \
	X(PLAYLIST_ITEMS, "playlist_items", COUNT, 1024, 1, 65536, "Play.Failed")                                                             \
	X(INSTANCES, "instances", COUNT, 10000, 1, 1000000, "Connect.Rejected (per application)")                                             \
	X(APPS, "apps", COUNT, 1000, 1, 100000, "application not registered, logged")                                                         \
	X(COMMIT_QUEUE, "commit_queue", COUNT, 65536, 64, 1000000, "reading from the writers pauses")                                         \
	X(MEDIA_QUEUE, "media_queue", SIZE, 64 * LIMITS_M, LIMITS_M, 16 * LIMITS_G, "recording stops with Record.Failed")                      \
	X(RECORDING_JOBS, "recording_jobs", COUNT, 256, 1, 100000, "FCS::LimitError (looked up, copied, deleted at once, per instance)")      \
	X(RECORD_TAG, "record_tag", SIZE, 0xffffff, 64 * LIMITS_K, 0xffffff, "Record.Failed")                                                 \
	X(READ_BUFFERS, "read_buffers", SIZE, 64 * LIMITS_M, LIMITS_M, 16 * LIMITS_G, "players wait for a buffer")                            \
	X(LMDB_MAP, "lmdb_map", SIZE, 16 * LIMITS_G, 16 * LIMITS_M, 1024 * LIMITS_G, "index turns read-only, recordings go on")               \
	X(WAL_BYTES, "wal_bytes", SIZE, 64 * LIMITS_M, LIMITS_M, 16 * LIMITS_G, "checkpoint between commits")                                 \
	X(HTTP_HEADER, "http_header", SIZE, 16 * LIMITS_K, LIMITS_K, LIMITS_M, "431")                                                         \
	X(HTTP_BODY, "http_body", SIZE, LIMITS_M, LIMITS_K, LIMITS_G, "413")                                                                  \
	X(HTTP_TIME, "http_time", TIME, 10 * LIMITS_S, 100, 10 * LIMITS_MIN, "connection closed")                                             \
	X(HTTP_CLIENTS, "http_clients", COUNT, 1024, 1, 100000, "503")                                                                        \
	X(WS_MESSAGE, "ws_message", SIZE, LIMITS_M, 4 * LIMITS_K, 0xffffff, "close code 1009")                                                \
	X(RTMPT_PENDING, "rtmpt_pending", COUNT, 64, 1, 4096, "session dropped")                                                              \
	X(RTMPT_IDLE, "rtmpt_idle", TIME, 30 * LIMITS_S, LIMITS_S, 10 * LIMITS_MIN, "session dropped")                                        \
	X(ADMIN_REQUEST, "admin_request", SIZE, LIMITS_M, 4 * LIMITS_K, LIMITS_G, "request refused")                                          \
	X(ADMIN_CLIENTS, "admin_clients", COUNT, 64, 1, 4096, "connection refused")                                                           \
	X(ADMIN_TIME, "admin_time", TIME, 10 * LIMITS_S, 100, 10 * LIMITS_MIN, "answer without the missing worker, marked")                   \
	X(HEARTBEAT_TIME, "heartbeat_time", TIME, 5 * LIMITS_S, 500, 10 * LIMITS_MIN, "worker killed and replaced")                           \
	X(STOP_TIME, "stop_time", TIME, 10 * LIMITS_S, 100, 10 * LIMITS_MIN, "what still runs at shutdown is killed")                         \
	X(RESTART_BACKOFF, "restart_backoff", TIME, 60 * LIMITS_S, LIMITS_S, 60 * LIMITS_MIN, "longest pause before a restart")               \
	X(SCRIPT_START_TIME, "script_start_time", TIME, 2 * LIMITS_S, 50, LIMITS_MIN, "instance ended, restarted with back-off")              \
	X(SCRIPT_NATIVE_TIME, "script_native_time", TIME, LIMITS_S, 100, LIMITS_MIN, "worker aborted with a report")                          \
	X(SCRIPT_OVERRUNS, "script_overruns", COUNT, 3, 1, 1000, "instance disabled (overruns within 60 s)")                                  \
	X(SCRIPT_FILE, "script_file", SIZE, LIMITS_M, 4 * LIMITS_K, 64 * LIMITS_M, "application does not load")                               \
	X(FETCHES, "fetches", COUNT, 32, 1, 1024, "FCS::LimitError (requests of an instance under way)")                                       \
	X(FETCHES_APP, "fetches_app", COUNT, 256, 1, 65536, "FCS::HttpError (requests of an application under way)")                           \
	X(FETCH_BODY, "fetch_body", SIZE, LIMITS_M, LIMITS_K, 64 * LIMITS_M, "FCS::HttpError (body of a script's request or its answer)")      \
	X(FETCH_HEADER, "fetch_header", SIZE, 64 * LIMITS_K, LIMITS_K, LIMITS_M, "FCS::HttpError (all headers of an answer)")                  \
	X(FETCH_TIME, "fetch_time", TIME, 5 * LIMITS_MIN, LIMITS_S, 60 * LIMITS_MIN, "ArgumentError (timeout: of a request)")                  \
	X(FILES_OPS, "files_ops", COUNT, 64, 1, 65536, "FCS::LimitError (file operations of an instance under way)")                           \
	X(FILES_QUEUE, "files_queue", SIZE, 64 * LIMITS_M, LIMITS_M, 16 * LIMITS_G, "FCS::FileError: busy (bytes to be written, per application)") \
	X(FILES_READ, "files_read", SIZE, 16 * LIMITS_M, 4 * LIMITS_K, LIMITS_G, "FCS::FileError: read it in parts")                           \
	X(FILES_ENTRIES, "files_entries", COUNT, 10000, 1, 10000000, "FCS::FileError: quota (files and folders of an application)")            \
	X(LOG_LINES, "log_lines", COUNT, 20, 0, 100000, "lines of one event a second; the rest is counted")
/* clang-format on */

enum limits_id {
#define X(symbol, name, unit, def, least, most, beyond) LIMIT_##symbol,
	LIMITS_TABLE(X)
#undef X
	LIMITS_TOTAL
};

struct limits_row {
	const char *name; /* without "limits." */
	enum limits_unit unit;
	int64_t def;
	int64_t least;
	int64_t most;
	const char *beyond;
};

/* Values in items, bytes or ms, by id: limits->value[LIMIT_CSIDS]. */
struct limits {
	int64_t value[LIMITS_TOTAL];
};

extern const struct limits_row limits_rows[LIMITS_TOTAL];

void limits_init(struct limits *l); /* all defaults */
/* FCS_OK; FCS_ERANGE (unchanged). */
int limits_set(struct limits *l, enum limits_id id, int64_t v) FCS_MUSTUSE;
/* LIMITS_TOTAL when there is no such name. */
enum limits_id limits_find(const char *name);

static inline int64_t
limits_get(const struct limits *l, enum limits_id id)
{
	return l->value[id];
}

/* Count one refusal at this limit in this process. */
void limits_refuse(enum limits_id id);
uint64_t limits_refused(enum limits_id id);

#endif
