/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a handler that ends badly: the table of script-api.md 3, a
 * row a kind of trouble, a column a kind of handler.
 */
#include "core/sharedobj.h"
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

#define HAS(text, part)                                                        \
	ck_assert_msg(strstr(text, part) != NULL, "no %s in: %s", part, text)
#define HAS_NOT(text, part)                                                    \
	ck_assert_msg(strstr(text, part) == NULL, "%s in: %s", part, text)

static const char table[] =
    "class A < FCS::App\n"
    "  on(:start) { @infos = []; @heard = [] }\n"
    "  on(:status) { |info| @infos << info }\n"
    "  on(:connect) { |c, what = nil, at = nil| what == \"helper\" ? @helper = c : at == \"accepted\" ? c[:what] = what : trouble(what) }\n"
    "  on(:accepted)   { |c| @heard << \"in #{c.id}\"; trouble(c[:what]) }\n"
    "  on(:disconnect) { |c| @heard << \"out #{c.id}\" }\n"
    "  on(:unpublish)  { |c, s| trouble(s.name) }\n"
    "  on(:missing)    { |c, name, what| trouble(what) }\n"
    "  allow(:publish) { |c, s| trouble(s.name); true }\n"
    "  allow(:call, \"judged\") { |c, name, what| trouble(what); true }\n"
    "  shared(:board)  { |c, slot, value| trouble(slot); true }\n"
    "  expose(:m)      { |c, what| trouble(what) }\n"
    "  expose(:judged) { |c, what| \"allowed\" }\n"
    "  expose(:timer)  { |c, what| after(0) { trouble(what) }; nil }\n"
    "  expose(:then)   { |c, what| FCS::Pending.all.then { trouble(what) }; nil }\n"
    "  expose(:infos)  { |c| @infos.map { |i| [i[\"code\"], i[\"level\"], i[\"ref\"]] } }\n"
    "  expose(:heard)  { |c| @heard }\n"
    "  expose(:ping)   { |c| \"pong\" }\n"
    "  def trouble(what)\n"
    "    case what\n"
    "    when \"reject\" then reject \"why\", { \"v\" => 1 }\n"
    "    when \"raise\"  then raise ArgumentError, \"oops\"\n"
    "    when \"call\"   then @helper.call(:fail).await\n"
    "    when \"late\"   then @helper.call(:mute).await(timeout: 0.02)\n"
    "    when \"spin\"   then loop { }\n"
    "    when \"hoard\"  then a = []; loop { a << \"x\" * 50_000 }\n"
    "    end\n"
    "  end\n"
    "end\n";

enum column {
	CONNECT,
	EXPOSE,
	MISSING,
	ALLOW_CALL,
	ALLOW,
	GUARD,
	ACCEPTED,
	EVENT,
	TIMER,
	THEN,
	COLUMNS
};
static const char *const names[COLUMNS] = { "on(:connect)", "expose",
	"on(:missing)", "allow(:call)", "allow(:publish)", "guard",
	"on(:accepted)", "on(:unpublish)", "timer", "then" };

static struct host_client *helper, *it;

/* How the thing that was tried ended, in one text: "rejected TEXT VALUE",
 * "error TEXT VALUE", "refused TEXT", "nothing". */
static char outcome[9000];
static bool decided;

static void
on_decided(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	(void)i;
	(void)owner;
	(void)extra;
	decided = true;
	(void)snprintf(outcome, sizeof(outcome), "%s %s",
	    a->verdict == SCRIPT_OK ? "allowed" : "refused",
	    a->text == NULL ? "" : a->text);
}

static struct script *
script(void)
{
	return instance_script(host_instance("_definst_"));
}

static void
ask_allow(const char *what)
{
	struct script_args args;

	memset(&args, 0, sizeof(args));
	args.client = "it";
	args.name = what;
	args.mode = "live";
	decided = false;
	engine_ops.ask(script(), SCRIPT_MAY_PUBLISH, &args, on_decided, 1, 2);
}

