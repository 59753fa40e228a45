/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * instance - one running instance of an application: its clients, its script,
 * its modules' state; the life cycle of script-api.md 3. Layer: core (4).
 * Owner: the application. Thread: loop. Across turns keep its id.
 *
 * Handlers of one instance never overlap. The script is entered only from here
 * and call.c, through script_ops; what a script does arrives by calls into
 * core (bindings enqueue, they never dispatch).
 */
#ifndef CORE_INSTANCE_H
#define CORE_INSTANCE_H

#include "core/application.h"
#include "core/client.h"

enum instance_state {
	INSTANCE_NEW,
	INSTANCE_STARTING, /* on(:start) runs; connects wait */
	INSTANCE_RUNNING,
	INSTANCE_STOPPING,
	INSTANCE_LOST,     /* killed for overrun; clients are being told */
	INSTANCE_DISABLED, /* three overruns in 60 s */
	INSTANCE_GONE
};

struct instance_stats {
	uint64_t connects, disconnects, rejects, calls, overruns, restarts;
	uint64_t reloads;
	uint64_t script_errors; /* of scripts that are closed */
	uint64_t bytes_in, bytes_out, msg_in, msg_out, msg_dropped;
	uint64_t started_ms;
};

const char *instance_name(const struct instance *);      /* "blue" */
const char *instance_full_name(const struct instance *); /* "room/blue" */
struct application *instance_app(const struct instance *);
struct loop *instance_loop(const struct instance *);
enum instance_state instance_state(const struct instance *);
const char *instance_state_text(const struct instance *);
struct instance_stats *instance_stats(struct instance *);
struct script *instance_script(const struct instance *); /* NULL: none */
void *instance_module(const struct instance *, enum application_module_id);

/* Load the script and run on(:start) now (`load: at_start`). Nothing unless
 * the instance is new; what fails is logged and tried again at a connect. */
void instance_start(struct instance *);

/*
 * A client asks to connect. The instance is started if need be (script loaded,
 * on(:start)), then on(:connect) decides; the verdict arrives through
 * client_ops->accepted / rejected, maybe within this call. Takes the client
 * (freed by client_lost + end of turn). args: connect arguments, borrowed.
 */
void instance_connect(struct instance *, struct client *,
    struct value *const *args, uint32_t arg_count);
/* The verdict for a client that is pending. FCS_ENOENT not pending. */
int instance_decide(
    struct instance *, struct client *, const struct script_answer *);

/* A client calls a method (command that is not the server's own). txn 0: no
 * answer. Arguments borrowed. Answers through the client in any turn. */
void instance_call(struct instance *, struct client *, const char *name,
    double txn, struct value *const *args, uint32_t arg_count);

/* A line of the console as a handler: script_ops.console. In order with what
 * else goes on; SCRIPT_LOST when the script ends before the line does. */
void instance_console(struct instance *, const char *line, script_answer_fn,
    uint64_t owner_id, uint64_t extra);

struct client *instance_client(struct instance *, const char *id);
uint32_t instance_client_count(const struct instance *); /* accepted */
/* Oldest first; fn may disconnect clients. */
void instance_each_client(
    struct instance *, void (*fn)(void *arg, struct client *), void *arg);

/* A Pending of the script (a number its binding chose) has its value, or failed
 * with error; at once, or in order behind what is queued. Nothing when the
 * script is gone. Borrowed. */
void instance_resolve(struct instance *, uint64_t pending, bool ok,
    const struct value *, const char *error);

/* Tell the script; nothing happens without one. */
void instance_event(
    struct instance *, enum script_event, const struct script_args *);
/* Ask the script for a result, as a call does: no limit in time, no default;
 * SCRIPT_LOST without a script. */
void instance_question(struct instance *, enum script_question,
    const struct script_args *, script_answer_fn answer, uint64_t owner_id,
    uint64_t extra);
/* Ask the script; without a matching block answer(arg...) gets dflt at once.
 * The answer may come within the call or turns later; owner_id is given back
 * and must be an id, not a pointer. */
void instance_ask(struct instance *, enum script_question,
    const struct script_args *, bool dflt, script_answer_fn answer,
    uint64_t owner_id, uint64_t extra);

/*
 * The commit barrier (DESIGN 5): a handler's emissions after a persistent
 * write are held until that write is durable. core/sharedobj raises the
 * barrier when the script writes and reports what became durable.
 */
void instance_raise_barrier(struct instance *, uint64_t seq);
void instance_durable(struct instance *, uint64_t seq);
/* The write of seq was lost (why: for clients): what waits for it is not said;
 * answers to calls become Call.Failed. Comes before instance_durable(seq). */
void instance_not_durable(struct instance *, uint64_t seq, const char *why);
uint64_t instance_barrier(const struct instance *); /* 0: nothing pending */
/* fn(arg, FCS_OK) when all that is written now is durable, at once if it is;
 * FCS_EIO: it was lost; FCS_ECLOSED: the instance ends, arg is to be freed and
 * nothing else. FCS_ENOMEM, FCS_ELIMIT: fn is not called. */
int instance_later(struct instance *, void (*fn)(void *arg, int result),
    void *arg) FCS_MUSTUSE;

/* reason: gc, shutdown, unload, reload (script-api.md 3).
 * Stop: on(:stop), modules stopped, clients told AppShutdown and closed. Who
 * connects meanwhile waits for the next start, unless the application stops. */
void instance_stop(struct instance *, const char *reason);
/* As the script wants it; text: what the clients are told. */
void instance_shutdown(struct instance *, const char *text);

/*
 * Starts and ends somebody waits for. done comes once, maybe within the call:
 * FCS_OK; FCS_ESCRIPT the start failed; FCS_EACCES allow(:unload) refused;
 * FCS_ECLOSED the instance is no more (free arg, nothing else). why is never
 * NULL. FCS_ENOMEM: done is not called.
 */
typedef void (*instance_done_fn)(void *arg, int result, const char *why);
/* Back-off and INSTANCE_DISABLED do not hold it up. */
int instance_admin_start(
    struct instance *, instance_done_fn done, void *arg) FCS_MUSTUSE;
/* force: allow(:unload) is not asked. FCS_OK when it is gone, or new again for
 * those who wait. */
int instance_admin_unload(struct instance *, const char *reason, bool force,
    instance_done_fn done, void *arg) FCS_MUSTUSE;
/* Brackets what the script layer runs of its own accord (timers, deferred
 * work), so that what it causes is queued as in any other handler. */
void instance_script_enter(struct instance *);
void instance_script_leave(struct instance *);
/* Whether a function of the script engine is on the stack. */
bool instance_script_is_entered(const struct instance *);
/* Called by the script layer when its VM was left for good (overrun, memory).
 * why for log and fcsctl. */
void instance_script_lost(struct instance *, const char *why);

#endif
