/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * media_admin - what `fcsctl rec` and scripts ask: list, info, reindex,
 * verify, delete, rename, metadata.
 * Every question is a job of the media thread; long ones run in slices.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "storage/media_int.h"

#define LIST_MAX 200000

/* --- list --- */

struct list_job {
	struct media_job job;
	media_admin_list_fn fn;
	void *arg;
	bool has_inst;
	struct recpath inst; /* .path: the instance's folder */
	bool shipped;        /* while walking */
	struct media *m;
	struct media_info *rows;
	size_t count, cap;
	int result;
};

static int
list_add(void *arg, const char *path, const struct stat *st)
{
	struct list_job *j = arg;
	struct media *m = j->m;
	struct media_found found;
	struct recidx_rec rec;
	struct media_info *row;

	if (j->count >= LIST_MAX)
		return FCS_ELIMIT;
	if (j->count == j->cap) {
		size_t cap = j->cap == 0 ? 64 : j->cap * 2;
		struct media_info *rows = realloc(j->rows, cap * sizeof(*rows));

		if (rows == NULL)
			return FCS_ENOMEM;
		j->rows = rows;
		j->cap = cap;
	}
	memset(&found, 0, sizeof(found));
	found.st = *st;
	found.read_only = j->shipped;
	snprintf(found.path, sizeof(found.path), "%s", path);
	snprintf(found.key, sizeof(found.key), "%c/%s", j->shipped ? 'm' : 'r',
	    path);
	found.writer = j->shipped ? NULL : media_write_find(m, found.key);
	memset(&rec, 0, sizeof(rec));
	row = &j->rows[j->count];
	if (found.writer != NULL) {
		media_file_info(m, &found, &found.writer->rec, row);
	} else {
		bool known = recidx_get(m->index, found.key, &rec) == FCS_OK &&
			     (rec.state & RECIDX_OPEN) == 0 &&
			     rec.file_size == (uint64_t)st->st_size &&
			     rec.mtime_ns == media_mtime_ns(st);

		if (!known)
			memset(&rec, 0, sizeof(rec));
		media_file_info(m, &found, &rec, row);
		row->indexed = known;
		if (!known)
			row->size = (uint64_t)st->st_size;
	}
	j->count++;
	return FCS_OK;
}

static int
list_order(const void *a, const void *b)
{
	const struct media_info *x = a;
	const struct media_info *y = b;
	int c = strcmp(x->inst, y->inst);

	return c != 0 ? c : strcmp(x->name, y->name);
}

static void
list_run(struct media *m, struct media_job *job)
{
	struct list_job *j = (struct list_job *)(void *)job;

	j->m = m;
	j->result = recpath_walk(
	    m->rec_fd, j->has_inst ? j->inst.path : "", false, list_add, j);
	j->shipped = true;
	if (j->result == FCS_OK && m->ship_fd >= 0)
		j->result = recpath_walk(m->ship_fd, "", false, list_add, j);
	if (j->count > 0)
		qsort(j->rows, j->count, sizeof(*j->rows), list_order);
}

static void
list_done(struct media *m, struct media_job *job)
{
	struct list_job *j = (struct list_job *)(void *)job;

	(void)m;
	j->fn(j->arg, j->result, j->rows, j->count);
	free(j->rows);
	free(j);
}

int
media_admin_list(
    struct media *m, const char *inst, media_admin_list_fn fn, void *arg)
{
	struct list_job *j = calloc(1, sizeof(*j));
	char *slash;

	if (j == NULL)
		return FCS_ENOMEM;
	j->job.run = list_run;
	j->job.done = list_done;
	j->fn = fn;
	j->arg = arg;
	j->result = FCS_ECLOSED;
	if (inst != NULL) {
		/* the folder of any recording of that instance */
		if (recpath_make(inst, "x", &j->inst, NULL) != FCS_OK) {
			free(j);
			return FCS_EINVAL;
		}
		slash = strchr(j->inst.path, '/');
		*slash = '\0';
		j->has_inst = true;
	}
	media_submit(m, &j->job);
	return FCS_OK;
}

/* --- one recording --- */

enum admin_what {
	ADMIN_INFO,
	ADMIN_REINDEX,
	ADMIN_VERIFY,
	ADMIN_DELETE,
	ADMIN_RENAME,
	ADMIN_META
};

