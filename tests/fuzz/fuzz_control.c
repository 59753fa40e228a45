/* SPDX-License-Identifier: BSD-2-Clause */
/* A line of the control protocol, from whoever may open the socket. */
#include "admin/control.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct control_request r;
	struct err e;
	int rc;

	rc = control_request_parse((const char *)data, len, &r, &e);
	if (rc == FCS_OK) {
		FUZZ_CHECK(json_is_object(r.args));
		FUZZ_CHECK(r.cancel || r.name[0] != '\0');
		FUZZ_CHECK(strlen(r.name) < CONTROL_NAME_MAX);
		control_request_fini(&r);
	} else {
		FUZZ_CHECK(e.text[0] != '\0');
	}
	return 0;
}
