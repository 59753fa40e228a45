/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A restart takes a copy of the state folder while all threads are at rest
 * (the files as the kernel has them: what a killed process leaves) and opens
 * everything anew from the copy, with a new loop. What stays behind of the old
 * world is never run again; the process ends with its test.
 */
#include "apptest/at_world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/name.h"
#include "base/str.h"
#include "core/peer.h"
#include "session/session.h"
#include "storage/files.h"
#include "storage/media.h"

#define STEPS_MAX 1000000
#define WAIT_MS   20 /* for a thread, then look again */
#define PATH_LEN  4096

struct room {
	struct place *place;
	struct room *next;
};

struct at_world {
	const char *const *folders;
	const char *state;
	const struct probe *probe;
	unsigned age; /* restarts */
	struct config *config;
	struct str sets; /* "app.x.key\0value\0" ... kept for a restart */
	struct loop *loop;
	struct room *rooms;
	struct peer_locator locator;
	uint32_t last_peer;
};

static void
state_of(const struct at_world *w, char out[PATH_LEN])
{
	(void)snprintf(out, PATH_LEN, "%s/%u", w->state, w->age);
}

/* Limits that count by the second: the second never ends while a test does
 * not move the clock. */
static int
configure(struct at_world *w, struct err *why)
{
	char state[PATH_LEN];
	const char *p = str_text(&w->sets), *end = p + w->sets.len;
	const char *value;
	int rc;

	/* the one before stays: applications that are open borrow it */
	state_of(w, state);
	w->config = config_new();
	if (w->config == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	rc = config_set(w->config, "state", state, CONFIG_BY_OPTION, why);
	if (rc == FCS_OK)
		rc = config_set(w->config, "limits.commands_per_second",
		    "10000000", CONFIG_BY_OPTION, why);
	for (; rc == FCS_OK && p < end; p = value + strlen(value) + 1) {
		value = p + strlen(p) + 1;
		rc = config_set(w->config, p, value, CONFIG_BY_OPTION, why);
	}
	return rc;
}

static int
begin(struct at_world *w, struct err *why)
{
	w->rooms = NULL;
	w->loop = loop_new();
	if (w->loop == NULL)
		return err_set(why, FCS_ENOMEM, "no event loop");
	loop_hold_timers(w->loop);
	return configure(w, why);
}

/* ---- between instances ---- */

static void
on_session_ended(void *arg, const char *client_id)
{
	(void)arg;
	(void)client_id;
}

/* A socket pair, as in a worker; all applications are here. */
static void
on_locate(
    void *arg, const struct peer_where *to, uint64_t peer, peer_located_fn done)
{
	struct at_world *w = arg;
	char id[24];
	struct session_handover s = { .client_id = id,
		.ip = "127.0.0.1",
		.protocol = "local",
		.peer_name = to->from };
	struct place *p;
	struct err why;
	int fd[2], rc;

	rc = at_world_app(w, to->app, &p, &why);
	if (rc == FCS_OK &&
	    socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0)
		rc = err_sys(&why, errno, "socketpair");
	if (rc != FCS_OK) {
		done(peer, rc, -1, why.text);
		return;
	}
	(void)snprintf(id, sizeof(id), "peer%u", ++w->last_peer);
	s.fd = fd[1];
	rc = session_accept(place_app(p), &s, on_session_ended, NULL);
	if (rc == FCS_OK) {
		done(peer, FCS_OK, fd[0], "");
		return;
	}
	(void)close(fd[0]);
	done(peer, rc, -1, err_text(rc));
}

/* ---- life ---- */

int
at_world_new(const char *const *folders, const char *state,
    const struct probe *probe, struct at_world **out, struct err *why)
{
	struct at_world *w = calloc(1, sizeof(*w));
	char path[PATH_LEN];

	if (w == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	str_init(&w->sets);
	w->folders = folders;
	w->state = state;
	w->probe = probe;
	w->locator.locate = on_locate;
	w->locator.arg = w;
	state_of(w, path);
	if (mkdir(path, 0700) < 0)
		return err_sys(why, errno, "%s", path);
	*out = w;
	return begin(w, why);
}

struct loop *
at_world_loop(struct at_world *w)
{
	return w->loop;
}

int
at_world_set(struct at_world *w, const char *app, const char *key,
    const char *value, struct err *why)
{
	str_addf(&w->sets, "app.%s.%s", app, key);
	str_addc(&w->sets, '\0');
	str_add(&w->sets, value);
	str_addc(&w->sets, '\0');
	return configure(w, why);
}

static int
find_dir(const struct at_world *w, const char *app, char out[PATH_LEN])
{
	const char *const *f;
	struct stat st;

	for (f = w->folders; *f != NULL; f++) {
		(void)snprintf(out, PATH_LEN, "%s/%s", *f, app);
		if (stat(out, &st) == 0 && S_ISDIR(st.st_mode))
			return FCS_OK;
	}
	return FCS_ENOENT;
}

int
at_world_app(
    struct at_world *w, const char *app, struct place **out, struct err *why)
{
	char dir[PATH_LEN], hint[ERR_TEXT_MAX];
	struct room *r;
	int rc;

	for (r = w->rooms; r != NULL; r = r->next) {
		if (strcmp(place_name(r->place), app) == 0) {
			*out = r->place;
			return FCS_OK;
		}
	}
	if (name_check(NAME_APP, app, strlen(app), why) != FCS_OK ||
	    find_dir(w, app, dir) != FCS_OK)
		return err_set(why, FCS_ENOENT, "no application %s", app);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return err_set(why, FCS_ENOMEM, "out of memory");
	rc = place_open(w->loop, w->config, app, dir, &w->locator, w->probe,
	    &r->place, why, hint);
	if (rc != FCS_OK) {
		free(r);
		return rc;
	}
	r->next = w->rooms;
	w->rooms = r;
	*out = r->place;
	return FCS_OK;
}

/* "room/blue" => the application, and "blue". */
static int
split(const char *name, char app[PATH_LEN], const char **inst)
{
	size_t n = strcspn(name, "/");

	if (n == 0 || n >= PATH_LEN)
		return FCS_EINVAL;
	(void)snprintf(app, PATH_LEN, "%.*s", (int)n, name);
	*inst = name[n] == '/' ? name + n + 1 : NAME_DEFAULT_INSTANCE;
	return FCS_OK;
}

int
at_world_start(struct at_world *w, const char *name, struct instance **out,
    struct err *why)
{
	char app[PATH_LEN];
	const char *inst;
	struct place *p;
	int rc;

	if (split(name, app, &inst) != FCS_OK)
		return err_set(why, FCS_EINVAL, "\"%s\" is no app/inst", name);
	rc = at_world_app(w, app, &p, why);
	if (rc != FCS_OK)
		return rc;
	*out = application_instance(place_app(p), inst, true, why);
	if (*out == NULL)
		return why->code;
	instance_start(*out);
	if (instance_state(*out) == INSTANCE_NEW)
		return err_set(why, FCS_EFORMAT, "%s did not start", name);
	return FCS_OK;
}

struct instance *
at_world_instance(struct at_world *w, const char *name)
{
	char app[PATH_LEN];
	const char *inst;
	struct room *r;
	struct err why;

	if (split(name, app, &inst) != FCS_OK)
		return NULL;
	for (r = w->rooms; r != NULL; r = r->next)
		if (strcmp(place_name(r->place), app) == 0)
			return application_instance(
			    place_app(r->place), inst, false, &why);
	return NULL;
}

struct names {
	struct str text; /* each with a NUL */
};

static void
note_name(void *arg, struct instance *i)
{
	struct names *n = arg;

	str_add(&n->text, instance_full_name(i));
	str_addc(&n->text, '\0');
}

void
at_world_each(
    struct at_world *w, void (*fn)(void *arg, struct instance *), void *arg)
{
	const struct room *r;
	struct instance *i;
	struct names n;
	const char *p;

	str_init(&n.text);
	for (r = w->rooms; r != NULL; r = r->next)
		application_each(place_app(r->place), note_name, &n);
	for (p = str_text(&n.text); p < str_text(&n.text) + n.text.len;
	     p += strlen(p) + 1)
		if ((i = at_world_instance(w, p)) != NULL)
			fn(arg, i);
	str_fini(&n.text);
}

static bool
is_idle(const struct at_world *w, bool files)
{
	const struct application_env *env;
	struct media_stats stats;
	const struct room *r;

	for (r = w->rooms; r != NULL; r = r->next) {
		env = application_env(place_app(r->place));
		if (!commit_is_idle(env->commit) ||
		    !media_is_idle(env->media) || !files_is_idle(env->files))
			return false;
		if (!files)
			continue;
		media_stats(env->media, &stats);
		if (stats.queued_bytes > 0)
			return false;
	}
	return true;
}

int
at_world_settle(struct at_world *w, bool files, struct err *why)
{
	uint32_t steps = 0;

	for (;;) {
		if (loop_step(w->loop)) {
			if (++steps > STEPS_MAX)
				return err_set(why, FCS_ELIMIT,
				    "the applications do not come to rest");
			continue;
		}
		if (is_idle(w, files))
			return FCS_OK;
		loop_turn(w->loop, WAIT_MS);
	}
}

/* ---- kill -9 ---- */

static const char *copy_from;
static char copy_to[PATH_LEN];

static int
copy_file(const char *from, const char *to, off_t left)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n = in < 0 || out < 0 ? -1 : 0;

	while (n >= 0 && left > 0) {
		n = sendfile(out, in, NULL, (size_t)left);
		if (n == 0)
			break; /* it became shorter */
		left -= n;
	}
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	return n < 0 ? -1 : 0;
}

static int
copy_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char to[PATH_LEN * 2];

	(void)where;
	(void)snprintf(
	    to, sizeof(to), "%s%s", copy_to, path + strlen(copy_from));
	if (type == FTW_D)
		return mkdir(to, 0700);
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	if (copy_file(path, to, st->st_size) != 0)
		return -1;
	return utimensat(AT_FDCWD, to, times, 0);
}

int
at_world_restart(struct at_world *w, struct err *why)
{
	char from[PATH_LEN];
	int rc = at_world_settle(w, true, why);

	if (rc != FCS_OK)
		return rc;
	state_of(w, from);
	w->age++;
	state_of(w, copy_to);
	copy_from = from;
	if (nftw(from, copy_one, 16, FTW_PHYS) != 0)
		return err_sys(why, errno, "copy of the state folder");
	return begin(w, why);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

void
at_world_remove(const char *folder)
{
	(void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
