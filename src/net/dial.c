/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dial - see dial.h. An address that does not answer may use up its share of
 * the time that is left, not all of it: the next one may be well.
 */
#include "net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/lookup.h"
#include "net/timer.h"

struct dial {
	struct loop *loop;
	dial_fn fn;
	void *arg;
	struct lookup *lookup;
	struct loop_watch *watch;
	struct timer *timer;
	uint64_t deadline_ms;
	int fd;
	unsigned next, count;
	struct lookup_addr addrs[LOOKUP_ADDRS_MAX];
	struct err why; /* of the last address */
	bool is_over;
};

static void try_next(struct dial *);

static void
hang_up(struct dial *d)
{
	if (d->watch != NULL)
		loop_watch_free(d->watch);
	d->watch = NULL;
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
}

static void
over(struct dial *d, int fd)
{
	if (d->is_over) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	d->is_over = true;
	timer_stop(d->timer);
	d->fn(d->arg, fd, &d->why);
}

static void
on_writable(void *arg, int ready)
{
	struct dial *d = arg;
	socklen_t len = sizeof(int);
	int code = 0, fd = d->fd;

	(void)ready;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		code = errno;
	if (code != 0) {
		(void)err_set(&d->why, FCS_EIO, "%s", strerror(code));
		hang_up(d);
		try_next(d);
		return;
	}
	loop_watch_free(d->watch);
	d->watch = NULL;
	d->fd = -1;
	over(d, fd);
}

/* FCS_OK: under way. */
static int
try_address(struct dial *d, const struct lookup_addr *a)
{
	int one = 1;

	d->fd = socket(a->sa.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (d->fd < 0)
		return err_sys(&d->why, errno, "socket");
	(void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(d->fd, (const struct sockaddr *)&a->sa, a->len) < 0 &&
	    errno != EINPROGRESS) {
		(void)err_set(&d->why, FCS_EIO, "%s", strerror(errno));
		hang_up(d);
		return FCS_EIO;
	}
	/* one that is connected already is writable: same way */
	d->watch = loop_watch_new(d->loop, d->fd, LOOP_WRITE, on_writable, d);
	if (d->watch == NULL) {
		hang_up(d);
		return err_set(&d->why, FCS_ENOMEM, "out of memory");
	}
	return FCS_OK;
}

static void
try_next(struct dial *d)
{
	uint64_t now = loop_now_ms(d->loop), left;

	while (d->next < d->count) {
		if (try_address(d, &d->addrs[d->next++]) != FCS_OK)
			continue;
		left = d->deadline_ms > now ? d->deadline_ms - now : 0;
		timer_set(
		    d->timer, (uint32_t)(left / (d->count - d->next + 1)));
		return;
	}
	over(d, -1);
}

static void
on_timer(void *arg)
{
	struct dial *d = arg;

	hang_up(d);
	lookup_free(d->lookup);
	if (d->lookup != NULL)
		(void)err_set(&d->why, FCS_ETIMEOUT,
		    "no answer in time from "
		    "the name service");
	else
		(void)err_set(&d->why, FCS_ETIMEOUT, "no answer in time");
	d->lookup = NULL;
	try_next(d);
}

static void
on_found(
    void *arg, const struct lookup_addr *addrs, unsigned count, const char *why)
{
	struct dial *d = arg;

	lookup_free(d->lookup);
	d->lookup = NULL;
	if (count == 0) {
		(void)err_set(&d->why, FCS_ENOENT, "%s", why);
		over(d, -1);
		return;
	}
	memcpy(d->addrs, addrs, count * sizeof(*addrs));
	d->count = count;
	try_next(d);
}

struct dial *
dial_new(struct loop *loop, const char *host, uint16_t port, uint32_t ms,
    dial_fn fn, void *arg)
{
	struct dial *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->loop = loop;
	d->fn = fn;
	d->arg = arg;
	d->fd = -1;
	d->deadline_ms = loop_now_ms(loop) + ms;
	d->timer = timer_new(loop, on_timer, d);
	d->lookup = lookup_new(loop, host, port, on_found, d);
	if (d->timer == NULL || d->lookup == NULL) {
		lookup_free(d->lookup);
		timer_free(d->timer);
		free(d);
		return NULL;
	}
	timer_set(d->timer, ms);
	return d;
}

void
dial_free(struct dial *d)
{
	if (d == NULL)
		return;
	d->is_over = true;
	hang_up(d);
	lookup_free(d->lookup);
	timer_free(d->timer);
	loop_defer_free(d->loop, free, d);
}
