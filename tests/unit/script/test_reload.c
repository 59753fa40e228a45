/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_reload, engine_console - between real VMs, against the real core. */
#include "core/inst_reload.h"
#include "core/sharedobj.h"
#include "tests/lib/leap.h"
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

#define HAS(text, part)                                                        \
	ck_assert_msg(strstr(text, part) != NULL, "no %s in: %s", part, text)
#define HAS_NOT(text, part)                                                    \
	ck_assert_msg(strstr(text, part) == NULL, "%s in: %s", part, text)

static struct inst_reload_result last;
static char last_why[512];
static int results;
static bool reloaded;

static void
on_result(void *arg, const struct inst_reload_result *res)
{
	(void)arg;
	last = *res;
	(void)snprintf(last_why, sizeof(last_why), "%s", res->why);
	results++;
	reloaded = true;
}

static struct instance *
inst(void)
{
	return host_instance("_definst_");
}

/* Ask for it; the end may be turns away. */
static void
reload_begin(const char *main_rb)
{
	if (main_rb != NULL)
		host_file("main.rb", main_rb);
	reloaded = false;
	inst_reload(inst(), false, on_result, NULL);
}

static void
reload(const char *main_rb)
{
	reload_begin(main_rb);
	host_until(&reloaded);
}

static const char first[] =
    "class A < FCS::App\n"
    "  on(:start)    { @n = 0 }\n"
    "  on(:handover) { { \"n\" => @n, \"deep\" => { \"a\" => [1, nil, \"x\"] } } }\n"
    "  on(:connect)  { |c, name = nil, *| c.user = name; c[:seat] = { \"no\" => 7 }; c[:list] = [1] }\n"
    "  on(:disconnect) { |c| @gone = c.id }\n"
    "  expose(:inc)  { |c| @n += 1 }\n"
    "  expose(:who)  { |c| \"old\" }\n"
    "  expose(:grow) { |c| c[:list] << 2; c[:proc] = -> { 1 }; c[:list] }\n"
    "end\n";
static const char second[] =
    "class B < FCS::App\n"
    "  on(:start)   { @n = -1 }\n"
    "  on(:reload)  { |s| @n = s[\"n\"]; @deep = s[\"deep\"] }\n"
    "  on(:disconnect) { |c| @gone = [c.id, c.user, c[:seat], c.open?] }\n"
    "  expose(:inc) { |c| @n += 1 }\n"
    "  expose(:who) { |c| [\"new\", c.user, c[:seat], c[:list], c.key?(:proc), c.args, clients.size] }\n"
    "  expose(:deep) { |c| @deep }\n"
    "  expose(:gone) { |c| @gone }\n"
    "end\n";

UNIT(clients_and_state_pass_to_the_new_code)
{
	struct host_client *c, *d;

	host_open(first, NULL);
	c = host_connect("c1", "[\"ann\"]");
	d = host_connect("c2", "[\"bob\"]");
	ck_assert_str_eq(host_call(c, "inc", "[]"), "1");
	ck_assert_str_eq(host_call(c, "inc", "[]"), "2");
	ck_assert_str_eq(host_call(c, "grow", "[]"), "[1,2]");
	reload(second);
	ck_assert_msg(last.end == RELOAD_DONE, "%s", last_why);
	ck_assert_int_eq((int)last.clients, 2);
	ck_assert_str_eq(host_call(c, "inc", "[]"), "3");
	ck_assert_str_eq(host_call(c, "deep", "[]"), "{\"a\":[1,null,\"x\"]}");
	ck_assert_str_eq(host_call(c, "who", "[]"),
	    "[\"new\",\"ann\",{\"no\":7},[1,2],false,[\"ann\"],2]");
	HAS(host_log(), "attribute of client c1: proc is dropped");
	host_leave(d);
	host_turns(3);
	ck_assert_str_eq(
	    host_call(c, "gone", "[]"), "[\"c2\",\"bob\",{\"no\":7},false]");
	ck_assert_int_eq(c->closed + c->rejected, 0);
}

