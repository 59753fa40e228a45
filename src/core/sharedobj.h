/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj - one shared object of an instance: slots with versions, the FIFO
 * of batches, sends, uses and releases, subscribers. Layer: core (4).
 * DESIGN 5, wire-protocol.md 4.
 *
 * Every change is part of a batch = all events of one message or one script
 * transaction: atomic, one version. An entry of the FIFO leaves when
 * everything before it is durable; temporary objects take the same path
 * without the disk. Owner: the instance's sharedobj module. Thread: loop.
 */
#ifndef CORE_SHAREDOBJ_H
#define CORE_SHAREDOBJ_H

#include "codec/somsg.h"
#include "core/instance.h"

struct sharedobj;

/* A shared-object message of a client: use, release, changes, sends, clears
 * in the order of the message. Refusals are answered so that the client
 * converges (Status, then Change or Remove); a message over a limit is dropped
 * with a log line: FCS_OK. FCS_ESHORT, FCS_EFORMAT malformed: close. FCS_ENOMEM:
 * nothing was done. */
int sharedobj_message(struct instance *, struct client *,
    const struct message *, struct err *why) FCS_MUSTUSE;

/* --- from scripts --- */
/* Get or create for a script, which then holds the object until
 * sharedobj_close, once per open. FCS_EINVAL
 * bad name or wrong persistence; FCS_ELIMIT; FCS_ENOMEM. A persistent object
 * that is not in memory is read here, which waits for the commit thread:
 * FCS_ETIMEOUT after 500 ms, FCS_EIO. FCS_EREADONLY no store. */
int sharedobj_open(struct instance *, const char *name, bool persistent,
    struct sharedobj **out) FCS_MUSTUSE;
struct sharedobj *sharedobj_find(struct instance *, const char *name);
/* Packed value of a slot as the script sees it (own writes at once), or NULL;
 * borrowed until the next call. */
const uint8_t *sharedobj_get(
    struct sharedobj *, const char *slot, size_t slot_len, size_t *len);
/* Write: value NULL deletes (of what is not there: nothing happens). Inside
 * sharedobj_begin/end: a batch of its own; else all writes to the object until
 * the end of the turn are one. FCS_ELIMIT quota, FCS_EREADONLY store,
 * FCS_EINVAL slot name, FCS_ENOMEM. */
int sharedobj_set(struct sharedobj *, const char *slot, size_t slot_len,
    const uint8_t *value, size_t len) FCS_MUSTUSE;
int sharedobj_clear(struct sharedobj *) FCS_MUSTUSE;
int sharedobj_send(struct sharedobj *, const uint8_t *body,
    size_t len) FCS_MUSTUSE; /* somsg body: handler name, values */
/* A transaction; nests, the outermost end counts; one end with commit false
 * undoes all of it, and the outermost end that would commit is told so:
 * FCS_EREJECT. Left open at the end of the turn: undone. FCS_EINVAL: none is
 * open. */
void sharedobj_begin(struct sharedobj *);
int sharedobj_end(struct sharedobj *, bool commit) FCS_MUSTUSE;
void sharedobj_close(struct sharedobj *); /* drops the script's hold */
/* As sharedobj_open, but an object that is large and not in memory is read
 * meanwhile: FCS_EAGAIN, held already; the Pending is settled when it is there
 * (or is not: then open tells why). */
int sharedobj_open_later(struct instance *, const char *name, bool persistent,
    uint64_t pending, struct sharedobj **out) FCS_MUSTUSE;
/* While it is locked changes of clients wait (limits.so_lock_events), then they
 * are refused. The script keeps its handlers apart itself. */
void sharedobj_lock(struct sharedobj *, bool locked);
void sharedobj_unlock_all(struct instance *); /* the script ended */
/* Options of an object that no class declares, or other ones than declared. */
void sharedobj_set_options(struct sharedobj *, const struct script_shared *);
void sharedobj_set_resync_depth(
    struct sharedobj *, int64_t depth); /* -1: any */
/* Forget tombstones older than version: copies that old get everything.
 * Returns how many there were. */
uint32_t sharedobj_purge(struct sharedobj *, uint64_t version);

/*
 * What takes time (script-api.md 7.4): done on the commit thread behind what
 * the object wrote before, then the Pending is settled, with a value or with the
 * name of the code: FCS_ERANGE the history begins later or the version is to
 * come, FCS_ELIMIT, FCS_EIO, FCS_EREADONLY the store. These themselves:
 * FCS_EUNSUPPORTED a temporary object (flush: true); FCS_ELIMIT too many under
 * way; FCS_EREADONLY not readable now; FCS_ENOMEM.
 */
struct sharedobj_point { /* a version, or (version 0) the newest of a time */
	uint64_t version;
	int64_t at_ms;
};
struct sharedobj_range {
	struct sharedobj_point after, upto;
	bool whole; /* up to upto, FCS_ELIMIT if that is too much; else as much
		     * as limit and SHAREDOBJ_LOOK_BYTES allow */
	const char *slot; /* NULL: all */
	size_t slot_len;
	uint32_t limit;
};
/* => true when all that was written before is durable */
int sharedobj_flush(struct sharedobj *, uint64_t pending) FCS_MUSTUSE;
/* => id of a look: changes, oldest first */
int sharedobj_history(struct sharedobj *, const struct sharedobj_range *,
    uint64_t pending) FCS_MUSTUSE;