struct admin_job {
	struct media_job job;
	enum admin_what what;
	media_admin_fn fn;
	media_admin_verify_fn verify_fn;
	media_admin_meta_fn meta_fn;
	void *arg;
	struct recpath to;   /* rename */
	struct refbuf *meta; /* its payload */
	struct recpath in_inst, shipped;
	struct media_found found;
	bool is_found;
	struct media_update update;
	bool updated;
	int result;
	struct err why;
	struct media_info info;
	/* verify */
	struct recscan *scan;
	struct recscan_facts facts;
	uint64_t id;
	struct media_verify verify;
};

static void
verify_words(struct admin_job *j)
{
	static const struct {
		uint32_t bit;
		const char *text;
	} words[] = {
		{ RECSCAN_ODD_TAIL, "the last tag is not whole" },
		{ RECSCAN_ODD_GARBAGE, "no tags after the last one played" },
		{ RECSCAN_ODD_PREV_SIZE, "previous-tag sizes do not match" },
		{ RECSCAN_ODD_BACKWARDS, "timestamps fall" },
		{ RECSCAN_ODD_NEGATIVE, "negative timestamps" },
		{ RECSCAN_ODD_FILTERED, "encrypted tags" },
		{ RECSCAN_ODD_NO_META, "no onMetaData" },
		{ RECSCAN_ODD_DATA, "data messages" },
	};
	struct media_verify *v = &j->verify;
	size_t n = 0;

	v->text[0] = '\0';
	if (v->index != FCS_OK)
		n += (size_t)snprintf(v->text, sizeof(v->text),
		    v->index == FCS_ENOENT ? "not indexed"
					   : "the index differs");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((v->odd & words[i].bit) != 0 && n < sizeof(v->text))
			n += (size_t)snprintf(v->text + n, sizeof(v->text) - n,
			    "%s%s", n > 0 ? ", " : "", words[i].text);
	if (n == 0)
		snprintf(v->text, sizeof(v->text), "ok");
}

/* Begin: from the catalogue as it is, without bringing it up to date. */
static int
verify_begin(struct media *m, struct admin_job *j)
{
	struct recidx_rec rec;
	uint64_t size = (uint64_t)j->found.st.st_size;
	int rc;

	memset(&rec, 0, sizeof(rec));
	j->verify.size = size;
	j->verify.index = recidx_get(m->index, j->found.key, &rec);
	if (j->found.writer != NULL) {
		rec = j->found.writer->rec;
		size = rec.facts.end;
		j->verify.index = FCS_OK;
	} else if (j->verify.index == FCS_OK &&
		   ((rec.state & RECIDX_OPEN) != 0 || rec.file_size != size ||
		       rec.mtime_ns != media_mtime_ns(&j->found.st))) {
		j->verify.index = FCS_ESTALE;
	}
	j->id = rec.id;
	media_file_info(m, &j->found, &rec, &j->info);
	j->scan = malloc(sizeof(*j->scan));
	if (j->scan == NULL)
		return err_set(&j->why, FCS_ENOMEM, "verify");
	rc = recscan_init(j->scan, j->found.fd, size, false);
	if (rc != FCS_OK)
		return err_set(&j->why, rc == FCS_EFORMAT ? FCS_ECORRUPT : rc,
		    "not an FLV file");
	return FCS_EAGAIN;
}

static bool
is_equal_key(const struct recscan_key *a, const struct recscan_key *b)
{
	return a->ts_ms == b->ts_ms && a->offset == b->offset &&
	       a->video_conf == b->video_conf &&
	       a->audio_conf == b->audio_conf && a->flags == b->flags;
}

