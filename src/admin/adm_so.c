/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * so list, so get, so watch. What is in memory is answered from there; objects
 * of instances that do not run are read from the store by a job on the commit
 * thread, which builds rows and never touches the request.
 */
#include <stdlib.h>

#include "admin/adm_rows.h"
#include "base/name.h"
#include "core/instance.h"
#include "core/sharedobj.h"

struct so_job {
	struct commit_job job;
	struct application *app;
	struct admin *admin;
	uint64_t request;
	char *inst, *name, *slot; /* NULL: all */
	json_t *rows;
	uint64_t version;
	/* for "did you mean": names that exist, as {"inst": {"object": true}} */
	json_t *known;
};

static void
job_free(struct so_job *j)
{
	json_decref(j->rows);
	json_decref(j->known);
	free(j->inst);
	free(j->name);
	free(j->slot);
	free(j);
}

static char *
copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static json_t *
object_row(struct application *app, const char *inst, const char *name,
    bool persistent, uint64_t version, uint64_t slots, uint64_t bytes,
    uint64_t users, bool loaded)
{
	char where[400];

	snprintf(
	    where, sizeof(where), "%s/%s", application_env(app)->name, inst);
	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:b}", "name",
	    name, "where", where, "persistent", (int)persistent, "version",
	    (json_int_t)version, "slots", (json_int_t)slots, "bytes",
	    (json_int_t)bytes, "users", (json_int_t)users, "loaded",
	    (int)loaded);
}

static json_t *
slot_row(const char *slot, size_t slot_len, const uint8_t *value, size_t len,
    uint64_t version, const char *user)
{
	return json_pack("{s:o, s:I, s:o, s:o}", "slot",
	    adm_rows_bytes(slot, slot_len), "version", (json_int_t)version,
	    "user", adm_rows_text(user), "value", adm_rows_value(value, len));
}

static void
know(json_t *known, const char *inst, const char *object)
{
	json_t *objects = json_object_get(known, inst);

	if (objects == NULL) {
		objects = json_object();
		json_object_set_new(known, inst, objects);
	}
	if (object != NULL)
		json_object_set_new(objects, object, json_true());
}

/* The key of o nearest to word, NULL: none. */
static const char *
nearest(const char *word, json_t *o)
{
	size_t n = 0, max = json_object_size(o);
	const char **names = calloc(max + 1, sizeof(*names));
	const char *key, *near;
	json_t *v;

	if (names == NULL)
		return NULL;
	json_object_foreach(o, key, v) names[n++] = key;
	near = name_suggest(word, names, n);
	free(names);
	return near;
}

static bool
is_known(const struct so_job *j)
{
	return json_object_get(json_object_get(j->known, j->inst), j->name) !=
	       NULL;
}

/* Name what is missing and what may have been meant. */
static void
not_found(struct admin_request *req, const struct so_job *j)
{
	const char *app = application_env(j->app)->name, *near;
	json_t *objects = json_object_get(j->known, j->inst);
	bool slot = j->slot != NULL && is_known(j);
	char where[800], hint[600] = "";

	if (objects == NULL) {
		(void)snprintf(where, sizeof(where), "no instance \"%s/%s\"",
		    app, j->inst);
		near = nearest(j->inst, j->known);
		if (near != NULL)
			(void)snprintf(hint, sizeof(hint),
			    " (did you mean \"%s/%s\"?)", app, near);
	} else {
		(void)snprintf(where, sizeof(where), "no %s \"%s\" in %s/%s",
		    slot ? "slot" : "object", slot ? j->slot : j->name, app,
		    j->inst);
		near = nearest(j->name, objects);
		if (near != NULL && strcmp(near, j->name) != 0)
			(void)snprintf(hint, sizeof(hint),
			    " (did you mean \"%s\"?)", near);
	}
	admin_fail(
	    req, CONTROL_NOT_FOUND, "fcsctl so list", "%s%s", where, hint);
}

/* Sends the rows of a finished job and ends the request, if it still waits. */
static void
job_done(void *arg, int result, const struct err *why)
{
	struct so_job *j = arg;
	struct admin_request *req = admin_by_id(j->admin, j->request);
	size_t i;
	json_t *row;

	if (req == NULL) {
		job_free(j);
		return;
	}
	json_array_foreach(j->rows, i, row) admin_item(req, json_incref(row));
	if (result == FCS_ENOENT && j->slot == NULL && is_known(j))
		result = FCS_OK; /* used, but never written */
	if (result == FCS_ENOENT || (result == FCS_OK && j->slot != NULL &&
					json_array_size(j->rows) == 0))
		not_found(req, j);
	else if (result != FCS_OK)
		admin_fail(req, control_code_of(result), NULL, "%s",
		    why != NULL && why->text[0] != '\0' ? why->text
							: err_text(result));
	else
		admin_end(req);
	job_free(j);
}

