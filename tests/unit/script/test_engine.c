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

#define HAS(text, part)                                                        \
	ck_assert_msg(strstr(text, part) != NULL, "no %s in: %s", part, text)

static const char verdicts[] =
    "class A < FCS::App\n"
    "  on(:connect) do |c, what = nil, *rest|\n"
    "    case what\n"
    "    when \"reject\"   then reject \"go away\", { \"n\" => 1 }\n"
    "    when \"bare\"     then reject\n"
    "    when \"raise\"    then raise \"boom\"\n"
    "    when \"redirect\" then redirect \"rtmp://other/app\"\n"
    "    when \"hold\"     then c.hold(60); @held = c\n"
    "    when \"wait\"     then sleep 0.02; c.user = \"waited\"\n"
    "    end\n"
    "  end\n"
    "  on(:accepted)   { |c| c.tell :welcome, c.user; @last = c }\n"
    "  on(:disconnect) { |c| @gone = [c.id, c.open?, clients.size] }\n"
    "  on(:missing)    { |c, name, *args| name == \"dyn\" ? args.size : reject(\"no #{name}\") }\n"
    "  expose(:admit)  { |c, yes| yes ? @held.accept : @held.reject(\"not today\") }\n"
    "  expose(:gone)   { |c| @gone }\n"
    "  expose(:ask)    { |c, n| c.call(:question, n).await(timeout: 2) }\n"
    "  expose(:asked)  { |c| c.call(:question) }\n"
    "  expose(:other)  { |c| @last.call(:question).await(timeout: 5) }\n"
    "  expose(\"room/join\") { |c, a| a }\n"
    "  expose(:fail)   { |c| raise ArgumentError, \"bad\" }\n"
    "  expose(:no)     { |c| reject \"why\", [1] }\n"
    "  expose :count\n"
    "  allow(:call, \"adm/*\") { |c| false }\n"
    "  expose(\"adm/x\") { |c| 1 }\n"
    "  allow(:play, \"a/*\")   { |c, s, start, length| replace \"b\" }\n"
    "  allow(:seek)          { |c, s, sec| replace sec + 1 }\n"
    "  allow(:publish) { |c, s| s.query[\"key\"] == \"k\" || reject(\"bad key\") }\n"
    "  def count(c, by = 1) = (@n = (@n || 0) + by)\n"
    "end\n";

UNIT(connect_is_accepted_rejected_redirected)
{
	struct host_client *c;

	host_open(verdicts, NULL);
	c = host_connect("1", "[]");
	ck_assert_int_eq(c->accepted, 1);
	ck_assert_str_eq(c->sent, "welcome null\n");
	c = host_connect("2", "[\"reject\"]");
	ck_assert_str_eq(c->description, "[ Server.Reject ] : go away");
	ck_assert_str_eq(c->application, "{\"n\":1}");
	c = host_connect("3", "[\"raise\"]");
	HAS(c->description, "Script error (ref ");
	HAS(host_log(), "main.rb:6");
	c = host_connect("4", "[\"redirect\"]");
	ck_assert_int_eq(c->rejected, 1);
	c = host_connect("5", "[\"wait\"]");
	host_wait_ms(60);
	ck_assert_int_eq(c->accepted, 1);
	ck_assert_str_eq(c->sent, "welcome \"waited\"\n");
}

UNIT(held_client_is_decided_by_another)
{
	struct host_client *host, *guest;

	host_open(verdicts, NULL);
	host = host_connect("1", "[]");
	guest = host_connect("2", "[\"hold\"]");
	ck_assert_int_eq(guest->accepted + guest->rejected, 0);
	ck_assert_str_eq(host_call(host, "admit", "[true]"), "true");
	host_turns(3);
	ck_assert_int_eq(guest->accepted, 1);
	ck_assert_str_eq(host_call(host, "admit", "[false]"), "false");
	guest = host_connect("3", "[\"hold\"]");
	ck_assert_str_eq(host_call(host, "admit", "[false]"), "true");
	host_turns(3);
	ck_assert_int_eq(guest->rejected, 1);
	ck_assert_str_eq(guest->description, "[ Server.Reject ] : not today");
}

UNIT(calls_are_found_refused_and_failed)
{
	struct host_client *c;

	host_open(verdicts, NULL);
	c = host_connect("1", "[]");
	ck_assert_str_eq(host_call(c, "room.join", "[5]"), "5");
	ck_assert_str_eq(host_call(c, "room/join", "[6]"), "6");
	ck_assert_str_eq(host_call(c, "count", "[]"), "1");
	ck_assert_str_eq(host_call(c, "count", "[4]"), "5");
	ck_assert_str_eq(
	    host_call(c, "count", "[1,2]"), "wrong number of arguments");
	ck_assert_str_eq(host_call(c, "dyn", "[1,2,3]"), "3");
	ck_assert_str_eq(host_call(c, "foo", "[]"), "no foo");
	ck_assert_str_eq(host_call(c, "no", "[]"), "why");
	ck_assert_str_eq(c->application, "[1]");
	HAS(host_call(c, "fail", "[]"), "Script error (ref ");
	HAS(host_log(), "callback=expose(:fail)");
	(void)host_call(c, "adm/x", "[]");
	ck_assert(c->failed);
	ck_assert(!engine_ops.asks(instance_script(host_instance("_definst_")),
	    SCRIPT_CALL, "FCPublish"));
}

