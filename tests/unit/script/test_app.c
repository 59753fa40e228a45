/* SPDX-License-Identifier: BSD-2-Clause */
/* app - the application half of the API: log, timers, status, life cycle. */
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

#define HAS(text, part)                                                        \
	ck_assert_msg(strstr(text, part) != NULL, "no %s in: %s", part, text)
#define LACKS(text, part)                                                      \
	ck_assert_msg(strstr(text, part) == NULL, "%s in: %s", part, text)

static unsigned
count_of(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return n;
}

/* ---- the log of a script ---- */

UNIT(a_script_writes_a_thousand_lines_a_second_and_the_rest_is_counted)
{
	static const char *const slow[] = { "script.time=20s", NULL };
	struct host_client *c;
	const char *log;

	host_open(
	    "class A < FCS::App\n"
	    "  expose(:say) { |c, n| n.times { |i| log.info \"x\" }; n }\n"
	    "  expose(:fail) { |c| raise \"y\" }\n"
	    "end\n",
	    slow);
	c = host_connect("c1", "[]");
	(void)host_log();
	(void)host_call(c, "say", "[999]");
	log = host_log();
	ck_assert_uint_eq(count_of(log, "text=x"), 999);
	HAS(log, "script.log inst=test/_definst_ text=x");
	(void)host_call(c, "say", "[1]");
	ck_assert_uint_eq(count_of(host_log(), "text=x"), 1);
	(void)host_call(c, "say", "[7]");
	(void)host_call(c, "fail", "[]");
	ck_assert_uint_eq(count_of(host_log(), "inst="), 0);
	host_wait_ms(1100);
	HAS(host_log(), "script.log inst=test/_definst_ suppressed=8");
	(void)host_call(c, "fail", "[]");
	log = host_log();
	HAS(log, "client=c1");
	HAS(log, "error=\"y (RuntimeError)\"");
	LACKS(log, "app=");
}

UNIT_MAIN
