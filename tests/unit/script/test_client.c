/* SPDX-License-Identifier: BSD-2-Clause */
/* A client as a script sees it: what it reads, sets and asks. */
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

#define HAS(text, part)                                                        \
	ck_assert_msg(strstr(text, part) != NULL, "no %s in: %s", part, text)

static struct host_client *me;

/* Call `m`, whose value is the result. */
static const char *
run(const char *name, const char *args)
{
	return host_call(me, name, args);
}

#define EQ(name, args, want) ck_assert_str_eq(run(name, args), want)

static const char facts[] =
    "class A < FCS::App\n"
    "  shared :board\n"
    "  expose(:facts) { |c| [c.id, c.ip, c.port, c.protocol, c.secure?,"
    " c.agent, c.referrer, c.page_url, c.uri, c.query, c.amf, c.args] }\n"
    "  expose(:state) { |c| [c.state.to_s, c.accepted?, c.open?] }\n"
    "  expose(:stats) { |c| c.stats }\n"
    "  expose(:rtt)   { |c| c.rtt }\n"
    "  expose(:streams) { |c| c.streams.map { |s| s.name } }\n"
    "  expose(:objects) { |c| c.objects.map { |o| o.name } }\n"
    "  expose(:user)  { |c, u| c.user = u; c.user }\n"
    "  expose(:nul)   { |c| c.user = \"a\\0b\" }\n"
    "  expose(:key)   { |c, k| c.virtual_key = k; c.virtual_key }\n"
    "  on(:disconnect) { |c| @gone = c }\n"
    "  expose(:keep)  { |c| @other = c; true }\n"
    "  expose(:gone)  { |c| [@gone.state.to_s, @gone.open?, @gone.id, @gone.ip,"
    " @gone.stats[\"bytes_in\"], @gone.rtt, @gone.read_access, @gone.bandwidth_out,"
    " @gone.streams.size, @gone.tell(:x), @gone.disconnect, @gone.reconnect,"
    " @gone.accept, @gone.reject(\"x\"), @gone[:k]] }\n"
    "  expose(:set_gone) { |c| @gone.user = \"u\"; @gone[:x] = 1;"
    " @gone.read_access = []; @gone.bandwidth_in = 5000; @gone.virtual_key = \"k\"; @gone.user }\n"
    "  expose(:mark)  { |c| c[:k] = 7; c.bandwidth_out = 9000; c.read_access = \"a;/b/\"; nil }\n"
    "  expose(:call_gone)  { |c| begin; @gone.call(:x).await; rescue FCS::ClientGone => e; e.message; end }\n"
    "  expose(:ping_gone)  { |c| begin; @gone.ping.await; rescue FCS::ClientGone => e; e.message; end }\n"
    "  expose(:check_gone) { |c| begin; @gone.check_bandwidth.await; rescue FCS::ClientGone => e; e.message; end }\n"
    "end\n";

UNIT(facts_are_those_of_the_connection)
{
	host_open(facts, NULL);
	me = host_connect("c1", "[\"x\",2]");
	EQ("facts", "[]",
	    "[\"c1\",\"127.0.0.1\",4711,\"rtmp\",false,\"LNX 9,0,124,2\","
	    "\"http://example.org/page.html\",\"http://example.org/\","
	    "\"rtmp://localhost/test\",{\"a\":\"1\",\"b\":\"x y\",\"c\":\"\"},"
	    "0,[\"x\",2]]");
	EQ("state", "[]", "[\"accepted\",true,true]");
}

UNIT(stats_have_the_original_names)
{
	host_open(facts, NULL);
	me = host_connect("c1", "[]");
	EQ("stats", "[]",
	    "{\"bytes_in\":1,\"bytes_out\":2,\"msg_in\":3,\"msg_out\":4,"
	    "\"msg_dropped\":5,\"ping_rtt\":6,"
	    "\"audio_queue_msgs\":10,\"video_queue_msgs\":11,"
	    "\"so_queue_msgs\":12,\"data_queue_msgs\":13,"
	    "\"audio_queue_bytes\":20,\"video_queue_bytes\":21,"
	    "\"so_queue_bytes\":22,\"data_queue_bytes\":23,"
	    "\"dropped_audio_msgs\":30,\"dropped_video_msgs\":31,"
	    "\"dropped_audio_bytes\":40,\"dropped_video_bytes\":41,"
	    "\"bw_in\":0,\"bw_out\":0,\"client_id\":\"c1\"}");
	EQ("rtt", "[]", "6");
}

