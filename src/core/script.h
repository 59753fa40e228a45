/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script - what an instance asks of a script engine: a table declared here and
 * filled by src/script (mruby). Layer: core (4). DESIGN 6, script-api.md.
 *
 * The VM is entered only through these functions, on the loop thread. A
 * function returns after the handler ended or parked. Bindings called by the
 * handler change core state directly but dispatch nothing into the VM: what
 * they cause (events, results) is delivered by the loop afterwards
 * (LOOP_WORK). When a handler overruns its time or memory the engine leaves
 * the VM for good and calls instance_script_lost; the handle stays valid
 * (dead: every function does nothing, asks answer SCRIPT_LOST) until close.
 */
#ifndef CORE_SCRIPT_H
#define CORE_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/value.h"

struct script; /* one VM */
struct instance;
struct client;

enum script_event { /* on(...), script-api.md 4 */
	SCRIPT_START,
	SCRIPT_ACCEPTED,
	SCRIPT_DISCONNECT,
	SCRIPT_STOP,    /* text = reason */
	SCRIPT_STATUS,  /* values[0] = info */
	SCRIPT_PUBLISH, /* name = stream, text = query, mode = type */
	SCRIPT_UNPUBLISH,
	SCRIPT_PLAY,     /* name, numbers start, length (seconds) */
	SCRIPT_PLAY_END, /* name, number = seconds played */
	SCRIPT_RECORD,   /* name, text = recording */
	SCRIPT_RECORD_END,
	SCRIPT_USE, /* name = object */
	SCRIPT_RELEASE,
	SCRIPT_SYNC,    /* name = object, changes */
	SCRIPT_MESSAGE, /* name = object, text = handler, values */
	SCRIPT_GONE,    /* a client that was never accepted left */
	SCRIPT_PEER,    /* name = id of a peer, mode, values: core/peer.h */
	SCRIPT_EVENT_COUNT
};

enum script_question {      /* on(:connect), expose, allow(...) */
	SCRIPT_CONNECT,     /* values = connect arguments */
	SCRIPT_CALL,        /* name = method, values = arguments */
	SCRIPT_MAY_PUBLISH, /* name = stream, text = query, mode */
	SCRIPT_MAY_RECORD,  /* name, mode */
	SCRIPT_MAY_PLAY,    /* name, text = query, start, length */
	SCRIPT_MAY_SEEK,    /* name, start = seconds */
	SCRIPT_MAY_USE,     /* name = object */
	SCRIPT_MAY_MESSAGE, /* name = object, text = handler (no await) */
	SCRIPT_MAY_UNLOAD,  /* text = reason (no await) */
	SCRIPT_PEER_CALL,   /* text = id of a peer, name = method, values */
	SCRIPT_QUESTION_COUNT,
	/* core/probe.h: values = [object, method, arguments, keywords] */
	SCRIPT_PROBE
};

struct script_change {    /* one entry of on(:sync) */
	const char *code; /* change, delete, clear, success, reject */
	struct value_str slot;
	const uint8_t *value, *old; /* packed; NULL = nil */
	size_t len, old_len;
	uint64_t version;
	const char *user;
	const char *client; /* id, NULL = server */
};

struct script_args {        /* all borrowed for the call */
	const char *client; /* client id; NULL = server */
	const char *name, *text, *mode;
	double start, length;
	struct value *const *values;
	uint32_t count;
	const struct script_change *changes;
	uint32_t change_count;
};

enum script_verdict {
	SCRIPT_OK,       /* accepted / result in value / allowed */
	SCRIPT_REJECT,   /* reject "why", value */
	SCRIPT_REDIRECT, /* text = URL */
	SCRIPT_FAILED,   /* raised: text = "Script error (ref R)" */
	SCRIPT_MISSING,  /* method not exposed */
	SCRIPT_HOLD,     /* connect left pending, start = seconds */
	SCRIPT_LOST      /* the VM is gone */
};
struct script_answer { /* borrowed for the callback */
	enum script_verdict verdict;
	const char *text;
	const struct value *value; /* NULL = none */
	const char *replace;       /* allow: `replace "name"`; NULL = none */
	double start;
};
/* allow: no block matched = SCRIPT_MISSING (the default holds). `replace` with
 * a number (MAY_SEEK): value is that number. */
typedef void (*script_answer_fn)(struct instance *, uint64_t owner_id,
    uint64_t extra, const struct script_answer *);

/* Verdict of a guard on one slot of a client's write. */
struct script_guard {
	bool allowed;
	bool replaced;  /* store `value` instead */
	uint8_t *value; /* packed, malloc'd, the caller's */
	size_t len;
	char why[160];
};