UNIT(clients_answer_and_leave_while_a_handler_waits)
{
	struct host_client *a, *b;

	host_open(verdicts, NULL);
	a = host_connect("1", "[]");
	host_send(a, "ask", "[9]");
	HAS(a->sent, "question 9\n");
	host_answer(a, true, "\"yes\"");
	host_until(&a->answered);
	ck_assert_str_eq(a->result, "\"yes\"");
	host_send(a, "asked", "[]"); /* a Pending as value is awaited */
	host_answer(a, false, "{\"description\":\"no idea\"}");
	host_until(&a->answered);
	ck_assert(a->failed);
	ck_assert_str_eq(a->result, "no idea");
	b = host_connect("2", "[]");
	host_send(a, "other", "[]");
	host_leave(b);
	host_until(&a->answered);
	ck_assert(a->failed);
	HAS(host_log(), "ClientGone");
	ck_assert_str_eq(host_call(a, "gone", "[]"), "[\"2\",false,1]");
}

struct decided {
	int count;
	enum script_verdict verdict;
	char text[64], replace[64];
	double start;
};
static struct decided decided;

static void
on_decided(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	(void)i;
	ck_assert_uint_eq(owner, 5);
	ck_assert_uint_eq(extra, 6);
	decided.count++;
	decided.verdict = a->verdict;
	(void)snprintf(decided.text, sizeof(decided.text), "%s",
	    a->text == NULL ? "" : a->text);
	(void)snprintf(decided.replace, sizeof(decided.replace), "%s",
	    a->replace == NULL ? "" : a->replace);
	decided.start = a->start;
}

static void
ask(enum script_question q, const char *name, const char *query, double start)
{
	struct script_args args;

	memset(&args, 0, sizeof(args));
	memset(&decided, 0, sizeof(decided));
	args.client = "1";
	args.name = name;
	args.text = query;
	args.mode = "live";
	args.start = start;
	engine_ops.ask(instance_script(host_instance("_definst_")), q, &args,
	    on_decided, 5, 6);
	host_turns(2);
	ck_assert_int_eq(decided.count, 1);
}

UNIT(decisions_agree_refuse_and_replace)
{
	host_open(verdicts, NULL);
	(void)host_connect("1", "[]");
	ask(SCRIPT_MAY_PUBLISH, "cam", "key=k", 0);
	ck_assert_int_eq(decided.verdict, SCRIPT_OK);
	ask(SCRIPT_MAY_PUBLISH, "cam", "key=x", 0);
	ck_assert_int_eq(decided.verdict, SCRIPT_REJECT);
	ck_assert_str_eq(decided.text, "bad key");
	ask(SCRIPT_MAY_PLAY, "a/1", NULL, -2);
	ck_assert_int_eq(decided.verdict, SCRIPT_OK);
	ck_assert_str_eq(decided.replace, "b");
	ask(SCRIPT_MAY_SEEK, "x", NULL, 4.5);
	ck_assert_double_eq(decided.start, 5.5);
	ask(SCRIPT_MAY_PLAY, "other", NULL, -2);
	ck_assert_int_eq(decided.verdict, SCRIPT_MISSING);
}

UNIT(load_errors_name_the_place_and_help)
{
	static const struct {
		const char *text, *part;
	} bad[] = {
		{ "class A < FCS::App\n on(:conect) {}\nend\n",
		    "main.rb:2: unknown event :conect, did you mean "
		    ":connect?" },
		{ "class A < FCS::App\n x x x = \nend\n", "main.rb:3" },
		{ "class A\nend\n", "no class below FCS::App" },
		{ "class A < FCS::App\nend\nclass B < FCS::App\nend\n",
		    "main.rb:3: second class" },
		{ "class A < FCS::App\n shared :x, persistant: 1\nend\n",
		    "did you mean :persistent?" },
		{ "class A < FCS::App\n def clients\n end\nend\n",
		    "main.rb:2: method clients is reserved" },
		{ "class A < FCS::App\n expose :nope\nend\n",
		    "no method nope" },
		{ "class A < FCS::App\n expose(:play) {}\nend\n",
		    "belongs to the server" },
		{ "load \"../x\"\n", "inside the application" },
		{ "load \"lib/none\"\n", "there is no lib/none.rb" },
		{ "sleep 1\n", "sleep" },
		{ "raise \"at the top\"\n", "main.rb:1: at the top" },
	};
	struct host_client *c;
	char name[16];
	size_t i;

	host_open("class A < FCS::App\nend\n", NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		host_file("main.rb", bad[i].text);
		(void)snprintf(name, sizeof(name), "i%zu", i);
		c = host_connect_to(host_instance(name), name, "[]");
		ck_assert_int_eq(c->rejected, 1);
		ck_assert_str_eq(c->code, "NetConnection.Connect.Failed");
		HAS(host_log(), bad[i].part);
	}
}

