/* SPDX-License-Identifier: BSD-2-Clause */
/* engine - connect, expose, allow, await, errors, against the real core. */
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

static const char echo[] = "class Echo < FCS::App\n"
			   "  shared \"**\", persistent: :any\n"
			   "  allow(:publish) { true }\n"
			   "  expose(:echo)  { |c, value| value }\n"
			   "  expose(:add)   { |c, a, b| a + b }\n"
			   "  expose(:hello) { |c, name| \"hello #{name}\" }\n"
			   "end\n";

UNIT(echo_answers_its_clients)
{
	struct host_client *c;

	host_open(echo, NULL);
	c = host_connect("c1", "[]");
	ck_assert_msg(c->accepted == 1, "%s", host_log());
	ck_assert_str_eq(host_call(c, "add", "[1, 2]"), "3");
	ck_assert_str_eq(host_call(c, "hello", "[\"x\"]"), "\"hello x\"");
	ck_assert_str_eq(host_call(c, "echo", "[{\"a\":[1,null,\"s\",0.1]}]"),
	    "{\"a\":[1,null,\"s\",0.10000000000000001]}");
	ck_assert_str_eq(
	    host_call(c, "nope", "[]"), "Method not found (nope).");
	ck_assert(c->failed);
}

UNIT_MAIN