UNIT(streams_and_objects_are_named)
{
	host_open(facts, NULL);
	me = host_connect("c1", "[]");
	EQ("streams", "[]", "[]");
	me->streams = "+mine -theirs";
	EQ("streams", "[]", "[\"mine\",\"theirs\"]");
	EQ("objects", "[]", "[]");
}

UNIT(user_and_virtual_key_are_checked)
{
	char longest[300];

	host_open(facts, NULL);
	me = host_connect("c1", "[]");
	EQ("user", "[\"ann\"]", "\"ann\"");
	EQ("user", "[null]", "null");
	(void)snprintf(longest, sizeof(longest), "[\"%0255d\"]", 0);
	(void)run("user", longest);
	ck_assert(!me->failed);
	(void)snprintf(longest, sizeof(longest), "[\"%0256d\"]", 0);
	HAS(run("user", longest), "Script error");
	HAS(run("nul", "[]"), "Script error");
	HAS(host_log(), "user");
	EQ("key", "[\"hd\"]", "\"hd\"");
	HAS(run("key", "[\"a:b\"]"), "Script error");
	HAS(host_log(), "without * and :");
}

UNIT(a_client_that_is_gone_keeps_its_last_values)
{
	struct host_client *other;

	host_open(facts, NULL);
	other = host_connect("c2", "[]");
	me = other;
	(void)run("mark", "[]");
	me = host_connect("c1", "[]");
	host_leave(other);
	EQ("gone", "[]",
	    "[\"closed\",false,\"c2\",\"127.0.0.1\",1,6,[\"a\",\"b\"],9000,0,"
	    "false,false,false,false,false,7]");
	EQ("set_gone", "[]", "\"u\"");
	EQ("call_gone", "[]", "\"the client is gone\"");
	EQ("ping_gone", "[]", "\"the client is gone\"");
	EQ("check_gone", "[]", "\"the client is gone\"");
}

static const char asks[] =
    "class A < FCS::App\n"
    "  expose(:ping)  { |c, s| begin; c.ping.await(timeout: s || 5); rescue FCS::Timeout => e; \"late: #{e.message}\"; end }\n"
    "  expose(:both)  { |c| FCS::Pending.all(c.ping, c.ping).await }\n"
    "  expose(:later) { |c| c.ping.then { |ms, e| @said = [ms, e.class.to_s] }; true }\n"
    "  expose(:said)  { |c| @said }\n"
    "  expose(:check) { |c| c.check_bandwidth.await }\n"
    "  expose(:refused) { |c| begin; c.check_bandwidth.await; rescue FCS::CallError => e; e.message; end }\n"
    "  expose(:again) { |c, url| c.reconnect(url) }\n"
    "  expose(:out)   { |c, n| c.bandwidth_out = n; c.bandwidth_out }\n"
    "  expose(:in)    { |c, n| c.bandwidth_in = n; c.bandwidth_in }\n"
    "  expose(:paths) { |c| [c.read_access, c.write_access, c.audio_sample_access, c.video_sample_access] }\n"
    "  expose(:set)   { |c, r, w, a, v| c.read_access = r; c.write_access = w;"
    " c.audio_sample_access = a; c.video_sample_access = v; nil }\n"
    "end\n";

UNIT(ping_is_milliseconds_shared_or_late)
{
	host_open(asks, NULL);
	me = host_connect("c1", "[]");
	host_send(me, "ping", "[]");
	host_turns(2);
	ck_assert_int_eq(me->pings, 1);
	client_pinged(me->client, 12);
	host_until(&me->answered);
	ck_assert_str_eq(me->result, "12");
	host_send(me, "both", "[]");
	host_turns(2);
	ck_assert_int_eq(me->pings, 2);
	client_pinged(me->client, 3);
	host_until(&me->answered);
	ck_assert_str_eq(me->result, "[3,3]");
	EQ("later", "[]", "true");
	client_pinged(me->client, 4);
	host_turns(3);
	EQ("said", "[]", "[4,\"NilClass\"]");
	HAS(run("ping", "[0.02]"), "late: no answer within 0.02 s");
	client_pinged(me->client, 5); /* nobody waits for it any more */
	host_turns(2);
}

