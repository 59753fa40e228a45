/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * instance_call - a client calls a method of the application. Every call with
 * a transaction id is answered exactly once: inst_work keeps the question until
 * it is answered or the script is lost. script-api.md 3, 6.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/instance_int.h"

/* One call on its way through the script; owned by instance.calls. */
struct call {
	uint64_t client; /* number */
	double txn;
	char name[];
};

static void
fail(struct client *c, double txn, const char *why, const struct value *app)
{
	int rc;

	if (txn == 0)
		return;
	rc = client_error(c, txn, why, app);
	if (rc != FCS_OK && app != NULL) /* a value that cannot be sent */
		rc = client_error(c, txn, why, NULL);
	if (rc != FCS_OK && rc != FCS_ECLOSED)
		log_warn("client.answer", "client=%s why=%s", c->info.id,
		    err_text(rc));
}

static void
missing(struct client *c, double txn, const char *name)
{
	char text[ERR_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "Method not found (%s).", name);
	fail(c, txn, text, NULL);
}

static void
answer(struct client *c, const struct call *call, const struct script_answer *a)
{
	int rc;

	switch (a->verdict) {
	case SCRIPT_OK:
		rc = client_result(c, call->txn, a->value);
		if (rc != FCS_OK && rc != FCS_ECLOSED)
			fail(c, call->txn, "the result cannot be sent", NULL);
		break;
	case SCRIPT_MISSING:
		missing(c, call->txn, call->name);
		break;
	case SCRIPT_LOST:
		fail(c, call->txn, "The application was stopped.", NULL);
		break;
	case SCRIPT_REJECT:
	case SCRIPT_REDIRECT:
	case SCRIPT_FAILED:
	case SCRIPT_HOLD:
		fail(c, call->txn, a->text == NULL ? "" : a->text, a->value);
		break;
	}
}

static void
on_answer(struct instance *i, uint64_t id, uint64_t extra,
    const struct script_answer *a)
{
	struct call *call = idmap_del(i->calls, id);
	struct client *c;

	(void)extra;
	if (call == NULL)
		return;
	c = idmap_get(i->numbers, call->client);
	if (c != NULL && !c->lost) {
		c->calls_in--;
		if (call->txn != 0)
			answer(c, call, a);
	}
	free(call);
}

static struct call *
call_new(struct instance *i, struct client *c, const char *name, double txn,
    uint64_t *out_id)
{
	size_t len = strlen(name) + 1;
	struct call *call = malloc(sizeof(*call) + len);

	if (call == NULL)
		return NULL;
	call->client = c->number;
	call->txn = txn;
	memcpy(call->name, name, len);
	if (idmap_add(i->calls, call, out_id) == FCS_OK)
		return call;
	free(call);
	return NULL;
}

void
instance_call(struct instance *i, struct client *c, const char *name,
    double txn, struct value *const *args, uint32_t arg_count)
{
	const struct limits *l = application_limits(i->app);
	struct script_args a;
	uint64_t id;

	i->stats.calls++;
	if (i->script == NULL) {
		missing(c, txn, name);
		return;
	}
	if ((int64_t)c->calls_in >= limits_get(l, LIMIT_CALLS_PER_CLIENT)) {
		limits_refuse(LIMIT_CALLS_PER_CLIENT);
		fail(c, txn, "too many unanswered calls", NULL);
		return;
	}
	memset(&a, 0, sizeof(a));
	a.client = c->info.id;
	a.name = name;
	a.values = args;
	a.count = arg_count;
	if (call_new(i, c, name, txn, &id) == NULL) {
		fail(c, txn, "busy", NULL);
		return;
	}
	c->calls_in++;
	inst_work_ask(i, SCRIPT_CALL, &a, false, on_answer, id, 0);
}

void
instance_console(struct instance *i, const char *line, script_answer_fn fn,
    uint64_t owner, uint64_t extra)
{
	struct script_args a;

	memset(&a, 0, sizeof(a));
	a.text = line;
	inst_work_ask(i, SCRIPT_QUESTION_COUNT, &a, false, fn, owner, extra);
}
