/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * app_reload - app.yaml and the code of an application again: the settings
 * first, then instance after instance (inst_reload.h), one a turn. Layer: core
 * (4). Owner: who started it, until done or cancelled. Thread: loop.
 */
#ifndef CORE_APP_RELOAD_H
#define CORE_APP_RELOAD_H

#include "core/inst_reload.h"

struct app_reload;

struct app_reload_ops {
	/* A setting changed that needs more than a reload (script-api.md 8,
	 * R): key and what it needs. */
	void (*note)(void *arg, const char *key, const char *needs);
	/* inst: full name, "vod/a". */
	void (*row)(
	    void *arg, const char *inst, const struct inst_reload_result *);
	/* Last; the pointer is no longer valid. FCS_OK; FCS_ECONFIG app.yaml
	 * is not valid: nothing was done, why has file:line:column;
	 * FCS_EFORMAT the code does not load: instances from that one on kept
	 * the old one, why has file:line; FCS_ENOENT no such instance. */
	void (*done)(void *arg, int result, const char *why);
};

/*
 * inst: "a", NULL: all. full: clients are told AppShutdown, the next connect
 * loads. Not the start of it: everything is told in later turns. NULL: no
 * memory.
 */
struct app_reload *app_reload_start(struct application *, const char *inst,
    bool full, const struct app_reload_ops *, void *arg);
/* Nothing more is told; what has begun goes on. NULL is allowed. */
void app_reload_cancel(struct app_reload *);

#endif