UNIT(a_ping_nobody_answers_fails_by_itself)
{
	host_open(
	    "class A < FCS::App\n"
	    "  class FCS::Client; remove_const(:PING_TIME); PING_TIME = 0.03; end\n"
	    "  expose(:later) { |c| c.ping.then { |ms, e| @said = [ms, e.class.to_s] }; true }\n"
	    "  expose(:said)  { |c| @said }\n"
	    "end\n",
	    NULL);
	me = host_connect("c1", "[]");
	EQ("later", "[]", "true");
	host_wait_ms(60);
	EQ("said", "[]", "[null,\"FCS::Timeout\"]");
}

UNIT(nothing_is_asked_of_a_client_before_it_is_accepted)
{
	host_open(
	    "class A < FCS::App\n"
	    "  on(:connect) do |c|\n"
	    "    @seen = [c.state.to_s, c.open?, c.accepted?, c.reconnect]\n"
	    "    begin; c.ping.await; rescue FCS::CallError => e; @seen << e.message; end\n"
	    "    begin; c.check_bandwidth.await; rescue FCS::CallError => e; @seen << e.message; end\n"
	    "    c.bandwidth_out = 5000\n"
	    "    c.read_access = []\n"
	    "  end\n"
	    "  expose(:seen) { |c| @seen }\n"
	    "end\n",
	    NULL);
	me = host_connect("c1", "[]");
	ck_assert_int_eq(me->accepted, 1);
	EQ("seen", "[]",
	    "[\"pending\",true,false,false,\"the client is not accepted yet\","
	    "\"the client is not accepted yet\"]");
	ck_assert_uint_eq(me->rates[1], 5000); /* rights may be set */
	ck_assert(!client_may(me->client, false, "x"));
}

UNIT(check_bandwidth_gives_a_hash_an_error_or_nothing)
{
	struct arena *a = arena_new(0);

	host_open(asks, NULL);
	me = host_connect("c1", "[]");
	host_send(me, "check", "[]");
	host_turns(2);
	ck_assert_int_eq(me->measures, 1);
	client_measured(me->client, host_value(a, "{\"kbit_down\":1000}"));
	host_until(&me->answered);
	ck_assert_str_eq(me->result, "{\"kbit_down\":1000}");
	host_send(me, "refused", "[]");
	host_turns(2);
	client_measured(me->client, NULL);
	host_until(&me->answered);
	ck_assert_str_eq(me->result, "\"the client does not answer the test\"");
	me->measure_result = FCS_ENOENT;
	EQ("check", "[]", "{}");
	arena_free(a);
}

UNIT(reconnect_tells_those_who_understand_it)
{
	host_open(asks, NULL);
	me = host_connect("c1", "[]");
	EQ("again", "[\"rtmp://b/x\"]", "false");
	host_reconnects(true);
	me = host_connect("c2", "[]");
	EQ("again", "[\"rtmp://b/x\"]", "true");
	HAS(me->sent, "NetConnection.Connect.ReconnectRequest");
	HAS(me->sent, "\"tcUrl\":\"rtmp://b/x\"");
	EQ("again", "[]", "true");
}

UNIT(bandwidth_is_set_capped_and_given_back)
{
	static const char *const some[] = { "bandwidth.cap=50000",
		"bandwidth.out=30000", NULL };

	host_open(asks, some);
	me = host_connect("c1", "[]");
	ck_assert_uint_eq(me->rates[1], 30000);
	EQ("out", "[20000]", "20000");
	ck_assert_uint_eq(me->rates[1], 20000);
	EQ("out", "[2000.7]", "2000");
	EQ("out", "[60000]", "50000");
	EQ("out", "[null]", "30000");
	EQ("in", "[1024]", "1024");
	ck_assert_uint_eq(me->rates[0], 1024);
	EQ("in", "[null]", "null");
	ck_assert_uint_eq(me->rates[0], 0);
	HAS(run("in", "[1023]"), "Script error");
	HAS(run("in", "[-5]"), "Script error");
	HAS(run("in", "[\"fast\"]"), "Script error");
	ck_assert_uint_eq(me->rates[0], 0);
}

UNIT(access_lists_have_256_paths_at_most)
{
	host_open(
	    "class A < FCS::App\n"
	    "  expose(:set) { |c, n| c.read_access = (1..n).map { |i| \"p#{i}\" }; c.read_access.size }\n"
	    "  expose(:samples) { |c, n| c.audio_sample_access = [\"p\"] * n; nil }\n"
	    "end\n",
	    NULL);
	me = host_connect("c1", "[]");
	EQ("set", "[255]", "255");
	EQ("set", "[256]", "256");
	HAS(run("set", "[257]"), "Script error");
	HAS(host_log(), "LimitError");
	ck_assert(client_may(me->client, false, "p256"));
	EQ("samples", "[256]", "null");
	HAS(run("samples", "[257]"), "Script error");
}

