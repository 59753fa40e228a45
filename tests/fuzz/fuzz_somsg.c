/* SPDX-License-Identifier: BSD-2-Clause */
/* First byte: message type; the rest the payload. What was read is written
 * again and read as the same events; values convert for every client. */
#include "codec/somsg.h"
#include "tests/fuzz/fuzz.h"

static void
put(struct buf *b, const struct somsg_event *e)
{
	switch (e->type) {
	case SOMSG_REQUEST_CHANGE:
	case SOMSG_CHANGE:
		somsg_put_change(
		    b, e->type, e->key.ptr, e->key.len, e->data, e->len);
		break;
	case SOMSG_SUCCESS:
	case SOMSG_REMOVE:
	case SOMSG_REQUEST_REMOVE:
		somsg_put_key(b, e->type, e->key.ptr, e->key.len);
		break;
	case SOMSG_SEND:
		somsg_put_send(b, e->data, e->len);
		break;
	case SOMSG_STATUS:
		somsg_put_status(b, "code", "level");
		break;
	default:
		somsg_put(b, e->type);
		break;
	}
}

static void
check_again(const struct somsg *m, bool amf3)
{
	struct message msg = { .type = amf3 ? MESSAGE_SO_AMF3 : MESSAGE_SO };
	struct arena *a = arena_new(FUZZ_ARENA);
	struct somsg back;
	struct buf b;

	buf_init(&b, 0);
	somsg_begin(&b, amf3, m->name.ptr, m->name.len, m->version, m->flags);
	for (uint32_t i = 0; i < m->event_count; i++)
		put(&b, &m->events[i]);
	FUZZ_CHECK(buf_status(&b) == FCS_OK);
	msg.payload = buf_data(&b);
	msg.len = buf_len(&b);
	FUZZ_CHECK(somsg_read(a, &msg, &back) == FCS_OK);
	FUZZ_CHECK(back.event_count == m->event_count);
	for (uint32_t i = 0; i < m->event_count; i++)
		FUZZ_CHECK(back.events[i].type == m->events[i].type &&
			   back.events[i].len == m->events[i].len);
	buf_fini(&b);
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(FUZZ_ARENA);
	struct message msg = { .type = 0 };
	struct somsg m;
	struct buf b;

	if (len > 0) {
		msg.type = data[0];
		msg.payload = data + 1;
		msg.len = len - 1;
	}
	if (len > 0 && somsg_read(a, &msg, &m) == FCS_OK) {
		FUZZ_CHECK(m.event_count <= SOMSG_EVENTS_MAX);
		check_again(&m, false);
		check_again(&m, true);
		for (uint32_t i = 0; i < m.event_count; i++)
			for (int k = 0; k < 3; k++) {
				if (m.events[i].type != SOMSG_CHANGE &&
				    m.events[i].type != SOMSG_REQUEST_CHANGE)
					continue;
				buf_init(&b, 0);
				fcs_ignore(somsg_value(&b, m.events[i].data,
				    m.events[i].len, k == 1, k == 2));
				buf_fini(&b);
			}
	}
	arena_free(a);
	return 0;
}
