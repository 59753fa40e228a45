/* SPDX-License-Identifier: BSD-2-Clause */
/* listener, http - binding, accepting, running out of descriptors. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http.h"
#include "net/listener.h"
#include "tests/lib/unit.h"

static struct loop *loop;
static struct listener *listener;
static int accepted[64], accepts, starves;
static struct listener_peer last;

static void
on_accept(void *arg, int fd, const struct listener_peer *p)
{
	(void)arg;
	accepted[accepts++] = fd;
	last = *p;
}

static void
on_starved(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	starves++;
}

static const struct listener_ops ops = { on_accept, on_starved };

static int
start(const char *where, struct sockaddr_in *sa)
{
	char name[LISTENER_ADDR_MAX];
	struct err e;
	int fd = -1;

	ck_assert_int_eq(listener_bind(where, &fd, &e), FCS_OK);
	(void)listener_name(fd, name);
	memset(sa, 0, sizeof(*sa));
	sa->sin_family = AF_INET;
	sa->sin_port = htons((uint16_t)atoi(strrchr(name, ':') + 1));
	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	loop = loop_new();
	return fd;
}

static int
dial(const struct sockaddr_in *sa)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(s, 0);
	ck_assert_int_eq(connect(s, (const void *)sa, sizeof(*sa)), 0);
	return s;
}

UNIT(accepted_sockets_have_no_delay_and_the_peer_address)
{
	struct sockaddr_in sa;
	int fd = start("127.0.0.1:0", &sa), s, on = 0;
	socklen_t len = sizeof(on);

	listener = listener_new(loop, fd, 0, &ops, NULL);
	s = dial(&sa);
	while (accepts == 0)
		loop_turn(loop, 1000);
	ck_assert_str_eq(last.ip, "127.0.0.1");
	ck_assert_int_eq(
	    getsockopt(accepted[0], IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	ck_assert_int_ne(on, 0);
	(void)close(s);
	(void)close(accepted[0]);
	listener_free(listener);
	loop_free(loop);
	(void)close(fd);
}

UNIT(all_addresses_take_ipv4_and_show_it_plainly)
{
	struct sockaddr_in sa;
	int fd = start(":0", &sa), s;

	listener = listener_new(loop, fd, 0, &ops, NULL);
	s = dial(&sa);
	while (accepts == 0)
		loop_turn(loop, 1000);
	ck_assert_str_eq(last.ip, "127.0.0.1");
	(void)close(s);
	(void)close(accepted[0]);
	listener_free(listener);
	loop_free(loop);
	(void)close(fd);
}

UNIT(a_busy_port_is_said_with_the_remedy)
{
	char name[LISTENER_ADDR_MAX];
	struct sockaddr_in sa;
	struct err e;
	int fd = start("127.0.0.1:0", &sa), other = -1;

	ck_assert_int_eq(
	    listener_bind(listener_name(fd, name), &other, &e), FCS_EBUSY);
	ck_assert_ptr_nonnull(strstr(e.text, "in use"));
	ck_assert_ptr_nonnull(strstr(e.text, "ss -ltnp"));
	(void)close(fd);
	loop_free(loop);
}

UNIT(bad_addresses_are_refused)
{
	static const char *const bad[] = { "", "1935", "[::1:1935",
		"x:", "256.1.1.1:80", "127.0.0.1:http" };
	struct err e;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(listener_bind(bad[i], &fd, &e), FCS_EINVAL);
}

UNIT(out_of_descriptors_the_caller_sees_a_close_and_accepting_rests)
{
	struct sockaddr_in sa;
	int fd = start("127.0.0.1:0", &sa), s[3], i, turns;
	struct rlimit rl, old;
	char c;

	listener = listener_new(loop, fd, 0, &ops, NULL);
	for (i = 0; i < 3; i++)
		s[i] = dial(&sa);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	rl = old;
	rl.rlim_cur = (rlim_t)s[2] + 2; /* one more */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rl), 0);
	for (turns = 0; turns < 20 && starves == 0; turns++)
		loop_turn(loop, 50);
	ck_assert_int_eq(accepts, 1);
	ck_assert_int_eq(starves, 1);
	ck_assert_int_eq(read(s[1], &c, 1), 0); /* closed, not hanging */
	loop_turn(loop, 0); /* resting: no second complaint at once */
	ck_assert_int_eq(starves, 1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (turns = 0; turns < 20 && accepts < 2; turns++)
		loop_turn(loop, 100);
	ck_assert_int_eq(accepts, 2);
	for (i = 0; i < 3; i++)
		(void)close(s[i]);
	(void)close(accepted[0]);
	(void)close(accepted[1]);
	listener_free(listener);
	loop_free(loop);
	(void)close(fd);
}

