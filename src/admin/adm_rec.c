/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rec list, rec info, rec reindex, rec verify. The media thread does the work;
 * a small object carries the request's id there and back. Without a name,
 * reindex and verify go through all recordings one after the other.
 */
#include <stdio.h>
#include <stdlib.h>

#include "admin/adm_rows.h"
#include "core/instance.h"
#include "storage/media.h"

struct rec_job {
	struct application *app;
	struct admin *admin;
	uint64_t request;
	bool is_verify;
	bool found_damage;
	char *names; /* "inst\0name\0" of what is left, when there is a list */
	char *next, *end;
	char inst[NAME_INSTANCE_MAX + 1], name[NAME_STREAM_MAX + 1];
};

static void
job_free(struct rec_job *j)
{
	free(j->names);
	free(j);
}

static struct admin_request *
job_request(const struct rec_job *j)
{
	return admin_by_id(j->admin, j->request);
}

static struct media *
job_media(const struct rec_job *j)
{
	return application_env(j->app)->media;
}

static json_t *
where_text(const struct rec_job *j, const char *inst)
{
	char where[400];

	/* What ships with the application is there in every instance. */
	snprintf(where, sizeof(where), "%s/%s", application_env(j->app)->name,
	    inst[0] != '\0' ? inst : "*");
	return json_string(where);
}

static json_t *
info_row(const struct rec_job *j, const struct media_info *mi)
{
	json_t *row = json_pack("{s:s, s:o, s:I, s:b, s:b, s:I}", "name",
	    mi->name, "where", where_text(j, mi->inst), "size",
	    (json_int_t)mi->size, "growing", (int)mi->growing, "readonly",
	    (int)mi->read_only, "changed_ms", (json_int_t)mi->changed_ms);

	if (row == NULL || !mi->indexed)
		return row;
	json_object_set_new(
	    row, "duration_s", json_real((double)mi->duration_ms / 1000));
	json_object_set_new(row, "tags", json_integer((json_int_t)mi->tags));
	json_object_set_new(
	    row, "keyframes", json_integer((json_int_t)mi->keys));
	if (mi->has_video)
		json_object_set_new(
		    row, "video", json_string(avtag_video_text(mi->video)));
	if (mi->has_audio)
		json_object_set_new(
		    row, "audio", json_string(avtag_audio_text(mi->audio)));
	json_object_set_new(row, "opens", json_integer((json_int_t)mi->opens));
	json_object_set_new(row, "seeks", json_integer((json_int_t)mi->seeks));
	json_object_set_new(
	    row, "bytes_read", json_integer((json_int_t)mi->read_bytes));
	json_object_set_new(
	    row, "seek_bytes", json_integer((json_int_t)mi->seek_bytes));
	return row;
}

static void
fail(struct rec_job *j, int result, const struct err *why)
{
	struct admin_request *req = job_request(j);

	if (req == NULL)
		return;
	if (result == FCS_ENOENT)
		admin_fail(req, CONTROL_NOT_FOUND, "fcsctl rec list",
		    "no recording \"%s\"", j->name);
	else
		admin_fail(req, control_code_of(result), NULL, "%s: %s",
		    j->name, why != NULL ? why->text : err_text(result));
}

/* NULL: the request was answered. */
static struct rec_job *
job_new(struct admin_request *req, struct application *app)
{
	const char *name = admin_text(req, "name");
	const char *inst = admin_inst(req, name != NULL);
	struct rec_job *j;

	if (application_env(app)->media == NULL) {
		admin_fail(req, CONTROL_FAILED, NULL,
		    "the recordings of %s are out of order; see the log",
		    application_env(app)->name);
		return NULL;
	}
	if ((j = calloc(1, sizeof(*j))) == NULL) {
		admin_fail(req, CONTROL_FAILED, NULL, "out of memory");
		return NULL;
	}
	j->app = app;
	j->admin = admin_of(req);
	j->request = admin_id(req);
	snprintf(j->inst, sizeof(j->inst), "%s", inst != NULL ? inst : "");
	snprintf(j->name, sizeof(j->name), "%s", name != NULL ? name : "");
	admin_on_cancel(req, NULL, NULL);
	return j;
}

/* The media thread took it (FCS_OK), or why not. */
static void
started(struct rec_job *j, int rc)
{
	if (rc == FCS_OK)
		return;
	fail(j, rc, NULL);
	job_free(j);
}

static void
list_done(void *arg, int result, const struct media_info *rows, size_t count)
{
	struct rec_job *j = arg;
	struct admin_request *req = job_request(j);
	size_t i;

	if (req != NULL && result != FCS_OK) {
		admin_fail(
		    req, control_code_of(result), NULL, "%s", err_text(result));
	} else if (req != NULL) {
		for (i = 0; i < count; i++)
			admin_item(req, info_row(j, &rows[i]));
		admin_end(req);
	}
	job_free(j);
}

static void
rec_list(struct admin_request *req, struct application *app)
{
	struct rec_job *j = job_new(req, app);

	if (j != NULL)
		started(
		    j, media_admin_list(job_media(j),
			   j->inst[0] != '\0' ? j->inst : NULL, list_done, j));
}