/* => id of a look: slots and their values */
int sharedobj_at(struct sharedobj *, const struct sharedobj_point *,
    uint64_t pending) FCS_MUSTUSE;
/* => names of the slots restored; store.h says what is undone */
int sharedobj_undo(struct sharedobj *, const struct store_undo *,
    uint64_t pending) FCS_MUSTUSE;
/* => version behind it */
int sharedobj_rollback(struct sharedobj *, const struct sharedobj_point *,
    uint64_t pending) FCS_MUSTUSE;

/*
 * Objects that another instance owns (peer.shared, script-api.md 7.4): under a
 * name of this instance, for its script and its clients. Here they are
 * temporary; reads see a copy of what the owner said last, writes go there:
 * sharedobj_set and the others say FCS_ECLOSED while it cannot be reached.
 * The script gets SCRIPT_SYNC for all changes, with the codes success, reject,
 * change, delete, clear; SCRIPT_STATUS when the owner refuses the use.
 */
struct sharedobj_remote {
	uint64_t peer;
	const char *remote; /* its name there */
	const char *as;     /* and here */
	bool persistent;    /* there */
};
/* Held as by sharedobj_open. FCS_EINVAL a bad name; FCS_EEXIST another object
 * has it; FCS_ENOENT no such peer; FCS_EUNSUPPORTED no peers here; FCS_ELIMIT;
 * FCS_ENOMEM. */
int sharedobj_proxy_open(struct instance *, const struct sharedobj_remote *,
    struct sharedobj **out) FCS_MUSTUSE;
/* The Pending is settled when the owner has answered; what error says is a code
 * or a sentence. FCS_ENOMEM. */
int sharedobj_proxy_ready(struct sharedobj *, uint64_t pending) FCS_MUSTUSE;
bool sharedobj_is_proxy(const struct sharedobj *);

/* clear_shared_objects: every object of the path (name_path_match) is emptied,
 * subscribers get Clear. One that must be read first is cleared when it is
 * there. true: that is so for all; false: one could not be (read-only store,
 * limits), or none matches. */
bool sharedobj_clear_path(struct instance *, const char *path);

const char *sharedobj_name(const struct sharedobj *);
bool sharedobj_is_persistent(const struct sharedobj *);
bool sharedobj_is_ready(const struct sharedobj *); /* has its image */
bool sharedobj_is_dirty(const struct sharedobj *); /* not all is durable */
uint64_t sharedobj_version(const struct sharedobj *);
uint32_t sharedobj_size(const struct sharedobj *); /* live slots */
uint32_t sharedobj_subscribers(const struct sharedobj *);
uint64_t sharedobj_bytes(const struct sharedobj *);
/* Live slots in order of first writing. */
struct sharedobj_slot {
	struct value_str name;
	const uint8_t *value;
	size_t len;
	uint64_t version;
	const char *user;
};
/* One live slot; false: there is none. Borrowed until the next call. */
bool sharedobj_slot(struct sharedobj *, const char *slot, size_t slot_len,
    struct sharedobj_slot *out);
void sharedobj_each_slot(struct sharedobj *,
    void (*fn)(void *, const struct sharedobj_slot *), void *);
void sharedobj_each(
    struct instance *, void (*fn)(void *, struct sharedobj *), void *);
/* The objects a client uses, in the order it began to. */
void sharedobj_each_used(
    struct client *, void (*fn)(void *, struct sharedobj *), void *);
/* Stored objects of the instance that are not in memory; what was known of
 * them when the instance started. */
void sharedobj_each_stored(struct instance *,
    void (*fn)(void *, const struct store_object_info *), void *);
/* For administration: an object that is in memory or stored, loaded if need be
 * (waits as sharedobj_open does). FCS_ENOENT; FCS_ETIMEOUT; FCS_EIO. The
 * pointer is valid in this turn. */
int sharedobj_peek(
    struct instance *, const char *name, struct sharedobj **out) FCS_MUSTUSE;
/* Follow committed batches (fcsctl so watch): fn per batch until unwatched. */
struct sharedobj_change {
	uint64_t version;
	int64_t at_ms;
	const char *user;
	struct value_str slot;
	const uint8_t *value; /* NULL = removed */
	size_t len;
	const uint8_t *old; /* NULL = was absent */
	size_t old_len;
};
uint64_t sharedobj_watch(struct instance *, const char *name,
    void (*fn)(void *, const struct sharedobj_change *, uint32_t count),
    void *);
void sharedobj_unwatch(struct instance *, uint64_t id);

/*
 * Take at most count lines, or about that many bytes, of a look. FCS_EAGAIN:
 * there are more; FCS_OK: that was all; FCS_ENOENT: no such look (dropped).
 */
int sharedobj_look_take(struct instance *, uint64_t id, uint32_t count,
    size_t bytes, void (*fn)(void *, const struct sharedobj_change *),
    void *arg) FCS_MUSTUSE;
void sharedobj_look_drop(struct instance *, uint64_t id);
void sharedobj_look_drop_all(struct instance *); /* the script ended */

extern const struct application_module sharedobj_module;

#endif
