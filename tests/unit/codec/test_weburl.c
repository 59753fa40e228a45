/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/weburl.h"

#include "tests/lib/unit.h"

static int
parse(const char *text, struct weburl *u)
{
	return weburl_parse(text, strlen(text), u, NULL);
}

static bool
below(const char *text, const char *entry)
{
	struct weburl u, e;

	if (parse(text, &u) != FCS_OK)
		return false;
	ck_assert_msg(parse(entry, &e) == FCS_OK, "%s", entry);
	return weburl_is_below(&u, &e);
}

UNIT(plain_urls_are_written_anew)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "http://a.example", "http://a.example/" },
		{ "HTTP://A.Example:80/X?y=Z", "http://a.example/X?y=Z" },
		{ "https://a.example:443/", "https://a.example/" },
		{ "https://a.example:8443?q", "https://a.example:8443/?q" },
		{ "http://a.example./x", "http://a.example/x" },
		{ "http://a.example/x#top", "http://a.example/x" },
		{ "http://127.0.0.1:65535/", "http://127.0.0.1:65535/" },
		{ "http://[::1]/", "http://[::1]/" },
		{ "http://[0:0::0:1]:81/", "http://[::1]:81/" },
		{ "http://[2001:DB8::A]/", "http://[2001:db8::a]/" },
		{ "http://a_b-c.1x/", "http://a_b-c.1x/" },
		{ "http://h/a%20b?x=%2e%2e/..&y=@:", /* queries climb not */
		    "http://h/a%20b?x=%2e%2e/..&y=@:" },
		{ "http://h//a//", "http://h//a//" },
		{ "http://h/.../..a/a../.a", "http://h/.../..a/a../.a" },
	};
	struct weburl u, again;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(
		    parse(rows[i].in, &u) == FCS_OK, "%s", rows[i].in);
		ck_assert_str_eq(u.text, rows[i].out);
		ck_assert_int_eq(parse(u.text, &again), FCS_OK);
		ck_assert_str_eq(again.text, u.text);
	}
}

UNIT(what_two_readers_could_disagree_about_is_refused)
{
	static const char *const bad[] = { "", "http", "http:", "http:/x",
		"http://", "http:///x", "https://:80/", "//h/", "/x", "h/x",
		"ftp://h/", "file:///etc/passwd", "gopher://h/", "http ://h/",
		" http://h/", "http://h /", "http://h/ ", "http://h\t/",
		"http://user@h/", "http://user:pw@h/", "http://h@evil/",
		"http://good.example\\@evil/", "http://h\\.evil/",
		"http://h%2eevil/", "http://h%00/", "http://h..evil/",
		"http://.h/", "http://h../", "http://h:/", "http://h:0/",
		"http://h:65536/", "http://h:99999999999/", "http://h:080/",
		"http://h:80a/", "http://h:-1/", "http://h:+80/",
		"http://h:80:80/", "http://127.1/", "http://2130706433/",
		"http://0x7f000001/", "http://0x7f.0.0.1/",
		"http://0177.0.0.1/", "http://127.0.0.1.5/",
		"http://256.0.0.1/", "http://1.2.3.0x4/", "http://a.1/",
		"http://[::1/", "http://[]/", "http://[::1]x/",
		"http://[::1%25lo]/", "http://[fe80::1%lo]/", "http://[h]/",
		"http://::1/", "http://[::1]:/", "http://[[::1]]/",
		"http://b\303\274cher.example/", "http://h/\xc3\xbc",
		"http://h/a b", "http://h/a\\b", "http://h/a\"b", "http://h/<",
		"http://h/%", "http://h/%2", "http://h/%zz", "http://h/%0d%0a",
		"http://h/%00", "http://h/\r\nX: y", "http://h/?a\r\nX: y",
		"http://h/.", "http://h/..", "http://h/./x", "http://h/../x",
		"http://h/x/..", "http://h/x/../y", "http://h/%2e%2e/x",
		"http://h/.%2e/x", "http://h/%2E./x", "http://h/x%2f..%2fy",
		"http://h/x%5c..%5cy", "http://h/%252e%252e/x",
		"http://h/..;/x", "http://h/..;a=b/x", "http://h/.;/x",
		"http://h/..?x", "http://h/%25%32%65%25%32%65/" };
	struct weburl u;
	struct err why;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&why);
		ck_assert_msg(weburl_parse(bad[i], strlen(bad[i]), &u, &why) ==
				  FCS_EFORMAT,
		    "%s", bad[i]);
		ck_assert_msg(why.text[0] != '\0', "%s", bad[i]);
	}
	ck_assert_int_eq(
	    weburl_parse("http://a\0b/", 11, &u, NULL), FCS_EFORMAT);
	ck_assert_int_eq(
	    weburl_parse("http://a/\0b", 11, &u, NULL), FCS_EFORMAT);
}

