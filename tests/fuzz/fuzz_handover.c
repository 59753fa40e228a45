/* SPDX-License-Identifier: BSD-2-Clause */
/* The message that goes with a socket from the gateway to a worker. */
#include "net/channel.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct channel_handover h;
	struct buf out;

	if (channel_handover_read(data, len, &h) != FCS_OK)
		return 0;
	FUZZ_CHECK(h.early >= data && h.early + h.early_len == data + len);
	FUZZ_CHECK(strlen(h.app) < sizeof(h.app));
	if (h.early_len > CHANNEL_EARLY_MAX)
		return 0;
	/* what was read writes back the same, but for the unused byte */
	buf_init(&out, 0);
	FUZZ_CHECK(channel_handover_write(&out, &h) == FCS_OK);
	FUZZ_CHECK(buf_len(&out) == len);
	FUZZ_CHECK(memcmp(buf_data(&out), data, 7) == 0);
	FUZZ_CHECK(memcmp(buf_data(&out) + 8, data + 8, len - 8) == 0);
	buf_fini(&out);
	return 0;
}
