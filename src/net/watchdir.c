/* SPDX-License-Identifier: BSD-2-Clause */
/* watchdir - see watchdir.h. */
#include "net/watchdir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* What ends a change: a file closed after writing, a rename onto its name (as
 * editors do), a new or a removed one. */
#define EVENTS                                                                 \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |            \
	    IN_DELETE | IN_ONLYDIR)
#define READ_SIZE 8192

struct folder {
	struct folder *next;
	int wd;
	char path[];
};

struct watchdir {
	int fd;
	struct loop_watch *watch;
	watchdir_fn fn;
	void *arg;
	struct folder *folders;
};

static struct folder *
by_number(struct watchdir *w, int wd)
{
	struct folder *f;

	for (f = w->folders; f != NULL && f->wd != wd; f = f->next)
		;
	return f;
}

/* The folder is gone: it may come back under the same name. */
static void
forget(struct watchdir *w, const struct folder *gone)
{
	struct folder **at, *f;

	for (at = &w->folders; *at != gone; at = &(*at)->next)
		;
	f = *at;
	*at = f->next;
	free(f);
}

static void
on_event(struct watchdir *w, const struct inotify_event *ev)
{
	struct folder *f;

	if ((ev->mask & IN_Q_OVERFLOW) != 0) {
		w->fn(w->arg, "", NULL);
		return;
	}
	f = by_number(w, ev->wd);
	if (f == NULL)
		return;
	if ((ev->mask & IN_IGNORED) != 0)
		forget(w, f);
	else
		w->fn(w->arg, f->path, ev->len > 0 ? ev->name : NULL);
}

static void
on_ready(void *arg, int ready)
{
	_Alignas(struct inotify_event) char room[READ_SIZE];
	struct watchdir *w = arg;
	const struct inotify_event *ev;
	ssize_t n, i;

	(void)ready;
	while ((n = read(w->fd, room, sizeof(room))) > 0) {
		for (i = 0; i < n; i += (ssize_t)(sizeof(*ev) + ev->len)) {
			ev = (const struct inotify_event *)(room + i);
			on_event(w, ev);
		}
	}
}

struct watchdir *
watchdir_new(struct loop *l, watchdir_fn fn, void *arg, struct err *why)
{
	struct watchdir *w = calloc(1, sizeof(*w));

	(void)err_set(why, FCS_ENOMEM, "out of memory");
	if (w == NULL)
		return NULL;
	w->fn = fn;
	w->arg = arg;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0)
		(void)err_sys(why, errno, "inotify");
	else
		w->watch = loop_watch_new(l, w->fd, LOOP_READ, on_ready, w);
	if (w->watch != NULL)
		return w;
	watchdir_free(w);
	return NULL;
}

void
watchdir_free(struct watchdir *w)
{
	struct folder *f;

	if (w == NULL)
		return;
	loop_watch_free(w->watch);
	if (w->fd >= 0)
		(void)close(w->fd);
	while ((f = w->folders) != NULL) {
		w->folders = f->next;
		free(f);
	}
	free(w);
}

int
watchdir_add(struct watchdir *w, const char *dir)
{
	size_t len = strlen(dir) + 1;
	struct folder *f;
	int wd;

	wd = inotify_add_watch(w->fd, dir, EVENTS);
	if (wd < 0)
		return errno == ENOENT || errno == ENOTDIR ? FCS_ENOENT
		       : errno == ENOSPC                   ? FCS_ELIMIT
							   : FCS_ESYS;
	if (by_number(w, wd) != NULL)
		return FCS_OK;
	f = malloc(sizeof(*f) + len);
	if (f == NULL) {
		(void)inotify_rm_watch(w->fd, wd);
		return FCS_ENOMEM;
	}
	f->wd = wd;
	memcpy(f->path, dir, len);
	f->next = w->folders;
	w->folders = f;
	return FCS_OK;
}
