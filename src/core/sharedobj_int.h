/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_int - the inside of shared objects, for sharedobj*.c and their
 * tests only.
 *
 * The image of an object is its newest state, batches included that are not
 * durable yet. Nobody outside sees those: what is told to clients is put
 * together when it is taken in (a use) or carried by the entry itself (a
 * batch), and leaves the queue only when everything before it is durable.
 */
#ifndef CORE_SHAREDOBJ_INT_H
#define CORE_SHAREDOBJ_INT_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "base/refbuf.h"
#include "core/sharedobj.h"
#include "net/timer.h"

#define SHAREDOBJ_SYNC_PART 65536u       /* bytes of one message of a sync */
#define SHAREDOBJ_SYNC_NOW  (512u << 10) /* larger ones are paced */
#define SHAREDOBJ_QUEUE_MAX (64u << 20)  /* bytes queued per instance */
#define SHAREDOBJ_LOAD_MS   500u         /* a script waits for an image */
#define SHAREDOBJ_LOAD_NOW  (256u << 10) /* bytes a script waits for at once */
/* Changes between two trims: an eighth of the history, within these. */
#define SHAREDOBJ_TRIM_LEAST 32u
#define SHAREDOBJ_TRIM_EVERY 256u
#define SHAREDOBJ_DEAD_MIN   1024u      /* tombstones kept at least */
#define SHAREDOBJ_LOOK_BYTES (4u << 20) /* of one look at the history */
#define SHAREDOBJ_LOOKS      64u        /* kept for scripts, per instance */
#define SHAREDOBJ_TASKS      1000u      /* under way, per instance */
#define SHAREDOBJ_KEPT       64u        /* idle persistent objects in memory */
#define SHAREDOBJ_KEPT_BYTES (8u << 20)

/* ---- image ---- */

struct so_slot {
	UT_hash_handle hh;
	struct so_slot *prev, *next;   /* live ones by first writing */
	struct so_slot *vprev, *vnext; /* all by version, newest last */
	struct refbuf *name;
	struct refbuf *value; /* packed; NULL: tombstone */
	struct refbuf *user;  /* with NUL; NULL: the server */
	uint64_t version;
	uint64_t writer;    /* so_user.id of the last one; 0: script, store */
	uint64_t contested; /* newest version the writer did not just make */
	uint64_t mark;      /* entry that changes it at the moment ... */
	uint32_t index;     /* ... and its change there */
};

/* A place in one of the lists of an image that stays right while it changes. */
struct so_cursor {
	struct so_cursor *prev, *next; /* image->cursors */
	struct so_slot *at;            /* NULL: the end */
	bool by_version;               /* in recent, else in order */
};

struct so_image {
	struct so_cursor *cursors; /* list */
	struct so_slot *slots;     /* hash */
	struct so_slot *order;     /* list of live slots */
	struct so_slot *recent;    /* list of all */
	uint32_t live, dead;
	uint64_t bytes; /* of live names and values */
	uint64_t version, floor;
};

/* ---- queue ---- */

struct so_change { /* one slot of a batch, at most once */
	struct refbuf *name;
	struct refbuf *value; /* NULL: deleted */
	struct refbuf *old;   /* NULL: was absent */
	struct refbuf *old_user;
	uint64_t old_version; /* 0: not even a tombstone */
	bool told;            /* an item for the others stands for it */
};

enum {
	SO_TO_OTHERS = 1,
	SO_TO_WRITER = 2
};

struct so_item { /* one event of the messages that go out for an entry */
	uint8_t to;
	uint8_t type;    /* enum somsg_type; CHANGE may come out as REMOVE */
	uint32_t change; /* index, if name is NULL */
	struct refbuf *name;
	struct refbuf *data; /* value; body of a send */
};

enum so_entry_kind {
	SO_BATCH,
	SO_USE,
	SO_RELEASE
};

struct so_sync { /* shared by those who use an object at one version */
	uint32_t refs;
	uint32_t count;
	struct refbuf **parts;
	size_t bytes;
};