UNIT(without_on_reload_start_runs_and_formless_values_are_named)
{
	struct host_client *c;

	host_open("class A < FCS::App\n"
		  "  on(:handover) { { \"ok\" => 1, \"bad\" => clients } }\n"
		  "  on(:handover) { { :more => 2 } }\n"
		  "end\n",
	    NULL);
	c = host_connect("c1", "[]");
	reload("class A < FCS::App\n"
	       "  on(:start) { @s = \"started\" }\n"
	       "  on(:handover) { { \"s\" => @s } }\n"
	       "  expose(:s) { |c| @s }\n"
	       "end\n");
	ck_assert_msg(last.end == RELOAD_DONE, "%s", last_why);
	ck_assert_int_eq((int)last.dropped, 1);
	HAS(host_log(), "handover value bad is dropped");
	ck_assert_str_eq(host_call(c, "s", "[]"), "\"started\"");
	reload("class A < FCS::App\n"
	       "  on(:reload) { |s| @s = s }\n"
	       "  expose(:s) { |c| @s }\n"
	       "end\n");
	ck_assert_str_eq(host_call(c, "s", "[]"), "{\"s\":\"started\"}");
	ck_assert_int_eq((int)last.dropped, 0);
}

UNIT(broken_code_leaves_the_old_one_and_says_where)
{
	static const struct {
		const char *code, *why;
	} bad[] = {
		{ "class A < FCS::App\n  on(:start) {\nend\n", "main.rb:3" },
		{ "class A < FCS::App\n  on(:conect) { }\nend\n",
		    "main.rb:2: unknown event :conect, did you mean "
		    ":connect?" },
		{ "class A < FCS::App\n  allow(:wite) { }\nend\n",
		    "did you mean :write?" },
		{ "x = 1\n", "there is no class below FCS::App" },
		{ "class A < FCS::App; end\nclass B < FCS::App; end\n",
		    "main.rb:2: second class below FCS::App" },
		{ "class A < FCS::App\n  def clients; end\nend\n",
		    "method clients is reserved" },
		{ "class A < FCS::App\n  expose :nothing\nend\n",
		    "there is no method nothing" },
		{ "class A < FCS::App\n  expose(:connect) { }\nend\n",
		    "main.rb:2" },
		{ "class A < FCS::App\n  shared :x, persistant: 1\nend\n",
		    "did you mean :persistent?" },
		{ "class A < FCS::App\n  shared :x, conflict: :no\nend\n",
		    "conflict: is one of" },
		{ "raise \"oops\"\n", "main.rb:1: oops (RuntimeError)" },
		{ "nope\n", "main.rb:1" },
		{ "load \"lib/none\"\nclass A < FCS::App; end\n",
		    "main.rb:1: load lib/none" },
		{ "load \"lib/bad\"\nclass A < FCS::App; end\n",
		    "lib/bad.rb:3:0: syntax error" },
		{ "load \"../x\"\n", "inside the application" },
		{ "class A < FCS::App\n  every(0.001) { }\nend\n",
		    "at least 0.01" },
		{ "class A < FCS::App\n  presence :users\nend\n",
		    "needs a block" },
		{ "loop { }\n", "ran longer than" },
		{ "x = []\nloop { x << \"y\" * 100_000 }\n", "needed more" },
		{ "def f(n) = f(n + 1)\nf(0)\n", "main.rb:1" },
		{ "sleep 1\nclass A < FCS::App; end\n", "main.rb:1" },
		{ "", "there is no class below FCS::App" },
		{ "class A < FCS::App\n  shared :kept\nend\n",
		    "shared object kept is declared temporary, but there is a "
		    "persistent" },
	};
	struct host_client *c;
	size_t i;

	host_file("lib/bad.rb", "x = 1\ny = (\n");
	host_open(
	    "class A < FCS::App\n"
	    "  shared :kept, persistent: true\n"
	    "  expose(:n) { |c| shared(:kept)[:x] = 1; @n = (@n || 0) + 1 }\n"
	    "end\n",
	    NULL);
	c = host_connect("c1", "[]");
	(void)host_call(c, "n", "[]");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char want[32];

		reload(bad[i].code);
		ck_assert_msg(last.end == RELOAD_KEPT, "%s", bad[i].code);
		HAS(last_why, bad[i].why);
		(void)snprintf(want, sizeof(want), "%d", (int)i + 2);
		ck_assert_str_eq(host_call(c, "n", "[]"), want);
	}
	ck_assert_int_eq(instance_state(inst()), INSTANCE_RUNNING);
	ck_assert_int_eq((int)instance_stats(inst())->overruns, 0);
}

