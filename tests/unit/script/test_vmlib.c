/* SPDX-License-Identifier: BSD-2-Clause */
/* vmlib - the Ruby half is read once, and every VM runs the same byte code. */
#include "script/vmlib.h"

#include "core/instance.h"
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

/* What a VM may hold with a script of three lines. With byte code of its own
 * it was 330 KB, when the library was half as long. */
#define MEMORY_MAX (300u << 10)

static const char app[] =
    "class A < FCS::App\n"
    "  expose(:fail) { |c| shared(:x, nonsense: 1) }\n"
    "  expose(:here) { |c| [name, :here, \"new symbol\".to_sym] }\n"
    "end\n";

UNIT(byte_code_is_shared_by_all_vms)
{
	struct script_stats stats;
	struct host_client *c;
	char name[16], id[16], expected[64];
	int i;

	host_open(app, NULL);
	for (i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "i%d", i);
		(void)snprintf(id, sizeof(id), "c%d", i);
		c = host_connect_to(host_instance(name), id, "[]");
		ck_assert_int_eq(c->accepted, 1);
		ck_assert(vmlib_is_read());
		ck_assert(vmlib_was_shared());
		(void)snprintf(expected, sizeof(expected),
		    "[\"test/i%d\",\"here\",\"new symbol\"]", i);
		ck_assert_str_eq(host_call(c, "here", "[]"), expected);
	}
	engine_ops.stats(instance_script(client_instance(c->client)), &stats);
	ck_assert_uint_lt(stats.memory, MEMORY_MAX);
}

UNIT(places_in_files_are_told_as_ever)
{
	struct host_client *c;
	const char *log;

	host_open(app, NULL);
	c = host_connect("c", "[]");
	(void)host_call(c, "fail", "[]");
	log = host_log();
	ck_assert_msg(strstr(log, "at=\"main.rb:2:in") != NULL, "%s", log);
	ck_assert_msg(strstr(log, "unknown option nonsense: of shared") != NULL,
	    "%s", log);
}

UNIT_MAIN