static void
submit(struct admin_request *req, struct application *app, const char *inst,
    int (*run)(struct store *, void *arg), json_t *rows, json_t *known)
{
	const struct application_env *env = application_env(app);
	struct so_job *j = calloc(1, sizeof(*j));

	if (j == NULL || rows == NULL) {
		free(j);
		json_decref(rows);
		json_decref(known);
		admin_fail(req, CONTROL_FAILED, NULL, "out of memory");
		return;
	}
	j->app = app;
	j->admin = admin_of(req);
	j->request = admin_id(req);
	j->inst = copy(inst);
	j->name = copy(admin_text(req, "name"));
	j->slot = copy(admin_text(req, "slot"));
	j->rows = rows;
	j->known = known;
	j->job.run = run;
	j->job.done = job_done;
	j->job.arg = j;
	admin_on_cancel(req, NULL, NULL);
	commit_submit(env->commit, &j->job);
	commit_turn(env->commit);
}

/* --- so list --- */

struct listing {
	struct application *app;
	const char *inst;
	json_t *rows;
};

static void
loaded_row(void *arg, struct sharedobj *so)
{
	struct listing *l = arg;

	json_array_append_new(
	    l->rows, object_row(l->app, l->inst, sharedobj_name(so),
			 sharedobj_is_persistent(so), sharedobj_version(so),
			 sharedobj_size(so), sharedobj_bytes(so),
			 sharedobj_subscribers(so), true));
}

static void
loaded_rows(void *arg, struct instance *inst)
{
	struct listing *l = arg;
	const char *only = l->inst;

	if (only != NULL && strcmp(only, instance_name(inst)) != 0)
		return;
	l->inst = instance_name(inst);
	sharedobj_each(inst, loaded_row, l);
	l->inst = only;
}

static bool
is_listed(const json_t *rows, const char *where, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "name")),
			name) == 0 &&
		    strcmp(json_string_value(json_object_get(row, "where")),
			where) == 0)
			return true;
	}
	return false;
}

static int
stored_row(void *arg, const struct store_object_info *o)
{
	struct so_job *j = arg;
	json_t *row = object_row(j->app, o->inst, o->name, true, o->version,
	    o->slots, o->bytes, 0, false);

	if (row == NULL)
		return FCS_ENOMEM;
	if (is_listed(j->rows, json_string_value(json_object_get(row, "where")),
		o->name))
		json_decref(row);
	else
		json_array_append_new(j->rows, row);
	return FCS_OK;
}

static int
list_stored(struct store *st, void *arg)
{
	struct so_job *j = arg;

	return st->ops->list(st, j->inst, stored_row, j);
}

static void
so_list(struct admin_request *req, struct application *app)
{
	struct listing l = {
		.app = app,
		.inst = admin_inst(req, false),
		.rows = json_array(),
	};

	application_each(app, loaded_rows, &l);
	submit(req, app, admin_inst(req, false), list_stored, l.rows, NULL);
}

/* --- so get --- */

struct getting {
	struct admin_request *req;
	const char *slot;
	bool found;
};

static void
get_slot(void *arg, const struct sharedobj_slot *s)
{
	struct getting *g = arg;

	if (g->slot != NULL &&
	    (s->name.len != strlen(g->slot) ||
		memcmp(s->name.ptr, g->slot, s->name.len) != 0))
		return;
	g->found = true;
	admin_item(g->req, slot_row(s->name.ptr, s->name.len, s->value, s->len,
			       s->version, s->user));
}

static int
stored_slot(void *arg, const struct store_slot *s)
{
	struct so_job *j = arg;

	if (s->value == NULL ||
	    (j->slot != NULL &&
		(s->slot_len != strlen(j->slot) ||
		    memcmp(s->slot, j->slot, s->slot_len) != 0)))
		return FCS_OK;
	return json_array_append_new(
		   j->rows, slot_row(s->slot, s->slot_len, s->value, s->len,
				s->version, s->user)) == 0
		   ? FCS_OK
		   : FCS_ENOMEM;
}

static int
know_stored(void *arg, const struct store_object_info *o)
{
	struct so_job *j = arg;

	know(j->known, o->inst, o->name);
	return FCS_OK;
}