UNIT(access_lists_take_arrays_and_texts)
{
	static const char *const some[] = { "access.samples=cam",
		"access.write=w/x", NULL };

	host_open(asks, some);
	me = host_connect("c1", "[]");
	EQ("paths", "[]", "[[\"/\"],[\"w/x\"],[\"cam\"],[\"cam\"]]");
	(void)run("set", "[\"a;/b/;\", [\"c\"], [], \"/\"]");
	EQ("paths", "[]", "[[\"a\",\"b\"],[\"c\"],[],[\"/\"]]");
	ck_assert(client_may(me->client, false, "b/x"));
	ck_assert(!client_may(me->client, false, "bx"));
	ck_assert(!client_may(me->client, true, "a"));
	ck_assert(!client_may_sample(me->client, false, "cam"));
	ck_assert(client_may_sample(me->client, true, "cam"));
	(void)run("set", "[\"\", \"\", \"\", \"\"]");
	EQ("paths", "[]", "[[],[],[],[]]");
	HAS(run("set", "[5]"), "Script error");
}

static const char calls[] =
    "class A < FCS::App\n"
    "  expose(:fill)  { |c, n| n.times { c.call(:q) }; true }\n"
    "  expose(:one)   { |c| begin; c.call(:q); true; rescue FCS::LimitError; \"limit\"; end }\n"
    "  expose(:info)  { |c| begin; c.call(:q).await; rescue FCS::CallError => e; [e.message, e.info]; end }\n"
    "  expose(:block) { |c| c.call(:q, 1) { |v, e| @got = [v, e.nil?] }; true }\n"
    "  expose(:got)   { |c| @got }\n"
    "  expose(:bad)   { |c| begin; c.call(:q, proc { }); rescue FCS::ValueError => e; e.message; end }\n"
    "  on(:disconnect) { |c| @left = (@left || 0) + 1 }\n"
    "  expose(:wait_for) { |c, id| begin; client(id).call(:q).await; rescue FCS::ClientGone; \"gone\"; end }\n"
    "end\n";

UNIT(calls_without_answer_are_limited_at_256)
{
	struct host_client *other;

	host_open(calls, NULL);
	me = host_connect("c1", "[]");
	EQ("fill", "[255]", "true");
	EQ("one", "[]", "true");
	EQ("one", "[]", "\"limit\"");
	host_answer(me, true, "1"); /* the last one is answered */
	EQ("one", "[]", "true");
	EQ("one", "[]", "\"limit\"");
	other = me;
	me = host_connect("c2", "[]");
	EQ("one", "[]", "true"); /* each client has its own */
	host_leave(other);
}

UNIT(results_and_errors_of_a_client_come_back)
{
	host_open(calls, NULL);
	me = host_connect("c1", "[]");
	host_send(me, "info", "[]");
	host_answer(me, false,
	    "{\"code\":\"NetConnection.Call.Failed\",\"description\":\"no\","
	    "\"application\":[1]}");
	host_until(&me->answered);
	ck_assert_str_eq(me->result,
	    "[\"no\",{\"code\":\"NetConnection.Call.Failed\","
	    "\"description\":\"no\",\"application\":[1]}]");
	host_send(me, "info", "[]"); /* an error without an object */
	host_answer(me, false, "null");
	host_until(&me->answered);
	ck_assert_str_eq(me->result, "[\"NetConnection.Call.Failed\",{}]");
	/* what a client says is never taken for its end */
	host_send(me, "info", "[]");
	host_answer(me, false, "{\"description\":\"ClientGone\"}");
	host_until(&me->answered);
	HAS(me->result, "[\"ClientGone\",");
	EQ("block", "[]", "true");
	host_answer(me, true, "[1,2]");
	EQ("got", "[]", "[[1,2],true]");
	HAS(run("bad", "[]"), "q: ");
}

UNIT(who_waits_for_a_client_that_leaves_hears_of_it)
{
	struct host_client *other;

	host_open(calls, NULL);
	other = host_connect("c2", "[]");
	me = host_connect("c1", "[]");
	host_send(me, "wait_for", "[\"c2\"]");
	host_turns(2);
	host_leave(other);
	host_until(&me->answered);
	ck_assert_str_eq(me->result, "\"gone\"");
}

