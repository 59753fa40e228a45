/* SPDX-License-Identifier: BSD-2-Clause */
/* First byte: message type; the rest the payload. A command that was read can
 * be written (limits aside) and is the same command when read again. */
#include "codec/command.h"
#include "tests/fuzz/fuzz.h"

static void
check_again(const struct command *c, bool amf3)
{
	struct message m = { .type = amf3 ? MESSAGE_COMMAND_AMF3
					  : MESSAGE_COMMAND };
	struct arena *a = arena_new(FUZZ_ARENA);
	char name[COMMAND_NAME_MAX + 1];
	struct command back;
	struct buf b;

	FUZZ_CHECK(c->name.len <= COMMAND_NAME_MAX);
	FUZZ_CHECK(c->arg_count <= COMMAND_ARGS_MAX);
	memcpy(name, c->name.ptr, c->name.len);
	name[c->name.len] = '\0';
	buf_init(&b, 0);
	if (command_write(&b, amf3, name, c->txn, c->object, c->args,
		c->arg_count) == FCS_OK) {
		m.payload = buf_data(&b);
		m.len = buf_len(&b);
		FUZZ_CHECK(command_read(a, &m, &back) == FCS_OK);
		FUZZ_CHECK(value_str_eq(back.name, name));
		FUZZ_CHECK(back.arg_count == c->arg_count);
	} else {
		FUZZ_CHECK(buf_len(&b) == 0);
	}
	buf_fini(&b);
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *a = arena_new(FUZZ_ARENA);
	struct command_data d;
	struct command c;
	struct message m = { .type = 0 };

	if (len > 0) {
		m.type = data[0];
		m.payload = data + 1;
		m.len = len - 1;
		if (command_read(a, &m, &c) == FCS_OK) {
			check_again(&c, false);
			check_again(&c, true);
		}
		fcs_ignore(command_read_data(a, &m, &d));
	}
	arena_free(a);
	return 0;
}
