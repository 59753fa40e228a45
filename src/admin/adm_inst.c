/* SPDX-License-Identifier: BSD-2-Clause */
/* inst list, start, stop; client list: the instances of a worker, who is there. */
#include <stdio.h>
#include <stdlib.h>

#include "admin/adm_rows.h"
#include "core/inst_reload.h"
#include "core/instance.h"
#include "core/live.h"
#include "core/peer.h"
#include "core/sharedobj.h"

struct walk {
	struct admin_request *req;
	const char *inst; /* NULL: all */
};

static bool
is_wanted(const struct walk *w, const struct instance *inst)
{
	return w->inst == NULL || strcmp(w->inst, instance_name(inst)) == 0;
}

static void
count_live(void *arg, struct live *lv)
{
	int *n = arg;

	*n += live_is_published(lv);
}

static void
count_object(void *arg, struct sharedobj *so)
{
	int *n = arg;

	(void)so;
	(*n)++;
}

static void
count_peer(void *arg, uint64_t peer, const struct peer_info *info)
{
	(void)peer;
	(void)info;
	++*(int *)arg;
}

static void
inst_row(void *arg, struct instance *inst)
{
	struct walk *w = arg;
	const struct application_env *env = application_env(instance_app(inst));
	const struct script_ops *ops = env->script;
	const struct instance_stats *st = instance_stats(inst);
	struct script_stats ss = { 0 };
	int streams = 0, objects = 0, peers = 0;

	if (!is_wanted(w, inst))
		return;
	live_each(inst, count_live, &streams);
	sharedobj_each(inst, count_object, &objects);
	if (env->peer != NULL)
		env->peer->each(inst, count_peer, &peers);
	if (instance_script(inst) != NULL)
		ops->stats(instance_script(inst), &ss);
	admin_item(w->req,
	    json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:i, s:i, "
		      "s:I, s:I, s:I, s:I, s:I, s:I, s:i}",
		"where", instance_full_name(inst), "inst", instance_name(inst),
		"state",
		inst_reload_is_running(inst) ? "reloading"
					     : instance_state_text(inst),
		"clients", (json_int_t)instance_client_count(inst), "connects",
		(json_int_t)st->connects, "disconnects",
		(json_int_t)st->disconnects, "rejects", (json_int_t)st->rejects,
		"calls", (json_int_t)st->calls, "streams", streams, "objects",
		objects, "memory", (json_int_t)ss.memory, "script_errors",
		(json_int_t)st->script_errors + (json_int_t)ss.errors,
		"overruns", (json_int_t)st->overruns, "restarts",
		(json_int_t)st->restarts, "reloads", (json_int_t)st->reloads,
		"dropped", (json_int_t)st->msg_dropped, "peers", peers));
}

static void
inst_list(struct admin_request *req, struct application *app)
{
	struct walk w = { .req = req, .inst = admin_inst(req, false) };

	application_each(app, inst_row, &w);
	admin_end(req);
}

static void
client_row(void *arg, struct client *c)
{
	struct walk *w = arg;
	const struct client_info *ci = client_info(c);
	uint64_t in = 0, out = 0;
	int rtt = -1;

	client_traffic(c, &in, &out, &rtt);
	admin_item(w->req,
	    json_pack("{s:s, s:s, s:o, s:s, s:i, s:s, s:b, s:i, s:o, s:o, s:I, "
		      "s:I, s:I, s:i, s:s?}",
		"client", client_id(c), "where",
		instance_full_name(client_instance(c)), "user",
		adm_rows_text(client_user(c)), "ip", ci->ip, "port",
		(int)ci->port, "protocol", ci->protocol, "secure",
		(int)ci->secure, "amf", ci->amf, "agent",
		adm_rows_text(ci->agent), "uri", adm_rows_text(ci->uri),
		"connected_ms", (json_int_t)client_connected_at_ms(c),
		"bytes_in", (json_int_t)in, "bytes_out", (json_int_t)out,
		"rtt_ms", rtt, "peer_name", ci->peer_name));
}

static void
clients_of(void *arg, struct instance *inst)
{
	struct walk *w = arg;

	if (is_wanted(w, inst))
		instance_each_client(inst, client_row, w);
}

static void
client_list(struct admin_request *req, struct application *app)
{
	struct walk w = { .req = req, .inst = admin_inst(req, false) };

	application_each(app, clients_of, &w);
	admin_end(req);
}

