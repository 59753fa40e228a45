/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dial, lookup - names and connections that never make the loop wait. The
 * resolver is our own here: it knows some names, and one that takes as long as
 * the test likes.
 */
#include "net/dial.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/lookup.h"
#include "net/timer.h"
#include "tests/lib/unit.h"

#define MANY 40

static struct loop *loop;
static int answers, last_fd;
static struct err last;
static struct dial *dial;

/* ---- the resolver ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_open;
static int asked, asking, most;

static struct addrinfo *
entry(const char *ip, const char *port, struct addrinfo *next)
{
	struct addrinfo *a = calloc(1, sizeof(*a));
	struct sockaddr_in *sa = calloc(1, sizeof(*sa));

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(sa);
	sa->sin_family = AF_INET;
	sa->sin_port = htons((uint16_t)atoi(port));
	ck_assert_int_eq(inet_pton(AF_INET, ip, &sa->sin_addr), 1);
	a->ai_family = AF_INET;
	a->ai_addr = (struct sockaddr *)sa;
	a->ai_addrlen = sizeof(*sa);
	a->ai_next = next;
	return a;
}

int
getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
    struct addrinfo **out)
{
	int i;

	(void)hints;
	pthread_mutex_lock(&lock);
	asked++;
	if (++asking > most)
		most = asking;
	pthread_cond_broadcast(&changed);
	while (strcmp(host, "slow.example") == 0 && !is_open)
		pthread_cond_wait(&changed, &lock);
	asking--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	*out = NULL;
	if (strcmp(host, "gone.example") == 0)
		return EAI_NONAME;
	if (strcmp(host, "many.example") == 0) {
		for (i = 0; i < MANY; i++)
			*out = entry("127.0.0.1", port, *out);
	} else if (strcmp(host, "two.example") == 0) {
		*out = entry("127.0.0.2", "1", entry("127.0.0.1", port, NULL));
	} else if (strcmp(host, "none.example") != 0) {
		*out = entry("127.0.0.1", port, NULL);
	}
	return 0;
}

void
freeaddrinfo(struct addrinfo *a)
{
	struct addrinfo *next;

	for (; a != NULL; a = next) {
		next = a->ai_next;
		free(a->ai_addr);
		free(a);
	}
}

static void
open_resolver(void)
{
	pthread_mutex_lock(&lock);
	is_open = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Until no thread is in the resolver any more. */
