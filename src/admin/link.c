/* SPDX-License-Identifier: BSD-2-Clause */
/* link - see link.h. */
#include <stdlib.h>
#include <string.h>

#include "admin/link.h"
#include "base/log.h"
#include "net/channel.h"

#define QUEUE_MAX 4096

struct link {
	struct loop *loop;
	struct channel *ch;
	const struct link_ops *ops;
	void *arg;
};

static void
on_message(
    void *arg, const uint8_t *data, size_t len, int *fds, size_t n, bool lost)
{
	struct link *k = arg;
	json_error_t je;
	json_t *msg;
	const char *op;

	msg = json_loadb((const char *)data, len, 0, &je);
	op = json_string_value(json_object_get(msg, "op"));
	if (lost)
		log_error("link.lost", "op=%s why=%s", op,
		    "a descriptor was lost: at the descriptor limit");
	if (op == NULL)
		log_error(
		    "link.message", "why=%s", msg == NULL ? je.text : "no op");
	else
		k->ops->message(k->arg, op, msg, fds, n);
	json_decref(msg);
}

static void
on_closed(void *arg, int why)
{
	struct link *k = arg;

	if (why != FCS_OK && why != FCS_EIO)
		log_warn("link.closed", "why=%s", err_text(why));
	k->ops->closed(k->arg);
}

static const struct channel_ops channel_ops = { .message = on_message,
	.closed = on_closed };

struct link *
link_new(struct loop *l, int fd, const struct link_ops *ops, void *arg)
{
	static const struct channel_options opt = { CHANNEL_STREAM,
		LINK_MESSAGE_MAX, QUEUE_MAX };
	struct link *k = calloc(1, sizeof(*k));

	if (k != NULL) {
		k->loop = l;
		k->ops = ops;
		k->arg = arg;
		k->ch = channel_new(l, fd, &opt, &channel_ops, k);
	}
	if (k == NULL || k->ch == NULL) {
		free(k);
		return NULL;
	}
	return k;
}

void
link_free(struct link *k)
{
	if (k == NULL || k->ch == NULL)
		return;
	channel_free(k->ch);
	k->ch = NULL;
	loop_defer_free(k->loop, free, k);
}

int
link_send(struct link *k, json_t *msg, const int *fds, size_t fd_count)
{
	char *text;
	int rc;

	if (k == NULL || k->ch == NULL) {
		json_decref(msg);
		return FCS_ECLOSED;
	}
	text = msg == NULL ? NULL : json_dumps(msg, JSON_COMPACT);
	json_decref(msg);
	if (text == NULL)
		return FCS_ENOMEM;
	rc = channel_send(k->ch, text, strlen(text), fds, fd_count, 0);
	free(text);
	return rc;
}

int
link_drain(struct link *k, uint32_t ms)
{
	return channel_drain(k->ch, ms);
}

const char *
link_text(const json_t *msg, const char *key)
{
	const char *s = json_string_value(json_object_get(msg, key));

	return s == NULL ? "" : s;
}

int64_t
link_int(const json_t *msg, const char *key)
{
	return json_integer_value(json_object_get(msg, key));
}