static void
stream_row(void *arg, struct live *lv)
{
	struct walk *w = arg;
	const struct live_publisher *pub = live_publisher(lv);
	const struct live_stats *st = live_stats(lv);

	admin_item(w->req,
	    json_pack("{s:s, s:s, s:b, s:s*, s:s*, s:i, s:I, s:s*, s:s*, s:I, "
		      "s:I, s:I, s:I, s:I, s:o}",
		"name", live_name(lv), "where",
		instance_full_name(live_instance(lv)), "live", pub != NULL,
		"publisher", pub != NULL ? pub->client : NULL, "type",
		pub != NULL ? pub->type : NULL, "viewers", (int)st->viewers,
		"bitrate_bps", (json_int_t)st->bitrate_bps, "video",
		st->video.codec != 0 ? avtag_video_text(st->video) : NULL,
		"audio",
		st->audio.codec != 0 ? avtag_audio_text(st->audio) : NULL,
		"messages", (json_int_t)st->packets_in, "bytes_in",
		(json_int_t)st->bytes_in, "dropped", (json_int_t)st->dropped,
		"serialised", (json_int_t)st->serialise.serialised, "shared",
		(json_int_t)st->serialise.shared, "started_ms",
		st->started_ms != 0 ? json_integer((json_int_t)st->started_ms)
				    : json_null()));
}

static void
streams_of(void *arg, struct instance *inst)
{
	struct walk *w = arg;

	if (is_wanted(w, inst))
		live_each(inst, stream_row, w);
}

static void
stream_list(struct admin_request *req, struct application *app)
{
	struct walk w = { .req = req, .inst = admin_inst(req, false) };

	application_each(app, streams_of, &w);
	admin_end(req);
}

/* ---- inst start, inst stop ---- */

struct wait { /* for an instance, by a request */
	struct admin *admin;
	uint64_t request;
	char where[ERR_TEXT_MAX];
};

static void
on_done(void *arg, int result, const char *why)
{
	struct wait *w = arg;
	struct admin_request *req = NULL;

	if (result != FCS_ECLOSED)
		req = admin_by_id(w->admin, w->request);
	if (req != NULL && result == FCS_OK)
		admin_end(req);
	else if (req != NULL)
		admin_fail(req,
		    result == FCS_EACCES ? CONTROL_BUSY : CONTROL_FAILED,
		    result == FCS_EACCES ? "--force does not ask it"
					 : "fcsctl app check",
		    "%s: %s", w->where, why);
	free(w);
}

static struct wait *
wait_new(struct admin_request *req, const struct instance *inst)
{
	struct wait *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		admin_fail(req, CONTROL_FAILED, NULL, "out of memory");
		return NULL;
	}
	w->admin = admin_of(req);
	w->request = admin_id(req);
	(void)snprintf(
	    w->where, sizeof(w->where), "%s", instance_full_name(inst));
	admin_on_cancel(req, NULL, NULL);
	return w;
}

static void
unless(struct admin_request *req, struct wait *w, int rc)
{
	if (rc == FCS_OK)
		return;
	free(w);
	admin_fail(req, CONTROL_FAILED, NULL, "%s", err_text(rc));
}

static void
inst_start(struct admin_request *req, struct application *app)
{
	struct instance *inst;
	struct wait *w;
	struct err why;

	inst = application_instance(app, admin_inst(req, true), true, &why);
	if (inst == NULL) {
		admin_fail(req,
		    why.code == FCS_ENOENT ? CONTROL_NOT_FOUND : CONTROL_FAILED,
		    NULL, "%s: %s", admin_inst(req, true), why.text);
		return;
	}
	if ((w = wait_new(req, inst)) != NULL)
		unless(req, w, instance_admin_start(inst, on_done, w));
}

static void
inst_stop(struct admin_request *req, struct application *app)
{
	struct instance *inst;
	struct wait *w;
	struct err why;

	inst = application_instance(app, admin_inst(req, true), false, &why);
	if (inst == NULL) {
		admin_fail(req, CONTROL_NOT_FOUND, "fcsctl inst list",
		    "no instance \"%s\" runs", admin_inst(req, true));
		return;
	}
	if ((w = wait_new(req, inst)) != NULL)
		unless(req, w,
		    instance_admin_unload(
			inst, "unload", admin_flag(req, "force"), on_done, w));
}

const struct admin_row adm_inst_rows[] = {
	{ "inst list", ADMIN_ALL, inst_list },
	{ "inst start", ADMIN_APP, inst_start },
	{ "inst stop", ADMIN_APP, inst_stop },
	{ "client list", ADMIN_ALL, client_list },
	{ "stream list", ADMIN_ALL, stream_list },
	{ NULL, ADMIN_ALL, NULL },
};
