/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A path that passes stays below its folder, whoever splits it, and has no
 * byte that is read differently elsewhere.
 */
#include "base/utf8.h"
#include "storage/files.h"
#include "tests/fuzz/fuzz.h"

static void
check_part(const char *p)
{
	FUZZ_CHECK(p[0] != '\0' && strlen(p) <= 255);
	FUZZ_CHECK(strcmp(p, ".") != 0 && strcmp(p, "..") != 0);
	FUZZ_CHECK(strncmp(p, ".fcs-", 5) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *rest = NULL;
	char text[FILES_PATH_MAX + 1], *p, *part;
	bool shipped = false;
	struct err why;
	size_t i, n;
	int parts = 0;

	err_clear(&why);
	if (files_name_check((const char *)data, len, &shipped, &rest, &why) !=
	    FCS_OK) {
		FUZZ_CHECK(why.code == FCS_EINVAL && why.text[0] != '\0');
		return 0;
	}
	FUZZ_CHECK(rest == (const char *)data + (shipped ? 4 : 0));
	FUZZ_CHECK(!shipped || memcmp(data, "app:", 4) == 0);
	n = len - (shipped ? 4 : 0);
	FUZZ_CHECK(n > 0 && n <= FILES_PATH_MAX && utf8_valid(rest, n));
	for (i = 0; i < n; i++)
		FUZZ_CHECK((unsigned char)rest[i] >= 0x20 && rest[i] != '\\' &&
			   rest[i] != 0x7f);
	FUZZ_CHECK(rest[0] != '/' && rest[n - 1] != '/');
	memcpy(text, rest, n);
	text[n] = '\0';
	for (p = text; (part = strsep(&p, "/")) != NULL; parts++)
		check_part(part);
	FUZZ_CHECK(parts <= FILES_DEPTH_MAX);
	return 0;
}
