/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sess_call - commands that are not of streams: answers to our calls, what the
 * server answers unless the application exposes it, methods of the
 * application. script-api.md 6.
 */
#include <string.h>

#include "base/log.h"
#include "codec/status.h"
#include "session/session_int.h"

static bool
is_exposed(struct session *s, const char *name)
{
	const struct script_ops *ops = application_env(s->app)->script;
	struct script *script = instance_script(s->instance);

	return script != NULL && ops->asks(script, SCRIPT_CALL, name);
}

static int
answer_null(struct session *s, double txn)
{
	struct value *null = NULL;

	if (txn == 0)
		return FCS_OK;
	return session_send_command(s, 0, "_result", txn, NULL, &null, 1);
}

static int
check_bandwidth(struct session *s, const struct command *cmd)
{
	int rc;

	if (sess_bw_is_off(s))
		return FCS_ENOENT; /* no such method */
	rc = answer_null(s, cmd->txn);
	if (rc == FCS_OK)
		rc = sess_bw_measure(s);
	return rc == FCS_ENOENT ? FCS_OK : rc;
}

static int
check_bw(struct session *s, const struct command *cmd)
{
	return answer_null(s, cmd->txn);
}

static const struct {
	const char *name;
	int (*fn)(struct session *, const struct command *);
} builtins[] = {
	{ "checkBandwidth", check_bandwidth },
	{ "_checkbw", check_bw },
};

/* FCS_ENOENT when it is not one of ours. */
static int
builtin(struct session *s, const struct command *cmd, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (strcmp(builtins[i].name, name) == 0)
			return is_exposed(s, name) ? FCS_ENOENT
						   : builtins[i].fn(s, cmd);
	return FCS_ENOENT;
}

int
sess_call_command(struct session *s, const struct command *cmd)
{
	char name[COMMAND_NAME_MAX + 1];
	bool ok = value_str_eq(cmd->name, "_result");
	int rc;

	if (ok || value_str_eq(cmd->name, "_error")) {
		rc = sess_bw_answered(s, cmd->txn, ok);
		if (rc == FCS_ENOENT) {
			client_answered(
			    s->client, cmd->txn, ok, cmd->args, cmd->arg_count);
			rc = FCS_OK;
		}
		return rc;
	}
	if (value_str_eq(cmd->name, "onStatus"))
		return FCS_OK; /* some clients say so about what we called */
	if (session_name(s, cmd->name, name) != FCS_OK) {
		limits_refuse(LIMIT_COMMAND_NAME);
		log_info("session.command", "client=%s why=%s", s->client_id,
		    "name too long or with control characters");
		return FCS_OK;
	}
	rc = builtin(s, cmd, name);
	if (rc != FCS_ENOENT)
		return rc;
	instance_call(
	    s->instance, s->client, name, cmd->txn, cmd->args, cmd->arg_count);
	return FCS_OK;
}
