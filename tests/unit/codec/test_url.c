/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/url.h"

#include "tests/unit/codec/vec.h"

static struct value_str
str(const char *text)
{
	struct value_str s = { text, (uint32_t)strlen(text) };

	return s;
}

static int
app(const char *name, const char *tc_url, struct url_app *out)
{
	return url_parse_app(str(name), str(tc_url), out);
}

UNIT(application_instance_and_query)
{
	static const struct {
		const char *in, *app, *inst, *query;
	} rows[] = {
		{ "room", "room", "_definst_", "" },
		{ "room/", "room", "_definst_", "" },
		{ "room//", "room", "_definst_", "" },
		{ "/room", "room", "_definst_", "" },
		{ "room/blue", "room", "blue", "" },
		{ "room/blue/", "room", "blue", "" },
		{ "room/a/b/c", "room", "a/b/c", "" },
		{ "room/_definst_", "room", "_definst_", "" },
		{ "room/blue?x=1&y=/..", "room", "blue", "x=1&y=/.." },
		{ "room?x=1", "room", "_definst_", "x=1" },
		{ "room/?x=1?2", "room", "_definst_", "x=1?2" },
		{ "live_1-a", "live_1-a", "_definst_", "" },
		{ "room/sp ace", "room", "sp ace", "" },
		{ "room/caf\xc3\xa9", "room", "caf\xc3\xa9", "" },
	};
	struct url_app u;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(
		    app(rows[i].in, "", &u) == FCS_OK, "%s", rows[i].in);
		ck_assert_str_eq(u.app, rows[i].app);
		ck_assert_str_eq(u.inst, rows[i].inst);
		ck_assert_str_eq(u.query, rows[i].query);
	}
}

UNIT(hostile_applications_are_refused)
{
	static const char *const bad[] = { "", "/", "?x", "..", "../x",
		"room/..", "room/../x", "room/./x", "room/a//b", "ro om",
		"room\\x", "room/\x01", "room/\xff", "a:b", ".hidden", "-x",
		"r\xc3\xb6om", "%2e%2e" };
	struct url_app u;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(app(bad[i], "", &u) == FCS_EFORMAT, "%s", bad[i]);
	ck_assert_int_eq(
	    url_parse_app((struct value_str){ "live\0/../x", 10 }, str(""), &u),
	    FCS_EFORMAT);
	ck_assert_int_eq(
	    url_parse_app((struct value_str){ "live/a\0b", 8 }, str(""), &u),
	    FCS_EFORMAT);
	ck_assert_int_eq(
	    url_parse_app((struct value_str){ "live?a\0b", 8 }, str(""), &u),
	    FCS_EFORMAT);
}

UNIT(lengths_are_limited)
{
	char text[2000];
	struct url_app u;

	memset(text, 'a', sizeof(text));
	text[NAME_APP_MAX] = '\0';
	ck_assert_int_eq(app(text, "", &u), FCS_OK);
	text[NAME_APP_MAX] = 'a';
	text[NAME_APP_MAX + 1] = '\0';
	ck_assert_int_eq(app(text, "", &u), FCS_ELIMIT);
	memset(text, 'a', sizeof(text));
	text[1] = '/';
	text[2 + NAME_INSTANCE_MAX] = '\0';
	ck_assert_int_eq(app(text, "", &u), FCS_OK);
	text[2 + NAME_INSTANCE_MAX] = 'a';
	text[3 + NAME_INSTANCE_MAX] = '\0';
	ck_assert_int_eq(app(text, "", &u), FCS_ELIMIT);
	memset(text, 'a', sizeof(text));
	text[1] = '?';
	text[2 + 1023] = '\0';
	ck_assert_int_eq(app(text, "", &u), FCS_OK);
	ck_assert_uint_eq(strlen(u.query), 1023);
	text[2 + 1023] = 'a';
	text[2 + 1024] = '\0';
	ck_assert_int_eq(app(text, "", &u), FCS_ELIMIT);
}

