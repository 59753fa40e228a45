/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * application - one application (a directory below apps/) inside a worker: its
 * settings, its instances, and the services they share. Layer: core (4).
 * DESIGN 1, 6. Owner: the worker. Thread: loop.
 */
#ifndef CORE_APPLICATION_H
#define CORE_APPLICATION_H

#include "base/config.h"
#include "base/limits.h"
#include "core/script.h"
#include "net/loop.h"
#include "storage/commit.h"

struct application;
struct instance;
struct media;    /* storage/media.h */
struct fetch;    /* net/fetch.h */
struct files;    /* storage/files.h */
struct peer_ops; /* core/peer.h */
struct peer_locator;

/* What the worker wires in; everything borrowed for the application's life. */
struct application_env {
	struct loop *loop;
	const struct limits *limits;
	const struct config *config;       /* server keys */
	const struct config_app *settings; /* this application's keys */
	const char *name;
	const char *dir;                 /* apps/<name> */
	const char *state_dir;           /* <state>/apps/<name> */
	struct commit *commit;           /* persistent objects */
	struct media *media;             /* recordings */
	struct fetch *fetch;             /* requests of scripts; NULL: none */
	struct files *files;             /* files of scripts; NULL: none */
	const struct script_ops *script; /* NULL: scripts are not run */
	const struct peer_ops *peer;     /* NULL: instances cannot connect */
	const struct peer_locator *locator; /* NULL: not to this server */
	const struct probe *probe; /* core/probe.h; NULL: this is no test */
	bool dev;
	/* Read app.yaml again and application_set_settings; note (may be
	 * NULL): keys that need more. FCS_ECONFIG: why, nothing changed. */
	int (*reload)(void *reload_arg,
	    void (*note)(void *arg, const char *key, const char *needs),
	    void *arg, struct err *why);
	void *reload_arg;
};

struct application *application_new(const struct application_env *);
void application_free(struct application *); /* all instances gone before */
const struct application_env *application_env(const struct application *);
/* A reload: what is asked from now on is answered by these (borrowed as those
 * of application_new); the old ones may be freed after the call. Instances
 * disabled after overruns may start again: the script may be another now. */
void application_set_settings(struct application *, const struct config *,
    const struct limits *, const struct config_app *);

/* The instance of that name; created (not started) when create. NULL: unknown,
 * no memory, or refused by `instances:` or limits (why says it). */
struct instance *application_instance(
    struct application *, const char *name, bool create, struct err *why);
/* Walks all; the callback may not create or remove instances. */
void application_each(
    struct application *, void (*fn)(void *arg, struct instance *), void *arg);
uint32_t application_count(const struct application *);

/* Stop all instances (clients told AppShutdown), then done(arg). */
void application_stop(struct application *, const char *reason,
    void (*done)(void *arg), void *arg);

/*
 * Services built on top of core objects are registered per instance: a module
 * (shared objects, live streams, ...) keeps its per-instance state under a
 * slot and is told about the life of clients and instance. Filled once at
 * start by the worker's wiring, before the first instance.
 */
enum application_module_id {
	MODULE_SHAREDOBJ,
	MODULE_LIVE,
	MODULE_RECORD,
	MODULE_PEER,
	MODULE_COUNT
};
struct client;
struct application_module {
	/* State of a new instance; NULL = no memory. */
	void *(*open)(struct instance *);
	void (*client_gone)(void *state, struct client *);
	/* Write out what must be written, then done(arg), maybe later. */
	void (*stop)(void *state, void (*done)(void *arg), void *arg);
	void (*close)(void *state);
};
void application_set_module(struct application *, enum application_module_id,
    const struct application_module *);

#endif