static void
info_done(
    void *arg, int result, const struct err *why, const struct media_info *mi)
{
	struct rec_job *j = arg;
	struct admin_request *req = job_request(j);

	if (result != FCS_OK) {
		fail(j, result, why);
	} else if (req != NULL) {
		admin_item(req, info_row(j, mi));
		admin_end(req);
	}
	job_free(j);
}

static void
rec_info(struct admin_request *req, struct application *app)
{
	struct rec_job *j;

	if (admin_text(req, "name") == NULL) {
		admin_fail(req, CONTROL_USAGE, NULL, "which recording?");
		return;
	}
	if ((j = job_new(req, app)) != NULL)
		started(j, media_admin_info(
			       job_media(j), j->inst, j->name, info_done, j));
}

/* --- reindex and verify: one recording or all --- */

static void check_next(struct rec_job *);

static void
check_row(struct rec_job *j, int result, const char *remark)
{
	struct admin_request *req = job_request(j);

	if (result != FCS_OK)
		j->found_damage = true;
	if (req != NULL)
		admin_item(
		    req, json_pack("{s:s, s:o, s:s, s:s}", "name", j->name,
			     "where", where_text(j, j->inst), "result",
			     result == FCS_OK ? "ok" : err_text(result),
			     "remark", remark));
}

static void
reindexed(
    void *arg, int result, const struct err *why, const struct media_info *mi)
{
	struct rec_job *j = arg;
	char remark[ERR_TEXT_MAX];

	if (result == FCS_ENOENT && j->names == NULL) {
		fail(j, result, why);
		job_free(j);
		return;
	}
	if (result == FCS_OK)
		snprintf(remark, sizeof(remark), "%llu key frames",
		    (unsigned long long)mi->keys);
	else
		snprintf(remark, sizeof(remark), "%s", why->text);
	check_row(j, result, remark);
	check_next(j);
}

static void
verified(void *arg, int result, const struct err *why,
    const struct media_info *mi, const struct media_verify *v)
{
	struct rec_job *j = arg;

	(void)mi;
	if (result == FCS_ENOENT && j->names == NULL) {
		fail(j, result, why);
		job_free(j);
		return;
	}
	if (result != FCS_OK)
		check_row(j, result, why->text);
	else if (v->index != FCS_OK && v->index != FCS_ENOENT)
		check_row(j, v->index, v->text);
	else if (v->playable < v->size)
		check_row(j, FCS_ECORRUPT, v->text);
	else
		check_row(j, FCS_OK, v->text);
	check_next(j);
}

static void
check_one(struct rec_job *j)
{
	if (j->is_verify)
		started(j, media_admin_verify(
			       job_media(j), j->inst, j->name, verified, j));
	else
		started(j, media_admin_reindex(
			       job_media(j), j->inst, j->name, reindexed, j));
}

static void
check_next(struct rec_job *j)
{
	struct admin_request *req = job_request(j);

	if (req == NULL) {
		job_free(j);
		return;
	}
	if (j->next != NULL && j->next < j->end) {
		snprintf(j->inst, sizeof(j->inst), "%s", j->next);
		j->next += strlen(j->next) + 1;
		snprintf(j->name, sizeof(j->name), "%s", j->next);
		j->next += strlen(j->next) + 1;
		check_one(j);
		return;
	}
	if (j->found_damage)
		admin_fail(req, CONTROL_DAMAGED, "fcsctl rec reindex APP NAME",
		    "damage found");
	else
		admin_end(req);
	job_free(j);
}

/* Keep the names: the rows are gone after the callback. */
static void
all_listed(void *arg, int result, const struct media_info *rows, size_t count)
{
	struct rec_job *j = arg;
	size_t i, len = 0;

	for (i = 0; result == FCS_OK && i < count; i++)
		len += strlen(rows[i].inst) + strlen(rows[i].name) + 2;
	if (result == FCS_OK && (j->names = malloc(len + 1)) == NULL)
		result = FCS_ENOMEM;
	if (result != FCS_OK) {
		fail(j, result, NULL);
		job_free(j);
		return;
	}
	j->next = j->end = j->names;
	for (i = 0; i < count; i++) {
		j->end = stpcpy(j->end, rows[i].inst) + 1;
		j->end = stpcpy(j->end, rows[i].name) + 1;
	}
	check_next(j);
}

static void
check(struct admin_request *req, struct application *app, bool is_verify)
{
	struct rec_job *j = job_new(req, app);

	if (j == NULL)
		return;
	j->is_verify = is_verify;
	if (j->name[0] != '\0')
		check_one(j);
	else
		started(
		    j, media_admin_list(job_media(j),
			   j->inst[0] != '\0' ? j->inst : NULL, all_listed, j));
}

static void
rec_reindex(struct admin_request *req, struct application *app)
{
	check(req, app, false);
}

static void
rec_verify(struct admin_request *req, struct application *app)
{
	check(req, app, true);
}

const struct admin_row adm_rec_rows[] = {
	{ "rec list", ADMIN_ALL, rec_list },
	{ "rec info", ADMIN_APP, rec_info },
	{ "rec reindex", ADMIN_APP, rec_reindex },
	{ "rec verify", ADMIN_APP, rec_verify },
	{ NULL, ADMIN_ALL, NULL },
};