static const char hoarder[] =
    "class Hoarder < FCS::App\n"
    "  on(:start)  { @keep = []; @told = [] }\n"
    "  on(:status) { |s| @told << s[\"code\"] }\n"
    "  def eat(c, kb) = (@keep << \"x\" * (kb * 1024); nil)\n"
    "  def drop(c)    = (@keep.clear; nil)\n"
    "  def waste(c)   = (100.times { \"y\" * 20000 }; nil)\n"
    "  def told(c)    = @told\n"
    "  expose :eat, :drop, :waste, :told\n"
    "end\n";

#define LOW "Application.Resource.LowMemory"

UNIT(status_tells_when_memory_gets_low)
{
	static const char *const settings[] = { "script.memory=4M",
		"script.time=2s", NULL };
	struct host_client *c;
	int i;

	host_open(hoarder, settings);
	c = host_connect("1", "[]");
	/* garbage does not count */
	for (i = 0; i < 20; i++)
		ck_assert_str_eq(host_call(c, "waste", "[]"), "null");
	ck_assert_str_eq(host_call(c, "told", "[]"), "[]");
	/* up to 3 MiB of 4: not yet; 3.5: yes */
	for (i = 0; i < 4; i++)
		ck_assert_str_eq(host_call(c, "eat", "[512]"), "null");
	host_turns(3);
	ck_assert_str_eq(host_call(c, "told", "[]"), "[]");
	for (i = 0; i < 11; i++)
		ck_assert_str_eq(host_call(c, "eat", "[100]"), "null");
	host_turns(3);
	ck_assert_str_eq(host_call(c, "told", "[]"), "[\"" LOW "\"]");
	HAS(host_log(), "script.memory");
	/* once a minute */
	ck_assert_str_eq(host_call(c, "drop", "[]"), "null");
	for (i = 0; i < 15; i++)
		ck_assert_str_eq(host_call(c, "eat", "[200]"), "null");
	host_turns(3);
	ck_assert_str_eq(host_call(c, "told", "[]"), "[\"" LOW "\"]");
}

/* The ways out of a handler that Ruby knows; each call is answered, and the
 * fiber serves the next one. */
UNIT(odd_ends_of_a_handler_are_answers_too)
{
	static const struct {
		const char *method, *result;
	} ends[] = {
		{ "ret", NULL },
		{ "brk", NULL },
		{ "nxt", "7" },
		{ "inner", "1" },
		{ "again", "3" },
		{ "yields", "4" },
		{ "sure", NULL },
		{ "stop", NULL },
		{ "waits", "9" },
		{ "fiber", "[1,2]" },
	};
	struct host_client *c;
	const char *result;
	size_t i;
	int n;

	host_open(
	    "class A < FCS::App\n"
	    "  expose(:ret)   { |c| return 5 }\n"
	    "  expose(:brk)   { |c| break 6 }\n"
	    "  expose(:nxt)   { |c| next 7 }\n"
	    "  expose(:inner) { |c| [1, 2].each { |x| break x } }\n"
	    "  expose(:again) { |c| n = 0; begin; n += 1; raise \"x\" if n < 3; n; rescue; retry; end }\n"
	    "  expose(:yields) { |c| Fiber.yield 3; Fiber.yield; 4 }\n"
	    "  expose(:sure)  { |c| begin; 1; ensure; raise \"in ensure\"; end }\n"
	    "  expose(:stop)  { |c| raise StopIteration }\n"
	    "  expose(:waits) { |c| sleep 0; Fiber.yield; sleep 0; 9 }\n"
	    "  expose(:fiber) { |c| f = Fiber.new { Fiber.yield 1; 2 }; [f.resume, f.resume] }\n"
	    "end\n",
	    NULL);
	c = host_connect("c", "[]");
	for (n = 0; n < 3; n++)
		for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
			result = host_call(c, ends[i].method, "[]");
			if (ends[i].result != NULL)
				ck_assert_str_eq(result, ends[i].result);
			else
				HAS(result, "Script error (ref ");
		}
	HAS(host_log(), "Fiber.yield in a handler");
}

UNIT_MAIN
