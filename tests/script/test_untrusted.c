/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * untrusted - names that come from the network, a hundred thousand of each
 * kind: none becomes a Symbol (they are never freed, and entering them takes
 * longer the more there are), and memory stays what it was.
 */
#include "tests/lib/unit.h"
#include "tests/unit/script/host.h"

#ifdef __SANITIZE_ADDRESS__ /* each costs ten times as much */
#define NAMES 10000
#else
#define NAMES 100000
#endif
#define WARM       2000 /* so many first, then it is looked at what is there */
#define MEMORY_MAX (2u << 20) /* what more may be there at the end */

static const char app[] =
    "class Bound\n"
    "  attr_accessor :x\n"
    "end\n"
    "class A < FCS::App\n"
    "  type \"com.example.Bound\", Bound\n"
    "  shared(\"**\", persistent: :any) { |c, slot, value, so| slot != \"no\" && so.name != slot }\n"
    "  on(:missing) { |c, name, *args| name.size + args.size }\n"
    "  allow(:call) { |c, name| name != \"no\" }\n"
    "  allow(:publish) { |c, s| s.name != s.query[\"no\"] && s.query.size == 2 }\n"
    "  allow(:play) { |c, s| !s.name.empty? }\n"
    "  allow(:use) { |c, so| so.name != \"no\" }\n"
    "  on(:message) { |c, so, name, *args| @last = name }\n"
    "  on(:publish) { |c, s| @last = s.name }\n"
    "  on(:sync) { |so, list| list.each { |x| @last = [x.slot, x.code] } }\n"
    "  expose(:keep) { |c, h| h.each { |k, v| c[\"k\"] = k; @last = v }; h }\n"
    "  expose(:json) { |c, t| JSON.generate(JSON.parse(t)) }\n"
    "end\n";

static struct host_client *client;
static struct instance *inst;
static unsigned answers;

static void
stats(struct script_stats *out)
{
	engine_ops.stats(instance_script(inst), out);
}

static void
on_answer(struct instance *i, uint64_t owner, uint64_t extra,
    const struct script_answer *a)
{
	(void)i;
	(void)owner;
	(void)extra;
	ck_assert_msg(a->verdict == SCRIPT_OK, "%d %s", (int)a->verdict,
	    a->text == NULL ? "" : a->text);
	answers++;
}

static void
ask(enum script_question q, const struct script_args *args)
{
	answers = 0;
	instance_ask(inst, q, args, true, on_answer, 0, 0);
	while (answers == 0)
		host_turns(1);
}

/* One call with a value that must come back as it was. */
static void
call_with(const char *method, struct value *v)
{
	client->answered = false;
	instance_call(inst, client->client, method, 7, &v, 1);
	while (!client->answered)
		host_turns(1);
	ck_assert_msg(!client->failed, "%s: %s", method, client->result);
}

/* ---- the ways in ---- */

static void
method_name(struct arena *a, const char *name)
{
	char dotted[80];

	(void)snprintf(dotted, sizeof(dotted), "room.%s.x", name);
	call_with(name, value_new(a, VALUE_NULL));
	call_with(dotted, value_new(a, VALUE_NULL));
}

static void
amf_key(struct arena *a, const char *name)
{
	struct value *v = value_new(a, VALUE_OBJECT);
	struct value *e = value_new(a, VALUE_ECMA);
	char cls[80];

	(void)snprintf(cls, sizeof(cls), "com.example.%s", name);
	ck_assert_int_eq(value_set(a, v, name, value_string(a, name)), FCS_OK);
	ck_assert_int_eq(value_set(a, e, name, value_string(a, name)), FCS_OK);
	ck_assert_int_eq(value_set(a, v, "e", e), FCS_OK);
	v->class_name = value_string(a, cls)->str;
	call_with("keep", v);
}

