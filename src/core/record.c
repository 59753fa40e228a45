/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording is a sink of its live stream that hands payloads to a writer of
 * storage/media. Times start at 0 with the first sound or picture (or go on
 * behind what an appended file holds); messages go to the file as they came.
 * What arrives before the file can take it (append reads its end first; a
 * recording of the same name is still being closed) is held, bounded.
 */
#include "core/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/idmap.h"
#include "base/log.h"
#include "core/record_int.h"
#include "net/timer.h"
#include "storage/media.h"

#define HELD_BYTES_MAX (16u << 20)
#define FALL_MS        1000 /* a larger fall is another clock */
#define APPEND_STEP_MS 40   /* between an appended part and what was there */

enum record_state {
	RECORD_WAITS, /* the one before it is being closed */
	RECORD_OPENS, /* the file */
	RECORD_RUNS,
	RECORD_AWAY, /* the publisher left, may come back */
	RECORD_CLOSES
};

/* A clock of the publisher: its time in_ms is out_ms of the file. */
struct record_clock {
	uint32_t in_ms, out_ms;
	uint32_t number;
};

struct record {
	struct record_set *set;
	struct loop *loop;
	struct record *next;
	uint64_t id;
	enum record_state state;
	char *name;
	char *stream; /* the live one */
	char *client; /* who published, for the script */
	enum record_mode mode;
	struct live_sink sink;
	struct media_writer *writer;
	const struct record_ops *ops; /* NULL: nobody wants to know */
	void *arg;
	struct loop_task again; /* started() for one that took it over */
	struct timer *away;
	int result; /* why it ends */
	char why[ERR_TEXT_MAX];
	bool is_announced;
	bool is_over; /* the publisher left before the file was open */
	/* time: see out_time() */
	bool has_media;
	bool has_clock;
	struct record_clock clock; /* the newest */
	struct record_time {
		bool seen;
		struct record_clock clock;
		uint32_t in_ms;  /* last one in */
		int64_t pos_ms;  /* behind the clock's start */
		uint32_t out_ms; /* last one out: never falling */
	} time[2];               /* sound, pictures */
	uint32_t offset_ms;      /* where this part begins in the file */
	uint32_t last_ms;        /* highest one out */
	uint64_t left_at_ms;     /* loop time */
	uint64_t bytes;
	/* before the file takes it */
	struct packet **held;
	size_t held_count, held_cap, held_bytes;
};

static const struct application_env *
env_of(const struct record *r)
{
	return application_env(instance_app(r->set->inst));
}

static void
tell_script(struct record *r, enum script_event ev)
{
	struct script_args args = {
		.client = r->client[0] != '\0' ? r->client : NULL,
		.name = r->stream,
		.text = r->name,
	};

	instance_event(r->set->inst, ev, &args);
}

static void
drop_held(struct record *r)
{
	for (size_t i = 0; i < r->held_count; i++)
		packet_unref(r->held[i]);
	free(r->held);
	r->held = NULL;
	r->held_count = r->held_cap = r->held_bytes = 0;
}

static void
record_free(void *obj)
{
	struct record *r = obj;

	/* the set and the instance may be gone by now */
	loop_cancel(r->loop, LOOP_WORK, &r->again);
	timer_free(r->away);
	drop_held(r);
	free(r->name);
	free(r->stream);
	free(r->client);
	free(r);
}

static void
unlink_record(struct record *r)
{
	struct record **p = &r->set->records;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	fcs_ignore(idmap_del(r->set->ids, r->id) != NULL);
}

static void begin_waiting(struct record_set *, const char *name);

