/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * instance_call - a client calls a method of the application. Every call with
 * a transaction id is answered exactly once: inst_work keeps the question until
 * it is answered or the script is lost. script-api.md 3, 6.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "core/instance_int.h"

static uint64_t
bits_of(double d)
{
	uint64_t u;

	memcpy(&u, &d, sizeof(u));
	return u;
}

static double
double_of(uint64_t u)
{
	double d;

	memcpy(&d, &u, sizeof(d));
	return d;
}

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
		log_warn(
		    "client.answer", "cid=%s why=%s", c->info.id, err_text(rc));
}

static void
on_answer(struct instance *i, uint64_t number, uint64_t extra,
    const struct script_answer *answer)
{
	struct client *c = idmap_get(i->numbers, number);
	double txn = double_of(extra);
	int rc;

	if (c == NULL || c->lost)
		return;
	c->calls_in--;
	if (txn == 0)
		return;
	switch (answer->verdict) {
	case SCRIPT_OK:
		rc = client_result(c, txn, answer->value);
		if (rc != FCS_OK && rc != FCS_ECLOSED)
			fail(c, txn, "the result cannot be sent", NULL);
		break;
	case SCRIPT_LOST:
		fail(c, txn, "The application was stopped.", NULL);
		break;
	case SCRIPT_REJECT:
	case SCRIPT_REDIRECT:
	case SCRIPT_FAILED:
	case SCRIPT_MISSING:
	case SCRIPT_HOLD:
		fail(c, txn, answer->text == NULL ? "" : answer->text,
		    answer->value);
		break;
	}
}

static void
missing(struct client *c, double txn, const char *name)
{
	char text[ERR_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "Method not found (%s).", name);
	fail(c, txn, text, NULL);
}

/* The name is wanted in the answer of SCRIPT_MISSING, so it is asked first
 * whether anybody would take the call. */
static bool
is_known(struct instance *i, const char *name)
{
	const struct script_ops *ops = application_env(i->app)->script;

	return i->state == INSTANCE_LOST ||
	       (i->script != NULL && ops->asks(i->script, SCRIPT_CALL, name));
}

void
instance_call(struct instance *i, struct client *c, const char *name,
    double txn, struct value *const *args, uint32_t arg_count)
{
	const struct limits *l = application_limits(i->app);
	struct script_args a;

	i->stats.calls++;
	if (!is_known(i, name)) {
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
	c->calls_in++;
	inst_work_ask(
	    i, SCRIPT_CALL, &a, false, on_answer, c->number, bits_of(txn));
}