static const char parking[] =
    "class A < FCS::App\n"
    "  expose(:slow)  { |c, s| sleep s; \"slept\" }\n"
    "  expose(:ask)   { |c| c.call(:question).await(timeout: 8) }\n"
    "  expose(:then)  { |c| c.call(:question) { |v, e| @e = e ? e.message : v }; true }\n"
    "  expose(:catch) { |c| begin; sleep 60; rescue FCS::Timeout; sleep 60; end }\n"
    "  on(:handover)  { { \"e\" => @e } }\n"
    "  every(0.01)    { @t = (@t || 0) + 1 }\n"
    "end\n";
static const char parking2[] = "class A < FCS::App\n"
			       "  on(:reload)    { |s| @e = s[\"e\"] }\n"
			       "  expose(:e)     { |c| @e }\n"
			       "  expose(:who)   { |c, *a| [\"new\", *a] }\n"
			       "end\n";

UNIT(parked_handlers_end_before_the_new_code_begins)
{
	struct host_client *c, *d;

	host_open(parking, NULL);
	c = host_connect("c1", "[]");
	d = host_connect("c2", "[]");
	host_send(c, "slow", "[0.1]");
	reload_begin(parking2);
	host_turns(5);
	ck_assert(!reloaded);
	host_send(d, "who", "[1]"); /* waits for the new code */
	host_turns(5);
	ck_assert(!d->answered && !c->answered);
	host_until(&reloaded);
	ck_assert_int_eq(last.end, RELOAD_DONE);
	host_turns(5);
	ck_assert_str_eq(c->result, "\"slept\"");
	ck_assert_str_eq(d->result, "[\"new\",1]");
}

UNIT(answers_reach_handlers_that_wait_for_them)
{
	struct host_client *c;

	host_open(parking, NULL);
	c = host_connect("c1", "[]");
	host_send(c, "ask", "[]");
	host_turns(2);
	reload_begin(parking2);
	host_turns(5);
	ck_assert(!reloaded);
	host_answer(c, true, "\"said\"");
	host_until(&reloaded);
	ck_assert_int_eq(last.end, RELOAD_DONE);
	ck_assert(c->answered && !c->failed);
	ck_assert_str_eq(c->result, "\"said\"");
}

UNIT(time_is_up_after_five_seconds)
{
	struct host_client *c, *d;

	host_open(parking, NULL);
	c = host_connect("c1", "[]");
	d = host_connect("c2", "[]");
	host_send(c, "slow", "[60]");
	host_send(d, "catch", "[]");
	(void)host_call(host_connect("c3", "[]"), "then", "[]");
	reload_begin(parking2);
	host_wait_ms(10);
	ck_assert(!reloaded && !c->answered);
	leap_ms(5000);
	host_until(&reloaded);
	ck_assert_int_eq(last.end, RELOAD_DONE);
	ck_assert(c->answered && c->failed && d->answered && d->failed);
	HAS(c->result, "Script error (ref ");
	HAS(host_log(), "the application is being reloaded");
	ck_assert_str_eq(
	    host_call(c, "e", "[]"), "\"the application is being reloaded\"");
}

UNIT(an_old_script_that_overruns_at_its_end_leaves_nothing)
{
	struct host_client *c;

	host_open("class A < FCS::App\n"
		  "  on(:handover) { loop { } }\n"
		  "  expose(:set) { |c| c[:x] = 5 }\n"
		  "end\n",
	    NULL);
	c = host_connect("c1", "[]");
	(void)host_call(c, "set", "[]");
	reload("class A < FCS::App\n"
	       "  on(:reload) { |s| @s = s }\n"
	       "  expose(:s) { |c| [@s, c[:x], c.user] }\n"
	       "end\n");
	ck_assert_int_eq(last.end, RELOAD_DONE);
	ck_assert_str_eq(host_call(c, "s", "[]"), "[{},5,null]");
	ck_assert_int_eq(c->closed, 0);
}

