/* SPDX-License-Identifier: BSD-2-Clause */
/* peer_uri - where a peer goes. */
#include "peer/peer_uri.h"

#include "tests/lib/unit.h"

UNIT(an_instance_of_this_server)
{
	static const char *const same[] = { "room/blue", "/room/blue",
		"rtmp:/room/blue", "rtmp://localhost/room/blue",
		"rtmp:/room/blue/" };
	struct peer_uri u;
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		ck_assert_int_eq(peer_uri_parse(same[i], &u, &e), FCS_OK);
		ck_assert(u.local);
		ck_assert_str_eq(u.where.app, "room");
		ck_assert_str_eq(u.where.inst, "blue");
	}
	ck_assert_int_eq(peer_uri_parse("room?a=b", &u, &e), FCS_OK);
	ck_assert_str_eq(u.where.inst, URL_DEFAULT_INSTANCE);
	ck_assert_str_eq(u.where.query, "a=b");
	ck_assert_int_eq(peer_uri_parse("room/a/b", &u, &e), FCS_OK);
	ck_assert_str_eq(u.where.inst, "a/b");
}

UNIT(an_instance_elsewhere)
{
	struct peer_uri u;
	struct err e;

	ck_assert_int_eq(
	    peer_uri_parse("rtmp://h.example/live/x?k=1", &u, &e), FCS_OK);
	ck_assert(!u.local);
	ck_assert_str_eq(u.host, "h.example");
	ck_assert_uint_eq(u.port, 1935);
	ck_assert_str_eq(u.where.app, "live");
	ck_assert_str_eq(u.where.query, "k=1");
	ck_assert_int_eq(
	    peer_uri_parse("rtmp://localhost:1936/live", &u, &e), FCS_OK);
	ck_assert(!u.local); /* a port is named */
	ck_assert_uint_eq(u.port, 1936);
	ck_assert_int_eq(
	    peer_uri_parse("rtmp://[::1]:1937/live", &u, &e), FCS_OK);
	ck_assert_str_eq(u.host, "::1");
}

UNIT(what_is_none_says_so)
{
	static const char *const bad[] = { "", "/", "//", "rtmp:", "rtmp:/",
		"rtmp://", "rtmp://host", "rtmp://host/", "rtmp:///app",
		"rtmp://localhost/", "http://host/app", "rtmpt://host/app",
		"room/../x", "ro om/x\n", "rtmp://h:99999/app" };
	struct peer_uri u;
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		ck_assert_msg(
		    peer_uri_parse(bad[i], &u, &e) == FCS_EINVAL, "%s", bad[i]);
		ck_assert(e.text[0] != '\0');
	}
	ck_assert_int_eq(
	    peer_uri_parse("rtmps://host/app", &u, &e), FCS_EUNSUPPORTED);
}

UNIT_MAIN