static int
verify_slice(struct media *m, struct admin_job *j)
{
	int64_t until = clock_us() + MEDIA_SLICE_US;
	struct media_verify *v = &j->verify;
	struct recscan_key have;
	struct recscan_key key;
	struct recscan_tag tag;
	int rc = FCS_OK;

	for (int n = 0; n < 256 || clock_us() < until; n++) {
		rc = recscan_next(j->scan, &tag);
		if (rc != FCS_OK)
			break;
		if (recscan_take(&j->facts, &tag, &key) &&
		    v->index != FCS_ENOENT &&
		    (recidx_key_find(m->index, j->id, key.ts_ms, &have) !=
			    FCS_OK ||
			(!is_equal_key(&have, &key) &&
			    have.ts_ms != key.ts_ms)))
			v->bad_keys++;
	}
	if (rc == FCS_OK)
		return FCS_EAGAIN;
	v->odd = j->facts.odd | j->scan->odd;
	if (rc == FCS_ESHORT)
		v->odd |= RECSCAN_ODD_TAIL;
	else if (rc == FCS_EFORMAT)
		v->odd |= RECSCAN_ODD_GARBAGE;
	else if (rc != FCS_ENOENT)
		return err_set(&j->why, rc, "cannot be read");
	if (j->facts.meta_at == 0)
		v->odd |= RECSCAN_ODD_NO_META;
	v->playable = j->scan->pos;
	v->tags = j->facts.tags;
	if (v->bad_keys > 0 && v->index == FCS_OK)
		v->index = FCS_ESTALE;
	verify_words(j);
	return FCS_OK;
}

static int
may_change(struct admin_job *j)
{
	if (j->found.writer != NULL)
		return err_set(&j->why, FCS_EBUSY, "it is being recorded");
	if (j->found.read_only)
		return err_set(&j->why, FCS_EREADONLY,
		    "it is shipped with the application");
	return FCS_OK;
}

static int
run_delete(struct media *m, struct admin_job *j)
{
	int rc = may_change(j);

	if (rc != FCS_OK)
		return rc;
	fcs_ignore(recidx_del(m->index, j->found.key));
	return recpath_remove(m->rec_fd, j->found.path, &j->why);
}

static bool
is_taken(struct media *m, const struct recpath *to)
{
	struct media_found other;

	if (media_write_is_coming(m, to->path))
		return true;
	if (media_file_find(m, to, NULL, false, &other, NULL) != FCS_OK)
		return false;
	close(other.fd);
	return true;
}

static int
run_rename(struct media *m, struct admin_job *j)
{
	char from[sizeof(j->found.key)];
	struct recidx_rec rec;
	int rc = may_change(j);

	if (rc != FCS_OK)
		return rc;
	if (is_taken(m, &j->to))
		return err_set(
		    &j->why, FCS_EEXIST, "there is a recording of that name");
	rc = recpath_mkdirs(m->rec_fd, j->to.path, &j->why);
	if (rc == FCS_OK)
		rc = recpath_rename(
		    m->rec_fd, j->found.path, j->to.path, &j->why);
	if (rc != FCS_OK)
		return rc;
	snprintf(j->found.path, sizeof(j->found.path), "%s", j->to.path);
	memset(&rec, 0, sizeof(rec));
	memcpy(from, j->found.key, sizeof(from));
	snprintf(j->found.key, sizeof(j->found.key), "r/%s", j->to.path);
	/* a row that stays behind is one of a file that is gone */
	fcs_ignore(recidx_move(m->index, from, j->found.key));
	rc = recidx_get(m->index, j->found.key, &rec);
	media_file_info(m, &j->found, &rec, &j->info);
	j->info.indexed = rc == FCS_OK;
	return FCS_OK;
}

static void
take_meta(struct media *m, struct admin_job *j)
{
	const struct recidx_rec *rec =
	    j->found.writer != NULL ? &j->found.writer->rec : &j->update.rec;
	uint64_t bytes = 0;

	j->meta = media_file_tag(
	    m, j->found.fd, rec->facts.meta_at, rec->facts.end, &bytes);
}

static int
run_verify(struct media *m, struct admin_job *j)
{
	int rc = j->scan == NULL ? verify_begin(m, j) : verify_slice(m, j);

	if (rc == FCS_EAGAIN && atomic_load(&m->stopping))
		return err_set(&j->why, FCS_ECLOSED, "stopping");
	return rc;
}

static int
run_update(struct media *m, struct admin_job *j)
{
	int rc;

	j->update.found = &j->found;
	j->update.force = j->what == ADMIN_REINDEX;
	rc = media_file_update(m, &j->update, &j->why);
	if (rc == FCS_EAGAIN)
		return rc;
	media_file_update_fini(m, &j->update);
	if (rc == FCS_OK)
		media_file_info(m, &j->found, &j->update.rec, &j->info);
	if (rc == FCS_OK && j->what == ADMIN_META)
		take_meta(m, j);
	return rc;
}