UNIT(a_new_script_that_overruns_is_a_lost_script)
{
	struct host_client *c;

	host_open(first, NULL);
	c = host_connect("c1", "[]");
	reload("class A < FCS::App\n  on(:reload) { |s| loop { } }\nend\n");
	ck_assert_int_eq(last.end, RELOAD_STOPPED);
	HAS(last_why, "ran longer than");
	host_turns(5);
	ck_assert_int_ge(c->closed, 1);
}

UNIT(presence_and_objects_do_not_flicker)
{
	static const char code[] =
	    "class A < FCS::App\n"
	    "  presence(:users) { |c| { \"name\" => c.user, \"seat\" => c[:seat] } }\n"
	    "  shared :board\n"
	    "  on(:connect) { |c, n, *| c.user = n; c[:seat] = clients.size }\n"
	    "  on(:accepted) { |c| shared(:board)[c.user] = 1 }\n"
	    "  expose(:info) { |c| [shared(:users).version, shared(:users).to_h, presence(:users).users, shared(:board).to_h] }\n"
	    "end\n";
	struct host_client *a, *b;
	struct sharedobj *so;
	char before[1024];

	host_open(code, NULL);
	a = host_connect("c1", "[\"ann\"]");
	b = host_connect("c2", "[\"bob\"]");
	(void)snprintf(
	    before, sizeof(before), "%s", host_call(a, "info", "[]"));
	HAS(before, "\"bob\":{\"name\":\"bob\",\"seat\":1}");
	reload(code);
	ck_assert_int_eq(last.end, RELOAD_DONE);
	ck_assert_str_eq(host_call(a, "info", "[]"), before);
	host_leave(b);
	host_turns(3);
	HAS_NOT(host_call(a, "info", "[]"), "\"bob\":{");
	reload("class A < FCS::App\n  shared :board, readonly: true\nend\n");
	ck_assert_ptr_null(sharedobj_find(inst(), "users"));
	so = sharedobj_find(inst(), "board");
	ck_assert_ptr_nonnull(so);
	ck_assert_int_eq((int)sharedobj_size(so), 2);
}

UNIT(locks_end_with_the_script_that_took_them)
{
	static const char code[] =
	    "class A < FCS::App\n"
	    "  shared :x\n"
	    "  expose(:take) { |c| shared(:x).lock(timeout: 1) { sleep 60 } }\n"
	    "  on(:reload) { |s| shared(:x).lock; @n = shared(:x).lock }\n"
	    "  expose(:n) { |c| @n }\n"
	    "end\n";
	struct host_client *a, *b;

	host_open(code, NULL);
	a = host_connect("c1", "[]");
	b = host_connect("c2", "[]");
	host_send(a, "take", "[]");
	host_turns(2);
	reload("class A < FCS::App\n  nonsense\nend\n");
	ck_assert_int_eq(last.end, RELOAD_KEPT);
	host_send(b, "take", "[]"); /* it is still taken */
	host_until(&b->answered);
	ck_assert(b->failed && !a->answered);
	reload_begin(code);
	host_turns(3);
	leap_ms(5000);
	host_until(&reloaded);
	ck_assert_int_eq(last.end, RELOAD_DONE);
	ck_assert_str_eq(host_call(b, "n", "[]"), "2");
}

UNIT(held_clients_wait_on)
{
	struct host_client *a, *b;

	host_open("class A < FCS::App\n"
		  "  on(:connect) { |c, n, *| c.hold(60) if n == \"wait\" }\n"
		  "end\n",
	    NULL);
	a = host_connect("c1", "[\"x\"]");
	b = host_connect("c2", "[\"wait\"]");
	ck_assert_int_eq(a->accepted, 1);
	ck_assert_int_eq(b->accepted, 0);
	reload(
	    "class A < FCS::App\n"
	    "  expose(:admit) { |c, id| [client(id).accept, client(id).args] }\n"
	    "end\n");
	ck_assert_str_eq(
	    host_call(a, "admit", "[\"c2\"]"), "[true,[\"wait\"]]");
	host_turns(3);
	ck_assert_int_eq(b->accepted, 1);
}

