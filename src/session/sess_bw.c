/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sess_bw - the native bandwidth test, as old players ask for it with
 * checkBandwidth, and scripts for a client: the server calls onBWCheck with a
 * payload, the client answers, and so on with larger ones; onBWDone says what
 * came of it.
 * wire-protocol.md 5.1.
 *
 * One call is under way at a time, so that the test takes no more than
 * PAYLOAD_MAX of the output queue. The first one is empty: its time is the
 * latency, which is taken off the time of the others.
 */
#include <math.h>
#include <stdlib.h>

#include "base/rnd.h"
#include "session/session_int.h"

#define PAYLOAD_MIN (8u << 10)
#define PAYLOAD_MAX (64u << 10)
#define CALLS_MAX   12
#define LONG_MS     1000 /* long enough for a figure */
/* Transaction ids that calls of the application never reach. */
#define TXN_FIRST 1e12

enum { /* values of bandwidth_check */
	BANDWIDTH_NATIVE,
	BANDWIDTH_EMPTY,
	BANDWIDTH_OFF
};

struct sess_bw {
	uint32_t calls; /* made */
	double txn;     /* of the one under way */
	uint64_t call_ms, began_ms, latency_ms;
	uint64_t bytes; /* of payloads answered */
	size_t payload; /* under way */
};

static uint64_t
now_ms(const struct session *s)
{
	return loop_now_ms(conn_loop(s->conn));
}

static struct value *
payload(struct arena *a, size_t len)
{
	char *text = arena_alloc(a, len + 1);
	size_t i;

	if (text == NULL)
		return NULL;
	/* not to be compressed away on the road */
	rnd_bytes(text, len);
	for (i = 0; i < len; i++)
		text[i] = (char)(0x30 + (text[i] & 0x3f));
	text[len] = '\0';
	return value_string(a, text);
}

static int
call(struct session *s)
{
	struct sess_bw *bw = s->bw;
	struct arena *a = arena_new(4 * PAYLOAD_MAX);
	struct value *arg = NULL;
	int rc = FCS_ENOMEM;

	bw->payload = bw->calls == 0 ? 0 : PAYLOAD_MIN << (bw->calls - 1);
	if (bw->payload > PAYLOAD_MAX)
		bw->payload = PAYLOAD_MAX;
	if (a != NULL)
		arg = payload(a, bw->payload);
	if (arg != NULL) {
		bw->txn = TXN_FIRST + bw->calls++;
		bw->call_ms = now_ms(s);
		rc = session_send_command(
		    s, 0, "onBWCheck", bw->txn, NULL, &arg, 1);
	}
	arena_free(a);
	return rc;
}

/* What the client is told as arguments the script gets as an object. */
static struct value *
result(struct arena *a, struct value *const args[4])
{
	static const char *const names[4] = { "kbit_down", "delta_down",
		"delta_time", "latency" };
	struct value *v = value_new(a, VALUE_OBJECT);
	int i;

	for (i = 0; v != NULL && i < 4; i++)
		if (value_set(a, v, names[i], args[i]) != FCS_OK)
			return NULL;
	return v;
}

/* kbit/s, kbit, s, ms */
static int
done(struct session *s)
{
	struct sess_bw *bw = s->bw;
	struct arena *a = arena_new(0);
	uint64_t spent = now_ms(s) - bw->began_ms;
	uint64_t waits = bw->latency_ms * (bw->calls - 1);
	double kbit = (double)bw->bytes * 8 / 1000, seconds = 0;
	bool is_answered = bw->bytes > 0;
	double latency = (double)bw->latency_ms;
	struct value *args[4];
	int rc = FCS_ENOMEM;

	sess_bw_fini(s);
	if (a == NULL)
		return rc;
	if (is_answered)
		seconds = spent > waits ? (double)(spent - waits) / 1000 : .001;
	args[0] = value_number(a, seconds > 0 ? floor(kbit / seconds + .5) : 0);
	args[1] = value_number(a, kbit);
	args[2] = value_number(a, seconds);
	args[3] = value_number(a, latency);
	if (args[0] != NULL && args[1] != NULL && args[2] != NULL &&
	    args[3] != NULL)
		rc = session_send_command(s, 0, "onBWDone", 0, NULL, args, 4);
	if (rc == FCS_OK)
		client_measured(
		    s->client, is_answered ? result(a, args) : NULL);
	arena_free(a);
	return rc;
}

bool
sess_bw_is_off(const struct session *s)
{
	return config_app_int(application_env(s->app)->settings,
		   APP_BANDWIDTH_CHECK) == BANDWIDTH_OFF;
}

int
sess_bw_measure(void *impl)
{
	struct session *s = impl;
	int64_t how = config_app_int(
	    application_env(s->app)->settings, APP_BANDWIDTH_CHECK);
	int rc;

	if (s->state != SESSION_OPEN)
		return FCS_ECLOSED;
	if (how == BANDWIDTH_NATIVE) {
		sess_bw_fini(s);
		s->bw = calloc(1, sizeof(*s->bw));
		return s->bw == NULL ? FCS_ENOMEM : call(s);
	}
	if (how == BANDWIDTH_EMPTY) {
		rc = session_send_command(s, 0, "onBWDone", 0, NULL, NULL, 0);
		if (rc != FCS_OK)
			return rc;
	}
	return FCS_ENOENT;
}

int
sess_bw_answered(struct session *s, double txn, bool ok)
{
	struct sess_bw *bw = s->bw;

	if (bw == NULL || bw->txn != txn)
		return FCS_ENOENT;
	if (bw->calls == 1) {
		bw->latency_ms = now_ms(s) - bw->call_ms;
		bw->began_ms = now_ms(s);
	}
	if (ok)
		bw->bytes += bw->payload;
	if (!ok || bw->calls == CALLS_MAX ||
	    (bw->calls > 1 && now_ms(s) - bw->began_ms >= LONG_MS))
		return done(s);
	return call(s);
}

void
sess_bw_fini(struct session *s)
{
	free(s->bw);
	s->bw = NULL;
}
