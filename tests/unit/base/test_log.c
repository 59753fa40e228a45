/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <jansson.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/lib/unit.h"

static char last[8192];
static int lines;
static int64_t now_us = 1700000000123456;

static void
tap(void *arg, const char *line, size_t len)
{
	(void)arg;
	ck_assert_uint_lt(len, sizeof(last));
	memcpy(last, line, len);
	last[len] = '\0';
	lines++;
}

static int64_t
fixed(void *arg)
{
	return *(int64_t *)arg;
}

static void
setup(void)
{
	static struct clock_source src = { fixed, fixed, &now_us };

	clock_set(&src);
	log_set_tap(tap, NULL);
	ck_assert_int_eq(log_open("/dev/null", NULL), FCS_OK);
}

/* The line without time and level. */
static const char *
body(void)
{
	return strchr(strchr(last, ' ') + 1, ' ') + 1;
}

UNIT(a_line_is_time_level_event_and_pairs)
{
	setup();
	log_info("client.rejected", "app=%s client=%u why=%s n=%lld z=%zu",
	    "vod", 7u, "server full", -5LL, (size_t)3);
	ck_assert_str_eq(last,
	    "2023-11-14T22:13:20.123Z info client.rejected app=vod "
	    "client=7 why=\"server full\" n=-5 z=3");
	log_set_role("worker", "chat");
	log_warn("x.y", "");
	ck_assert_str_eq(
	    last, "2023-11-14T22:13:20.123Z warn x.y role=worker app=chat");
}

UNIT(hostile_values_cannot_break_or_forge_a_line)
{
	setup();
	log_info("a.b", "name=%s", "x\n2026 error forged=1");
	ck_assert_str_eq(body(), "a.b name=\"x\\n2026 error forged=1\"");
	log_info("a.b", "name=%s", "a\x1b[31m\"\\\xff");
	ck_assert_str_eq(body(), "a.b name=\"a\\x1b[31m\\\"\\\\\\xff\"");
	log_info("a.b", "name=%s", "\xe2\x80\xae\xc2\x85");
	ck_assert_str_eq(body(), "a.b name=\"\\u202e\\u0085\"");
	log_info("a.b", "name=%s", "k=v");
	ck_assert_str_eq(body(), "a.b name=\"k=v\"");
	log_info("a.b", "name=%s", "");
	ck_assert_str_eq(body(), "a.b name=\"\"");
	log_info("a.b", "name=%s", "caf\xc3\xa9 %s %n");
	ck_assert_str_eq(body(), "a.b name=\"caf\xc3\xa9 %s %n\"");
}

UNIT(conversions_of_all_kinds)
{
	const char *volatile none = NULL;

	setup();
	log_info("a.b",
	    "s=%.*s n=%s hex=%04x c=%c f=%.2f where=%s:%d lu=%lu pct=5%% w=word",
	    2, "abc", none, 0xabu, 'z', 1.5, "f.rb", 3, 9ul);
	ck_assert_str_eq(body(),
	    "a.b s=ab n=- hex=00ab c=z f=1.50 where=f.rb:3 lu=9 "
	    "pct=5% w=word");
}

UNIT(long_values_are_cut)
{
	char text[5000];

	setup();
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("a.b", "v=%s", text);
	ck_assert_uint_lt(strlen(last), 1200);
	ck_assert_str_eq(last + strlen(last) - 5, "xx...");
}

UNIT(json_lines_parse)
{
	json_t *j;

	setup();
	log_set_format(LOG_FORMAT_JSON);
	log_set_role("gateway", NULL);
	log_info("a.b", "n=%d text=%s f=%g", 7, "q\"\n\xff", 0.5);
	j = json_loads(last, 0, NULL);
	ck_assert_ptr_nonnull(j);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "n")), 7);
	ck_assert_str_eq(
	    json_string_value(json_object_get(j, "text")), "q\"\n\xef\xbf\xbd");
	ck_assert_str_eq(
	    json_string_value(json_object_get(j, "role")), "gateway");
	ck_assert_double_eq(json_real_value(json_object_get(j, "f")), 0.5);
	json_decref(j);
}

