/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever comes out is a name by the one grammar; nothing climbs. */
#include "codec/url.h"
#include "tests/fuzz/fuzz.h"

static void
check_name(enum name_kind kind, const char *name)
{
	FUZZ_CHECK(name_check(kind, name, strlen(name), NULL) == FCS_OK);
	FUZZ_CHECK(name[0] != '/' && strstr(name, "/../") == NULL);
	FUZZ_CHECK(strncmp(name, "../", 3) != 0 && strcmp(name, "..") != 0);
}

static void
check_app(const struct url_app *u)
{
	check_name(NAME_APP, u->app);
	check_name(NAME_INSTANCE, u->inst);
	FUZZ_CHECK(strlen(u->query) < sizeof(u->query));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct value_str s = { (const char *)data, (uint32_t)len };
	struct value_str none = { "", 0 };
	struct url_stream stream;
	struct url_rtmp rtmp;
	struct url_app app;
	char *text = malloc(len + 1);

	if (url_parse_app(s, none, &app) == FCS_OK)
		check_app(&app);
	if (url_parse_app(none, s, &app) == FCS_OK)
		check_app(&app);
	if (url_parse_stream(s, &stream) == FCS_OK)
		check_name(NAME_STREAM, stream.name);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	if (url_parse_rtmp(text, &rtmp) == FCS_OK) {
		check_app(&rtmp.where);
		FUZZ_CHECK(rtmp.port != 0 && rtmp.host[0] != '\0');
	}
	free(text);
	return 0;
}
