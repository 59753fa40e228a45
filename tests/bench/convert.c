/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What arguments of calls cost a script: 65,000 elements, the most a message
 * may have, of several kinds, in and out. Processor time of the VM, the least
 * of some runs, and how much of it a handler is charged with.
 */
#include "base/clock.h"
#include "script/engine.h"
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

#define COUNT 65000
#define RUNS  7

static const char app[] = "class A < FCS::App\n"
			  "  expose(:take) { |c, v| v.size }\n"
			  "  expose(:echo) { |c, v| v }\n"
			  "end\n";

static struct value *
make(struct arena *a, const char *kind)
{
	struct value *list, *o = NULL;
	char text[32];
	uint32_t i;
	int rc = FCS_OK;

	list = value_new(
	    a, strcmp(kind, "members") == 0 ? VALUE_OBJECT : VALUE_ARRAY);
	for (i = 0; i < COUNT && rc == FCS_OK; i++) {
		(void)snprintf(text, sizeof(text), "name %u", i);
		if (strcmp(kind, "integers") == 0)
			rc = value_push(a, list, value_number(a, i));
		else if (strcmp(kind, "floats") == 0)
			rc = value_push(a, list, value_number(a, i * 1.1));
		else if (strcmp(kind, "strings") == 0)
			rc = value_push(a, list, value_string(a, text));
		else if (strcmp(kind, "members") == 0)
			rc = value_set(a, list, text, value_number(a, i));
		else if (i % 8 == 0) { /* objects of seven members */
			o = value_new(a, VALUE_OBJECT);
			rc = value_push(a, list, o);
		} else {
			(void)snprintf(text, sizeof(text), "key%u", i % 8);
			rc = value_set(a, o, text, value_number(a, i));
		}
	}
	ck_assert_int_eq(rc, FCS_OK);
	return list;
}

static uint64_t
busy_us(void)
{
	struct script_stats st;

	engine_ops.stats(instance_script(host_instance("_definst_")), &st);
	return st.busy_us;
}

static double
least_ms(struct host_client *c, const char *name, struct value *v)
{
	uint64_t best = UINT64_MAX, before, spent;
	int i;

	for (i = 0; i < RUNS; i++) {
		c->answered = false;
		before = busy_us();
		instance_call(
		    client_instance(c->client), c->client, name, 7, &v, 1);
		host_until(&c->answered);
		ck_assert(c->answered && !c->failed);
		spent = busy_us() - before;
		if (spent < best)
			best = spent;
	}
	return (double)best / 1000;
}

UNIT_TIMEOUT(sixty_five_thousand_elements_in_and_out, 120)
{
	static const char *const kinds[] = { "integers", "floats", "strings",
		"members", "objects" };
	static const char *const wide[] = { "script.time=5s",
		"script.memory=256M", NULL };
	struct host_client *c;
	struct arena *a;
	double in, both;
	size_t i;

	host_open(app, wide);
	c = host_connect("c1", "[]");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		a = arena_new(0);
		in = least_ms(c, "take", make(a, kinds[i]));
		both = least_ms(c, "echo", make(a, kinds[i]));
		printf("# %d %s: %.2f ms in, %.2f ms in and out\n", COUNT,
		    kinds[i], in, both);
		arena_free(a);
	}
}

UNIT_MAIN