static void
member_name(struct arena *a, const char *name)
{
	struct value *v = value_new(a, VALUE_OBJECT);

	ck_assert_int_eq(value_set(a, v, name, value_string(a, name)), FCS_OK);
	v->class_name = value_string(a, "com.example.Bound")->str;
	client->answered = false;
	instance_call(inst, client->client, "keep", 7, &v, 1);
	while (!client->answered)
		host_turns(1);
	ck_assert_msg(strstr(client->result,
			  "argument 1: com.example.Bound: no member") != NULL,
	    "%s", client->result);
}

static void
json_key(struct arena *a, const char *name)
{
	char text[100];

	(void)snprintf(text, sizeof(text), "{\"%s\":[\"%s\"]}", name, name);
	call_with("json", value_string(a, text));
}

static void
stream_name(struct arena *a, const char *name)
{
	struct script_args args = { .client = "c", .name = name };
	char query[100];

	(void)a;
	(void)snprintf(query, sizeof(query), "%s=1&b=%s", name, name);
	args.text = query;
	args.mode = "live";
	ask(SCRIPT_MAY_PUBLISH, &args);
	ask(SCRIPT_MAY_PLAY, &args);
	instance_event(inst, SCRIPT_PUBLISH, &args);
	host_turns(1);
}

static void
object_name(struct arena *a, const char *name)
{
	struct script_args args = { .client = "c", .name = name };
	struct value *v = value_string(a, name);

	ask(SCRIPT_MAY_USE, &args);
	args.text = name;
	args.values = &v;
	args.count = 1;
	instance_event(inst, SCRIPT_MESSAGE, &args);
	host_turns(1);
}

static void
slot_name(struct arena *a, const char *name)
{
	struct script_change change = { .code = "change" };
	struct script_args args = { .name = "board", .change_count = 1 };
	struct script_guard g;

	(void)a;
	ck_assert_int_eq(engine_ops.guard(instance_script(inst), "c", "board",
			     name, strlen(name), NULL, 0, &g),
	    FCS_OK);
	ck_assert_msg(g.allowed, "%s", g.why);
	change.slot.ptr = name;
	change.slot.len = (uint32_t)strlen(name);
	change.client = "c";
	args.changes = &change;
	instance_event(inst, SCRIPT_SYNC, &args);
	host_turns(1);
}

static void
flood(void (*one)(struct arena *, const char *name), const char *what)
{
	struct script_stats warm, end;
	struct arena *a = arena_new(0);
	char name[64];
	int i;

	host_open(app, NULL);
	client = host_connect("c", "[]");
	ck_assert_int_eq(client->accepted, 1);
	inst = client_instance(client->client);
	memset(&warm, 0, sizeof(warm));
	for (i = 0; i < WARM + NAMES; i++) {
		if (i == WARM)
			stats(&warm);
		(void)snprintf(name, sizeof(name), "%s_name_%d", what, i);
		one(a, name);
		arena_reset(a);
	}
	stats(&end);
	ck_assert_uint_eq(end.errors, 0);
	ck_assert_uint_eq(end.symbols, warm.symbols);
	ck_assert_uint_gt(warm.symbols, 100);
	ck_assert_msg(end.memory < warm.memory + MEMORY_MAX,
	    "%s: %llu bytes, then %llu", what, (unsigned long long)warm.memory,
	    (unsigned long long)end.memory);
	arena_free(a);
}

UNIT_TIMEOUT(method_names_become_no_symbols, 60)
{
	flood(method_name, "method");
}

UNIT_TIMEOUT(amf_keys_and_class_names_become_no_symbols, 60)
{
	flood(amf_key, "key");
}

UNIT_TIMEOUT(members_of_bound_classes_become_no_symbols, 60)
{
	flood(member_name, "member");
}

UNIT_TIMEOUT(json_keys_become_no_symbols, 60)
{
	flood(json_key, "json");
}

UNIT_TIMEOUT(stream_names_and_query_keys_become_no_symbols, 60)
{
	flood(stream_name, "stream");
}

UNIT_TIMEOUT(object_and_message_names_become_no_symbols, 60)
{
	flood(object_name, "object");
}

UNIT_TIMEOUT(slot_names_become_no_symbols, 60)
{
	flood(slot_name, "slot");
}

UNIT_MAIN