/* It is over: tell, forget, let the next one of that name begin. */
static void
finish(struct record *r)
{
	struct record_set *set = r->set;
	const struct record_ops *ops = r->ops;

	live_detach(&r->sink);
	unlink_record(r);
	if (r->is_announced)
		tell_script(r, SCRIPT_RECORD_END);
	log_info("record.end",
	    "inst=%s stream=%s bytes=%llu duration_ms=%u "
	    "result=%s",
	    instance_full_name(set->inst), r->name,
	    (unsigned long long)r->bytes, r->last_ms, err_name(r->result));
	if (ops != NULL && r->is_announced && ops->stopped != NULL)
		ops->stopped(r->arg, r->result, r->why);
	else if (ops != NULL && !r->is_announced && ops->started != NULL)
		ops->started(r->arg, r->result, r->why);
	begin_waiting(set, r->name);
	loop_cancel(r->loop, LOOP_WORK, &r->again);
	timer_stop(r->away);
	loop_defer_free(r->loop, record_free, r);
	if (set->records == NULL && set->stopped != NULL) {
		void (*done)(void *) = set->stopped;

		set->stopped = NULL;
		done(set->stopped_arg);
	}
}

/* Stop taking media and close the file; finish() comes with its callback. */
static void
stop(struct record *r, int result, const char *why)
{
	if (r->state == RECORD_CLOSES)
		return;
	if (r->result == FCS_OK && result != FCS_OK) {
		r->result = result;
		snprintf(r->why, sizeof(r->why), "%s", why);
	}
	live_detach(&r->sink);
	timer_stop(r->away);
	r->state = RECORD_CLOSES;
	if (r->writer != NULL)
		media_writer_close(r->writer);
	else
		finish(r);
}

/* --- time --- */

/*
 * The time in the file. Differences are signed 32-bit ones, so that a clock may
 * turn over (49 days) or start below 0. A publisher whose clock falls back by
 * more than FALL_MS has a new clock: the file goes on where it was. The second
 * kind of media to fall joins the new clock of the first, so that both keep
 * their distance.
 */
static uint32_t
out_time(struct record *r, const struct packet *p)
{
	struct record_time *t;
	int64_t out;
	int32_t step;

	if (p->type != MESSAGE_AUDIO && p->type != MESSAGE_VIDEO) {
		if (!r->has_clock)
			return r->offset_ms;
		step = (int32_t)(p->ts_ms - r->clock.in_ms);
		return r->clock.out_ms + (step > 0 ? (uint32_t)step : 0);
	}
	if (!r->has_clock) {
		r->has_clock = true;
		r->clock.in_ms = p->ts_ms;
		r->clock.out_ms = r->offset_ms;
		r->clock.number++;
	}
	t = &r->time[p->type == MESSAGE_VIDEO];
	step = (int32_t)(p->ts_ms - t->in_ms);
	if (t->seen && step < -FALL_MS && t->clock.number == r->clock.number) {
		r->clock.in_ms = p->ts_ms;
		r->clock.out_ms = r->last_ms;
		r->clock.number++;
	}
	if (!t->seen || (step < -FALL_MS)) {
		t->seen = true;
		t->clock = r->clock;
		t->pos_ms = (int32_t)(p->ts_ms - t->clock.in_ms);
	} else {
		t->pos_ms += step;
	}
	t->in_ms = p->ts_ms;
	out = t->clock.out_ms + t->pos_ms;
	if (out < t->out_ms)
		out = t->out_ms;
	if (out < r->offset_ms)
		out = r->offset_ms;
	t->out_ms = (uint32_t)out;
	if (t->out_ms > r->last_ms)
		r->last_ms = t->out_ms;
	return t->out_ms;
}

/* --- media --- */

static bool
is_metadata(const struct packet *p)
{
	static const uint8_t name[] = { 0x02, 0x00, 0x0A, 'o', 'n', 'M', 'e',
		't', 'a', 'D', 'a', 't', 'a' };

	return p->type == MESSAGE_DATA && p->payload->len > sizeof(name) &&
	       memcmp(p->payload->data, name, sizeof(name)) == 0;
}

