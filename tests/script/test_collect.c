/* SPDX-License-Identifier: BSD-2-Clause */
/* collect - what handlers leave behind is collected while nobody waits. */
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

#define GARBAGE  (1u << 20)
#define PATIENCE 200 /* times 50 ms: it looks every 2 s */
#define NEARLY   (200u << 10)

static const char app[] =
    "class A < FCS::App\n"
    "  on(:start) { @kept = [] }\n"
    "  expose(:litter) { |c, n| a = \"x\" * n; a.size }\n"
    "  expose(:keep)   { |c, n| @kept << \"y\" * n; @kept.size }\n"
    "  expose(:look)   { |c| @kept.map { |s| s.size } }\n"
    "end\n";

static size_t
memory(struct host_client *c)
{
	struct script_stats s;

	engine_ops.stats(instance_script(client_instance(c->client)), &s);
	return (size_t)s.memory;
}

/* Turns the loop until so much is in use, or patience ends. */
static size_t
wait_below(struct host_client *c, size_t limit)
{
	int i;

	for (i = 0; i < PATIENCE && memory(c) >= limit; i++)
		host_wait_ms(50);
	return memory(c);
}

UNIT_TIMEOUT(garbage_goes_when_the_instance_is_idle, 60)
{
	struct host_client *c;
	size_t before;

	host_open(app, NULL);
	c = host_connect("c", "[]");
	before = memory(c);
	ck_assert_str_eq(host_call(c, "litter", "[1048576]"), "1048576");
	ck_assert_uint_gt(memory(c), before + GARBAGE / 2);
	ck_assert_uint_lt(wait_below(c, before + NEARLY), before + NEARLY);
}

UNIT_TIMEOUT(what_is_kept_stays, 60)
{
	struct host_client *c;
	size_t before;

	host_open(app, NULL);
	c = host_connect("c", "[]");
	before = memory(c);
	ck_assert_str_eq(host_call(c, "keep", "[1048576]"), "1");
	ck_assert_str_eq(host_call(c, "litter", "[1048576]"), "1048576");
	(void)wait_below(c, before + GARBAGE + NEARLY);
	ck_assert_uint_lt(memory(c), before + GARBAGE + NEARLY);
	ck_assert_uint_gt(memory(c) + NEARLY, before + GARBAGE);
	ck_assert_str_eq(host_call(c, "look", "[]"), "[1048576]");
}

UNIT_MAIN
