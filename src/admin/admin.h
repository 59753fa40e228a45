/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * admin - requests of fcsctl inside a worker: the table of commands and the
 * object a command answers through. Layer: admin (6). Protocol: control.h.
 * Thread: loop.
 *
 * To add commands: write src/admin/adm_NOUN.c with rows
 *
 *	const struct admin_row adm_noun_rows[] = {
 *		{ "noun list", ADMIN_ALL, noun_list },
 *		{ NULL, 0, NULL }
 *	};
 *
 * and add the table to adm_tables.c. The supervisor sends a request with
 * args.app ("app" or "app/inst") to the worker of that application, starting
 * it if need be; an ADMIN_ALL request without args.app to all running workers,
 * and joins the answers.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "admin/control.h"
#include "core/application.h"

struct admin;         /* the requests of one worker */
struct admin_request; /* one of them, until its end */

enum admin_scope {
	ADMIN_ALL, /* args.app may be missing: all workers answer */
	ADMIN_APP  /* needs args.app */
};

/*
 * Answer with any number of admin_item, then one admin_end or admin_fail, now
 * or in a later turn. app: the application asked about; an ADMIN_ALL request
 * without args.app calls the function once per application of the worker (the
 * request ends when each call ended).
 */
typedef void (*admin_fn)(struct admin_request *, struct application *app);

struct admin_row {
	const char *name; /* "inst list"; NULL ends the table */
	enum admin_scope scope;
	admin_fn fn;
};

extern const struct admin_row *const adm_tables[];    /* NULL at the end */
const struct admin_row *admin_find(const char *name); /* NULL: none */

/* --- for commands --- */

/* Text argument; NULL when missing or no text. */
const char *admin_text(const struct admin_request *, const char *key);
int64_t admin_int(const struct admin_request *, const char *key, int64_t dflt);
bool admin_flag(const struct admin_request *, const char *key);
/* Instance part of args.app ("vod/a" -> "a", "vod" -> _definst_ when dflt,
 * else NULL). */
const char *admin_inst(const struct admin_request *, bool dflt);
bool admin_watch(const struct admin_request *); /* go on until cancelled */

/* One object of the answer; takes item (NULL: no memory, the request fails). */
void admin_item(struct admin_request *, json_t *item);
/* The request is over; the pointer is no longer valid. */
void admin_end(struct admin_request *);
void admin_fail(struct admin_request *, enum control_code, const char *hint,
    const char *fmt, ...) FCS_PRINTF(4, 5);
/* Called when the asker goes away before the end; the request is over then.
 * Needed by every command that answers in later turns. */
void admin_on_cancel(struct admin_request *, void (*fn)(void *arg), void *arg);
/* Across turns keep the id: NULL when it is over. */
uint64_t admin_id(const struct admin_request *);
struct admin_request *admin_by_id(struct admin *, uint64_t id);
struct admin *admin_of(const struct admin_request *);

/* --- for the worker --- */

struct admin_ops {
	/* A line of the answer to request tag. item borrowed, may be NULL.
	 * end: the last one; code, text, hint say how. */
	void (*answer)(void *arg, uint64_t tag, json_t *item, bool end,
	    enum control_code, const char *text, const char *hint);
};
struct admin *admin_new(struct loop *, const struct admin_ops *, void *arg);
void admin_free(struct admin *); /* cancels what runs */
/* A request: name, args (borrowed), for the applications apps[0..n). */
void admin_start(struct admin *, uint64_t tag, const char *name, json_t *args,
    bool watch, struct application *const *apps, size_t n);
void admin_cancel(struct admin *, uint64_t tag);

#endif