static void
wait_idle(void)
{
	pthread_mutex_lock(&lock);
	while (asking > 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void
wait_asked(int n)
{
	int now;

	do {
		loop_turn(loop, 5);
		pthread_mutex_lock(&lock);
		now = asked;
		pthread_mutex_unlock(&lock);
	} while (now < n);
}

/* ---- dialling ---- */

static void
on_dialled(void *arg, int fd, const struct err *why)
{
	ck_assert_ptr_eq(arg, &answers);
	answers++;
	last_fd = fd;
	if (fd < 0)
		last = *why;
	dial_free(dial); /* from its own callback */
	dial = NULL;
}

static int
listen_on(uint16_t *port, int backlog)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

static void
start(const char *host, uint16_t port, uint32_t ms)
{
	if (loop == NULL)
		loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	answers = 0;
	last_fd = -1;
	dial = dial_new(loop, host, port, ms, on_dialled, &answers);
	ck_assert_ptr_nonnull(dial);
	ck_assert_int_eq(answers, 0);
}

static void
finish(void)
{
	while (answers == 0)
		loop_turn(loop, 100);
	ck_assert_int_eq(answers, 1);
	loop_turn(loop, 0);
}

static void
end(void)
{
	wait_idle();
	loop_free(loop);
}

UNIT(a_name_becomes_a_connection)
{
	uint16_t port;
	int fd = listen_on(&port, 8), peer;

	start("host.example", port, 5000);
	finish();
	ck_assert_int_ge(last_fd, 0);
	peer = accept(fd, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	ck_assert_int_eq(write(last_fd, "x", 1), 1);
	(void)close(peer);
	(void)close(last_fd);
	(void)close(fd);
	end();
}

UNIT(the_next_address_is_tried_after_one_that_refuses)
{
	uint16_t port;
	int fd = listen_on(&port, 8);

	start("two.example", port, 5000);
	finish();
	ck_assert_int_ge(last_fd, 0);
	(void)close(last_fd);
	(void)close(fd);
	end();
}

UNIT(refused_and_unknown_say_so)
{
	uint16_t port;
	int fd = listen_on(&port, 8);

	(void)close(fd);
	start("host.example", port, 5000);
	finish();
	ck_assert_int_eq(last.code, FCS_EIO);
	ck_assert_ptr_nonnull(strstr(last.text, "refused"));
	start("gone.example", port, 5000);
	finish();
	ck_assert_int_eq(last.code, FCS_ENOENT);
	start("none.example", port, 5000);
	finish();
	ck_assert_int_eq(last.code, FCS_ENOENT);
	ck_assert_str_eq(last.text, "no address");
	end();
}

/* More addresses than are kept; all of them refuse. */
UNIT(many_addresses_of_a_name_are_cut)
{
	uint16_t port;
	int fd = listen_on(&port, 8);

	(void)close(fd);
	start("many.example", port, 5000);
	finish();
	ck_assert_int_eq(last.code, FCS_EIO);
	end();
}

UNIT(a_server_that_does_not_answer_is_given_up_in_time)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t port;
	int fd = listen_on(&port, 0), s[8], i;

	sa.sin_port = htons(port);
	for (i = 0; i < 8; i++) { /* its queue is full */
		s[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(s[i], (struct sockaddr *)&sa, sizeof(sa));
	}
	start("host.example", port, 100);
	finish();
	ck_assert_int_eq(last_fd, -1);
	ck_assert_int_eq(last.code, FCS_ETIMEOUT);
	for (i = 0; i < 8; i++)
		(void)close(s[i]);
	(void)close(fd);
	end();
}

static int ticks;
static struct timer *ticker;

static void
on_tick(void *arg)
{
	(void)arg;
	ticks++;
	timer_set(ticker, 1);
}

UNIT(a_slow_name_service_stops_nothing)
{
	uint16_t port;
	int fd = listen_on(&port, 8);

	loop = loop_new();
	ticker = timer_new(loop, on_tick, NULL);
	timer_set(ticker, 1);
	start("slow.example", port, 60000);
	wait_asked(1);
	for (ticks = 0; ticks < 20;)
		loop_turn(loop, 100);
	ck_assert_int_eq(answers, 0);
	open_resolver();
	finish();
	ck_assert_int_ge(last_fd, 0);
	timer_free(ticker);
	(void)close(last_fd);
	(void)close(fd);
	end();
}

UNIT(a_name_service_that_never_answers_is_given_up_in_time)
{
	start("slow.example", 1, 50);
	finish();
	ck_assert_int_eq(last.code, FCS_ETIMEOUT);
	ck_assert_ptr_nonnull(strstr(last.text, "name service"));
	open_resolver();
	end();
}

UNIT(one_that_is_freed_is_not_called_back)
{
	uint16_t port;
	int fd = listen_on(&port, 8);

	start("slow.example", port, 60000);
	wait_asked(1);
	dial_free(dial);
	open_resolver();
	wait_idle();
	loop_turn(loop, 20);
	start("host.example", port, 60000);
	wait_asked(2);
	dial_free(dial); /* looked up, or connecting */
	loop_turn(loop, 20);
	ck_assert_int_eq(answers, 0);
	dial_free(NULL);
	(void)close(fd);
	end();
}

static int found;

static void
on_found(
    void *arg, const struct lookup_addr *addrs, unsigned count, const char *why)
{
	(void)arg;
	(void)addrs;
	(void)why;
	ck_assert_uint_eq(count, 1);
	found++;
}

UNIT(as_many_names_as_one_likes_by_a_few_threads)
{
	struct lookup *l[MANY];
	int i;

	loop = loop_new();
	for (i = 0; i < MANY; i++) {
		l[i] = lookup_new(loop, "slow.example", 1, on_found, NULL);
		ck_assert_ptr_nonnull(l[i]);
	}
	wait_asked(LOOKUP_THREADS_MAX);
	ck_assert_int_eq(found, 0);
	open_resolver();
	while (found < MANY)
		loop_turn(loop, 100);
	ck_assert_int_le(most, LOOKUP_THREADS_MAX);
	for (i = 0; i < MANY; i++)
		lookup_free(l[i]);
	loop_turn(loop, 0);
	end();
}

UNIT_MAIN
