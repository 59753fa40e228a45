/* SPDX-License-Identifier: BSD-2-Clause */
/* app - the application half of the API: log, timers, status, life cycle. */
#include <sys/stat.h>
#include <unistd.h>

#include "core/live.h"
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

/* ---- the instance ---- */

UNIT(streams_are_all_that_are_published)
{
	static const struct live_publisher nobody = {
		.client = "", .type = "live", .query = ""
	};
	struct host_client *c;
	struct instance *inst;
	struct live *l[2000];
	char name[16];
	unsigned i;

	host_open("class A < FCS::App\n"
		  "  expose(:names) { |c| n = streams.map { |s| s.name };"
		  " [n.size, n.uniq.size, n.include?(\"s1999\")] }\n"
		  "end\n",
	    NULL);
	c = host_connect("c1", "[]");
	ck_assert_str_eq(host_call(c, "names", "[]"), "[0,0,false]");
	inst = client_instance(c->client);
	for (i = 0; i < 2000; i++) {
		(void)snprintf(name, sizeof(name), "s%u", i);
		l[i] = live_find(inst, name, true);
		ck_assert_ptr_nonnull(l[i]);
		ck_assert_int_eq(live_publish(l[i], &nobody), FCS_OK);
	}
	ck_assert_str_eq(host_call(c, "names", "[]"), "[2000,2000,true]");
	for (i = 0; i < 2000; i++)
		live_unpublish(l[i]);
	ck_assert_str_eq(host_call(c, "names", "[]"), "[0,0,false]");
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

UNIT(fields_of_a_line_are_pairs_of_their_own)
{
	struct host_client *c;

	host_open(
	    "class A < FCS::App\n"
	    "  expose(:say) { |c, v| log.warn \"play\", client: c.id, n: 1, app: v }\n"
	    "end\n",
	    NULL);
	c = host_connect("c1", "[]");
	(void)host_log();
	(void)host_call(c, "say", "[\"x y\"]");
	HAS(host_log(),
	    "warn script.log inst=test/_definst_ text=play client=c1 n=1 "
	    "field=\"x y\"");
}

/* ---- loading ---- */

UNIT(main_script_is_found_in_four_places)
{
	static const char *const places[] = { "scripts/test.rb",
		"scripts/main.rb", "test.rb", "main.rb" };
	struct host_client *c;
	char text[200], name[16];
	size_t i;

	host_open("x = 1\n", NULL);
	ck_assert_int_eq(unlink(host_path("main.rb")), 0);
	for (i = 0; i < 4; i++) {
		(void)snprintf(text, sizeof(text),
		    "class A < FCS::App\n  expose(:who) { |c| \"%s\" }\nend\n",
		    places[i]);
		host_file(places[i], text);
		(void)snprintf(name, sizeof(name), "i%zu", i);
		c = host_connect_to(host_instance(name), name, "[]");
		(void)snprintf(text, sizeof(text), "\"%s\"", places[i]);
		ck_assert_str_eq(host_call(c, "who", "[]"), text);
	}
}

UNIT(load_takes_each_file_once_and_knows_the_library)
{
	char shelf[600], path[700];
	const char *settings[] = { path, NULL };
	struct host_client *c;
	FILE *f;

	(void)snprintf(shelf, sizeof(shelf), "%s/shelf", unit_tmpdir());
	ck_assert_int_eq(mkdir(shelf, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/common.rb", shelf);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs("$n += 10\ndef common = 7\n", f), 0);
	ck_assert_int_eq(fclose(f), 0);
	(void)snprintf(path, sizeof(path), "script.path=%s", shelf);
	host_file("lib/a.rb", "$n += 1\nload \"lib/b\"\n");
	host_file("lib/b.rb", "$n += 1\nload \"lib/a.rb\"\n");
	host_open(
	    "$n = 0\n"
	    "FIRST = [load(\"lib/a\"), load(\"lib/a.rb\"), load(\"common\")]\n"
	    "class A < FCS::App\n"
	    "  expose(:n) { |c| [$n, FIRST, common] }\n"
	    "  expose(:late) { |c| load \"lib/b\" }\n"
	    "end\n",
	    settings);
	c = host_connect("c1", "[]");
	ck_assert_str_eq(host_call(c, "n", "[]"), "[12,[true,false,true],7]");
	HAS(host_call(c, "late", "[]"), "Script error");
	HAS(host_log(), "top level of main.rb only");
	host_file("lib/b.rb", "\n\nno_such_word\n");
	c = host_connect_to(host_instance("two"), "c2", "[]");
	ck_assert_int_eq(c->rejected, 1);
	HAS(host_log(), "lib/b.rb:3: ");
	host_file("lib/b.rb", "def x(\n");
	c = host_connect_to(host_instance("three"), "c3", "[]");
	HAS(host_log(), "lib/b.rb:2:");
}

UNIT(a_class_may_not_define_what_the_api_keeps)
{
	static const char *const names[] = { "clients", "stats", "recordings",
		"clear_streams", "shutdown", "sleep", "raise", "puts", "send" };
	struct host_client *c;
	char text[200], name[16];
	size_t i;

	host_open("class A < FCS::App\nend\n", NULL);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "class A < FCS::App\n\n  def %s\n  end\nend\n", names[i]);
		host_file("main.rb", text);
		(void)snprintf(name, sizeof(name), "i%zu", i);
		c = host_connect_to(host_instance(name), name, "[]");
		ck_assert_msg(c->rejected == 1, "%s", names[i]);
		(void)snprintf(text, sizeof(text),
		    "main.rb:3: method %s is reserved", names[i]);
		HAS(host_log(), text);
	}
}

UNIT(words_of_the_class_are_not_words_of_a_handler)
{
	struct host_client *c;

	host_open("class A < FCS::App\n"
		  "  expose(:on)    { |c| on(:play) { } }\n"
		  "  expose(:allow) { |c| allow(:play) { } }\n"
		  "  expose(:type)  { |c| type \"a\", nil }\n"
		  "end\n",
	    NULL);
	c = host_connect("c1", "[]");
	HAS(host_call(c, "on", "[]"), "Script error");
	HAS(host_call(c, "allow", "[]"), "Script error");
	HAS(host_call(c, "type", "[]"), "Script error");
	HAS(host_log(), "NoMethodError");
}

/* ---- on(:status) ---- */

static const char reports[] =
    "class A < FCS::App\n"
    "  on(:start)  { @infos = [] }\n"
    "  on(:status) do |info|\n"
    "    @infos << info\n"
    "    raise \"in status\" if info[\"description\"].start_with?(\"twice\")\n"
    "  end\n"
    "  expose(:infos) { |c| r, @infos = @infos, []; r }\n"
    "  expose(:fail)  { |c, text| raise ArgumentError, text }\n"
    "  expose(:timer) { |c| after(0) { raise \"in a timer\" }; 1 }\n"
    "  expose(:then)  { |c| p = FCS::Pending.new; p.then { raise \"in then\" }; p.__settle(1, nil, false); 1 }\n"
    "  expose(:spin)  { |c, n| i = 0; i += 1 while i < n; 1 }\n"
    "  expose(:drop)  { |c| p = FCS::Pending.new; p.__settle(nil, FCS::StreamError.new(\"gone\", \"NetStream.Record.Failed\"), false); 1 }\n"
    "  expose(:keep)  { |c| p = FCS::Pending.new; p.__settle(nil, FCS::StoreError.new(\"gone\"), false); begin; p.await; rescue FCS::StoreError; end; 1 }\n"
    "  expose(:call)  { |c| p = FCS::Pending.new; p.__settle(nil, FCS::CallError.new(\"no\"), false); 1 }\n"
    "  expose(:misuse) { |c| after(0) { reject \"what\" }; 1 }\n"
    "end\n";

UNIT(status_tells_of_every_exception_with_its_place)
{
	struct host_client *c;
	char ref[16];
	const char *p;

	host_open(reports, NULL);
	c = host_connect("c1", "[]");
	p = host_call(c, "fail", "[\"bad\"]");
	(void)snprintf(ref, sizeof(ref), "%.6s", strstr(p, "ref ") + 4);
	host_turns(3);
	p = host_call(c, "infos", "[]");
	HAS(p, "\"code\":\"Application.Script.Error\"");
	HAS(p, "\"level\":\"error\"");
	HAS(p, "\"description\":\"bad (ArgumentError)\"");
	HAS(p, "\"filename\":\"main.rb\",\"lineno\":8");
	HAS(p, ref);
	HAS(host_log(), ref);
	(void)host_call(c, "timer", "[]");
	host_wait_ms(20);
	HAS(host_call(c, "infos", "[]"), "in a timer");
	(void)host_call(c, "then", "[]");
	host_turns(3);
	HAS(host_call(c, "infos", "[]"), "in then");
	(void)host_call(c, "misuse", "[]");
	host_wait_ms(20);
	HAS(host_call(c, "infos", "[]"), "reject: what");
	(void)host_log();
	(void)host_call(c, "fail", "[\"twice\"]");
	host_turns(5);
	p = host_call(c, "infos", "[]");
	ck_assert_uint_eq(count_of(p, "Script.Error"), 1);
	ck_assert_uint_eq(count_of(host_log(), "script.error"), 2);
}

UNIT(failures_nobody_awaited_reach_status)
{
	struct host_client *c;
	const char *p;

	host_open(reports, NULL);
	c = host_connect("c1", "[]");
	(void)host_call(c, "keep", "[]");
	(void)host_call(c, "call", "[]");
	host_turns(3);
	ck_assert_str_eq(host_call(c, "infos", "[]"), "[]");
	(void)host_log();
	(void)host_call(c, "drop", "[]");
	host_turns(3);
	p = host_call(c, "infos", "[]");
	HAS(p, "\"code\":\"NetStream.Record.Failed\",\"level\":\"error\","
	       "\"description\":\"gone\"");
	HAS(host_log(), "nobody awaited: gone");
}

UNIT(status_warns_of_a_handler_above_half_of_its_time)
{
	static const char *const long_time[] = { "script.time=300ms", NULL };
	struct host_client *c;
	const char *p = "";
	char count[32];
	int n;

	host_open(reports, long_time);
	c = host_connect("c1", "[]");
	(void)host_call(c, "spin", "[1000]");
	ck_assert_str_eq(host_call(c, "infos", "[]"), "[]");
	/* more and more, in steps that cannot jump over the upper half */
	for (n = 20000; n < 100000000 && strstr(p, "Warning") == NULL;
	     n += n / 3) {
		(void)snprintf(count, sizeof(count), "[%d]", n);
		(void)host_call(c, "spin", count);
		host_turns(2);
		p = host_call(c, "infos", "[]");
	}
	HAS(p, "\"level\":\"warning\","
	       "\"code\":\"Application.Script.Warning\"");
	HAS(p, "expose(:spin) ran for ");
	HAS(p, " of 300 ms");
	HAS(host_log(),
	    "script.slow inst=test/_definst_ callback=expose(:spin)");
}

/* ---- when things go wrong: what each means where ---- */

static const char wrong[] =
    "class A < FCS::App\n"
    "  on(:start)  { @infos = [] }\n"
    "  on(:status) { |info| @infos << info[\"description\"] }\n"
    "  def fail(how)\n"
    "    case how\n"
    "    when \"reject\"  then reject \"not you\", { \"n\" => 7 }\n"
    "    when \"bare\"    then reject \"not you\"\n"
    "    when \"raise\"   then raise ArgumentError, \"boom\"\n"
    "    when \"call\"    then raise FCS::CallError.new(\"no idea\", { \"application\" => [7] })\n"
    "    when \"timeout\" then FCS::Pending.new.await(timeout: 0.01)\n"
    "    when \"gone\"    then raise FCS::ClientGone, \"left\"\n"
    "    when \"later\"   then sleep 0.01; raise ArgumentError, \"boom\"\n"
    "    end\n"
    "  end\n"
    "  on(:connect)   { |c, how = nil, *| fail(how) if how }\n"
    "  on(:message)   { |c, so, name| fail(name) }\n"
    "  allow(:seek)   { |c, s| fail(s.name) }\n"
    "  expose(:go)    { |c, how| fail(how) }\n"
    "  expose(:timer) { |c, how| after(0) { fail(how) }; 1 }\n"
    "  expose(:infos) { |c| r, @infos = @infos, []; r }\n"
    "end\n";

struct wrong_row {
	const char *how;
	const char *connect;     /* description of Rejected */
	const char *application; /* its application */
	const char *call;        /* description of Call.Failed */
	const char *call_app;
	enum script_verdict decision;
	const char *logged; /* part of the line; NULL: no error is logged */
};

static const struct wrong_row wrong_rows[] = {
	{ "reject", "[ Server.Reject ] : not you", "{\"n\":7}", "not you",
	    "{\"n\":7}", SCRIPT_REJECT, NULL },
	{ "bare", "[ Server.Reject ] : not you", "{\"message\":\"not you\"}",
	    "not you", "", SCRIPT_REJECT, NULL },
	{ "raise", "Script error (ref ", NULL, "Script error (ref ", "",
	    SCRIPT_FAILED, "boom (ArgumentError)" },
	{ "later", "Script error (ref ", NULL, "Script error (ref ", "",
	    SCRIPT_FAILED, "boom (ArgumentError)" },
	{ "call", "[ Server.Reject ] : no idea", "[7]", "no idea", "[7]",
	    SCRIPT_FAILED, NULL },
	{ "timeout", "Script error (ref ", NULL, "Script error (ref ", "",
	    SCRIPT_FAILED, "no answer within 0.01 s (FCS::Timeout)" },
	{ "gone", "Script error (ref ", NULL, "Script error (ref ", "",
	    SCRIPT_FAILED, "left (FCS::ClientGone)" },
};

static int verdicts;
static enum script_verdict verdict = SCRIPT_OK;

static void
on_verdict(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	(void)i;
	(void)owner;
	(void)extra;
	verdict = a->verdict;
	verdicts++;
}

static void
is_logged(const struct wrong_row *r, const char *callback, bool always)
{
	const char *log = host_log();

	if (r->logged == NULL && !always) {
		LACKS(log, "script.error");
		return;
	}
	HAS(log, "script.error ref=");
	HAS(log, callback);
	if (r->logged != NULL)
		HAS(log, r->logged);
}

static void
go_wrong(const struct wrong_row *r, struct host_client *c, const char *id)
{
	struct script *s = instance_script(host_instance("_definst_"));
	struct script_args args;
	struct host_client *other;
	char json[64];

	(void)snprintf(json, sizeof(json), "[\"%s\"]", r->how);
	(void)host_log();
	other = host_connect(id, json);
	host_wait_ms(30);
	ck_assert_int_eq(other->rejected, 1);
	HAS(other->description, r->connect);
	if (r->application != NULL)
		ck_assert_str_eq(other->application, r->application);
	is_logged(r, "callback=on(:connect)", false);

	HAS(host_call(c, "go", json), r->call);
	ck_assert(c->failed);
	ck_assert_str_eq(c->application, r->call_app);
	is_logged(r, "callback=expose(:go)", false);

	memset(&args, 0, sizeof(args));
	args.client = "c1";
	args.name = r->how;
	args.text = "";
	verdicts = 0;
	engine_ops.ask(s, SCRIPT_MAY_SEEK, &args, on_verdict, 0, 0);
	host_wait_ms(30);
	ck_assert_int_eq(verdicts, 1);
	ck_assert_int_eq(verdict, r->decision);
	is_logged(r, "callback=allow(:seek)", r->decision == SCRIPT_FAILED);

	args.name = "board";
	args.text = r->how;
	engine_ops.event(s, SCRIPT_MESSAGE, &args);
	host_wait_ms(30);
	is_logged(r, "callback=on(:message)", true);
	ck_assert_str_eq(host_call(c, "timer", json), "1");
	host_wait_ms(40);
	is_logged(r, "callback=after(0)", true);
	/* the timer and the event at least */
	ck_assert_uint_ge(
	    count_of(host_call(c, "infos", "[]"),
		r->logged == NULL
		    ? (r->decision == SCRIPT_REJECT ? "not you" : "no idea")
		    : r->logged),
	    2);
}

UNIT(what_goes_wrong_means_in_each_place_what_the_table_says)
{
	struct host_client *c;
	char id[16];
	size_t i;

	host_open(wrong, NULL);
	c = host_connect("c1", "[]");
	ck_assert_int_eq(c->accepted, 1);
	for (i = 0; i < sizeof(wrong_rows) / sizeof(wrong_rows[0]); i++) {
		c->application[0] = '\0';
		(void)snprintf(id, sizeof(id), "w%zu", i);
		go_wrong(&wrong_rows[i], c, id);
	}
}

UNIT(calls_beyond_the_waiting_handlers_are_told_busy)
{
	static const char *const two[] = { "script.handlers=2", NULL };
	struct host_client *a, *b, *c;

	host_open("class A < FCS::App\n"
		  "  expose(:wait) { |c, s| sleep s; 1 }\n"
		  "end\n",
	    two);
	a = host_connect("c1", "[]");
	b = host_connect("c2", "[]");
	c = host_connect("c3", "[]");
	host_send(a, "wait", "[0.05]");
	host_send(b, "wait", "[0.05]");
	ck_assert_str_eq(host_call(c, "wait", "[0.05]"), "busy");
	ck_assert(c->failed);
	host_until(&a->answered);
	host_until(&b->answered);
	ck_assert(!a->failed && !b->failed);
	ck_assert_str_eq(host_call(c, "wait", "[0]"), "1");
	LACKS(host_log(), "script.error");
}

/* ---- where no answer can wait ---- */

UNIT(await_is_an_error_where_no_answer_can_wait)
{
	static const char *const any[] = { "idle_unload=0", NULL };
	struct host_client *c;
	const char *log;

	host_open(
	    "WAITS = FCS::Pending.new\n"
	    "TOP = begin; WAITS.await; rescue FCS::AwaitError => e; e.message; end\n"
	    "class A < FCS::App\n"
	    "  shared(:board) { |c, slot, v| sleep 1; true }\n"
	    "  presence(:users) { |c| sleep 1 }\n"
	    "  allow(:message) { |c| sleep 1; true }\n"
	    "  allow(:unload) { sleep 1; true }\n"
	    "  class Thing\n"
	    "    def to_s = WAITS.await\n"
	    "  end\n"
	    "  def caught = (yield; \"nothing\")\n"
	    "  expose(:top)     { |c| TOP }\n"
	    "  expose(:join)    { |c| begin; [Thing.new].join; rescue FCS::AwaitError => e; e.message; end }\n"
	    "  expose(:format)  { |c| begin; format(\"%s\", Thing.new); rescue FCS::AwaitError => e; e.message; end }\n"
	    "  expose(:quit)    { |c| shutdown }\n"
	    "end\n",
	    any);
	c = host_connect("c1", "[]");
	ck_assert_int_eq(c->accepted, 1);
	HAS(host_log(), "callback=presence(:users)");
	HAS(host_call(c, "top", "[]"), "outside of a handler");
	HAS(host_call(c, "join", "[]"), "await below a method written in C");
	HAS(host_call(c, "format", "[]"), "await below a method written in C");
	(void)host_log();
	ck_assert_str_eq(host_call(c, "quit", "[]"), "false");
	log = host_log();
	HAS(log, "callback=allow(:unload)");
	HAS(log, "(FCS::AwaitError)");
	ck_assert_int_eq(c->closed, 0);
}

UNIT(guards_and_message_decisions_may_not_wait)
{
	struct script_guard g;
	struct script *s;
	struct host_client *c;
	struct script_args args;
	const uint8_t null[] = { 0x05 };

	host_open("class A < FCS::App\n"
		  "  shared(:board) { |c, slot, v| sleep 1; true }\n"
		  "  allow(:message) { |c| sleep 1; true }\n"
		  "end\n",
	    NULL);
	c = host_connect("c1", "[]");
	ck_assert_int_eq(c->accepted, 1);
	s = instance_script(host_instance("_definst_"));
	ck_assert_int_eq(
	    engine_ops.guard(s, "c1", "board", "x", 1, null, sizeof(null), &g),
	    FCS_OK);
	ck_assert(!g.allowed);
	HAS(g.why, "Script error (ref ");
	HAS(host_log(), "callback=\"guard board\"");
	memset(&args, 0, sizeof(args));
	args.client = "c1";
	args.name = "board";
	args.text = "ink";
	engine_ops.ask(s, SCRIPT_MAY_MESSAGE, &args, on_verdict, 0, 0);
	ck_assert_int_eq(verdict, SCRIPT_FAILED); /* within the call */
	HAS(host_log(), "callback=allow(:message)");
}

UNIT_MAIN