struct so_entry {
	struct so_entry *prev, *next;
	struct so_set *set;
	struct sharedobj *so; /* NULL: object is gone, waits for its commit */
	enum so_entry_kind kind;
	struct so_user *user; /* who; NULL: the server. A reference */
	struct refbuf *owner; /* for slots and history; NULL: the server */
	uint64_t id;          /* of so_slot.mark */
	uint64_t version;     /* of the object behind this entry */
	uint64_t seq;         /* commit, 0: needs none */
	struct so_entry *seq_prev, *seq_next; /* set->commits */
	uint64_t barrier; /* leaves when that commit is durable */
	int64_t at_ms;
	size_t bytes; /* counted in set->queued */
	bool changed; /* has raised the version */
	bool in_flight, failed;
	struct so_change *changes;
	uint32_t change_count, change_cap;
	struct so_item *items;
	uint32_t item_count, item_cap;
	enum store_kind what;
	uint64_t target;
	struct so_sync *sync; /* SO_USE */
	bool paced;           /* too large for one: sharedobj_pace */
	uint64_t generation;  /* of the image sync was made from */
	uint64_t known;       /* version the client knows */
	struct store_batch batch;
	struct store_change *rows;
	struct commit_job job;
};

struct so_waiting { /* a message that cannot be taken yet */
	struct so_waiting *prev, *next;
	struct so_user *user;
	uint32_t asked;     /* events before this one were asked about */
	uint8_t *refused;   /* one per event, NULL: none */
	uint32_t changes;   /* events that a lock holds up */
	struct message msg; /* payload behind the struct */
};

/* ---- history ---- */

struct so_line { /* value, old NULL: absent */
	struct refbuf *slot, *value, *old;
	struct refbuf *user; /* with NUL; NULL: the server */
	uint64_t version;
	int64_t at_ms;
};

/* ---- users ---- */

struct so_peer {                     /* one client of this instance */
	UT_hash_handle hh;           /* set->peers by id */
	struct so_peer *prev, *next; /* set->gone */
	struct client *client;       /* NULL: gone */
	struct so_user *users;       /* list */
	uint32_t user_count;
	uint32_t refs; /* so_user structs */
	char id[];
};

struct so_user {                     /* one client on one object */
	UT_hash_handle hh;           /* so->users by peer */
	struct so_user *prev, *next; /* peer->users */
	struct so_peer *peer;
	struct sharedobj *so; /* NULL: removed from its object */
	uint64_t id;
	uint32_t refs;    /* the object's table, entries, waiting messages */
	uint32_t waiting; /* messages of it in so->waiting */
	bool joined;      /* as of the end of the queue */
	bool active;      /* as of its head: is told of changes */
	bool asking;      /* the script decides */
	struct so_pace *pace; /* it is being brought up to date */
	bool proxied; /* another server stands between it and its users */
};

/* ---- objects ---- */

enum so_state {
	SO_LOADING, /* no image yet, or it is read again */
	SO_READY,
	SO_FAILED /* a commit failed; others are on their way back */
};

struct sharedobj {
	UT_hash_handle hh; /* set->objects */
	struct so_set *set;
	struct sharedobj *busy_prev, *busy_next; /* set->busy: has work */
	struct sharedobj *idle_prev, *idle_next; /* set->idle: kept unused */
	enum so_state state;
	bool busy, idle;
	size_t idle_bytes; /* as counted in the set */
	bool sweep;        /* a user may have left for good */
	bool persistent;
	bool stored;   /* in set->known */
	bool declared; /* by the script's class */
	bool readonly, guarded, conflict_reject;
	enum script_durability durability, wanted; /* as soon as it is quiet */
	int64_t history, history_age_ms, resync_depth;
	int64_t max_slots, max_value, max_bytes, max_users;

	struct so_image *image; /* never NULL */
	uint64_t generation;    /* of the image: raised when read again */
	uint64_t durable;       /* version */
	uint64_t told;          /* version everybody has heard of */
	uint64_t last_seq;      /* newest commit */
	uint32_t in_flight;
	uint32_t since_trim;
	uint32_t failures; /* commits that failed */
	bool unsaved;      /* in memory: could not be written, is kept */
	struct so_load *load;
	struct so_proxy *proxy; /* another instance owns it; NULL: this one */
	struct so_task *tasks;  /* list, the first one runs */
	uint64_t *openers;      /* Pendings that wait for the image */
	uint32_t opener_count;

	struct so_entry *queue; /* list, oldest first */
	uint32_t queue_len;
	struct so_entry *open;   /* the script writes to it; not queued yet */
	struct so_entry *taking; /* made from a client's message right now */
	uint32_t depth;          /* of transactions */
	bool abort;

	struct so_user *users; /* hash */
	uint32_t active;
	struct so_waiting *waiting; /* list */
	bool draining;
	uint32_t held;          /* by scripts: two while one is exchanged */
	bool locked;            /* by a handler of it */
	uint32_t locked_events; /* that wait for the end of the lock */
	bool clear_wanted;      /* once its image is there */

