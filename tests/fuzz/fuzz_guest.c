/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to the gateway before its hand-over. The first byte picks: bit
 * 0 puts a good handshake before the rest, bit 1 sends the rest in two pieces.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/handshake.h"
#include "gateway/gateway_int.h"
#include "tests/fuzz/fuzz.h"

static struct gateway gw;
static struct limits limits;
static unsigned asked;

static void
on_locate(void *arg, uint64_t id, const struct url_app *where)
{
	json_t *msg;

	(void)arg;
	(void)id;
	asked++;
	FUZZ_CHECK(name_check(NAME_APP, where->app, strlen(where->app), NULL) ==
		   FCS_OK);
	FUZZ_CHECK(name_check(NAME_INSTANCE, where->inst, strlen(where->inst),
		       NULL) == FCS_OK);
	msg = json_pack("{s:s}", "app", where->app); /* it is UTF-8 */
	FUZZ_CHECK(msg != NULL);
	json_decref(msg);
}

static void
start(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	limits_init(&limits);
	gw.loop = loop_new();
	gw.limits = &limits;
	gw.census = census_new();
	gw.guests = idmap_new(0);
	gw.locate = on_locate;
	FUZZ_CHECK(gw.loop != NULL && gw.census != NULL && gw.guests != NULL);
}

static void
say(int fd, const uint8_t *p, size_t n)
{
	ssize_t w;

	while (n > 0) {
		w = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		} else if (w < 0 && errno != EAGAIN) {
			break;
		}
		loop_turn(gw.loop, 0);
	}
	loop_turn(gw.loop, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t zeros[HANDSHAKE_C0C1 + HANDSHAKE_SIZE] = { 3 };
	struct listener_peer from = { .ip = "192.0.2.1", .port = 1 };
	unsigned before = asked;
	size_t half;
	int sv[2];

	if (len == 0)
		return 0;
	if (gw.loop == NULL)
		start();
	gw.routes = routes_new(&gw);
	FUZZ_CHECK(gw.routes != NULL);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	guest_accept(&gw, sv[0], &from);
	half = (data[0] & 2) != 0 ? (len - 1) / 2 : 0;
	if ((data[0] & 1) != 0)
		say(sv[1], zeros, sizeof(zeros));
	say(sv[1], data + 1, half);
	say(sv[1], data + 1 + half, len - 1 - half);
	FUZZ_CHECK(asked - before <= 1);
	(void)close(sv[1]);
	loop_turn(gw.loop, 0);
	guest_close_all(&gw, "end", true);
	routes_free(gw.routes);
	loop_turn(gw.loop, 0);
	FUZZ_CHECK(idmap_count(gw.guests) == 0);
	return 0;
}
