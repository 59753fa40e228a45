/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * instance_int - the inside of an instance and its clients, for application.c,
 * instance*.c, inst_work.c, client*.c and access.c only.
 */
#ifndef CORE_INSTANCE_INT_H
#define CORE_INSTANCE_INT_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "core/instance.h"
#include "net/timer.h"

#define INSTANCE_BACKOFF_MS   1000u  /* first pause before a new start */
#define INSTANCE_OVERRUN_MS   60000u /* overruns are counted within this */
#define INSTANCE_OVERRUNS_MAX 16     /* remembered at most */

/* --- work for the script that may not be done at once: the VM may be running
 * (bindings never dispatch), or earlier work waits --- */
enum work_kind {
	WORK_EVENT,
	WORK_EVENT_DONE,
	WORK_ASK,
	WORK_RESOLVE
};

struct work {
	struct work *prev, *next;
	enum work_kind kind;
	struct arena *arena; /* holds args and this struct's texts */
	struct script_args args;
	enum script_event event;
	enum script_question question;
	void (*done)(struct instance *, bool ok);
	uint64_t ask; /* id in instance.asks */
	uint64_t pending;
	bool ok;
	const struct value *value;
	const char *error;
	bool is_checked;  /* asked only if the script asks that at all */
	bool dflt;        /* ... else this is the answer */
	uint64_t last_of; /* client freed after this work; 0 = none */
};

/* One question under way. Exactly one answer, whatever the script does. */
struct ask {
	struct ask *prev, *next; /* instance.deciding, oldest first */
	uint64_t id;
	uint64_t deadline_ms; /* 0 = none: not in the list */
	bool is_answered;     /* the verdict waits for a commit */
	script_answer_fn fn;
	uint64_t owner, extra;
};

enum stop_phase {
	STOP_NONE,
	STOP_SCRIPT,
	STOP_CLIENTS,
	STOP_MODULES
};

struct instance {
	struct application *app;
	struct loop *loop;
	char *name, *full_name;
	enum instance_state state;
	struct instance_stats stats;
	UT_hash_handle hh;

	struct script *script;
	void *modules[MODULE_COUNT];
	char ref[8]; /* of the last failed start */

	struct client *clients; /* all, in order of arrival */
	struct client *by_id;   /* hash */
	struct idmap *numbers;  /* client numbers */
	uint32_t accepted;

	struct work *work; /* list */
	struct work *kept; /* list: waits until the new script is there */
	bool is_held;      /* nothing but what old handlers wait for goes in */
	struct reload *reload; /* inst_reload.c; NULL: none so far */
	uint32_t generation;   /* of scripts */
	struct loop_task work_task;
	unsigned depth; /* inside a function of the script engine */
	struct idmap *asks;
	struct idmap *calls; /* instance_call.c */
	struct ask *deciding;
	struct timer *decide_timer;

	uint64_t barrier; /* raised, not durable yet; 0 = nothing pending */
	uint64_t durable;
	struct later *later; /* instance_later.c: oldest first */
	uint32_t later_count;

	struct timer *idle_timer;
	struct timer *stop_timer;
	struct loop_task lost_task, stop_task;
	enum stop_phase stop;
	enum stop_phase stop_over; /* what stop_task is queued for */
	unsigned modules_stopping;
	bool losing;   /* the stop under way is the end of a lost script */
	bool removing; /* GONE at the end of it, no new start */
	char stop_reason[64];
	char stop_text[ERR_TEXT_MAX]; /* for clients; "": by the reason */
	struct play *plays;           /* play.c */
	struct waiter *waiters;       /* instance_admin.c */
	uint64_t last_waiter;

	uint32_t failures;      /* starts that failed in a row */
	uint64_t not_before_ms; /* back-off */
	uint64_t overruns[INSTANCE_OVERRUNS_MAX];
	uint32_t overrun_count;
	uint64_t stamp; /* of the script that was started */
};

enum held_kind {
	HELD_SEND,
	HELD_ACCEPT,
	HELD_REJECT,
	HELD_CLOSE
};

struct held { /* one emission behind the barrier */
	struct held *prev, *next;
	enum held_kind kind;
	uint64_t seq; /* leaves when this is durable */
	double txn;   /* of the call it answers, 0 = none */
	uint8_t type;
	uint32_t msid;
	enum status status;
	size_t len;
	uint8_t data[];
};

struct pending_call { /* we asked, the client has not answered */
	double txn;
	uint64_t pending;
};

struct client_attr {
	UT_hash_handle hh;
	uint8_t *packed;
	size_t len;
	size_t key_len;
	char key[];
};

struct client_paths {
	char **v;
	uint32_t n;
};

struct client_sample { /* of the traffic, for its speed */
	uint64_t at_ms, bytes_in, bytes_out, in_bps, out_bps;
};

struct client {
	struct client_info info; /* texts owned */
	const struct client_ops *ops;
	void *impl;
	struct instance *inst;
	uint64_t number; /* in inst->numbers */
	enum client_state state;
	bool decided; /* a verdict was taken, maybe held */
	bool waiting; /* for the instance to start: args are kept */
	bool entered; /* counted by the application */
	bool lost;
	int64_t connected_at_ms;
	struct client *prev, *next; /* inst->clients */
	UT_hash_handle hh;          /* inst->by_id */

	uint8_t *args; /* connect arguments while the instance starts: one
			* packed array */
	size_t args_len;
	struct timer *decide_timer;

	char *user;
	struct client_attr *attrs;
	struct client_paths access[2];  /* read, write */
	struct client_paths samples[2]; /* audio, video */
	char *virtual_key;