UNIT(a_hundred_reloads_leave_as_much_memory_in_use)
{
	struct script_stats at10, at100;
	struct host_client *c;
	int i;

	host_open(second, NULL);
	c = host_connect("c1", "[\"ann\"]");
	for (i = 1; i <= 100; i++) {
		reload(i % 2 == 0 ? second : first);
		ck_assert_msg(last.end == RELOAD_DONE, "%s", last_why);
		if (i == 10)
			engine_ops.stats(instance_script(inst()), &at10);
	}
	engine_ops.stats(instance_script(inst()), &at100);
	ck_assert_uint_le(at100.memory, at10.memory + 4096);
	ck_assert_int_eq((int)instance_stats(inst())->reloads, 100);
	HAS(host_call(c, "who", "[]"), "\"new\"");
}

/* ---- the console ---- */

static char said[65536];
static enum script_verdict verdict;
static bool answered;

static void
on_said(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	(void)i;
	(void)owner;
	(void)extra;
	verdict = a->verdict;
	(void)snprintf(
	    said, sizeof(said), "%s", a->text == NULL ? "" : a->text);
	answered = true;
}

static const char *
say(const char *line)
{
	answered = false;
	engine_ops.console(
	    instance_script(inst()), line, strlen(line), on_said, 0, 0);
	host_until(&answered);
	return said;
}

UNIT(console_lines_run_as_handlers)
{
	struct host_client *c;

	host_open(first, NULL);
	c = host_connect("c1", "[\"ann\"]");
	ck_assert_str_eq(say("1 + 1"), "2");
	ck_assert_str_eq(say("_ * 21"), "42");
	ck_assert_str_eq(say("@n += 5"), "5");
	ck_assert_str_eq(host_call(c, "inc", "[]"), "6");
	ck_assert_str_eq(say("clients.map { |x| x.user }"), "[\"ann\"]");
	ck_assert_str_eq(say("c(\"c1\").id"), "\"c1\"");
	ck_assert_str_eq(say("sleep 0.01; \"waited\""), "\"waited\"");
	ck_assert_str_eq(say("x = 3\nx * 2"), "6");
	ck_assert_str_eq(say("return 5"), "5");
	ck_assert_str_eq(say(""), "nil");
	ck_assert_str_eq(say("# only a remark"), "nil");
	ck_assert_int_eq(verdict, SCRIPT_OK);
	HAS(say("\n\nraise \"boom\""), "console:3");
	HAS(said, "boom (RuntimeError)");
	ck_assert_int_eq(verdict, SCRIPT_FAILED);
	HAS(say("nope"), "console:1");
	HAS(say("}; 1; {"), "console:1:");
	ck_assert_int_eq(verdict, SCRIPT_FAILED);
}

UNIT(console_tells_what_is_not_complete)
{
	static const char *const open[] = { "def x", "[1,2,", "a = {", "foo(1,",
		"if x", "\"abc", "1 +", "x = <<E\nabc", "%w[a b",
		"[1].each do |x|", "class A", "begin\n1", "=begin\nx", "case 1",
		"->(x) do" };
	static const char *const bad[] = { "}", "1 1", "end", "foo)", "@" };
	size_t i;

	host_open(first, NULL);
	(void)host_connect("c1", "[]");
	for (i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		(void)say(open[i]);
		ck_assert_msg(verdict == SCRIPT_HOLD, "%s", open[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)say(bad[i]);
		ck_assert_msg(verdict == SCRIPT_FAILED, "%s", bad[i]);
	}
}

UNIT(console_is_no_way_for_scripts_to_run_text)
{
	struct host_client *c;

	host_open(
	    "class A < FCS::App\n"
	    "  expose(:try) { |c| FCS::Core.console(0, \"@x = 1\"); @x }\n"
	    "end\n",
	    NULL);
	c = host_connect("c1", "[]");
	(void)host_call(c, "try", "[]");
	ck_assert_str_eq(say("@x"), "nil");
	HAS(say("eval(\"1\")"), "undefined method 'eval'");
	HAS(say("instance_eval(\"1\")"), "console:1");
}

UNIT(a_line_over_its_time_ends_the_instance)
{
	struct host_client *c;

	host_open(first, NULL);
	c = host_connect("c1", "[]");
	(void)say("loop { }");
	ck_assert_int_eq(verdict, SCRIPT_LOST);
	host_turns(5);
	ck_assert_int_ge(c->closed, 1);
}

UNIT_MAIN