UNIT(levels_below_are_silent)
{
	enum log_level l;

	setup();
	log_debug("a.b", "");
	ck_assert_int_eq(lines, 0);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("a.b", "");
	ck_assert_int_eq(lines, 0);
	ck_assert(log_enabled(LOG_LEVEL_ERROR));
	ck_assert(!log_enabled(LOG_LEVEL_WARN));
	ck_assert_int_eq(log_level_parse("warn", &l), FCS_OK);
	ck_assert_int_eq(l, LOG_LEVEL_WARN);
	ck_assert_int_eq(log_level_parse("WARN", &l), FCS_EFORMAT);
}

UNIT(the_rate_is_per_event_and_the_rest_is_counted)
{
	setup();
	log_set_rate(3);
	for (int i = 0; i < 10; i++)
		log_info("flood.one", "i=%d", i);
	ck_assert_int_eq(lines, 3);
	log_info("flood.two", "");
	ck_assert_int_eq(lines, 4);
	ck_assert_uint_eq(log_suppressed(), 7);
	now_us += 1000000;
	log_info("flood.one", "i=%d", 10);
	ck_assert_str_eq(body(), "flood.one i=10 suppressed=7");
	log_info("flood.one", "i=%d", 11);
	ck_assert_str_eq(body(), "flood.one i=11");
}

static long
file_size(const char *path)
{
	FILE *f = fopen(path, "r");
	long n;

	if (f == NULL)
		return -1;
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	fclose(f);
	return n;
}

UNIT(reopen_follows_a_rotation)
{
	char path[600], moved[600];
	struct err e;
	long before;

	setup();
	snprintf(path, sizeof(path), "%s/log", unit_tmpdir());
	snprintf(moved, sizeof(moved), "%s/log.1", unit_tmpdir());
	ck_assert_int_eq(log_open(path, &e), FCS_OK);
	log_info("a.b", "");
	ck_assert_int_eq(rename(path, moved), 0);
	log_info("a.b", "");
	before = file_size(moved);
	ck_assert_int_gt(before, 0);
	ck_assert_int_eq(log_reopen(&e), FCS_OK);
	log_info("a.b", "");
	ck_assert_int_eq(file_size(moved), before);
	ck_assert_int_gt(file_size(path), 0);
	snprintf(path, sizeof(path), "%s/none/x", unit_tmpdir());
	ck_assert_int_eq(log_open(path, &e), FCS_ENOENT);
	log_close();
}

UNIT(fields_named_by_somebody_else_stay_fields)
{
	struct log_field f[] = { { "ip", "1.2.3.4", 2, 7 },
		{ "a b=\n\xff", "x\" y=1\n", 6, 7 }, { "", "", 0, 0 },
		{ "nul", "a\0b", 3, 3 } };

	setup();
	log_write_fields(LOG_LEVEL_INFO, "x.y", f, 4, "n=%d", 1);
	ck_assert_str_eq(body(), "x.y n=1 ip=1.2.3.4 "
				 "a_b___=\"x\\\" y=1\\n\" _=\"\" "
				 "nul=\"a\\x00b\"");
	log_set_format(LOG_FORMAT_JSON);
	log_write_fields(LOG_LEVEL_INFO, "x.y", f, 2, "n=%d", 1);
	ck_assert_ptr_nonnull(strstr(last, "\"ip\":\"1.2.3.4\""));
	ck_assert_ptr_nonnull(strstr(last, "\"a_b___\":\"x\\\" y=1\\n\"}"));
	log_set_level(LOG_LEVEL_WARN);
	lines = 0;
	log_write_fields(LOG_LEVEL_INFO, "x.y", f, 2, "n=%d", 1);
	ck_assert_int_eq(lines, 0);
}

UNIT_MAIN