static void
write_packet(struct record *r, struct packet *p)
{
	const struct config_app *cfg = env_of(r)->settings;
	int64_t max;
	int rc;

	if (is_metadata(p)) {
		media_writer_metadata(
		    r->writer, p->payload->data, p->payload->len);
		if (!r->has_media && r->mode != RECORD_APPEND &&
		    r->mode != RECORD_APPEND_GAP)
			return; /* it goes into the head of the file */
	}
	if (p->type == MESSAGE_AUDIO || p->type == MESSAGE_VIDEO)
		r->has_media = true;
	rc =
	    media_writer_append(r->writer, p->type, out_time(r, p), p->payload);
	if (rc == FCS_ECLOSED)
		return; /* its failure is being reported */
	if (rc != FCS_OK) {
		stop(r, rc,
		    rc == FCS_ELIMIT ? "the disk does not keep up"
				     : err_text(rc));
		return;
	}
	r->bytes += p->payload->len;
	max = config_app_int(cfg, APP_RECORD_MAX_SIZE);
	if (max > 0 && r->bytes >= (uint64_t)max)
		stop(r, FCS_OK, "");
	max = config_app_int(cfg, APP_RECORD_MAX_DURATION);
	if (max > 0 && r->last_ms - r->offset_ms >= (uint64_t)max)
		stop(r, FCS_OK, "");
}

static void
hold(struct record *r, struct packet *p)
{
	if (r->held_count == r->held_cap) {
		size_t cap = r->held_cap == 0 ? 64 : r->held_cap * 2;
		struct packet **held = realloc(r->held, cap * sizeof(*held));

		if (held == NULL) {
			stop(r, FCS_ENOMEM, err_text(FCS_ENOMEM));
			return;
		}
		r->held = held;
		r->held_cap = cap;
	}
	if (r->held_bytes + p->payload->len > HELD_BYTES_MAX) {
		stop(r, FCS_ELIMIT, "the file takes too long to open");
		return;
	}
	r->held_bytes += p->payload->len;
	r->held[r->held_count++] = packet_ref(p);
}

static void
on_packet(void *arg, struct packet *p, bool flush)
{
	struct record *r = arg;

	(void)flush;
	if (r->state == RECORD_RUNS)
		write_packet(r, p);
	else if (r->state == RECORD_WAITS || r->state == RECORD_OPENS)
		hold(r, p);
}

/* From now on the writer takes packets. */
static void
run(struct record *r)
{
	struct packet **held = r->held;
	size_t count = r->held_count;

	r->state = RECORD_RUNS;
	r->held = NULL;
	r->held_count = r->held_cap = r->held_bytes = 0;
	for (size_t i = 0; i < count; i++) {
		if (r->state == RECORD_RUNS)
			write_packet(r, held[i]);
		packet_unref(held[i]);
	}
	free(held);
	if (r->state == RECORD_RUNS && r->is_over)
		stop(r, FCS_OK, "");
}

/* --- the publisher comes and goes --- */

static void
on_end(void *arg)
{
	struct record *r = arg;
	int64_t window =
	    config_app_int(env_of(r)->settings, APP_RECORD_RECONNECT);

	if (r->state == RECORD_WAITS || r->state == RECORD_OPENS) {
		/* what it sent is still to be written: run() ends it */
		r->is_over = true;
		live_detach(&r->sink);
		return;
	}
	if (window <= 0 || r->state != RECORD_RUNS) {
		stop(r, FCS_OK, "");
		return;
	}
	r->state = RECORD_AWAY;
	r->left_at_ms = loop_now_ms(r->loop);
	timer_set(r->away, (uint32_t)window);
}

static void
on_begin(void *arg)
{
	struct record *r = arg;

	if (r->state != RECORD_AWAY)
		return;
	timer_stop(r->away);
	r->state = RECORD_RUNS;
	r->has_clock = false;
	r->time[0].seen = r->time[1].seen = false;
	r->offset_ms =
	    r->last_ms + (uint32_t)(loop_now_ms(r->loop) - r->left_at_ms);
}

static void
away_too_long(void *arg)
{
	stop(arg, FCS_OK, "");
}

