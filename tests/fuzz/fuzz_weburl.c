/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What passes is read by libcurl as we read it: same scheme, host, port, path.
 * Nothing climbs, nothing passes an entry of another host.
 */
#include <curl/curl.h>
#include <strings.h>

#include "codec/weburl.h"
#include "tests/fuzz/fuzz.h"

static void
check_part(CURLU *c, CURLUPart part, const char *expected)
{
	char *text = NULL;

	FUZZ_CHECK(
	    curl_url_get(c, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK);
	FUZZ_CHECK(strcmp(text, expected) == 0);
	curl_free(text);
}

static void
check_second_reader(const struct weburl *u)
{
	CURLU *c = curl_url();
	char port[8], path[WEBURL_MAX + 1];
	char *none = NULL;

	FUZZ_CHECK(c != NULL);
	FUZZ_CHECK(curl_url_set(c, CURLUPART_URL, u->text,
		       CURLU_PATH_AS_IS | CURLU_DISALLOW_USER) == CURLUE_OK);
	check_part(c, CURLUPART_SCHEME, u->secure ? "https" : "http");
	check_part(c, CURLUPART_HOST, u->host);
	snprintf(port, sizeof(port), "%u", u->port);
	check_part(c, CURLUPART_PORT, port);
	memcpy(path, u->text + u->path_at, u->path_len);
	path[u->path_len] = '\0';
	check_part(c, CURLUPART_PATH, path);
	FUZZ_CHECK(curl_url_get(c, CURLUPART_USER, &none, 0) == CURLUE_NO_USER);
	FUZZ_CHECK(curl_url_get(c, CURLUPART_FRAGMENT, &none, 0) ==
		   CURLUE_NO_FRAGMENT);
	curl_url_cleanup(c);
}

static void
check_climbs_not(const struct weburl *u)
{
	const char *p = u->text + u->path_at, *end = p + u->path_len;

	FUZZ_CHECK(p[0] == '/');
	for (; p < end; p++)
		FUZZ_CHECK(!(p[0] == '/' && p + 2 < end && p[1] == '.' &&
			     p[2] == '.' && (p + 3 == end || p[3] == '/')));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const entries[] = { "http://good.example",
		"http://good.example/api", "https://[::1]:8443/a/" };
	static const char *const prefixes[] = { "http://good.example/",
		"http://good.example/api", "https://[::1]:8443/a/" };
	struct weburl u, again, entry;
	struct err why;
	size_t i;

	err_clear(&why);
	if (weburl_parse((const char *)data, len, &u, &why) != FCS_OK) {
		FUZZ_CHECK(why.text[0] != '\0');
		return 0;
	}
	FUZZ_CHECK(strlen(u.text) <= WEBURL_MAX);
	FUZZ_CHECK(
	    weburl_parse(u.text, strlen(u.text), &again, NULL) == FCS_OK);
	FUZZ_CHECK(strcmp(u.text, again.text) == 0);
	FUZZ_CHECK(weburl_same_origin(&u, &again));
	check_climbs_not(&u);
	check_second_reader(&u);
	for (i = 0; i < 3; i++) {
		FUZZ_CHECK(weburl_parse(entries[i], strlen(entries[i]), &entry,
			       NULL) == FCS_OK);
		if (weburl_is_below(&u, &entry))
			FUZZ_CHECK(strncmp(u.text, prefixes[i],
				       strlen(prefixes[i])) == 0);
	}
	return 0;
}
