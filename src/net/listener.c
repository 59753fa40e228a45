/* SPDX-License-Identifier: BSD-2-Clause */
/* listener - see listener.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/timer.h"

#define ACCEPTS_PER_TURN 64
#define BACKLOG          1024

struct listener {
	struct loop *loop;
	struct loop_watch *watch;
	struct timer *resume;
	const struct listener_ops *ops;
	void *arg;
	int fd;
	int reserve; /* given up when there is no other descriptor */
	bool paused; /* by the owner */
	bool *freed; /* set when freed within the accept loop */
	uint32_t rate;
	uint32_t in_window;
	uint64_t window_ms;
	struct listener_counts counts;
};

/* ---- binding ---- */

/* "host:port", "[v6]:port", ":port" into its two halves. */
static int
split(const char *where, char *host, size_t host_size, const char **port)
{
	const char *colon = strrchr(where, ':'), *from = where, *to;

	if (colon == NULL || colon[1] == '\0')
		return FCS_EINVAL;
	to = colon;
	if (*from == '[') {
		if (to == from + 1 || to[-1] != ']')
			return FCS_EINVAL;
		from++;
		to--;
	}
	if ((size_t)(to - from) >= host_size)
		return FCS_EINVAL;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	*port = colon + 1;
	return FCS_OK;
}

static int
bind_error(const char *where, const char *port, int errnum, struct err *why)
{
	switch (errnum) {
	case EADDRINUSE:
		return err_set(why, FCS_EBUSY,
		    "%s is in use: stop what holds it "
		    "(ss -ltnp sport = :%s) or listen elsewhere",
		    where, port);
	case EACCES:
		return err_set(why, FCS_EACCES,
		    "%s: ports below 1024 need root or CAP_NET_BIND_SERVICE",
		    where);
	case EADDRNOTAVAIL:
		return err_set(why, FCS_EINVAL,
		    "%s: this machine has no such address", where);
	default:
		return err_set(
		    why, FCS_ESYS, "%s: %s", where, strerror(errnum));
	}
}

static int
bind_one(const struct addrinfo *ai, int *fd)
{
	int s, one = 1, zero = 0, saved;

	s = socket(
	    ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return errno;
	if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    (ai->ai_family != AF_INET6 ||
		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) ==
		    0) &&
	    bind(s, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(s, BACKLOG) == 0) {
		*fd = s;
		return 0;
	}
	saved = errno;
	(void)close(s);
	return saved;
}

int
listener_bind(const char *where, int *fd, struct err *why)
{
	struct addrinfo hints, *list = NULL;
	char host[256];
	const char *port, *any;
	int rc;

	if (split(where, host, sizeof(host), &port) != FCS_OK)
		return err_set(why, FCS_EINVAL, "%s: want addr:port", where);
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
	any = host[0] == '\0' || strcmp(host, "*") == 0 ? "::" : host;
	rc = getaddrinfo(any, port, &hints, &list);
	if (rc != 0)
		return err_set(
		    why, FCS_EINVAL, "%s: %s", where, gai_strerror(rc));
	rc = bind_one(list, fd);
	freeaddrinfo(list);
	if (any != host && (rc == EAFNOSUPPORT || rc == EADDRNOTAVAIL)) {
		/* a machine without IPv6 */
		if (getaddrinfo("0.0.0.0", port, &hints, &list) != 0)
			return err_set(
			    why, FCS_EINVAL, "%s: no address", where);
		rc = bind_one(list, fd);
		freeaddrinfo(list);
	}
	return rc == 0 ? FCS_OK : bind_error(where, port, rc, why);
}

static void
peer_of(const struct sockaddr_storage *ss, struct listener_peer *out)
{
	const struct sockaddr_in6 *v6 = (const void *)ss;
	const struct sockaddr_in *v4 = (const void *)ss;

	memset(out, 0, sizeof(*out));
	if (ss->ss_family == AF_INET) {
		(void)inet_ntop(
		    AF_INET, &v4->sin_addr, out->ip, sizeof(out->ip));
		out->port = ntohs(v4->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
			(void)inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12],
			    out->ip, sizeof(out->ip));
		else
			(void)inet_ntop(
			    AF_INET6, &v6->sin6_addr, out->ip, sizeof(out->ip));
		out->port = ntohs(v6->sin6_port);
	}
}