static const struct live_sink_ops sink_ops = {
	.packet = on_packet,
	.begin = on_begin,
	.end = on_end,
};

/* --- the file --- */

static void
announce(struct record *r)
{
	r->is_announced = true;
	log_info("record.start", "inst=%s stream=%s append_ms=%u",
	    instance_full_name(r->set->inst), r->name, r->offset_ms);
	tell_script(r, SCRIPT_RECORD);
	if (r->ops != NULL && r->ops->started != NULL)
		r->ops->started(r->arg, FCS_OK, "");
}

static void
on_opened(void *arg, int result, const struct err *why, bool existed,
    uint32_t last_ts_ms, int64_t idle_ms)
{
	struct record *r = arg;

	if (result != FCS_OK) {
		stop(r, result, why->text);
		return;
	}
	if (existed) {
		r->offset_ms = last_ts_ms + APPEND_STEP_MS;
		if (r->mode == RECORD_APPEND_GAP && idle_ms > 0)
			r->offset_ms = last_ts_ms + (uint32_t)idle_ms;
		r->last_ms = r->offset_ms;
	}
	if (r->state == RECORD_CLOSES)
		return;
	announce(r);
	if (r->state == RECORD_OPENS)
		run(r);
}

static void
on_failed(void *arg, int result, const struct err *why)
{
	stop(arg, result, why->text);
}

static void
on_closed(void *arg, int result, const struct err *why)
{
	struct record *r = arg;

	r->writer = NULL;
	if (r->result == FCS_OK && result != FCS_OK) {
		r->result = result;
		snprintf(r->why, sizeof(r->why), "%s", why->text);
	}
	r->state = RECORD_CLOSES;
	finish(r);
}

static const struct media_writer_ops writer_ops = {
	.opened = on_opened,
	.failed = on_failed,
	.closed = on_closed,
};

static int
open_file(struct record *r)
{
	static const enum media_mode modes[] = { MEDIA_NEW, MEDIA_APPEND,
		MEDIA_APPEND, MEDIA_KEEP };
	struct err why;
	int rc;

	rc = media_writer_open(env_of(r)->media, instance_name(r->set->inst),
	    r->name, modes[r->mode], &writer_ops, r, &r->writer, &why);
	if (rc != FCS_OK) {
		snprintf(r->why, sizeof(r->why), "%s", why.text);
		return rc;
	}
	r->state = RECORD_OPENS;
	return FCS_OK;
}

/* One of that name is closed now: the next may begin. */
static void
begin_waiting(struct record_set *set, const char *name)
{
	struct record *first = NULL;
	int rc;

	for (struct record *r = set->records; r != NULL; r = r->next) {
		if (strcmp(r->name, name) != 0)
			continue;
		if (r->state != RECORD_WAITS)
			return; /* still there */
		first = r;      /* the list has the newest in front */
	}
	if (first == NULL)
		return;
	rc = open_file(first);
	if (rc != FCS_OK)
		stop(first, rc, first->why);
}

/* --- outside --- */

