/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * callload - many clients that call one method, each with so many calls under
 * way, as fast as they are answered; prints what came of it as one line of
 * JSON. It spends little itself: one process, epoll, ready-made messages.
 *
 *	callload HOST PORT APP METHOD TEXT CLIENTS DEPTH SECONDS [PAUSE_MS]
 *
 * The method gets TEXT and must answer something that ends with it. PAUSE_MS:
 * of a client between an answer and its next call. Exit 1:
 * an answer was wrong, came twice, or a connection was lost.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/chunk.h"
#include "codec/command.h"
#include "codec/handshake.h"

#define EVENTS     64
#define RX_SIZE    65536
#define SAMPLES    4000000
#define FIRST_CALL 100 /* transaction ids below are of the connect */
#define DEPTH_MAX  1024

struct client {
	int fd;
	struct chunk_reader *reader;
	bool open, want_sent;
	double next_txn;
	uint64_t *sent_ns; /* by transaction id, in a ring of DEPTH_MAX */
	struct buf out;
	uint32_t under_way;
	uint32_t owed;   /* calls that wait for the pause to be over */
	uint64_t due_ns; /* when it is */
};

static const char *app, *method, *text;
static size_t text_len;
static uint32_t depth;
static uint64_t pause_ns;
static bool stopping;
static uint64_t answers;
static uint32_t *samples; /* us */
static struct arena *arena;
static struct client *clients;
static uint32_t client_count, open_count;

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void
put_command(struct client *c, const char *name, double txn,
    const struct value *object, struct value *const *args, uint32_t count)
{
	struct buf b;

	buf_init(&b, 0);
	if (command_write(&b, false, name, txn, object, args, count) != FCS_OK)
		errx(1, "cannot write %s", name);
	chunk_write(&c->out, 3, MESSAGE_COMMAND, 0, 0, buf_data(&b),
	    buf_len(&b), CHUNK_SIZE_DEFAULT);
	buf_fini(&b);
}

static void
flush(struct client *c)
{
	size_t done = 0;
	ssize_t n;

	while (done < buf_len(&c->out)) {
		n = send(c->fd, buf_data(&c->out) + done,
		    buf_len(&c->out) - done, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			err(1, "send");
		if (n > 0)
			done += (size_t)n;
	}
	buf_reset(&c->out, 65536);
}

static void
call(struct client *c)
{
	static struct value arg;
	struct value *args[] = { &arg };

	arg.type = VALUE_STRING;
	arg.str.ptr = text;
	arg.str.len = (uint32_t)text_len;
	c->sent_ns[(uint32_t)c->next_txn % DEPTH_MAX] = now_ns();
	put_command(c, method, c->next_txn, NULL, args, 1);
	c->next_txn++;
	c->under_way++;
}

static void
answered(struct client *c, const struct command *cmd)
{
	const struct value *v = cmd->arg_count > 0 ? cmd->args[0] : NULL;
	uint64_t *sent = &c->sent_ns[(uint32_t)cmd->txn % DEPTH_MAX];

	if (*sent == 0)
		errx(1, "an answer nobody waits for: %g", cmd->txn);
	if (!value_str_eq(cmd->name, "_result") || v == NULL ||
	    v->type != VALUE_STRING || v->str.len < text_len ||
	    memcmp(v->str.ptr + v->str.len - text_len, text, text_len) != 0)
		errx(1, "wrong answer");
	if (!stopping && answers < SAMPLES)
		samples[answers++] = (uint32_t)((now_ns() - *sent) / 1000);
	*sent = 0;
	c->under_way--;
	if (stopping)
		return;
	if (pause_ns == 0) {
		call(c);
		return;
	}
	c->owed++;
	c->due_ns = now_ns() + pause_ns;
}

static void
call_due(struct client *c)
{
	if (c->owed == 0 || now_ns() < c->due_ns)
		return;
	for (; c->owed > 0; c->owed--)
		call(c);
	flush(c);
}

static int
on_message(void *arg, const struct message *m)
{
	struct client *c = arg;
	struct command cmd;

	if (m->type != MESSAGE_COMMAND)
		return FCS_OK;
	arena_reset(arena);
	if (command_read(arena, m, &cmd) != FCS_OK)
		errx(1, "malformed command");
	if (cmd.txn >= FIRST_CALL) {
		answered(c, &cmd);
	} else if (cmd.txn == 1) {
		if (!value_str_eq(cmd.name, "_result"))
			errx(1, "connect refused");
		c->open = true;
		open_count++;
	}
	return FCS_OK;
}

static void
receive(struct client *c)
{
	static uint8_t rx[RX_SIZE];
	struct err why;
	size_t used;
	ssize_t n = recv(c->fd, rx, sizeof(rx), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		errx(1, "connection lost");
	err_clear(&why);
	if (chunk_reader_feed(c->reader, rx, (size_t)n, &used, &why) != FCS_OK)
		errx(1, "%s", why.text);
	flush(c);
}

static void
read_all(int fd, uint8_t *p, size_t len)
{
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = recv(fd, p, len, 0)) <= 0)
			errx(1, "no handshake");
}