const char *
listener_name(int fd, char out[LISTENER_ADDR_MAX])
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct listener_peer p;

	memset(&ss, 0, sizeof(ss));
	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		memset(&ss, 0, sizeof(ss));
	peer_of(&ss, &p);
	(void)snprintf(out, LISTENER_ADDR_MAX,
	    strchr(p.ip, ':') != NULL ? "[%s]:%u" : "%s:%u", p.ip,
	    (unsigned)p.port);
	return out;
}

/* ---- accepting ---- */

static void
rest(struct listener *l, uint32_t ms)
{
	loop_watch_set(l->watch, 0);
	timer_set(l->resume, ms);
}

static void
on_resume(void *arg)
{
	struct listener *l = arg;

	if (l->reserve < 0)
		l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!l->paused)
		loop_watch_set(l->watch, LOOP_READ);
}

static void
starved(struct listener *l, int errnum)
{
	int s;

	l->counts.starved++;
	if (l->reserve >= 0 && (errnum == EMFILE || errnum == ENFILE)) {
		(void)close(l->reserve);
		s = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (s >= 0)
			(void)close(s);
		l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	rest(l, LISTENER_PAUSE_MS);
	if (l->ops->starved != NULL)
		l->ops->starved(l->arg, strerror(errnum));
}

static bool
over_rate(struct listener *l)
{
	uint64_t now = loop_now_ms(l->loop);

	if (l->rate == 0)
		return false;
	if (now - l->window_ms >= 1000) {
		l->window_ms = now;
		l->in_window = 0;
	}
	if (l->in_window++ < l->rate)
		return false;
	l->counts.rate_paused++;
	rest(l, (uint32_t)(1000 - (now - l->window_ms)));
	return true;
}

static void
on_ready(void *arg, int ready)
{
	struct listener *l = arg;
	struct sockaddr_storage ss;
	struct listener_peer peer;
	socklen_t len;
	bool freed = false;
	int i, s, one = 1;

	(void)ready;
	l->freed = &freed;
	for (i = 0; i < ACCEPTS_PER_TURN; i++) {
		if (over_rate(l))
			break;
		len = sizeof(ss);
		s = accept4(l->fd, (struct sockaddr *)&ss, &len,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (s < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (s < 0 && errno != EAGAIN) {
			starved(l, errno);
			if (freed)
				return;
		}
		if (s < 0)
			break;
		(void)setsockopt(
		    s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		l->counts.accepted++;
		peer_of(&ss, &peer);
		l->ops->accepted(l->arg, s, &peer);
		if (freed)
			return;
		if (l->paused)
			break;
	}
	l->freed = NULL;
}

struct listener *
listener_new(struct loop *loop, int fd, uint32_t rate,
    const struct listener_ops *ops, void *arg)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->loop = loop;
	l->fd = fd;
	l->rate = rate;
	l->ops = ops;
	l->arg = arg;
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	l->watch = loop_watch_new(loop, fd, LOOP_READ, on_ready, l);
	l->resume = timer_new(loop, on_resume, l);
	if (l->watch == NULL || l->resume == NULL) {
		listener_free(l);
		return NULL;
	}
	return l;
}

void
listener_pause(struct listener *l, bool pause)
{
	if (l->paused == pause)
		return;
	l->paused = pause;
	if (pause) {
		timer_stop(l->resume);
		loop_watch_set(l->watch, 0);
	} else {
		on_resume(l);
	}
}

void
listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	if (l->freed != NULL)
		*l->freed = true;
	loop_watch_free(l->watch);
	timer_free(l->resume);
	if (l->reserve >= 0)
		(void)close(l->reserve);
	free(l);
}

void
listener_counts(const struct listener *l, struct listener_counts *out)
{
	*out = l->counts;
}