static void
ask_guard(const char *what)
{
	struct script_guard g;

	ck_assert_int_eq(engine_ops.guard(script(), "it", "board", what,
			     strlen(what), NULL, 0, &g),
	    FCS_OK);
	(void)snprintf(outcome, sizeof(outcome), "%s %s",
	    g.allowed ? "allowed" : "refused", g.why);
}

static void
event(const char *what)
{
	struct script_args args;

	memset(&args, 0, sizeof(args));
	args.client = "it";
	args.name = what;
	instance_event(host_instance("_definst_"), SCRIPT_UNPUBLISH, &args);
}

static void
begin(enum column at, const char *what, const char *const *settings)
{
	static const char *const calls[COLUMNS] = { NULL, "m", "unknown",
		"judged", NULL, NULL, NULL, NULL, "timer", "then" };
	char args[64];

	host_open(table, settings);
	helper = host_connect("helper", "[\"helper\"]");
	ck_assert_int_eq(helper->accepted, 1);
	it = NULL;
	outcome[0] = '\0';
	(void)snprintf(args, sizeof(args), "[\"%s\"%s]", what,
	    at == ACCEPTED ? ",\"accepted\"" : "");
	if (at == CONNECT || at == ACCEPTED) {
		it = host_connect("it", args);
		return;
	}
	it = host_connect("it", "[]");
	if (calls[at] != NULL)
		host_send(it, calls[at], args);
	else if (at == ALLOW)
		ask_allow(what);
	else if (at == GUARD)
		ask_guard(what);
	else if (at == EVENT)
		event(what);
}

/* Turn until what was begun has ended; the outcome. */
static const char *
ended(enum column at)
{
	switch (at) {
	case CONNECT:
		host_wait_ms(60);
		(void)snprintf(outcome, sizeof(outcome), "%s %s %s",
		    it->rejected   ? "rejected"
		    : it->accepted ? "accepted"
				   : "pending",
		    it->description, it->application);
		break;
	case EXPOSE:
	case MISSING:
	case ALLOW_CALL:
		host_until(&it->answered);
		ck_assert(it->answered);
		(void)snprintf(outcome, sizeof(outcome), "%s %s %s",
		    it->failed ? "error" : "result", it->result,
		    it->application);
		break;
	case ALLOW:
		host_until(&decided);
		ck_assert(decided);
		break;
	default:
		host_wait_ms(60);
		break;
	}
	return outcome;
}

/* An exception as the client, the log and on(:status) see it. */
static void
expect_exception(enum column at, const char *message)
{
	const char *seen = ended(at), *p, *log;
	char ref[7], want[80];

	log = host_log();
	p = strstr(log, " ref=");
	ck_assert_msg(p != NULL, "%s: nothing logged", names[at]);
	(void)snprintf(ref, sizeof(ref), "%.6s", p + 5);
	HAS(log, message);
	HAS(log, "main.rb:");
	HAS(log, "backtrace=");
	(void)snprintf(want, sizeof(want), "Script error (ref %s)", ref);
	if (at <= GUARD)
		HAS(seen, want);
	HAS_NOT(seen, message);
	(void)snprintf(want, sizeof(want),
	    "[\"Application.Script.Error\",\"error\",\"%s\"]", ref);
	host_turns(3);
	HAS(host_call(helper, "infos", "[]"), want);
}

static bool
refuses(enum column at, const char *seen)
{
	return strncmp(seen, at == CONNECT ? "rejected" : "refused",
		   at == CONNECT ? 8 : 7) == 0;
}

static void
row_reject(enum column at)
{
	const char *seen, *log;

	begin(at, "reject", NULL);
	seen = ended(at);
	log = host_log();
	switch (at) {
	case CONNECT:
		ck_assert_str_eq(
		    seen, "rejected [ Server.Reject ] : why {\"v\":1}");
		HAS_NOT(log, "script.error");
		break;
	case EXPOSE:
	case MISSING:
	case ALLOW_CALL:
		ck_assert_str_eq(seen, "error why {\"v\":1}");
		HAS_NOT(log, "script.error");
		break;
	case ALLOW:
	case GUARD:
		ck_assert_str_eq(seen, "refused why");
		HAS_NOT(log, "script.error");
		break;
	default:
		HAS(log, "reject: why");
		break;
	}
	ck_assert_str_eq(host_call(helper, "ping", "[]"), "\"pong\"");
}