static void
begin(struct client *c, const struct sockaddr_in *sin)
{
	static const uint8_t random[HANDSHAKE_SIZE] = { 1, 2, 3 };
	static uint8_t hello[HANDSHAKE_C0C1], answer[HANDSHAKE_S0S1S2];
	static uint8_t last[HANDSHAKE_SIZE];
	struct chunk_limits lim = { 64, 1 << 20, 1 << 20, 0, 64, 4 << 20 };
	struct value *object = value_new(arena, VALUE_OBJECT);
	char url[256];
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (const struct sockaddr *)sin, sizeof(*sin)) != 0)
		err(1, "connect");
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->reader = chunk_reader_new(&lim, on_message, c);
	c->sent_ns = calloc(DEPTH_MAX, sizeof(*c->sent_ns));
	buf_init(&c->out, 0);
	if (c->reader == NULL || c->sent_ns == NULL || object == NULL)
		errx(1, "out of memory");
	handshake_hello(0, random, hello);
	buf_append(&c->out, hello, sizeof(hello));
	flush(c);
	read_all(c->fd, answer, sizeof(answer));
	handshake_finish(answer + 1, 0, last);
	buf_append(&c->out, last, sizeof(last));
	(void)snprintf(url, sizeof(url), "rtmp://127.0.0.1/%s", app);
	if (value_set(arena, object, "app", value_string(arena, app)) != 0 ||
	    value_set(arena, object, "tcUrl", value_string(arena, url)) != 0)
		errx(1, "out of memory");
	c->next_txn = FIRST_CALL;
	put_command(c, "connect", 1, object, NULL, 0);
	flush(c);
	while (!c->open)
		receive(c);
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
report(double seconds, uint64_t cpu_us)
{
	uint64_t n = answers;

	qsort(samples, n, sizeof(*samples), by_value);
	printf("{\"calls\": %llu, \"seconds\": %.3f, \"rate\": %.0f, "
	       "\"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u, "
	       "\"own_cpu\": %.2f}\n",
	    (unsigned long long)n, seconds, (double)n / seconds,
	    n == 0 ? 0 : samples[n / 2], n == 0 ? 0 : samples[n * 99 / 100],
	    n == 0 ? 0 : samples[n - 1], (double)cpu_us / 1e6);
}

static void
run(int ep, uint64_t until_ns)
{
	struct epoll_event ev[EVENTS];
	uint32_t i, waiting;
	int n, k;

	for (i = 0; i < client_count; i++) {
		for (k = 0; k < (int)depth; k++)
			call(&clients[i]);
		flush(&clients[i]);
	}
	for (;;) {
		n = epoll_wait(ep, ev, EVENTS, pause_ns == 0 ? 1000 : 1);
		for (k = 0; k < n; k++)
			receive(ev[k].data.ptr);
		for (i = 0; pause_ns != 0 && !stopping && i < client_count; i++)
			call_due(&clients[i]);
		if (!stopping && now_ns() < until_ns)
			continue;
		stopping = true;
		for (waiting = 0, i = 0; i < client_count; i++)
			waiting += clients[i].under_way;
		if (waiting == 0)
			return;
		if (now_ns() > until_ns + 20000000000ull)
			errx(1, "%u calls never answered", waiting);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN };
	struct timespec cpu;
	uint64_t began;
	double seconds;
	uint32_t i;
	int ep;

	if (argc != 9 && argc != 10)
		errx(2, "usage: callload host port app method text clients "
			"depth seconds [pause_ms]");
	if (inet_pton(AF_INET, argv[1], &sin.sin_addr) != 1)
		errx(2, "no such address: %s", argv[1]);
	sin.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	app = argv[3];
	method = argv[4];
	text = argv[5];
	text_len = strlen(text);
	client_count = (uint32_t)strtoul(argv[6], NULL, 10);
	depth = (uint32_t)strtoul(argv[7], NULL, 10);
	seconds = strtod(argv[8], NULL);
	if (argc == 10)
		pause_ns = strtoul(argv[9], NULL, 10) * 1000000ull;
	if (client_count == 0 || depth == 0 || depth > DEPTH_MAX)
		errx(2, "depth is 1 to %d", DEPTH_MAX);
	ep = epoll_create1(EPOLL_CLOEXEC);
	arena = arena_new(0);
	clients = calloc(client_count, sizeof(*clients));
	samples = malloc(SAMPLES * sizeof(*samples));
	if (ep < 0 || arena == NULL || clients == NULL || samples == NULL)
		err(1, "set-up");
	for (i = 0; i < client_count; i++) {
		begin(&clients[i], &sin);
		ev.data.ptr = &clients[i];
		if (epoll_ctl(ep, EPOLL_CTL_ADD, clients[i].fd, &ev) != 0)
			err(1, "epoll_ctl");
	}
	/* what starts the measurement from outside waits for this line */
	printf("open %u\n", open_count);
	fflush(stdout);
	began = now_ns();
	run(ep, began + (uint64_t)(seconds * 1e9));
	seconds = (double)(now_ns() - began) / 1e9;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	report(seconds,
	    (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000);
	return 0;
}