UNIT(without_app_the_address_tells)
{
	struct url_app u;

	ck_assert_int_eq(app("", "rtmp://h:1935/room/blue?x=1", &u), FCS_OK);
	ck_assert_str_eq(u.app, "room");
	ck_assert_str_eq(u.inst, "blue");
	ck_assert_str_eq(u.query, "x=1");
	ck_assert_int_eq(app("a", "rtmp://h/room", &u), FCS_OK);
	ck_assert_str_eq(u.app, "a");
	ck_assert_int_eq(app("", "rtmp://h", &u), FCS_EFORMAT);
	ck_assert_int_eq(app("", "rtmp://h/", &u), FCS_EFORMAT);
	ck_assert_int_eq(app("", "room/blue", &u), FCS_EFORMAT);
	ck_assert_int_eq(app("", "://", &u), FCS_EFORMAT);
	ck_assert_int_eq(app("", "rtmp://h/../x", &u), FCS_EFORMAT);
}

UNIT(stream_names_lose_prefix_extension_and_query)
{
	static const struct {
		const char *in, *name, *query;
		enum url_kind kind;
	} rows[] = {
		{ "x", "x", "", URL_FLV },
		{ "flv:x", "x", "", URL_FLV },
		{ "x.flv", "x", "", URL_FLV },
		{ "flv:x.flv?k=v", "x", "k=v", URL_FLV },
		{ "x?k=v.flv", "x", "k=v.flv", URL_FLV },
		{ ".flv", ".flv", "", URL_FLV },
		{ "x.flv.flv", "x.flv", "", URL_FLV },
		{ "mp4:a/b.mp4", "a/b.mp4", "", URL_MP4 },
		{ "mp4:x.flv", "x.flv", "", URL_MP4 },
		{ "f4v:x", "x", "", URL_MP4 },
		{ "mp3:x", "x", "", URL_MP3 },
		{ "id3:x", "x", "", URL_MP3 },
		{ "raw:x", "x", "", URL_RAW },
		{ "zip:x", "zip:x", "", URL_FLV },
		{ "flv:flv:x", "flv:x", "", URL_FLV },
	};
	struct url_stream s;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(url_parse_stream(str(rows[i].in), &s) == FCS_OK,
		    "%s", rows[i].in);
		ck_assert_str_eq(s.name, rows[i].name);
		ck_assert_str_eq(s.query, rows[i].query);
		ck_assert_int_eq(s.kind, rows[i].kind);
	}
}

UNIT(hostile_stream_names_are_refused)
{
	static const char *const bad[] = { "", "?x", "flv:", "flv:?x",
		"../../x", "mp4:../x", "a/../b", "/etc/passwd", "a//b", "a/",
		"flv:/x", "\xc3\x28", "a\nb", "..", "flv:...flv/.." };
	struct url_stream s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(url_parse_stream(str(bad[i]), &s) == FCS_EFORMAT,
		    "%s", bad[i]);
	ck_assert_int_eq(
	    url_parse_stream((struct value_str){ "x\0.flv", 6 }, &s),
	    FCS_EFORMAT);
}

UNIT(rtmp_addresses)
{
	static const struct {
		const char *in, *host, *app, *inst;
		uint16_t port;
		bool secure;
	} rows[] = {
		{ "rtmp://h/a", "h", "a", "_definst_", 1935, false },
		{ "rtmp://h:80/a/b", "h", "a", "b", 80, false },
		{ "rtmps://h/a", "h", "a", "_definst_", 443, true },
		{ "rtmp://[::1]/a", "::1", "a", "_definst_", 1935, false },
		{ "rtmp://[::1]:81/a", "::1", "a", "_definst_", 81, false },
	};
	static const char *const bad[] = { "", "http://h/a", "rtmp://",
		"rtmp:", "rtmp://h", "rtmp://h/", "rtmp:///a", "rtmp://h:/a",
		"rtmp://h:0/a", "rtmp://h:65536/a", "rtmp://h:8x/a",
		"rtmp://[::1/a", "rtmp://[::1]x/a", "rtmp://h/../a",
		"rtmp://:1/a" };
	struct url_rtmp u;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(
		    url_parse_rtmp(rows[i].in, &u) == FCS_OK, "%s", rows[i].in);
		ck_assert_str_eq(u.host, rows[i].host);
		ck_assert_uint_eq(u.port, rows[i].port);
		ck_assert_int_eq(u.secure, rows[i].secure);
		ck_assert_str_eq(u.where.app, rows[i].app);
		ck_assert_str_eq(u.where.inst, rows[i].inst);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(
		    url_parse_rtmp(bad[i], &u) == FCS_EFORMAT, "%s", bad[i]);
}

UNIT_MAIN