UNIT(beyond_the_rate_accepting_waits_for_the_next_second)
{
	struct sockaddr_in sa;
	struct listener_counts c;
	int fd = start("127.0.0.1:0", &sa), s[5], i;

	listener = listener_new(loop, fd, 2, &ops, NULL);
	for (i = 0; i < 5; i++)
		s[i] = dial(&sa);
	loop_turn(loop, 1000);
	loop_turn(loop, 0);
	ck_assert_int_eq(accepts, 2);
	while (accepts < 4)
		loop_turn(loop, 2000);
	listener_counts(listener, &c);
	ck_assert_uint_ge(c.rate_paused, 1);
	for (i = 0; i < 5; i++)
		(void)close(s[i]);
	for (i = 0; i < accepts; i++)
		(void)close(accepted[i]);
	listener_free(listener);
	loop_free(loop);
	(void)close(fd);
}

static void
page(void *arg, const char *method, const char *path, struct http_answer *out)
{
	(void)arg;
	if (strcmp(path, "/healthz") == 0 && strcmp(method, "POST") != 0) {
		out->code = 200;
		out->body = "ok\n";
		out->len = 3;
	}
}

static const char *
ask(const struct sockaddr_in *sa, const char *request)
{
	static char answer[4096];
	int s = dial(sa), turns;
	size_t n = 0;
	ssize_t r;

	ck_assert_int_eq(write(s, request, strlen(request)), strlen(request));
	for (turns = 0; turns < 200; turns++) {
		loop_turn(loop, 10);
		r = recv(s, answer + n, sizeof(answer) - n - 1, MSG_DONTWAIT);
		if (r == 0)
			break;
		if (r > 0)
			n += (size_t)r;
	}
	answer[n] = '\0';
	(void)close(s);
	return answer;
}

UNIT(http_answers_known_and_unknown_paths)
{
	struct sockaddr_in sa;
	struct limits lim;
	struct http *h;
	int fd = start("127.0.0.1:0", &sa);
	const char *a;

	limits_init(&lim);
	h = http_new(loop, fd, &lim, page, NULL);
	ck_assert_ptr_nonnull(h);
	a = ask(&sa, "GET /healthz?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(a, "200"));
	ck_assert_ptr_nonnull(strstr(a, "\r\n\r\nok\n"));
	a = ask(&sa, "GET /nope HTTP/1.0\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(a, "404"));
	a = ask(&sa, "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(a, "200"));
	ck_assert_ptr_null(strstr(a, "\r\n\r\nok"));
	a = ask(&sa, "DELETE /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(a, "501"));
	http_free(h);
	loop_free(loop);
	(void)close(fd);
}

UNIT(http_head_beyond_the_limit_is_refused)
{
	static char big[40000];
	struct sockaddr_in sa;
	struct limits lim;
	struct http *h;
	int fd = start("127.0.0.1:0", &sa);

	limits_init(&lim);
	h = http_new(loop, fd, &lim, page, NULL);
	memset(big, 'a', sizeof(big) - 1);
	memcpy(big, "GET / HTTP/1.1\r\nX: ", 19);
	memcpy(big + sizeof(big) - 5, "\r\n\r\n", 5);
	ck_assert_ptr_null(strstr(ask(&sa, big), "200"));
	http_free(h);
	loop_free(loop);
	(void)close(fd);
}

UNIT_MAIN