static const char exposure[] =
    "class A < FCS::App\n"
    "  expose(:m) { |c| \"class\" }\n"
    "  expose(\"room/join\") { |c| \"joined\" }\n"
    "  expose(:app)  { |c| expose(:m) { |x| \"instance\" }; nil }\n"
    "  expose(:own)  { |c| c.expose(:m) { |me| \"own #{me.id}\" }; nil }\n"
    "  expose(:hide_own) { |c| c.hide(:m); nil }\n"
    "  expose(:hide_app) { |c| hide :m; nil }\n"
    "  expose(:bad) { |c, n| begin; c.expose(n) { 1 }; rescue ArgumentError => e; e.message; end }\n"
    "end\n";

UNIT(the_nearest_exposure_counts)
{
	static const char *const never[] = { "connect", "createStream",
		"initStream", "deleteStream", "closeStream", "publish", "play",
		"play2", "seek", "pause", "pauseRaw", "receiveAudio",
		"receiveVideo", "close", "onStatus", "_x", "@x", "|x", "" };
	struct host_client *other;
	char args[64];
	size_t i;

	host_open(exposure, NULL);
	me = other = host_connect("c1", "[]");
	EQ("m", "[]", "\"class\"");
	(void)run("app", "[]");
	EQ("m", "[]", "\"instance\"");
	(void)run("own", "[]");
	EQ("m", "[]", "\"own c1\"");
	me = host_connect("c2", "[]");
	EQ("m", "[]", "\"instance\"");
	(void)run("hide_own", "[]");
	EQ("m", "[]", "Method not found (m).");
	(void)run("hide_app", "[]");
	me = other;
	EQ("m", "[]", "\"own c1\"");
	me = host_connect("c3", "[]");
	EQ("m", "[]", "Method not found (m).");
	EQ("room/join", "[]", "\"joined\"");
	EQ("room.join", "[]", "\"joined\"");
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		(void)snprintf(args, sizeof(args), "[\"%s\"]", never[i]);
		HAS(run("bad", args), "belongs to the server");
	}
}

UNIT(calls_are_judged_with_their_name_once)
{
	host_open(
	    "class A < FCS::App\n"
	    "  allow(:call, \"adm/*\") { |c, name, *args| @seen = [name, args]; args[0] == 1 }\n"
	    "  on(:missing) { |c, name, *args| \"dyn #{name}\" }\n"
	    "  expose(\"adm/x\") { |c, n| n }\n"
	    "  expose(:seen) { |c| @seen }\n"
	    "end\n",
	    NULL);
	me = host_connect("c1", "[]");
	EQ("adm/x", "[1]", "1");
	EQ("seen", "[]", "[\"adm/x\",[1]]");
	(void)run("adm.x", "[2]");
	ck_assert(me->failed);
	EQ("seen", "[]", "[\"adm/x\",[2]]");
	EQ("adm/y", "[1,5]", "\"dyn adm/y\"");
	EQ("seen", "[]", "[\"adm/y\",[1,5]]");
	(void)run("adm/y", "[]");
	ck_assert(me->failed);
}

/* Decimals of up to 15 digits: a whole number by a power of ten. */
UNIT(floats_of_a_script_are_the_decimals_that_were_meant)
{
	struct arena *a = arena_new(0);
	double want, got, tens = 1;
	unsigned seed = 7;
	char args[80];
	long long n;
	int i, power;

	host_open("class A < FCS::App\n"
		  "  expose(:div) { |c, n, tens| n / tens.to_f }\n"
		  "end\n",
	    NULL);
	me = host_connect("c1", "[]");
	for (i = 0; i < 600; i++) {
		power = i % 16;
		tens = power == 0 ? 1 : tens * 10;
		n = (long long)rand_r(&seed) * rand_r(&seed) % 1000000000000000;
		if (i % 3 == 0)
			n = -(n % 10000);
		(void)snprintf(args, sizeof(args), "[%lld, %.0f]", n, tens);
		got = value_as_number(host_value(a, run("div", args)), 0);
		(void)snprintf(args, sizeof(args), "%llde-%d", n, power);
		want = strtod(args, NULL);
		ck_assert_msg(
		    got == want, "%s: %.17g is not %.17g", args, got, want);
	}
	arena_free(a);
}

UNIT_MAIN
