/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_call - commands to a client: answers to its calls, calls of ours and
 * their answers, status. All but a status at the very end go through
 * client_emit (the commit barrier).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "codec/command.h"
#include "core/instance_int.h"

#define REPLY_ARENA (16u << 20)
#define CALLS_MIN   8
/* What the script's FCS::ClientGone is made of. */
#define CLIENT_GONE "ClientGone"

static int
emit(struct client *c, bool now, const char *name, double txn,
    struct value *const *args, uint32_t count)
{
	bool amf3 = c->info.amf == 3;
	struct buf b;
	int rc;

	buf_init(&b, 0);
	rc = command_write(&b, amf3, name, txn, NULL, args, count);
	if (rc == FCS_OK && now)
		rc = client_send(c,
		    amf3 ? MESSAGE_COMMAND_AMF3 : MESSAGE_COMMAND, 0,
		    buf_data(&b), buf_len(&b));
	else if (rc == FCS_OK)
		rc = client_emit_answer(c, name[0] == '_' ? txn : 0,
		    amf3 ? MESSAGE_COMMAND_AMF3 : MESSAGE_COMMAND, 0,
		    buf_data(&b), buf_len(&b));
	buf_fini(&b);
	return rc;
}

int
client_tell(struct client *c, const char *name, struct value *const *args,
    uint32_t count)
{
	return emit(c, false, name, 0, args, count);
}

int
client_result(struct client *c, double txn, const struct value *value)
{
	/* the writer only reads it */
	struct value *v = (struct value *)(uintptr_t)value;

	return emit(c, false, "_result", txn, &v, 1);
}

int
client_error(struct client *c, double txn, const char *description,
    const struct value *application)
{
	struct arena *a = arena_new(REPLY_ARENA);
	struct value *info = NULL;
	int rc = FCS_ENOMEM;

	if (a != NULL)
		info =
		    status_info(a, STATUS_CALL_FAILED, description, NULL, NULL);
	if (info != NULL && application != NULL)
		rc = value_set(a, info, "application",
		    (struct value *)(uintptr_t)application);
	else if (info != NULL)
		rc = FCS_OK;
	if (rc == FCS_OK)
		rc = emit(c, false, "_error", txn, &info, 1);
	arena_free(a);
	return rc;
}

void
client_status_now(struct client *c, enum status code, const char *description)
{
	struct arena *a = arena_new(REPLY_ARENA);
	struct value *info = NULL;

	if (a != NULL)
		info = status_info(a, code, description, NULL, NULL);
	if (info == NULL || emit(c, true, "onStatus", 0, &info, 1) != FCS_OK)
		log_info("client.status", "client=%s why=%s", c->info.id,
		    "last status could not be sent");
	arena_free(a);
}

/* ---- calls of ours ---- */

int
client_call(struct client *c, const char *name, struct value *const *args,
    uint32_t count, uint64_t pending)
{
	int64_t most;
	uint32_t cap;
	struct pending_call *v;
	int rc;

	if (c->lost || c->inst == NULL)
		return FCS_ECLOSED;
	most = application_setting(c->inst->app, APP_SCRIPT_CALLS);
	if ((int64_t)c->call_count >= most)
		return FCS_ELIMIT;
	if (c->call_count == c->call_cap) {
		cap = c->call_cap == 0 ? CALLS_MIN : c->call_cap * 2;
		v = realloc(c->calls, cap * sizeof(*v));
		if (v == NULL)
			return FCS_ENOMEM;
		c->calls = v;
		c->call_cap = cap;
	}
	rc = emit(c, false, name, c->next_txn, args, count);
	if (rc != FCS_OK)
		return rc;
	c->calls[c->call_count].txn = c->next_txn++;
	c->calls[c->call_count++].pending = pending;
	return FCS_OK;
}

static const char *
error_text(const struct value *info, char text[ERR_TEXT_MAX])
{
	const struct value *d = value_get(info, "description");

	if (d == NULL || d->type != VALUE_STRING)
		d = value_get(info, "code");
	if (d == NULL || d->type != VALUE_STRING)
		return "NetConnection.Call.Failed";
	(void)snprintf(text, ERR_TEXT_MAX, "%.*s",
	    (int)(d->str.len < ERR_TEXT_MAX ? d->str.len : ERR_TEXT_MAX),
	    d->str.ptr);
	return text;
}

void
client_answered(struct client *c, double txn, bool ok,
    struct value *const *args, uint32_t count)
{
	const struct value *v = count > 0 ? args[0] : NULL;
	char text[ERR_TEXT_MAX];
	uint64_t pending;
	uint32_t n;

	for (n = 0; n < c->call_count && c->calls[n].txn != txn; n++)
		;
	if (n == c->call_count || c->inst == NULL)
		return; /* twice, or never asked */
	pending = c->calls[n].pending;
	memmove(c->calls + n, c->calls + n + 1,
	    (c->call_count - n - 1) * sizeof(*c->calls));
	c->call_count--;
	inst_work_resolve(
	    c->inst, pending, ok, v, ok ? NULL : error_text(v, text));
}

void
client_fail_calls(struct client *c)
{
	uint32_t n, count = c->call_count;

	c->call_count = 0;
	for (n = 0; n < count; n++)
		inst_work_resolve(
		    c->inst, c->calls[n].pending, false, NULL, CLIENT_GONE);
}
