/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch against a server of our own on a thread: each path is a behaviour.
 * getaddrinfo() is ours too: *.test is this machine, slow.test takes until it
 * is let go.
 */
#include "net/fetch.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/lib/unit.h"

#define BODY_MAX   100000
#define HEADER_MAX 4096
#define SEEN_MAX   65536

static struct loop *loop;
static struct fetch *fetch;
static int port;
static int reserve_fds = 16;
static sem_t lookup;        /* lets slow.test go on */
static sem_t gone;          /* one post per connection that ended */
static sem_t hang;          /* lets /hang go on */
static atomic_int lookups;  /* of slow.test that began */
static atomic_int accepted; /* connections */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char seen[SEEN_MAX]; /* the last request */
static SSL_CTX *tls;

/* ---- names ---- */

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **res)
{
	static int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **);
	size_t n = node == NULL ? 0 : strlen(node);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (n > 5 && strcmp(node + n - 5, ".test") == 0) {
		if (strcmp(node, "slow.test") == 0) {
			atomic_fetch_add(&lookups, 1);
			(void)sem_wait(&lookup);
		}
		if (strcmp(node, "none.test") == 0)
			return EAI_NONAME;
		node = "127.0.0.1";
	}
	return real(node, service, hints, res);
}

/* ---- the server ---- */

struct guest {
	int fd;
	SSL *ssl;
};