	struct so_sync *full[6]; /* of the newest version, by variant */
	uint64_t full_version;

	size_t name_len;
	char name[];
};

struct so_known { /* name of a persistent object that is stored */
	UT_hash_handle hh;
	uint64_t version, slots, bytes; /* as of the start */
	size_t len;
	char name[];
};

struct so_watch {
	struct so_watch *prev, *next;
	uint64_t id;
	void (*fn)(void *, const struct sharedobj_change *, uint32_t);
	void *arg;
	char name[];
};

struct so_set { /* state of the module in an instance */
	struct instance *inst;
	const struct application_env *env;
	struct sharedobj *objects; /* hash */
	struct sharedobj *busy, *idle;
	uint32_t idle_count;
	size_t idle_bytes;
	uint32_t unstored;     /* objects not in known */
	struct so_peer *peers; /* hash */
	struct so_peer *gone;  /* list: users to be removed */
	struct so_known *known;
	struct so_load *listing; /* known is being read */
	bool listed;
	struct idmap *user_ids;
	struct so_watch *watches;
	uint64_t next_watch, next_entry, next_look;
	struct so_look *looks; /* hash by id */
	uint32_t task_count;

	struct so_entry *commits; /* by seq, oldest first */
	uint64_t seq, durable;    /* last given; all up to it are done */
	size_t queued;            /* bytes */
	uint32_t held;            /* entries that wait for a barrier */
	struct loop_task work, commit;
	struct so_pace *paces; /* list */
	struct timer *pace_timer;

	void (*stopped)(void *arg);
	void *stopped_arg;
	uint32_t refs; /* the module, jobs on their way */
	bool closed;
};

/* ---- sharedobj.c ---- */
struct so_set *sharedobj_set_of(struct instance *);
/* Look at everything at the end of this turn. */
void sharedobj_wake(struct so_set *);
/* The same, and this object has work. */
void sharedobj_wake_one(struct sharedobj *);
/* New object; *status is what a client is told when it fails. */
int sharedobj_create(struct so_set *, const char *name, size_t len,
    bool persistent, bool for_client, struct sharedobj **out,
    enum status *status) FCS_MUSTUSE;
/* The same for an object of another instance: its owner has the last word. */
int sharedobj_create_proxy(struct so_set *, const char *name,
    struct sharedobj **out, enum status *status) FCS_MUSTUSE;
struct sharedobj *sharedobj_lookup(
    struct so_set *, const char *name, size_t len);
/* What the script and app.yaml say about it now. */
void sharedobj_declare(struct sharedobj *);
void sharedobj_set_unref(struct so_set *);
void sharedobj_seen(const struct sharedobj *);
void sharedobj_refused(const struct sharedobj *, const struct so_user *,
    const char *what, const char *why);

/* Take over another durability when nothing is on its way; what only memory has
 * is written first. */
void sharedobj_settle(struct sharedobj *);
/* Declared, or of a kind clients may make themselves. */
bool sharedobj_is_for_clients(const struct sharedobj *);
/* Its writes go to the commit thread as they come. */
bool sharedobj_is_stored(const struct sharedobj *);

/* ---- sharedobj_user.c ---- */
struct so_user *sharedobj_user_find(struct sharedobj *, struct client *);
/* FCS_ELIMIT, FCS_ENOMEM */
int sharedobj_user_add(
    struct sharedobj *, struct client *, struct so_user **out) FCS_MUSTUSE;
void sharedobj_user_unref(struct so_user *);
/* Leaves its object's table; entries may still refer to it. */
void sharedobj_user_remove(struct so_user *);
void sharedobj_user_set_active(struct so_user *, bool active);
struct client *sharedobj_user_client(const struct so_user *);
void sharedobj_client_gone(void *state, struct client *);

/* ---- sharedobj_proxy.c: requests to the owner; all but flush, drop and free
 * for a proxy only ---- */
struct sharedobj_proxy_request {
	struct refbuf *name;
	struct refbuf *value; /* NULL: delete */
	struct so_user *user; /* NULL: the script */
	bool echo;            /* success is not enough: tell it the value */
};
/* FCS_ECLOSED not connected; FCS_ELIMIT too many are unanswered. */
int sharedobj_proxy_may_write(const struct sharedobj *) FCS_MUSTUSE;
/* Into the message being made. Codes of may_write; of somsg_value;
 * FCS_ENOMEM. */