UNIT(an_entry_names_what_is_below_it_and_nothing_else)
{
	static const struct {
		const char *url, *entry;
		bool below;
	} rows[] = {
		{ "http://good.example/", "http://good.example", true },
		{ "http://good.example/x?y", "http://good.example", true },
		{ "HTTP://GOOD.example:80/x", "http://good.example/", true },
		{ "http://good.example./x", "http://good.example", true },
		{ "http://good.example.evil/", "http://good.example", false },
		{ "http://good.examplex/", "http://good.example", false },
		{ "http://xgood.example/", "http://good.example", false },
		{ "http://good.example@evil/", "http://good.example", false },
		{ "http://good.example:81/", "http://good.example", false },
		{ "http://good.example:443/", "https://good.example", false },
		{ "https://good.example/", "http://good.example", false },
		{ "http://good.example/", "https://good.example", false },
		{ "http://evil/http://good.example", "http://good.example",
		    false },
		{ "http://evil/?http://good.example/", "http://good.example",
		    false },
		{ "http://evil#http://good.example/", "http://good.example",
		    false },
		{ "http://h/api", "http://h/api", true },
		{ "http://h/api?x", "http://h/api", true },
		{ "http://h/api/", "http://h/api", true },
		{ "http://h/api/x", "http://h/api", true },
		{ "http://h/apix", "http://h/api", false },
		{ "http://h/api.evil", "http://h/api", false },
		{ "http://h/api%2fx", "http://h/api", false },
		{ "http://h/api;x", "http://h/api", false },
		{ "http://h/Api", "http://h/api", false },
		{ "http://h/%61pi", "http://h/api", false },
		{ "http://h//api", "http://h/api", false },
		{ "http://h/api/", "http://h/api/", true },
		{ "http://h/api/x", "http://h/api/", true },
		{ "http://h/api", "http://h/api/", false },
		{ "http://h/api/../x", "http://h/api", false },
		{ "http://h/api/%2e%2e/x", "http://h/api", false },
		{ "http://h/api?/../x", "http://h/api", true },
		{ "http://h/x?k=1", "http://h/x?k=1", false },
		{ "http://[::1]/x", "http://[0::1]", true },
		{ "http://[::2]/x", "http://[::1]", false },
		{ "http://[::ffff:127.0.0.1]/", "http://127.0.0.1", false },
		{ "http://127.0.0.1:8080/", "http://127.0.0.1", false },
		{ "http://127.0.0.1:8080/", "http://127.0.0.1:8080", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(
		    below(rows[i].url, rows[i].entry) == rows[i].below,
		    "%s below %s", rows[i].url, rows[i].entry);
}

UNIT(loopback_is_this_machine_only)
{
	static const char *const yes[] = { "http://localhost",
		"http://LOCALHOST./", "http://127.0.0.1:9/",
		"https://127.255.0.3/", "http://[0::1]:8/" };
	static const char *const no[] = { "http://localhost.evil/",
		"http://127.0.0.1.evil/", "http://127.evil/",
		"http://10.0.0.1/", "http://[::2]/", "http://0.0.0.0/",
		"http://[::]/" };
	struct weburl u;

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		ck_assert_int_eq(parse(yes[i], &u), FCS_OK);
		ck_assert_msg(weburl_is_loopback(&u), "%s", yes[i]);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		ck_assert_int_eq(parse(no[i], &u), FCS_OK);
		ck_assert_msg(!weburl_is_loopback(&u), "%s", no[i]);
	}
}

UNIT(lengths_are_limited)
{
	static char text[WEBURL_MAX + 10];
	struct weburl u;

	memset(text, 'a', sizeof(text));
	memcpy(text, "http://h/", 9);
	ck_assert_int_eq(weburl_parse(text, WEBURL_MAX - 1, &u, NULL), FCS_OK);
	ck_assert_int_eq(weburl_parse(text, WEBURL_MAX, &u, NULL), FCS_OK);
	ck_assert_uint_eq(strlen(u.text), WEBURL_MAX);
	ck_assert_int_eq(
	    weburl_parse(text, WEBURL_MAX + 1, &u, NULL), FCS_ELIMIT);
	/* it grows by the `/` of an empty path */
	memcpy(text, "http://h?", 9);
	ck_assert_int_eq(weburl_parse(text, WEBURL_MAX - 1, &u, NULL), FCS_OK);
	ck_assert_int_eq(weburl_parse(text, WEBURL_MAX, &u, NULL), FCS_ELIMIT);
	/* labels of 63, hosts of 253 */
	memset(text, 'a', 400);
	memcpy(text, "http://", 7);
	text[7 + 63] = '.';
	text[7 + 127] = '.';
	text[7 + 191] = '.';
	ck_assert_int_eq(weburl_parse(text, 7 + 253, &u, NULL), FCS_OK);
	ck_assert_int_eq(weburl_parse(text, 7 + 254, &u, NULL), FCS_ELIMIT);
	text[7 + 63] = 'a';
	ck_assert_int_eq(weburl_parse(text, 7 + 100, &u, NULL), FCS_EFORMAT);
}

UNIT_MAIN
