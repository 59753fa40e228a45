/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * app reload; console. Both answer in later turns, and go on without their
 * asker when it leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/adm_rows.h"
#include "base/log.h"
#include "core/app_reload.h"
#include "core/instance.h"

/* ---- app reload ---- */

struct reload {
	struct admin *admin;
	uint64_t request;
	struct app_reload *running;
	unsigned instances;
};

static struct admin_request *
request_of(const struct reload *r)
{
	return admin_by_id(r->admin, r->request);
}

static void
on_note(void *arg, const char *key, const char *needs)
{
	struct reload *r = arg;
	struct admin_request *req = request_of(r);

	if (req != NULL)
		admin_item(
		    req, json_pack("{s:s, s:s}", "key", key, "needs", needs));
}

static void
on_row(void *arg, const char *inst, const struct inst_reload_result *res)
{
	static const char *const ends[] = { "reloaded", "kept", "idle",
		"stopped" };
	struct reload *r = arg;
	struct admin_request *req = request_of(r);

	r->instances++;
	if (req != NULL)
		admin_item(
		    req, json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "where",
			     inst, "result", ends[res->end], "why", res->why,
			     "clients", (int)res->clients, "dropped",
			     (int)res->dropped, "ms", (int)res->ms));
}

static void
on_done(void *arg, int result, const char *why)
{
	struct reload *r = arg;
	struct admin_request *req = request_of(r);

	free(r);
	if (req == NULL)
		return;
	if (result == FCS_OK)
		admin_end(req);
	else if (result == FCS_ENOENT)
		admin_fail(
		    req, CONTROL_NOT_FOUND, "fcsctl inst list", "%s", why);
	else if (result == FCS_EFORMAT)
		admin_fail(
		    req, CONTROL_FAILED, NULL, "%s; the old code goes on", why);
	else if (result == FCS_ECONFIG)
		admin_fail(req, CONTROL_FAILED, NULL,
		    "%s; the old settings and the old code go on", why);
	else
		admin_fail(req, CONTROL_FAILED, NULL, "%s", err_text(result));
}

static const struct app_reload_ops reload_ops = { on_note, on_row, on_done };

static void
on_reload_cancel(void *arg)
{
	struct reload *r = arg;

	app_reload_cancel(r->running);
	free(r);
}

static void
app_reload_command(struct admin_request *req, struct application *app)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (r != NULL) {
		r->admin = admin_of(req);
		r->request = admin_id(req);
		r->running = app_reload_start(app, admin_inst(req, false),
		    admin_flag(req, "full"), &reload_ops, r);
	}
	if (r == NULL || r->running == NULL) {
		free(r);
		admin_fail(req, CONTROL_FAILED, NULL, "out of memory");
		return;
	}
	admin_on_cancel(req, on_reload_cancel, r);
}

/* ---- console ---- */

/* owner: the admin, which outlives all instances; extra: the request. */
static void
on_said(struct instance *inst, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	struct admin *admin = (struct admin *)(uintptr_t)owner;
	struct admin_request *req = admin_by_id(admin, extra);
	const char *key = a->verdict == SCRIPT_OK     ? "value"
			  : a->verdict == SCRIPT_HOLD ? "incomplete"
						      : "error";
	const char *text = a->text == NULL ? "" : a->text;

	if (req == NULL)
		return;
	if (a->verdict == SCRIPT_LOST) {
		admin_fail(req, CONTROL_FAILED, "fcsctl inst list",
		    "%s has ended: %s", instance_full_name(inst),
		    *text == '\0' ? "its script is gone" : text);
		return;
	}
	admin_item(req, json_pack("{s:s, s:s}", "where",
			    instance_full_name(inst), key, text));
	admin_end(req);
}

static json_t *
greeting(struct instance *inst)
{
	return json_pack("{s:s, s:i, s:i}", "where", instance_full_name(inst),
	    "clients", (int)instance_client_count(inst), "time_ms",
	    (int)config_app_int(application_env(instance_app(inst))->settings,
		APP_SCRIPT_TIME));
}

static void
console(struct admin_request *req, struct application *app)
{
	const char *text = admin_text(req, "line");
	struct instance *inst;
	struct err why;

	inst = application_instance(app, admin_inst(req, true), false, &why);
	if (inst == NULL || instance_state(inst) != INSTANCE_RUNNING) {
		admin_fail(req, CONTROL_NOT_FOUND, "fcsctl inst start",
		    "no instance \"%s/%s\" runs", application_env(app)->name,
		    admin_inst(req, true));
		return;
	}
	if (instance_script(inst) == NULL) {
		admin_fail(req, CONTROL_FAILED, NULL, "%s has no script",
		    instance_full_name(inst));
		return;
	}
	if (text == NULL) { /* only to see whether it is there */
		admin_item(req, greeting(inst));
		admin_end(req);
		return;
	}
	log_info("console.line", "inst=%s uid=%lld line=%s",
	    instance_full_name(inst), (long long)admin_int(req, "uid", -1),
	    text);
	admin_on_cancel(req, NULL, NULL); /* the line runs to its end */
	instance_console(inst, text, on_said,
	    (uint64_t)(uintptr_t)admin_of(req), admin_id(req));
}

const struct admin_row adm_app_rows[] = {
	{ "app reload", ADMIN_APP, app_reload_command },
	{ "console", ADMIN_APP, console },
	{ NULL, ADMIN_ALL, NULL },
};