int sharedobj_proxy_request(
    struct sharedobj *, const struct sharedobj_proxy_request *) FCS_MUSTUSE;
int sharedobj_proxy_clear(struct sharedobj *) FCS_MUSTUSE;
int sharedobj_proxy_send(
    struct sharedobj *, const struct refbuf *body) FCS_MUSTUSE;
/* The message goes, behind the commit barrier. */
void sharedobj_proxy_flush(struct sharedobj *);
void sharedobj_proxy_drop_made(struct sharedobj *); /* or it never was */
bool sharedobj_proxy_is_persistent(const struct sharedobj *);
void sharedobj_proxy_free(struct sharedobj *); /* the object goes */

/* ---- sharedobj_image.c ---- */
struct so_image *sharedobj_image_new(void);
void sharedobj_image_free(struct so_image *);
struct so_slot *sharedobj_image_find(
    const struct so_image *, const char *name, size_t len);
/* Write (value NULL: delete, leaving a tombstone). References are taken to
 * name, value and user. The slot is made if need be. FCS_ENOMEM: nothing
 * happened. */
int sharedobj_image_put(struct so_image *, struct refbuf *name,
    struct refbuf *value, struct refbuf *user, uint64_t version,
    struct so_slot **out) FCS_MUSTUSE;
/* As it was before the change. */
void sharedobj_image_undo(struct so_image *, const struct so_change *);
/* Forget tombstones below version. Returns how many there were. */
uint32_t sharedobj_image_purge(struct so_image *, uint64_t version);

void sharedobj_image_cursor_begin(struct so_image *, struct so_cursor *);
void sharedobj_image_cursor_end(struct so_image *, struct so_cursor *);

/* ---- sharedobj_entry.c: entries of the queue ---- */
struct so_entry *sharedobj_entry_new(
    struct sharedobj *, enum so_entry_kind, struct so_user *);
void sharedobj_entry_free(struct so_entry *);
/* FCS_ELIMIT: with a value of len bytes in slot s (NULL: a new one) the object
 * would be beyond its max_slots, max_value or max_bytes. */
int sharedobj_entry_fits(const struct sharedobj *, const struct so_slot *s,
    size_t name_len, size_t len) FCS_MUSTUSE;
/* One slot; notes it for the others unless that is done. FCS_ENOMEM. */
int sharedobj_entry_change(struct so_entry *, struct refbuf *name,
    struct refbuf *value, uint8_t to) FCS_MUSTUSE;
int sharedobj_entry_item(struct so_entry *, uint8_t to, uint8_t type,
    struct refbuf *name, struct refbuf *data) FCS_MUSTUSE;
/* All live slots. */
int sharedobj_entry_clear(struct so_entry *, uint8_t to) FCS_MUSTUSE;
/* Into the queue, and to the commit thread if it needs to be durable. */
void sharedobj_entry_close(struct so_entry *);
/* As if it had never been. */
void sharedobj_entry_abort(struct so_entry *);
/* The entry a script writes to; a new one if need be. NULL: no memory. */
struct so_entry *sharedobj_entry_open(struct sharedobj *);
void sharedobj_entry_close_open(struct sharedobj *);

/* A version of its own even without a change. */
void sharedobj_entry_begin(struct so_entry *);

/* ---- sharedobj_task.c ---- */
/* The first task of the object, unless it runs or must not yet. */
void sharedobj_task_start(struct sharedobj *);
/* Write an object that is kept in memory. FCS_ENOMEM. */
int sharedobj_task_save(struct sharedobj *) FCS_MUSTUSE;
void sharedobj_task_forget(struct sharedobj *); /* the object goes */
/* The store has written the object for the first time. */
void sharedobj_queue_stored(struct sharedobj *);
void sharedobj_queue_failed(struct sharedobj *, const struct err *why);

/* ---- sharedobj_save.c ---- */
/* Kept in memory, and more than the store has. */
bool sharedobj_save_is_dirty(const struct sharedobj *);

/* ---- sharedobj_look.c: what was read from a history ---- */
struct so_look *sharedobj_look_new(struct so_set *);
void sharedobj_look_free(struct so_look *);
/* References are taken. FCS_ENOMEM; FCS_ELIMIT over SHAREDOBJ_LOOK_BYTES. */
int sharedobj_look_add(struct so_look *, const struct so_line *) FCS_MUSTUSE;
/* Leave it for the script; its id. */
uint64_t sharedobj_look_offer(struct so_look *);