static void
say(struct guest *g, const char *p, size_t n)
{
	ssize_t k;

	while (n > 0) {
		k = g->ssl != NULL ? SSL_write(g->ssl, p, (int)n)
				   : send(g->fd, p, n, MSG_NOSIGNAL);
		if (k <= 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

static void
sayf(struct guest *g, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(g, text, strlen(text));
}

/* The whole request into text; false: none came. */
static bool
hear(struct guest *g, char *text)
{
	size_t at = 0, want = 0;
	const char *end, *len;
	ssize_t n;

	for (;;) {
		n = g->ssl != NULL
			? SSL_read(g->ssl, text + at, (int)(SEEN_MAX - 1 - at))
			: recv(g->fd, text + at, SEEN_MAX - 1 - at, 0);
		if (n <= 0 || text[0] == 0x16) /* TLS */
			return false;
		at += (size_t)n;
		text[at] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (end == NULL)
			continue;
		len = strcasestr(text, "content-length:");
		if (len != NULL && len < end)
			want = strtoul(len + 15, NULL, 10);
		if (at >= (size_t)(end - text) + 4 + want)
			return true;
	}
}

static void
fill(struct guest *g, size_t n)
{
	static char block[BODY_MAX + 1];

	memset(block, 'x', sizeof(block));
	say(g, block, n);
}

static void
answer(struct guest *g, const char *path)
{
	int n = 0;

	if (strncmp(path, "/echo", 5) == 0)
		sayf(g, "HTTP/1.1 200 OK\r\nX-One: 1\r\nX-Fold: a\r\n b\r\n"
			"x-one: 2\r\nContent-Length: 2\r\n\r\nok");
	else if (sscanf(path, "/status/%d", &n) == 1)
		sayf(g, "HTTP/1.1 %d What\r\nContent-Length: 0\r\n\r\n", n);
	else if (sscanf(path, "/body/%d", &n) == 1) {
		sayf(g, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", n);
		fill(g, (size_t)n);
	} else if (sscanf(path, "/chunked/%d", &n) == 1) {
		sayf(g,
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "%x\r\n",
		    (unsigned)n);
		fill(g, (size_t)n);
		sayf(g, "\r\n0\r\n\r\n");
	} else if (sscanf(path, "/head/%d", &n) == 1) {
		sayf(g, "HTTP/1.1 200 OK\r\nX-Long: ");
		fill(g, (size_t)n);
		sayf(g, "\r\nContent-Length: 0\r\n\r\n");
	} else if (strncmp(path, "/lines", 6) == 0) {
		sayf(g, "HTTP/1.1 200 OK\r\n");
		for (n = 0; n < 2000; n++)
			sayf(g, "X-%d: y\r\n", n);
	} else if (sscanf(path, "/times/%d", &n) == 1 && n > 0)
		sayf(g,
		    "HTTP/1.1 302 Found\r\nLocation: /times/%d\r\n"
		    "Content-Length: 3\r\n\r\nabc",
		    n - 1);
	else if (strncmp(path, "/times/0", 8) == 0)
		sayf(g, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n:)");
	else if (sscanf(path, "/to/%d/", &n) == 1)
		sayf(g,
		    "HTTP/1.1 %d Go\r\nLocation: %.*s\r\n"
		    "Content-Length: 0\r\n\r\n",
		    n, (int)strcspn(path + 8, " "), path + 8);
	else if (strncmp(path, "/early", 6) == 0)
		sayf(g, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc");
	else if (strncmp(path, "/junk", 5) == 0)
		sayf(g, "SSH-2.0-OpenSSH\r\n");
	else if (strncmp(path, "/continue", 9) == 0)
		sayf(g, "HTTP/1.1 100 Continue\r\nX-No: 1\r\n\r\n"
			"HTTP/1.1 204 No\r\nX-Yes: 1\r\n\r\n");
	else if (strncmp(path, "/hang", 5) == 0)
		(void)sem_wait(&hang);
}

static bool
stays(const char *path)
{
	return strncmp(path, "/echo", 5) == 0 ||
	       strncmp(path, "/times", 6) == 0 || strncmp(path, "/to", 3) == 0;
}

static void *
serve_one(void *arg)
{
	struct guest *g = arg;
	char *text = malloc(SEEN_MAX), *path;

	if (g->ssl != NULL && SSL_accept(g->ssl) <= 0)
		goto out;
	while (hear(g, text)) {
		(void)pthread_mutex_lock(&lock);
		memcpy(seen, text, SEEN_MAX);
		(void)pthread_mutex_unlock(&lock);
		path = strchr(text, ' ') + 1;
		answer(g, path);
		if (!stays(path))
			break;
	}
out:
	if (g->ssl != NULL) {
		(void)SSL_shutdown(g->ssl);
		SSL_free(g->ssl);
	}
	(void)shutdown(g->fd, SHUT_WR);
	while (recv(g->fd, text, SEEN_MAX, 0) > 0)
		;
	close(g->fd);
	free(text);
	free(g);
	(void)sem_post(&gone);
	return NULL;
}

static void *
serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct guest *g;
	pthread_t t;

	for (;;) {
		g = calloc(1, sizeof(*g));
		g->fd = accept(fd, NULL, NULL);
		if (g->fd < 0)
			break;
		atomic_fetch_add(&accepted, 1);
		if (tls != NULL) {
			g->ssl = SSL_new(tls);
			(void)SSL_set_fd(g->ssl, g->fd);
		}
		ck_assert_int_eq(pthread_create(&t, NULL, serve_one, g), 0);
		(void)pthread_detach(t);
	}
	free(g);
	return NULL;
}

static void
listen_now(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	pthread_t t;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	port = ntohs(a.sin_port);
	ck_assert_int_eq(
	    pthread_create(&t, NULL, serve, (void *)(intptr_t)fd), 0);
	(void)pthread_detach(t);
}

static void
set_up(uint32_t at_once, const char *ca_file, const char *ca_folder)
{
	struct fetch_conf c = { .at_once = at_once,
		.body_max = BODY_MAX,
		.header_max = HEADER_MAX,
		.reserve_fds = reserve_fds,
		.ca_file = ca_file,
		.ca_folder = ca_folder };

	(void)signal(SIGPIPE, SIG_IGN); /* as every role does */
	(void)sem_init(&lookup, 0, 0);
	(void)sem_init(&gone, 0, 0);
	(void)sem_init(&hang, 0, 0);
	listen_now();
	loop = loop_new();
	fetch = fetch_new(loop, &c);
	ck_assert_ptr_nonnull(fetch);
}

static void
tear_down(void)
{
	fetch_free(fetch);
	loop_free(loop);
}

/* ---- asking ---- */

struct asked {
	uint64_t id;
	int done;
	int status;
	struct err why;
	char headers[8192]; /* name=value; ... */
	size_t len;
	char body[64];
};

static const char *forbidden; /* part of a URL not to be redirected to */

static bool
may(void *arg, const struct weburl *u)
{
	(void)arg;
	return forbidden == NULL || strstr(u->text, forbidden) == NULL;
}

static void
on_done(void *arg, const struct fetch_answer *a, const struct err *why)
{
	struct asked *q = arg;
	size_t i;

	q->done++;
	if (a == NULL) {
		q->why = *why;
		return;
	}
	q->status = a->status;
	q->len = a->len;
	memcpy(q->body, a->body, a->len < 63 ? a->len : 63);
	for (i = 0; i < a->header_count && strlen(q->headers) < 4000; i++)
		(void)sprintf(q->headers + strlen(q->headers), "%s=%.200s;",
		    a->headers[i].name, a->headers[i].value);
}

static int
ask_with(struct asked *q, const char *scheme, const char *host,
    const char *path, const char *const *headers, const char *body,
    uint32_t timeout_ms)
{
	struct fetch_request r = { .post = body != NULL,
		.headers = headers,
		.timeout_ms = timeout_ms,
		.body = body,
		.may = may };
	struct weburl u;
	struct err why;
	char text[1024];

	memset(q, 0, sizeof(*q));
	while (headers != NULL && headers[r.header_count] != NULL)
		r.header_count++;
	r.len = body == NULL ? 0 : strlen(body);
	(void)snprintf(
	    text, sizeof(text), "%s://%s:%d%s", scheme, host, port, path);
	ck_assert_msg(weburl_parse(text, strlen(text), &u, &why) == FCS_OK,
	    "%s: %s", text, why.text);
	r.url = &u;
	return fetch_start(fetch, &r, on_done, q, &q->id);
}

static void
start(struct asked *q, const char *path)
{
	ck_assert_int_eq(
	    ask_with(q, "http", "127.0.0.1", path, NULL, NULL, 5000), FCS_OK);
}

static void
until_done(struct asked *q)
{
	while (q->done == 0)
		loop_turn(loop, 1000);
}

static struct asked *
get(const char *path)
{
	static struct asked q;

	start(&q, path);
	until_done(&q);
	return &q;
}

static void
fails(const char *path, int code, const char *text)
{
	struct asked *q = get(path);

	ck_assert_msg(q->why.code == code && strstr(q->why.text, text) != NULL,
	    "%s: %d %s", path, q->why.code, q->why.text);
}

/* ---- cases ---- */

UNIT(an_answer_has_status_headers_and_body)
{
	struct asked *q;

	set_up(8, NULL, NULL);
	q = get("/echo?a=b");
	ck_assert_int_eq(q->status, 200);
	ck_assert_str_eq(q->body, "ok");
	ck_assert_str_eq(
	    q->headers, "x-one=1;x-fold=a b;x-one=2;content-length=2;");
	ck_assert_ptr_nonnull(strstr(seen, "GET /echo?a=b HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(seen, "User-Agent: fcs/"));
	ck_assert_ptr_null(strstr(seen, "Expect"));
	q = get("/status/500");
	ck_assert_int_eq(q->status, 500);
	q = get("/continue");
	ck_assert_int_eq(q->status, 204);
	ck_assert_str_eq(q->headers, "x-yes=1;");
	q = get("/chunked/100");
	ck_assert_uint_eq(q->len, 100);
	ck_assert_uint_eq(fetch_count(fetch), 0);
	tear_down();
}

UNIT(a_post_carries_headers_and_body_on_a_connection_of_its_own)
{
	static const char *const headers[] = { "Content-Type: text/x",
		"X-Empty;", NULL };
	struct asked q;

	set_up(8, NULL, NULL);
	(void)get("/echo");
	ck_assert_int_eq(
	    ask_with(&q, "http", "127.0.0.1", "/echo", headers, "a=b&c", 5000),
	    FCS_OK);
	until_done(&q);
	ck_assert_int_eq(q.status, 200);
	ck_assert_ptr_nonnull(strstr(seen, "POST /echo HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(seen, "Content-Type: text/x\r\n"));
	ck_assert_ptr_nonnull(strstr(seen, "X-Empty:\r\n"));
	ck_assert_ptr_nonnull(strstr(seen, "Content-Length: 5\r\n"));
	ck_assert_ptr_nonnull(strstr(seen, "\r\n\r\na=b&c"));
	ck_assert_int_eq(atomic_load(&accepted), 2);
	(void)get("/echo"); /* a GET uses what is there */
	ck_assert_int_eq(atomic_load(&accepted), 2);
	/* no body, no guessed type */
	ck_assert_int_eq(
	    ask_with(&q, "http", "127.0.0.1", "/echo", NULL, "", 5000), FCS_OK);
	until_done(&q);
	ck_assert_ptr_nonnull(strstr(seen, "Content-Length: 0\r\n"));
	ck_assert_ptr_null(strstr(seen, "Content-Type"));
	tear_down();
}

UNIT(nothing_of_the_environment_counts)
{
	set_up(8, NULL, NULL);
	ck_assert_int_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	ck_assert_int_eq(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
	ck_assert_int_eq(setenv("HOME", unit_tmpdir(), 1), 0);
	ck_assert_int_eq(get("/echo")->status, 200);
	tear_down();
}

UNIT(bodies_and_headers_are_limited)
{
	struct asked *q;

	set_up(8, NULL, NULL);
	ck_assert_uint_eq(get("/body/99999")->len, 99999);
	ck_assert_uint_eq(get("/body/100000")->len, 100000);
	fails("/body/100001", FCS_ELIMIT, "larger than 100000 bytes");
	ck_assert_uint_eq(get("/chunked/100000")->len, 100000);
	fails("/chunked/100001", FCS_ELIMIT, "larger than 100000 bytes");
	q = get("/head/3000");
	ck_assert_int_eq(q->status, 200);
	fails("/head/4100", FCS_ELIMIT, "headers are larger");
	fails("/lines", FCS_ELIMIT, "headers are larger");
	tear_down();
}

UNIT(what_is_no_answer_is_a_failure_with_a_reason)
{
	struct asked q;

	set_up(8, NULL, NULL);
	fails("/early", FCS_EIO, "broke off");
	fails("/nothing", FCS_EIO, "broke off");
	fails("/junk", FCS_EIO, "no HTTP answer");
	ck_assert_int_eq(
	    ask_with(&q, "http", "none.test", "/echo", NULL, NULL, 5000),
	    FCS_OK);
	until_done(&q);
	ck_assert_msg(
	    strstr(q.why.text, "no such host") != NULL, "%s", q.why.text);
	port = 1; /* nobody listens */
	fails("/echo", FCS_EIO, "cannot connect");
	tear_down();
}

UNIT(redirects_are_followed_three_times)
{
	struct asked *q;

	set_up(8, NULL, NULL);
	q = get("/times/3");
	ck_assert_int_eq(q->status, 200);
	ck_assert_str_eq(q->body, ":)");
	fails("/times/4", FCS_ELIMIT, "redirected more than 3 times");
	/* without a target it is an answer like others */
	ck_assert_int_eq(get("/status/302")->status, 302);
	ck_assert_int_eq(get("/status/304")->status, 304);
	tear_down();
}

UNIT(each_redirect_is_asked_about)
{
	set_up(8, NULL, NULL);
	forbidden = "/secret";
	fails("/to/302/echo/secret", FCS_EACCES, "http.allow");
	fails("/to/302/ftp://127.0.0.1/x", FCS_EFORMAT, "bad URL");
	fails("/to/302/file:///etc/passwd", FCS_EFORMAT, "bad URL");
	fails("/to/302/http://a@127.0.0.1/x", FCS_EFORMAT, "user names");
	forbidden = "other.test";
	fails("/to/307///other.test/x", FCS_EACCES, "http.allow");
	ck_assert_ptr_nonnull(strstr(seen, "GET /to/307"));
	tear_down();
}

UNIT(a_redirected_post_keeps_what_it_may)
{
	static const char *const headers[] = { "Authorization: Bearer x",
		"Cookie: a=b", "Content-Type: text/x", "X-Own: y", NULL };
	struct asked q;
	char path[128];

	set_up(8, NULL, NULL);
	/* the same origin: all of it again */
	(void)snprintf(
	    path, sizeof(path), "/to/308/http://127.0.0.1:%d/echo", port);
	ck_assert_int_eq(
	    ask_with(&q, "http", "127.0.0.1", path, headers, "body", 5000),
	    FCS_OK);
	until_done(&q);
	ck_assert_int_eq(q.status, 200);
	ck_assert_ptr_nonnull(strstr(seen, "POST /echo HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(seen, "Authorization: Bearer x\r\n"));
	ck_assert_ptr_nonnull(strstr(seen, "\r\n\r\nbody"));
	/* another origin: not what proves who we are */
	(void)snprintf(
	    path, sizeof(path), "/to/307/http://a.test:%d/echo", port);
	ck_assert_int_eq(
	    ask_with(&q, "http", "127.0.0.1", path, headers, "body", 5000),
	    FCS_OK);
	until_done(&q);
	ck_assert_ptr_nonnull(strstr(seen, "POST /echo HTTP/1.1\r\n"));
	ck_assert_ptr_null(strstr(seen, "Authorization"));
	ck_assert_ptr_null(strstr(seen, "Cookie"));
	ck_assert_ptr_nonnull(strstr(seen, "X-Own: y\r\n"));
	/* 303: a GET without body */
	(void)snprintf(
	    path, sizeof(path), "/to/303/http://127.0.0.1:%d/echo", port);
	ck_assert_int_eq(
	    ask_with(&q, "http", "127.0.0.1", path, headers, "body", 5000),
	    FCS_OK);
	until_done(&q);
	ck_assert_ptr_nonnull(strstr(seen, "GET /echo HTTP/1.1\r\n"));
	ck_assert_ptr_null(strstr(seen, "Content-"));
	tear_down();
}

UNIT(time_is_limited_redirects_included)
{
	struct asked q;

	set_up(8, NULL, NULL);
	ck_assert_int_eq(
	    ask_with(&q, "http", "127.0.0.1", "/hang", NULL, NULL, 50), FCS_OK);
	until_done(&q);
	ck_assert_int_eq(q.why.code, FCS_ETIMEOUT);
	ck_assert_ptr_nonnull(strstr(q.why.text, "no answer within 0.05 s"));
	ck_assert_int_eq(
	    ask_with(&q, "http", "127.0.0.1", "/to/302/hang", NULL, NULL, 50),
	    FCS_OK);
	until_done(&q);
	ck_assert_int_ne(q.why.code, FCS_OK);
	ck_assert_uint_eq(fetch_count(fetch), 0);
	tear_down();
}

UNIT(a_slow_lookup_stalls_nothing_and_keeps_its_place)
{
	struct asked slow, q, more;

	set_up(2, NULL, NULL);
	ck_assert_int_eq(
	    ask_with(&slow, "http", "slow.test", "/echo", NULL, NULL, 60),
	    FCS_OK);
	ck_assert_int_eq(get("/echo")->status, 200); /* meanwhile */
	until_done(&slow);
	ck_assert_int_eq(slow.why.code, FCS_ETIMEOUT);
	/* its thread still runs: so much less may run beside it */
	ck_assert_uint_eq(fetch_count(fetch), 1);
	start(&q, "/hang");
	ck_assert_int_eq(
	    ask_with(&more, "http", "127.0.0.1", "/echo", NULL, NULL, 5000),
	    FCS_ELIMIT);
	(void)sem_post(&lookup);
	while (fetch_count(fetch) > 1)
		loop_turn(loop, 100);
	ck_assert_int_eq(slow.done, 1);
	ck_assert_int_eq(get("/echo")->status, 200);
	/* nobody connected for the one that was given up: two times /echo on
	 * one connection, /hang */
	ck_assert_int_eq(atomic_load(&accepted), 2);
	tear_down();
}

UNIT(the_end_waits_for_nobody)
{
	struct asked a, b, c;

	set_up(8, NULL, NULL);
	ck_assert_int_eq(
	    ask_with(&a, "http", "slow.test", "/echo", NULL, NULL, 60000),
	    FCS_OK);
	start(&b, "/hang");
	start(&c, "/echo");
	while (atomic_load(&lookups) == 0 || c.done == 0)
		loop_turn(loop, 50);
	start(&c, "/echo");
	tear_down();
	ck_assert_int_eq(a.done + b.done + c.done, 0);
	(void)sem_post(&lookup);
}

UNIT(a_cancelled_request_is_not_told)
{
	struct asked a, b, c;

	set_up(3, NULL, NULL);
	start(&a, "/hang");
	ck_assert_int_eq(
	    ask_with(&b, "http", "slow.test", "/echo", NULL, NULL, 5000),
	    FCS_OK);
	start(&c, "/echo");
	loop_turn(loop, 10);
	fetch_cancel(fetch, a.id);
	fetch_cancel(fetch, b.id);
	fetch_cancel(fetch, b.id);
	(void)sem_post(&lookup);
	until_done(&c);
	while (fetch_count(fetch) > 0)
		loop_turn(loop, 50);
	ck_assert_int_eq(a.done + b.done, 0);
	fetch_cancel(fetch, c.id); /* stale */
	tear_down();
}

UNIT(as_many_as_allowed_run_at_once)
{
	struct asked q[33];
	int i;

	set_up(32, NULL, NULL);
	for (i = 0; i < 32; i++)
		start(&q[i], "/hang");
	ck_assert_int_eq(
	    ask_with(&q[32], "http", "127.0.0.1", "/x", NULL, NULL, 5000),
	    FCS_ELIMIT);
	fetch_cancel(fetch, q[0].id);
	start(&q[32], "/echo");
	until_done(&q[32]);
	ck_assert_int_eq(q[32].status, 200);
	for (i = 1; i < 32; i++)
		(void)sem_post(&hang);
	for (i = 1; i < 32; i++)
		until_done(&q[i]);
	tear_down();
}

UNIT(the_last_descriptors_are_left_alone)
{
	struct rlimit rl;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = 256;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rl), 0);
	reserve_fds = 253; /* all but 0, 1 and 2 */
	set_up(8, NULL, NULL);
	fails("/status/200", FCS_ELIMIT, "out of descriptors");
	ck_assert_uint_eq(fetch_count(fetch), 0);
	tear_down();
	ck_assert_int_eq(atomic_load(&accepted), 0);
}

/* ---- TLS ---- */

static const char *
make_certificate(const char *name)
{
	static char path[512];
	char hash[512];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_EXTENSION *e;
	char alt[128];
	FILE *f;

	ck_assert_int_eq(X509_set_version(x, 2), 1);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -60);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	(void)X509_set_pubkey(x, key);
	(void)X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_ASC, (const unsigned char *)"fcs test", -1, -1, 0);
	(void)X509_set_issuer_name(x, X509_get_subject_name(x));
	(void)snprintf(alt, sizeof(alt), "DNS:%s", name);
	e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
	(void)X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	ck_assert_int_gt(X509_sign(x, key, EVP_sha256()), 0);
	tls = SSL_CTX_new(TLS_server_method());
	ck_assert_int_eq(SSL_CTX_use_certificate(tls, x), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(tls, key), 1);
	(void)snprintf(path, sizeof(path), "%s/ca.pem", unit_tmpdir());
	f = fopen(path, "w");
	ck_assert_int_eq(PEM_write_X509(f, x), 1);
	fclose(f);
	(void)snprintf(hash, sizeof(hash), "%s/%08lx.0", unit_tmpdir(),
	    X509_subject_name_hash(x));
	ck_assert_int_eq(symlink("ca.pem", hash), 0);
	X509_free(x);
	EVP_PKEY_free(key);
	return path;
}

/* The threads of the server are through with OpenSSL before it goes. */
static void
tear_down_tls(void)
{
	int n;

	tear_down();
	for (n = atomic_load(&accepted); n > 0; n--)
		while (sem_wait(&gone) < 0 && errno == EINTR)
			;
	SSL_CTX_free(tls);
}

static struct asked *
get_tls(const char *host)
{
	static struct asked q;

	ck_assert_int_eq(
	    ask_with(&q, "https", host, "/echo", NULL, NULL, 5000), FCS_OK);
	until_done(&q);
	return &q;
}

UNIT(a_certificate_nobody_vouches_for_is_refused)
{
	struct asked *q;

	(void)make_certificate("good.test");
	set_up(8, NULL, NULL);
	q = get_tls("good.test");
	ck_assert_int_eq(q->why.code, FCS_EIO);
	ck_assert_msg(strstr(q->why.text, "TLS: the certificate") != NULL, "%s",
	    q->why.text);
	ck_assert_str_eq(seen, "");
	tear_down_tls();
}

UNIT(a_certificate_must_be_of_the_host_asked)
{
	struct asked *q;
	SSL_CTX *kept;

	set_up(8, make_certificate("good.test"), NULL);
	q = get_tls("good.test");
	ck_assert_msg(q->status == 200, "%s", q->why.text);
	q = get_tls("other.test");
	ck_assert_msg(strstr(q->why.text, "TLS: the certificate") != NULL, "%s",
	    q->why.text);
	kept = tls;
	tls = NULL; /* a server that speaks no TLS */
	q = get_tls("good2.test");
	ck_assert_msg(strstr(q->why.text, "TLS: ") != NULL, "%s", q->why.text);
	tls = kept;
	tear_down_tls();
}

UNIT(authorities_may_be_a_folder)
{
	struct asked *q;

	(void)make_certificate("good.test");
	set_up(8, NULL, unit_tmpdir());
	q = get_tls("good.test");
	ck_assert_msg(q->status == 200, "%s", q->why.text);
	q = get_tls("other.test");
	ck_assert_msg(strstr(q->why.text, "TLS: the certificate") != NULL, "%s",
	    q->why.text);
	tear_down_tls();
}

UNIT_MAIN