static struct record *
find_named(struct record_set *set, const char *name)
{
	for (struct record *r = set->records; r != NULL; r = r->next)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

static void
announce_again(void *arg)
{
	struct record *r = arg;

	if (r->ops != NULL && r->ops->started != NULL)
		r->ops->started(r->arg, FCS_OK, "");
}

static struct record *
record_new(
    struct record_set *set, struct live *lv, const char *name, int *result)
{
	const struct live_publisher *pub = live_publisher(lv);
	struct record *r = calloc(1, sizeof(*r));

	*result = FCS_ENOMEM;
	if (r == NULL)
		return NULL;
	r->set = set;
	r->loop = instance_loop(set->inst);
	r->name = strdup(name);
	r->stream = strdup(live_name(lv));
	r->client = strdup(pub == NULL ? "" : pub->client);
	r->away = timer_new(instance_loop(set->inst), away_too_long, r);
	r->again.fn = announce_again;
	r->again.arg = r;
	r->sink.ops = &sink_ops;
	r->sink.arg = r;
	if (r->name == NULL || r->stream == NULL || r->client == NULL ||
	    r->away == NULL) {
		record_free(r);
		return NULL;
	}
	*result = idmap_add(set->ids, r, &r->id);
	if (*result != FCS_OK) {
		record_free(r);
		return NULL;
	}
	r->next = set->records;
	set->records = r;
	return r;
}

uint64_t
record_start(struct live *lv, const char *name, enum record_mode mode,
    const struct record_ops *ops, void *arg, int *result)
{
	struct instance *inst = live_instance(lv);
	struct record_set *set = instance_module(inst, MODULE_RECORD);
	char plain[NAME_STREAM_MAX + 1];
	struct record *old;
	struct record *r;

	*result = FCS_OK;
	if (application_env(instance_app(inst))->media == NULL || set == NULL) {
		*result = FCS_EUNSUPPORTED;
		return 0;
	}
	*result = media_name(name, plain);
	if (*result != FCS_OK)
		return 0;
	old = find_named(set, plain);
	if (old != NULL && old->state == RECORD_RUNS && old->ops == NULL &&
	    old->sink.live == lv) {
		/* back within the reconnect window */
		old->ops = ops;
		old->arg = arg;
		loop_at_end(instance_loop(inst), LOOP_WORK, &old->again);
		return old->id;
	}
	if (old != NULL && old->state != RECORD_CLOSES && !old->is_over) {
		*result = FCS_EEXIST;
		return 0;
	}
	r = record_new(set, lv, plain, result);
	if (r == NULL)
		return 0;
	r->mode = mode;
	r->ops = ops;
	r->arg = arg;
	r->state = RECORD_WAITS;
	if (old == NULL) {
		*result = open_file(r);
		if (*result != FCS_OK) {
			unlink_record(r);
			record_free(r);
			return 0;
		}
	}
	live_attach(lv, &r->sink, true);
	return r->id;
}

void
record_stop(struct instance *inst, uint64_t id)
{
	struct record_set *set = instance_module(inst, MODULE_RECORD);
	struct record *r = set == NULL ? NULL : idmap_get(set->ids, id);

	if (r != NULL)
		stop(r, FCS_OK, "");
}

void
record_forget(struct instance *inst, uint64_t id)
{
	struct record_set *set = instance_module(inst, MODULE_RECORD);
	struct record *r = set == NULL ? NULL : idmap_get(set->ids, id);

	if (r != NULL)
		r->ops = NULL;
}

bool
record_is_growing(struct instance *inst, const char *name)
{
	struct media *media = application_env(instance_app(inst))->media;

	return media != NULL &&
	       media_is_growing(media, instance_name(inst), name);
}

static void *
module_open(struct instance *inst)
{
	struct record_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->inst = inst;
	set->ids = idmap_new(0);
	if (set->ids == NULL) {
		free(set);
		return NULL;
	}
	return set;
}

static void
module_client_gone(void *state, struct client *client)
{
	/* a recording ends with its stream */
	(void)state;
	(void)client;
}

static void
module_stop(void *state, void (*done)(void *arg), void *arg)
{
	struct record_set *set = state;
	struct record *next;

	for (struct record *r = set->records; r != NULL; r = next) {
		next = r->next;
		stop(r, FCS_OK, "");
	}
	if (set->records == NULL) {
		done(arg);
		return;
	}
	set->stopped = done;
	set->stopped_arg = arg;
}

static void
module_close(void *state)
{
	struct record_set *set = state;

	playback_length_orphan(set);
	while (set->records != NULL) {
		struct record *r = set->records;

		live_detach(&r->sink);
		if (r->writer != NULL)
			media_writer_forget(r->writer);
		unlink_record(r);
		record_free(r);
	}
	idmap_free(set->ids);
	free(set);
}

const struct application_module record_module = {
	.open = module_open,
	.client_gone = module_client_gone,
	.stop = module_stop,
	.close = module_close,
};