/* ---- sharedobj_queue.c ---- */
void sharedobj_queue_pump(struct sharedobj *);
void sharedobj_queue_done(void *entry, int result, const struct err *why);
/* A new image is in place after a failed commit: everybody gets it. */
void sharedobj_queue_resync(struct sharedobj *);
/* There is no image: everybody is told and let go. */
void sharedobj_queue_lost(struct sharedobj *, enum status);

/* ---- sharedobj_load.c ---- */
/* Those who wait for the image are told how it went. */
void sharedobj_load_tell(struct sharedobj *, int result);
void sharedobj_load_list(struct so_set *);
void sharedobj_load_start(struct sharedobj *);
/* Wait until the image (NULL: the list of names) is there. FCS_ETIMEOUT,
 * FCS_EIO ... */
int sharedobj_load_wait(struct so_set *, struct sharedobj *) FCS_MUSTUSE;
void sharedobj_load_forget(struct so_load *); /* its object goes */

/* ---- sharedobj_msg.c ---- */
/* Take a message as a whole. refused: one flag per event, NULL: none;
 * locked_out: what it changes is refused. */
void sharedobj_msg_take(struct sharedobj *, struct so_user *,
    const struct somsg *, const uint8_t *refused, bool locked_out);

/* ---- sharedobj_wait.c ---- */
void sharedobj_wait_drain(struct sharedobj *);
/* The client goes while everything waits for a reload: what it wrote before is
 * taken now, unless the script has to be asked first. */
void sharedobj_wait_last_words(struct so_user *);
void sharedobj_wait_drop(struct sharedobj *, struct so_waiting *);
/* Keep a message; changes: of the events in it. NULL: too much is kept. */
struct so_waiting *sharedobj_wait_add(struct sharedobj *, struct so_user *,
    const struct message *, uint32_t changes);
/* Events that have to wait while the object is locked. */
uint32_t sharedobj_wait_changes(const struct somsg *);
/* The event the script has to be asked about, from `from` on; -1: none. */
int64_t sharedobj_wait_question(const struct sharedobj *, const struct somsg *,
    uint32_t from, enum script_question *);

/* ---- sharedobj_out.c: messages to clients ---- */
enum {
	SO_VARIANTS = 6
};
int sharedobj_out_variant(const struct so_user *);
/* Events of the entry for the writer or the others; NULL: none. */
struct refbuf *sharedobj_out_entry(
    const struct so_entry *, uint8_t to, int variant);
void sharedobj_out_send(struct client *, int variant, const struct refbuf *);
/* The event of a send, its values as the receiver reads them. */
void sharedobj_out_put_send(
    struct buf *, const struct refbuf *body, bool amf3, bool avmplus);
void sharedobj_out_status(
    struct client *, struct value_str name, uint32_t flags, enum status);
/* What a client that knows version `known` needs; opening: with UseSuccess.
 * NULL: no memory. */
struct so_sync *sharedobj_out_sync(
    struct sharedobj *, uint64_t known, int variant, bool opening);
void sharedobj_out_sync_unref(struct so_sync *);
void sharedobj_out_forget(struct sharedobj *); /* kept syncs */
/* Whether differences alone bring a copy of that version up to date. */
bool sharedobj_out_is_partial(const struct sharedobj *, uint64_t known);
/* Whether what such a client needs is too much for one go. */
bool sharedobj_out_is_large(const struct sharedobj *, uint64_t known);
struct so_slot *sharedobj_out_first_newer(
    const struct so_image *, uint64_t known);
/* A message from the cursor on, but for slots newer than version; the cursor is
 * behind it then. NULL: no memory. */
struct refbuf *sharedobj_out_piece(struct sharedobj *, struct so_cursor *,
    uint64_t version, bool opening, bool clear, int variant);

/* ---- sharedobj_pace.c ---- */
/* Bring the user up to date in pieces; one that is under way begins anew.
 * FCS_ENOMEM. */
int sharedobj_pace_start(
    struct so_user *, uint64_t known, bool opening) FCS_MUSTUSE;
void sharedobj_pace_stop(struct so_user *);
/* The object gets another image. */
void sharedobj_pace_move(struct so_user *, struct so_image *);
/* A message that has to follow; a reference is taken. */
void sharedobj_pace_keep(struct so_user *, struct refbuf *);
void sharedobj_pace_run(void *set); /* timer */

#endif