static int
get_stored(struct store *st, void *arg)
{
	struct so_job *j = arg;
	uint64_t floor;
	int rc;

	rc = st->ops->load(
	    st, j->inst, j->name, 0, stored_slot, j, &j->version, &floor);
	if (rc == FCS_ENOENT ||
	    (rc == FCS_OK && j->slot != NULL && json_array_size(j->rows) == 0))
		fcs_ignore(st->ops->list(st, NULL, know_stored, j));
	return rc;
}

static void
know_object(void *arg, struct sharedobj *so)
{
	struct listing *l = arg;

	know(l->rows, l->inst, sharedobj_name(so));
}

static void
know_instance(void *arg, struct instance *inst)
{
	struct listing *l = arg;

	l->inst = instance_name(inst);
	know(l->rows, l->inst, NULL);
	sharedobj_each(inst, know_object, l);
}

/* Everything in memory, for "did you mean". */
static json_t *
known_names(struct application *app)
{
	struct listing l = { .app = app, .rows = json_object() };

	application_each(app, know_instance, &l);
	return l.rows;
}

static void
so_get(struct admin_request *req, struct application *app)
{
	const char *name = admin_text(req, "name");
	const char *inst_name = admin_inst(req, true);
	struct getting g = { .req = req, .slot = admin_text(req, "slot") };
	struct sharedobj *so = NULL;
	struct instance *inst;
	struct err why;

	if (name == NULL) {
		admin_fail(req, CONTROL_USAGE, NULL, "which object?");
		return;
	}
	inst = application_instance(app, inst_name, false, &why);
	if (inst != NULL)
		so = sharedobj_find(inst, name);
	/* The image of a persistent object may be ahead of the disk. */
	if (so == NULL || sharedobj_is_persistent(so)) {
		submit(req, app, inst_name, get_stored, json_array(),
		    known_names(app));
		return;
	}
	sharedobj_each_slot(so, get_slot, &g);
	if (g.slot != NULL && !g.found)
		admin_fail(
		    req, CONTROL_NOT_FOUND, NULL, "no slot \"%s\"", g.slot);
	else
		admin_end(req);
}

/* --- so watch --- */

struct watching {
	struct application *app;
	struct admin *admin;
	uint64_t request, watch;
	char *inst;
};

static void
on_change(void *arg, const struct sharedobj_change *ch, uint32_t count)
{
	struct watching *w = arg;
	struct admin_request *req = admin_by_id(w->admin, w->request);
	uint32_t i;
	json_t *row;

	for (i = 0; req != NULL && i < count; i++) {
		row = json_pack("{s:I, s:I, s:o, s:o, s:b}", "version",
		    (json_int_t)ch[i].version, "at_ms", (json_int_t)ch[i].at_ms,
		    "user", adm_rows_text(ch[i].user), "slot",
		    adm_rows_bytes(ch[i].slot.ptr, ch[i].slot.len), "removed",
		    ch[i].value == NULL);
		if (row != NULL && ch[i].value != NULL)
			json_object_set_new(row, "value",
			    adm_rows_value(ch[i].value, ch[i].len));
		admin_item(req, row);
	}
}

static void
watch_cancelled(void *arg)
{
	struct watching *w = arg;
	struct err why;
	struct instance *inst =
	    application_instance(w->app, w->inst, false, &why);

	if (inst != NULL)
		sharedobj_unwatch(inst, w->watch);
	free(w->inst);
	free(w);
}

static void
so_watch(struct admin_request *req, struct application *app)
{
	const char *name = admin_text(req, "name");
	struct watching *w;
	struct instance *inst;
	struct err why;

	if (name == NULL) {
		admin_fail(req, CONTROL_USAGE, NULL, "which object?");
		return;
	}
	inst = application_instance(app, admin_inst(req, true), true, &why);
	if (inst == NULL) {
		admin_fail(req, CONTROL_NOT_FOUND, NULL, "%s", why.text);
		return;
	}
	if ((w = calloc(1, sizeof(*w))) == NULL ||
	    (w->inst = strdup(instance_name(inst))) == NULL) {
		free(w);
		admin_fail(req, CONTROL_FAILED, NULL, "out of memory");
		return;
	}
	w->app = app;
	w->admin = admin_of(req);
	w->request = admin_id(req);
	w->watch = sharedobj_watch(inst, name, on_change, w);
	admin_on_cancel(req, watch_cancelled, w);
}

const struct admin_row adm_so_rows[] = {
	{ "so list", ADMIN_ALL, so_list },
	{ "so get", ADMIN_APP, so_get },
	{ "so watch", ADMIN_APP, so_watch },
	{ NULL, ADMIN_ALL, NULL },
};