	uint64_t rate[2];       /* in, out: bytes a second, 0 = no limit */
	uint64_t ping, measure; /* pendings of the script, 0 = none */
	struct client_sample sample;
	struct client_figures *last; /* of one that is gone; may be NULL */

	struct held *held;
	size_t held_bytes;

	double next_txn;
	struct pending_call *calls;
	uint32_t call_count, call_cap;
	uint32_t calls_in; /* theirs, unanswered */
};

/* --- client.c --- */
/* As client_emit; the answer to call txn (0: to none). */
int client_emit_answer(struct client *, double txn, uint8_t type, uint32_t msid,
    const uint8_t *payload, size_t len) FCS_MUSTUSE;
/* What waits for seq or later will never be true: answers become errors, the
 * verdict of the connect a refusal, the rest is dropped. */
void client_drop_undurable(struct client *, uint64_t seq, const char *why);

/* --- application.c --- */
void application_forget(struct application *, struct instance *);
bool application_is_stopping(const struct application *);
/* Counts of clients, all instances; ip NULL: of no address. FCS_ELIMIT with the
 * text for Rejected. */
int application_enter(
    struct application *, const char *ip, struct err *why) FCS_MUSTUSE;
void application_leave(struct application *, const char *ip);
const struct application_module *application_module(
    struct application *, enum application_module_id);
int64_t application_setting(struct application *, enum config_app_key);
const struct limits *application_limits(struct application *);

/* --- instance.c --- */
struct instance *instance_new(
    struct application *, const char *name, struct err *why);
void instance_free(struct instance *);
/* The client is out of everything: forget it, free it at the end of turn. */
void instance_client_left(struct instance *, struct client *);
void instance_accept(struct instance *, struct client *); /* verdict is out */
/* The verdict is held, and what its handler wrote is lost: refuse instead. */
void instance_refuse_undurable(struct client *, const char *why);
/* Waiters go on after a start, or are refused after a failed one. */
void instance_resume(struct instance *);

/* Options for opening a script of this instance; borrowed. */
void instance_script_options(struct instance *, struct script_options *);

/* --- inst_reload.c --- */
void inst_reload_started(struct instance *); /* it runs, or failed to */
void inst_reload_abort(struct instance *, const char *why);
void inst_reload_gone(struct instance *); /* asked for by full */
void inst_reload_fini(struct instance *);

/* --- instance_stop.c: stop, loss, unloading --- */
int instance_stop_init(struct instance *) FCS_MUSTUSE;
void instance_stop_fini(struct instance *);
void instance_stop_client_left(struct instance *);
int instance_open_modules(struct instance *) FCS_MUSTUSE;
void instance_close_modules(struct instance *);
void instance_idle_check(struct instance *);
/* End the state INSTANCE_DISABLED; others are left alone. */
void instance_enable(struct instance *, const char *why);
/* The same if its script is not the one that was disabled. */
void instance_enable_changed(struct instance *);
/* What a script that will be closed has counted. */
void instance_keep_counts(struct instance *, struct script *);
/* Note which script is started. */
void instance_stamp(struct instance *);

/* --- instance_admin.c: those who wait for a start or an end --- */
void instance_admin_started(struct instance *, int result, const char *why);
void instance_admin_ended(struct instance *);
void instance_admin_fini(struct instance *);

/* --- play.c --- */
void play_forget_all(struct instance *);

/* --- instance_later.c --- */
void instance_later_durable(struct instance *);
void instance_later_lost(struct instance *, uint64_t seq);
void instance_later_fini(struct instance *);

/* --- inst_work.c: entering the script --- */
void inst_work_event(struct instance *, enum script_event,
    const struct script_args *, uint64_t last_of);
void inst_work_event_done(struct instance *, enum script_event,
    const struct script_args *, void (*done)(struct instance *, bool ok));
/* decide: the time limit of decisions holds. SCRIPT_QUESTION_COUNT: text is a
 * line of the console. */
void inst_work_ask(struct instance *, enum script_question,
    const struct script_args *, bool decide, script_answer_fn, uint64_t owner,
    uint64_t extra);
void inst_work_resolve(struct instance *, uint64_t pending, bool ok,
    const struct value *, const char *error);
/* As inst_work_ask with decide; dflt is the answer if no block matches. */
void inst_work_decide(struct instance *, enum script_question,
    const struct script_args *, bool dflt, script_answer_fn, uint64_t owner,
    uint64_t extra);
/* From hold to release events and questions are kept, in order; what handlers
 * wait for goes in. */
void inst_work_hold(struct instance *);
void inst_work_release(struct instance *);
/* Answer everything still open with SCRIPT_LOST, drop queued work. */
void inst_work_abandon(struct instance *);
int inst_work_init(struct instance *) FCS_MUSTUSE;
void inst_work_fini(struct instance *);

/* --- client.c --- */
void client_destroy(struct client *);
void client_set_defaults(struct client *);
/* Queue behind the barrier (or do it at once). */
int client_hold(struct client *, enum held_kind, enum status,
    const uint8_t *data, size_t len) FCS_MUSTUSE;
/* Do what is due; all: even what is not durable. */
void client_pump(struct client *, bool all);

/* --- client_call.c --- */
void client_fail_calls(struct client *); /* ClientGone */
/* onStatus of the connection, past everything held: the last words. */
void client_status_now(struct client *, enum status, const char *description);

/* --- client_traffic.c --- */
/* The rates of the application's settings; FCS_ENOMEM: none hold. */
int client_default_rates(struct client *) FCS_MUSTUSE;

/* --- access.c --- */
int access_set(struct client_paths *, const char *const *paths,
    uint32_t count) FCS_MUSTUSE;
void access_fini(struct client_paths *);
bool access_may(const struct client_paths *, const char *name);

#endif