static void
row_raise(enum column at)
{
	begin(at, "raise", NULL);
	expect_exception(at, "oops");
	if (at == CONNECT || at == ALLOW || at == GUARD)
		ck_assert(refuses(at, outcome));
	if (at == CONNECT)
		HAS(outcome, "rejected [ Server.Reject ] : Script error (ref ");
	ck_assert_str_eq(host_call(helper, "ping", "[]"), "\"pong\"");
}

/* A call that was awaited came back as an error. */
static void
row_call(enum column at)
{
	const char *seen;

	begin(at, "call", NULL);
	if (at == GUARD) { /* nothing can be awaited there */
		expect_exception(at, "await where no answer can wait");
		return;
	}
	host_turns(3);
	HAS(helper->sent, "fail\n");
	host_answer(
	    helper, false, "{\"description\":\"no idea\",\"application\":[5]}");
	seen = ended(at);
	switch (at) {
	case CONNECT:
		ck_assert_str_eq(
		    seen, "rejected [ Server.Reject ] : no idea [5]");
		break;
	case EXPOSE:
	case MISSING:
		ck_assert_str_eq(seen, "error no idea [5]");
		break;
	default:
		expect_exception(at, "no idea");
		break;
	}
}

static void
row_late(enum column at)
{
	if (at == GUARD)
		return; /* nothing can be awaited there */
	begin(at, "late", NULL);
	expect_exception(at, "no answer within 0.02 s");
}

static void
row_left(enum column at)
{
	if (at == GUARD || at >= ACCEPTED)
		return;
	begin(at, "call", NULL);
	host_turns(3);
	host_leave(it);
	host_forget(it);
	host_answer(helper, true, "1");
	host_turns(5);
	/* nobody hears of one that was not accepted */
	HAS_NOT(host_call(helper, "heard", "[]"),
	    at == CONNECT ? "in it" : "nobody");
	if (at == CONNECT)
		HAS_NOT(host_call(helper, "heard", "[]"), "out it");
	else
		HAS(host_call(helper, "heard", "[]"), "out it");
	HAS_NOT(host_log(), "script.error");
}

/* The instance ends, and all its clients with it. */
static void
row_end(enum column at, const char *what, const char *why)
{
	static const char *const small[] = { "script.time=50ms",
		"script.memory=2M", NULL };
	const char *log;
	int i;

	begin(at, what, small);
	for (i = 0; i < 300 && helper->closed == 0; i++)
		loop_turn(host_loop(), 10);
	log = host_log();
	ck_assert_msg(helper->closed == 1, "%s: goes on: %s", names[at], log);
	HAS(log, "script.lost");
	HAS(log, why);
	HAS(helper->sent, "NetConnection.Connect.AppShutdown");
}

static void
row_spin(enum column at)
{
	row_end(at, "spin", "ran longer than 50 ms");
}

static void
row_hoard(enum column at)
{
	row_end(at, "hoard", "needed more than 2097152 bytes");
}

#define ROW(row, column)                                                       \
	UNIT(row##_in_##column)                                                \
	{                                                                      \
		row_##row(column);                                             \
	}
#define COLUMNS_OF(row)                                                        \
	ROW(row, CONNECT)                                                      \
	ROW(row, EXPOSE)                                                       \
	ROW(row, MISSING)                                                      \
	ROW(row, ALLOW_CALL)                                                   \
	ROW(row, ALLOW)                                                        \
	ROW(row, GUARD)                                                        \
	ROW(row, ACCEPTED)                                                     \
	ROW(row, EVENT)                                                        \
	ROW(row, TIMER)                                                        \
	ROW(row, THEN)

COLUMNS_OF(reject)
COLUMNS_OF(raise)
COLUMNS_OF(call)
COLUMNS_OF(late)
COLUMNS_OF(left)
COLUMNS_OF(spin)
COLUMNS_OF(hoard)

UNIT_MAIN