struct script_options {
	const char *app_name, *inst_name, *dir;
	uint64_t memory;          /* bytes, script.memory */
	uint32_t time_ms;         /* script.time between two awaits */
	uint32_t start_ms;        /* at start */
	uint32_t native_ms;       /* of a native section; 0: leave as it is */
	const char *config_json;  /* app.yaml config: */
	uint32_t handlers;        /* parked at once; 0 = 1000 */
	uint32_t timers;          /* 0 = 1000 */
	uint32_t lock_timeout_ms; /* 0 = 5000 */
	bool undefined_keep;      /* script.undefined: keep */
	uint32_t generation;      /* ids of pendings differ between scripts */
};

enum script_durability { /* what success promises; as app.yaml's choices */
	SCRIPT_IN_MEMORY,
	SCRIPT_TO_OS,
	SCRIPT_ON_DISK
};

/* A shared-object declaration of the class (`shared ...`), script-api 7.4. */
struct script_shared {
	const char *pattern;
	int persistent; /* 0, 1, 2 = any */
	bool readonly, guarded, conflict_reject;
	int durability; /* enum script_durability; -1 = app.yaml */
	int64_t history_changes, history_age_s;             /* -1 = default */
	int64_t resync_depth;                               /* -1 = all */
	int64_t max_slots, max_value, max_bytes, max_users; /* -1 = app.yaml */
};

struct script_stats {
	uint64_t memory, memory_peak, calls, errors, parked, busy_us;
	uint64_t symbols; /* never freed: what comes from outside is none */
};

struct script_ops {
	/* Load main.rb (or <app>.rb ...) in a fresh VM: FCS_OK; FCS_ENOENT no
	 * script (not an error: *out NULL); FCS_EFORMAT load error (why has
	 * file:line); FCS_ELIMIT killed while loading. */
	int (*open)(struct instance *, const struct script_options *,
	    struct script **out, struct err *why);
	void (*close)(struct script *);
	void (*event)(
	    struct script *, enum script_event, const struct script_args *);
	/* done: called when all handlers of the event ended (start, stop);
	 * may be NULL. ok false: one of them failed. */
	void (*event_done)(struct script *, enum script_event,
	    const struct script_args *,
	    void (*done)(struct instance *, bool ok));
	/* Exactly one answer per ask, within the call or later. */
	void (*ask)(struct script *, enum script_question,
	    const struct script_args *, script_answer_fn, uint64_t owner_id,
	    uint64_t extra);
	/* Whether any block is registered that ask would run. */
	bool (*asks)(struct script *, enum script_question, const char *name);
	/* Guard of one slot (synchronous, no await). value NULL = deletion. */
	int (*guard)(struct script *, const char *client, const char *object,
	    const char *slot, size_t slot_len, const uint8_t *value, size_t len,
	    struct script_guard *out);
	/* The declaration that matches object; false: undeclared. */
	bool (*shared)(
	    struct script *, const char *object, struct script_shared *out);
	/* A Pending created by a binding (client.call, timers ...) is
	 * fulfilled: runs then-blocks / resumes the parked handler. */
	void (*resolve)(struct script *, uint64_t pending, bool ok,
	    const struct value *value, const char *error);
	void (*stats)(struct script *, struct script_stats *); /* or NULL */

	/* --- one script takes over from another (inst_reload.h); all of them
	 * do nothing on a dead script --- */
	/* on: no more timers of its own; when nothing is parked or deferred
	 * any more, inst_reload_quiet() is called, whenever it comes to be so.
	 * Off: it goes on after all (the instance stops). */
	void (*drain)(struct script *, bool on);
	bool (*busy)(struct script *); /* something is parked or deferred */
	/* FCS::Timeout in whatever waits, and in what waits from now on. */
	void (*expire)(struct script *);
	/* on(:handover); value of the answer: what take_over gets; start: how
	 * many values had no form and were named in the log. */
	void (*hand_over)(struct script *, script_answer_fn, uint64_t owner_id,
	    uint64_t extra);
	/* The clients and the objects of old (NULL: none) are this script's
	 * now; what old has not answered is answered. Then on(:reload), or
	 * on(:start) when there is none; done when it ended. old may only be
	 * closed after it. state NULL: old has left nothing. */
	void (*take_over)(struct script *, struct script *old,
	    const struct value *state,
	    void (*done)(struct instance *, bool ok));
	void (*refresh)(struct script *); /* presence, after done */

	/* A line of the console as a handler. SCRIPT_OK: text is the value as
	 * inspect writes it; SCRIPT_FAILED: text with file:line; SCRIPT_HOLD:
	 * the line is not complete. */
	void (*console)(struct script *, const char *line, size_t len,
	    script_answer_fn, uint64_t owner_id, uint64_t extra);
	/* A number that is another one when a file of the script has changed,
	 * or app.yaml. May be NULL (no script changes). */
	uint64_t (*stamp)(const char *dir, const char *app_name);
};

#endif