static void
admin_run(struct media *m, struct media_job *job)
{
	struct admin_job *j = (struct admin_job *)(void *)job;
	int rc = FCS_OK;

	if (!j->is_found) {
		err_clear(&j->why);
		rc = media_file_find(
		    m, &j->in_inst, &j->shipped, false, &j->found, &j->why);
		j->is_found = rc == FCS_OK;
	}
	if (rc == FCS_OK) {
		if (j->what == ADMIN_DELETE)
			rc = run_delete(m, j);
		else if (j->what == ADMIN_RENAME)
			rc = run_rename(m, j);
		else if (j->what == ADMIN_VERIFY)
			rc = run_verify(m, j);
		else
			rc = run_update(m, j);
	}
	if (rc == FCS_EAGAIN) {
		job->again = true;
		return;
	}
	j->result = rc;
	if (j->is_found)
		close(j->found.fd);
}

static void
admin_done(struct media *m, struct media_job *job)
{
	struct admin_job *j = (struct admin_job *)(void *)job;

	(void)m;
	if (j->what == ADMIN_VERIFY)
		j->verify_fn(j->arg, j->result, &j->why, &j->info, &j->verify);
	else if (j->what == ADMIN_META)
		j->meta_fn(j->arg, j->result, &j->why, j->meta);
	else
		j->fn(j->arg, j->result, &j->why, &j->info);
	refbuf_unref(j->meta);
	free(j->scan);
	free(j);
}

static int
begin(enum admin_what what, const char *inst, const char *name, void *arg,
    struct admin_job **out)
{
	struct admin_job *j = calloc(1, sizeof(*j));
	int rc;

	if (j == NULL)
		return FCS_ENOMEM;
	j->job.run = admin_run;
	j->job.done = admin_done;
	j->what = what;
	j->arg = arg;
	/* "" as media_info says it: what ships with the application */
	rc = recpath_make(NULL, name, &j->shipped, NULL);
	if (rc == FCS_OK && inst[0] != '\0')
		rc = recpath_make(inst, name, &j->in_inst, NULL);
	if (rc != FCS_OK) {
		free(j);
		return rc;
	}
	j->result = err_set(&j->why, FCS_ECLOSED, "stopping");
	*out = j;
	return FCS_OK;
}

static int
ask(struct media *m, enum admin_what what, const char *inst, const char *name,
    media_admin_fn fn, media_admin_verify_fn verify_fn, void *arg)
{
	struct admin_job *j;
	int rc = begin(what, inst, name, arg, &j);

	if (rc != FCS_OK)
		return rc;
	j->fn = fn;
	j->verify_fn = verify_fn;
	media_submit(m, &j->job);
	return FCS_OK;
}

int
media_admin_info(struct media *m, const char *inst, const char *name,
    media_admin_fn fn, void *arg)
{
	return ask(m, ADMIN_INFO, inst, name, fn, NULL, arg);
}

int
media_admin_reindex(struct media *m, const char *inst, const char *name,
    media_admin_fn fn, void *arg)
{
	return ask(m, ADMIN_REINDEX, inst, name, fn, NULL, arg);
}

int
media_admin_verify(struct media *m, const char *inst, const char *name,
    media_admin_verify_fn fn, void *arg)
{
	return ask(m, ADMIN_VERIFY, inst, name, NULL, fn, arg);
}

int
media_admin_delete(struct media *m, const char *inst, const char *name,
    media_admin_fn fn, void *arg)
{
	return ask(m, ADMIN_DELETE, inst, name, fn, NULL, arg);
}

int
media_admin_rename(struct media *m, const char *inst, const char *name,
    const char *to, media_admin_fn fn, void *arg)
{
	struct admin_job *j;
	int rc = begin(ADMIN_RENAME, inst, name, arg, &j);

	if (rc != FCS_OK)
		return rc;
	j->fn = fn;
	rc = recpath_make(inst, to, &j->to, NULL);
	if (rc != FCS_OK) {
		free(j);
		return rc;
	}
	media_submit(m, &j->job);
	return FCS_OK;
}

int
media_admin_meta(struct media *m, const char *inst, const char *name,
    media_admin_meta_fn fn, void *arg)
{
	struct admin_job *j;
	int rc = begin(ADMIN_META, inst, name, arg, &j);

	if (rc != FCS_OK)
		return rc;
	j->meta_fn = fn;
	media_submit(m, &j->job);
	return FCS_OK;
}
