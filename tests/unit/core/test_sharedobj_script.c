/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared objects and the script: its writes, guards, decisions, events. */
#include "base/log.h"
#include "tests/unit/core/so_lib.h"

/* ---- the script of these tests ---- */

static struct script_shared declared;
static bool is_declared;

static bool
script_shared(struct script *s, const char *object, struct script_shared *out)
{
	(void)s;
	(void)object;
	*out = declared;
	return is_declared;
}

/* Guard: refuses slots that begin with "no", doubles those with "twice",
 * stores nothing for "drop". */
static int
script_guard(struct script *s, const char *client, const char *object,
    const char *slot, size_t slot_len, const uint8_t *value, size_t len,
    struct script_guard *out)
{
	(void)s;
	(void)object;
	memset(out, 0, sizeof(*out));
	fake_note("guard(%s,%.*s%s)", client, (int)slot_len, slot,
	    value == NULL ? ",nil" : "");
	if (slot_len >= 4 && memcmp(slot, "fail", 4) == 0)
		return FCS_EKILLED;
	out->allowed = !(slot_len >= 2 && memcmp(slot, "no", 2) == 0);
	if (slot_len == 5 && memcmp(slot, "nowhy", 5) == 0)
		(void)snprintf(
		    out->why, sizeof(out->why), "only the owner moves it");
	if (slot_len >= 5 && memcmp(slot, "twice", 5) == 0 && value != NULL) {
		out->replaced = true;
		out->value = malloc(len);
		ck_assert_ptr_nonnull(out->value);
		memcpy(out->value, so_number(42), 9);
		out->len = 9;
	}
	if (slot_len == 4 && memcmp(slot, "drop", 4) == 0)
		out->replaced = true;
	if (slot_len == 5 && memcmp(slot, "count", 5) == 0)
		ck_assert_int_eq(
		    so_set(sharedobj_find(so_inst, "p"), "n", 1), FCS_OK);
	return FCS_OK;
}

static bool asks_use, asks_message;

static bool
script_asks(struct script *s, enum script_question q, const char *name)
{
	(void)s;
	(void)name;
	return (q == SCRIPT_MAY_USE && asks_use) ||
	       (q == SCRIPT_MAY_MESSAGE && asks_message);
}

static void
script_event(
    struct script *s, enum script_event ev, const struct script_args *args)
{
	(void)s;
	switch (ev) {
	case SCRIPT_USE:
		fake_note("use(%s,%s)", args->client, args->name);
		break;
	case SCRIPT_RELEASE:
		fake_note("release(%s,%s)", args->client, args->name);
		break;
	case SCRIPT_MESSAGE:
		fake_note("message(%s,%s,%s,%u)", args->client, args->name,
		    args->text, args->count);
		break;
	case SCRIPT_SYNC:
		fake_note("sync(%s,%s", args->client, args->name);
		for (uint32_t i = 0; i < args->change_count; i++) {
			const struct script_change *c = &args->changes[i];

			fake_note("%s:%.*s@%u/%zu/%zu/%s", c->code,
			    (int)c->slot.len, c->slot.ptr, (unsigned)c->version,
			    c->len, c->old_len, c->user);
		}
		fake_note(")");
		break;
	case SCRIPT_STATUS:
		ck_assert_str_eq(args->name, "o"); /* for so.on(:status) */
		fake_note("status(%.*s)",
		    (int)value_get(args->values[0], "code")->str.len,
		    value_get(args->values[0], "code")->str.ptr);
		break;
	default:
		break;
	}
}

static void
start(const char *const *settings)
{
	memset(&declared, 0, sizeof(declared));
	declared.persistent = 2;
	declared.durability = -1;
	declared.history_changes = declared.history_age_s =
	    declared.resync_depth = declared.max_slots = declared.max_value =
		declared.max_bytes = declared.max_users = -1;
	is_declared = true;
	asks_use = asks_message = false;
	so_start(settings, true);
	so_ops.shared = script_shared;
	so_ops.guard = script_guard;
	so_ops.asks = script_asks;
	so_ops.event = script_event;
	/* the first client starts the script */
	so_disconnect(so_connect("first", 0));
	so_settle();
	fake_trace[0] = '\0';
}

static struct sharedobj *
opened(const char *name, bool persistent)
{
	struct sharedobj *so;

	ck_assert_int_eq(
	    sharedobj_open(so_inst, name, persistent, &so), FCS_OK);
	return so;
}

static struct so_client *
user(const char *id, const char *words)
{
	struct so_client *c = so_connect(id, 0);

	so_say(c, words);
	so_settle();
	(void)so_got(c);
	fake_trace[0] = '\0';
	return c;
}

/* ---- what a script writes ---- */

UNIT(script_reads_its_own_writes_at_once)
{
	struct so_client *a;
	struct sharedobj *so;

	start(NULL);
	a = user("a", "o p 0 use");
	so = opened("o", true);
	ck_assert_int_eq(so_set(so, "x", 1), FCS_OK);
	ck_assert_double_eq(so_value(so, "x"), 1);
	ck_assert_uint_eq(sharedobj_version(so), 2);
	ck_assert_str_eq(so_got(a), "");
	ck_assert_int_eq(so_set(so, "y", 2), FCS_OK);
	ck_assert_int_eq(so_set(so, "x", 3), FCS_OK);
	ck_assert_uint_eq(sharedobj_version(so), 2);
	ck_assert_uint_eq(sharedobj_size(so), 2);
	ck_assert_uint_eq(sharedobj_bytes(so), 20);
	/* one batch at the end of the handler; silent for the script */
	so_expect(a, "[o 2 x=3 y=2]");
	fake_expect("");
	ck_assert_int_eq(sharedobj_set(so, "x", 1, NULL, 0), FCS_OK);
	ck_assert_int_eq(sharedobj_set(so, "never", 5, NULL, 0), FCS_OK);
	so_expect(a, "[o 3 -x]");
	so_stop();
}

UNIT(what_a_script_says_waits_for_its_write)
{
	struct sharedobj *so;

	start(NULL);
	(void)user("a", "o p 0 use");
	so = opened("o", true);
	ck_assert_uint_eq(instance_barrier(so_inst), 0);
	so_hold(true);
	ck_assert_int_eq(so_set(so, "x", 1), FCS_OK);
	ck_assert_uint_ne(instance_barrier(so_inst), 0);
	so_settle();
	ck_assert_uint_ne(instance_barrier(so_inst), 0);
	so_hold(false);
	so_settle();
	ck_assert_uint_eq(instance_barrier(so_inst), 0);
	so_stop();
}

UNIT(reading_what_a_client_wrote_holds_the_answer_too)
{
	struct so_client *a;
	struct sharedobj *so;

	start(NULL);
	a = user("a", "o p 0 use");
	so = opened("o", true);
	so_hold(true);
	so_say(a, "o p 1 x=7");
	ck_assert_uint_eq(instance_barrier(so_inst), 0);
	ck_assert_double_eq(so_value(so, "x"), 7);
	ck_assert_uint_ne(instance_barrier(so_inst), 0);
	so_hold(false);
	so_settle();
	ck_assert_uint_eq(instance_barrier(so_inst), 0);
	so_stop();
}

UNIT(temporary_write_after_a_persistent_one_waits_for_it)
{
	struct so_client *a;
	struct sharedobj *p;
	struct sharedobj *t;

	start(NULL);
	a = user("a", "p p 0 use");
	so_say(a, "t t 0 use");
	so_settle();
	(void)so_got(a);
	p = opened("p", true);
	t = opened("t", false);
	so_hold(true);
	ck_assert_int_eq(so_set(t, "before", 1), FCS_OK);
	so_settle();
	ck_assert_str_eq(so_got(a), "[t 2 before=1]");
	ck_assert_int_eq(so_set(p, "x", 1), FCS_OK);
	ck_assert_int_eq(so_set(t, "after", 1), FCS_OK);
	so_settle();
	ck_assert_str_eq(so_got(a), "");
	so_hold(false);
	so_expect(a, "[p 2 x=1] [t 3 after=1]");
	so_stop();
}

UNIT(transaction_is_one_version_or_nothing)
{
	struct so_client *a;
	struct sharedobj *so;
	uint8_t hi[] = { 2, 0, 2, 'h', 'i' };

	start(NULL);
	a = user("a", "o p 0 use a=1 b=2 c=3");
	so = opened("o", true);
	sharedobj_begin(so);
	ck_assert_int_eq(so_set(so, "a", 10), FCS_OK);
	sharedobj_begin(so);
	ck_assert_int_eq(so_set(so, "d", 4), FCS_OK);
	ck_assert_int_eq(sharedobj_send(so, hi, sizeof(hi)), FCS_OK);
	ck_assert_int_eq(sharedobj_end(so, true), FCS_OK);
	ck_assert_double_eq(so_value(so, "d"), 4);
	ck_assert_int_eq(sharedobj_end(so, true), FCS_OK);
	sharedobj_begin(so);
	ck_assert_int_eq(so_set(so, "e", 5), FCS_OK);
	ck_assert_int_eq(sharedobj_end(so, true), FCS_OK);
	so_expect(a, "[o 3 a=10 d=4 !hi] [o 4 e=5]");

	sharedobj_begin(so);
	ck_assert_int_eq(so_set(so, "a", 11), FCS_OK);
	ck_assert_int_eq(so_set(so, "a", 12), FCS_OK);
	ck_assert_int_eq(sharedobj_set(so, "b", 1, NULL, 0), FCS_OK);
	ck_assert_int_eq(so_set(so, "new", 1), FCS_OK);
	ck_assert_int_eq(sharedobj_clear(so), FCS_OK);
	ck_assert_uint_eq(sharedobj_size(so), 0);
	ck_assert_int_eq(sharedobj_end(so, false), FCS_OK);
	ck_assert_double_eq(so_value(so, "a"), 10);
	ck_assert_double_eq(so_value(so, "b"), 2);
	ck_assert_double_eq(so_value(so, "new"), -1);
	ck_assert_uint_eq(sharedobj_size(so), 5);
	ck_assert_uint_eq(sharedobj_version(so), 4);
	so_expect(a, "");
	ck_assert_uint_eq(instance_barrier(so_inst), 0);
	/* differences are still right */
	a = so_connect("a2", 0);
	so_say(a, "o p 2 use");
	so_expect(a, "[o 4 used d=4 a=10 e=5]");
	so_stop();
}

UNIT(transaction_left_open_is_undone)
{
	struct so_client *a;
	struct sharedobj *so;

	start(NULL);
	a = user("a", "o t 0 use a=1");
	so = opened("o", false);
	sharedobj_begin(so);
	ck_assert_int_eq(so_set(so, "a", 2), FCS_OK);
	so_expect(a, "");
	ck_assert_double_eq(so_value(so, "a"), 1);
	ck_assert_int_eq(sharedobj_end(so, true), FCS_EINVAL);
	so_stop();
}

UNIT(client_message_ends_the_batch_of_the_handler)
{
	struct so_client *a;
	struct so_client *b;
	struct sharedobj *so;

	start(NULL);
	a = user("a", "o p 0 use");
	b = user("b", "o p 0 use");
	so = opened("o", true);
	ck_assert_int_eq(so_set(so, "x", 1), FCS_OK);
	so_say(b, "o p 1 x=2");
	ck_assert_int_eq(so_set(so, "x", 3), FCS_OK);
	so_expect(a, "[o 2 x=1] [o 3 x=2] [o 4 x=3]");
	so_expect(b, "[o 2 x=1] [o 3 +x x=2] [o 4 x=3]");
	so_stop();
}

UNIT(persistent_object_is_read_when_a_script_opens_it)
{
	struct sharedobj *so;

	start(NULL);
	(void)user("a", "o p 0 use x=5");
	so_restart();
	so = opened("o", true);
	ck_assert_double_eq(so_value(so, "x"), 5);
	ck_assert_int_eq(sharedobj_open(so_inst, "o", false, &so), FCS_EINVAL);
	ck_assert_int_eq(
	    sharedobj_open(so_inst, "a/../b", false, &so), FCS_EINVAL);
	so_stop();
}

UNIT(script_holds_a_temporary_object)
{
	struct so_client *a;
	struct sharedobj *so;

	start(NULL);
	so = opened("o", false);
	ck_assert_int_eq(so_set(so, "x", 1), FCS_OK);
	so_settle();
	so = opened("o", false); /* a second hold: of the code that follows */
	a = user("a", "o t 0 use");
	so_disconnect(a);
	so_settle();
	so = sharedobj_find(so_inst, "o");
	ck_assert_ptr_nonnull(so);
	ck_assert_double_eq(so_value(so, "x"), 1);
	sharedobj_close(so);
	so_settle();
	ck_assert_ptr_nonnull(sharedobj_find(so_inst, "o"));
	sharedobj_close(so);
	so_settle();
	ck_assert_ptr_null(sharedobj_find(so_inst, "o"));
	so_stop();
}

UNIT(quotas_hold_for_scripts)
{
	static const char *const settings[] = { "shared_objects.max_slots=2",
		"shared_objects.max_value=64", "shared_objects.max_bytes=1024",
		"shared_objects.max_objects=2", NULL };
	struct sharedobj *so;
	uint8_t large[65] = { 0 };

	start(settings);
	so = opened("o", false);
	ck_assert_int_eq(so_set(so, "a", 1), FCS_OK);
	ck_assert_int_eq(so_set(so, "b", 1), FCS_OK);
	ck_assert_int_eq(so_set(so, "c", 1), FCS_ELIMIT);
	ck_assert_int_eq(so_set(so, "a", 2), FCS_OK);
	ck_assert_int_eq(sharedobj_set(so, "a", 1, large, 65), FCS_ELIMIT);
	ck_assert_int_eq(sharedobj_set(so, "a", 1, large, 64), FCS_OK);
	ck_assert_int_eq(sharedobj_set(so, "", 0, large, 1), FCS_EINVAL);
	(void)opened("o2", false);
	ck_assert_int_eq(sharedobj_open(so_inst, "o3", false, &so), FCS_ELIMIT);
	so_stop();
}

UNIT(failed_commit_is_undone_for_the_script_too)
{
	struct sharedobj *so;

	start(NULL);
	(void)user("a", "o p 0 use x=1");
	so = opened("o", true);
	so_fail(FCS_EIO);
	ck_assert_int_eq(so_set(so, "x", 2), FCS_OK);
	so_settle();
	fake_expect("status(SharedObject.Commit.Failed)");
	so = opened("o", true);
	ck_assert_double_eq(so_value(so, "x"), 1);
	ck_assert_int_eq(so_set(so, "x", 3), FCS_EREADONLY);
	ck_assert_uint_eq(instance_barrier(so_inst), 0);
	so_stop();
}

/* ---- declarations ---- */

UNIT(undeclared_objects_follow_the_setting)
{
	static const char *const deny[] = { NULL };
	static const char *const temporary[] = {
		"shared_objects.undeclared=temporary", NULL
	};
	struct so_client *a;

	start(deny);
	is_declared = false;
	a = so_connect("a", 0);
	so_say(a, "o t 0 use");
	so_expect(a, "[o 0 SharedObject.ObjectCreationFailed]");
	/* a script may, for itself */
	(void)opened("o", false);
	so_say(a, "o t 0 use");
	so_expect(a, "[o 0 SharedObject.ObjectCreationFailed]");
	so_stop();

	start(temporary);
	is_declared = false;
	a = so_connect("a", 0);
	so_say(a, "o p 0 use");
	so_say(a, "t t 0 use");
	so_expect(
	    a, "[o 0 SharedObject.ObjectCreationFailed] [t 1 used clear]");
	so_stop();
}

UNIT(declared_persistence_binds_clients)
{
	struct so_client *a;

	start(NULL);
	declared.persistent = 1;
	a = so_connect("a", 0);
	so_say(a, "o t 0 use");
	so_expect(a, "[o 0 SharedObject.BadPersistence]");
	so_say(a, "o p 0 use");
	so_expect(a, "[o 1 used clear]");
	so_stop();
}

UNIT(readonly_object_is_written_by_scripts_only)
{
	struct so_client *a;
	struct sharedobj *so;

	start(NULL);
	declared.readonly = true;
	so = opened("o", false);
	a = user("a", "o t 0 use");
	ck_assert_int_eq(so_set(so, "x", 1), FCS_OK);
	so_settle();
	(void)so_got(a);
	so_say(a, "o t 2 x=2 y=3 -x");
	so_expect(a,
	    "[o 2 SharedObject.NoWriteAccess x=1 SharedObject.NoWriteAccess -y SharedObject.NoWriteAccess x=1]");
	so_stop();
}

UNIT(stale_write_is_rejected_where_declared)
{
	struct so_client *a;

	start(NULL);
	declared.conflict_reject = true;
	a = user("a", "o p 0 use x=1");
	so_say(a, "o p 2 x=2");
	so_expect(a, "[o 3 +x]");
	so_say(a, "o p 2 x=3 y=1");
	so_expect(a, "[o 4 +y SharedObject.NoWriteAccess x=2]");
	so_stop();
}

UNIT(limits_of_an_object_refuse_clients)
{
	struct so_client *a;
	struct so_client *b;

	start(NULL);
	declared.max_slots = 2;
	declared.max_users = 1;
	declared.max_bytes = 1000;
	declared.max_value = 20;
	a = user("a", "o p 0 use a=1 b=1");
	so_say(a, "o p 2 a=2 c=1");
	so_expect(a, "[o 3 +a SharedObject.NoWriteAccess -c]");
	so_say_hex(a, MESSAGE_SO,
	    "00016f 00000003 00000002 00000000 03 00000018 000161 "
	    "02 0012 303132333435363738393031323334353637");
	so_expect(a, "[o 3 SharedObject.NoWriteAccess a=2]");
	b = so_connect("b", 0);
	so_say(b, "o p 0 use");
	so_expect(b, "[o 0 SharedObject.ObjectCreationFailed]");
	so_stop();
}

/* A script holds the object, so it outlives its image. */
UNIT(object_that_could_not_be_read_is_read_again_for_the_next_client)
{
	struct so_client *a;
	struct so_client *b;
	struct sharedobj *so;

	start(NULL);
	so = opened("o", true);
	a = user("a", "o p 0 use x=1");
	so_fail(FCS_ENOSPC);
	so_fail_load(FCS_EIO);
	so_say(a, "o p 2 x=2");
	so_expect(a, "[o 0 SharedObject.ObjectCreationFailed]");
	b = so_connect("b", 0);
	so_say(b, "o p 0 use");
	so_expect(b, "[o 0 SharedObject.ObjectCreationFailed]");
	so_fail_load(FCS_OK);
	so_say(b, "o p 0 use");
	so_expect(b, "[o 2 used clear x=1]");
	ck_assert_double_eq(so_value(so, "x"), 1);
	so_stop();
}

/* ---- guards and decisions ---- */

UNIT(guard_refuses_slots_and_the_others_form_one_batch)
{
	struct so_client *a;
	struct so_client *b;

	start(NULL);
	declared.guarded = true;
	a = user("a", "o p 0 use now=1");
	b = user("b", "o p 0 use");
	so_say(a, "o p 1 x=1 no1=5 y=2 no2=6 -now");
	so_expect(a,
	    "[o 2 +x +y SharedObject.NoWriteAccess -no1 SharedObject.NoWriteAccess -no2 SharedObject.NoWriteAccess -now]");
	so_expect(b, "[o 2 x=1 y=2]");
	so_stop();
}

static char refusal[512];

static void
keep_refusal(void *arg, const char *line, size_t len)
{
	(void)arg;
	if (memmem(line, len, "so.refused", 10) != NULL)
		(void)snprintf(
		    refusal, sizeof(refusal), "%.*s", (int)len, line);
}

/* The reason outlives the guard's answer: other events come after it. */
UNIT(the_log_names_the_reason_of_the_guard)
{
	struct so_client *a;

	start(NULL);
	declared.guarded = true;
	a = user("a", "o p 0 use");
	log_set_tap(keep_refusal, NULL);
	so_say(a, "o p 1 nowhy=1 x=1 no=2 y=2");
	so_expect(a,
	    "[o 2 +x +y SharedObject.NoWriteAccess -nowhy SharedObject.NoWriteAccess -no]");
	log_set_tap(NULL, NULL);
	ck_assert_msg(
	    strstr(refusal, "why=\"only the owner moves it\"") != NULL, "%s",
	    refusal);
	so_stop();
}

UNIT(guard_may_store_another_value)
{
	struct so_client *a;
	struct so_client *b;

	start(NULL);
	declared.guarded = true;
	a = user("a", "o p 0 use");
	b = user("b", "o p 0 use");
	so_say(a, "o p 1 twice=21 z=1");
	so_expect(a, "[o 2 +twice twice=42 +z]");
	so_expect(b, "[o 2 twice=42 z=1]");
	so_stop();
}

/* A guard is a handler: what it agrees to after a write waits for it. */
UNIT(what_a_guard_wrote_is_stored_before_its_verdict_is_told)
{
	struct so_client *a;
	struct so_client *b;

	start(NULL);
	declared.guarded = true;
	a = user("a", "t t 0 use");
	b = user("b", "t t 0 use");
	(void)opened("p", true);
	so_hold(true);
	so_say(a, "t t 1 x=1");
	so_settle();
	ck_assert_str_eq(so_got(a), "[t 2 +x]");
	ck_assert_str_eq(so_got(b), "[t 2 x=1]");
	so_say(a, "t t 2 count=1");
	so_say(a, "t t 2 y=1");
	so_settle();
	ck_assert_str_eq(so_got(a), "");
	ck_assert_str_eq(so_got(b), "");
	so_hold(false);
	so_expect(a, "[t 3 +count] [t 4 +y]");
	so_expect(b, "[t 3 count=1] [t 4 y=1]");
	so_stop();
}

UNIT(guard_that_fails_refuses)
{
	struct so_client *a;

	start(NULL);
	declared.guarded = true;
	a = user("a", "o p 0 use");
	so_say(a, "o p 1 fail=1");
	so_expect(a, "[o 1 SharedObject.NoWriteAccess -fail]");
	so_stop();
}

UNIT(clear_is_refused_whole_if_one_slot_is)
{
	struct so_client *a;
	struct so_client *b;
	struct sharedobj *so;

	start(NULL);
	declared.guarded = true;
	so = opened("o", true);
	ck_assert_int_eq(so_set(so, "a", 1), FCS_OK);
	ck_assert_int_eq(so_set(so, "no", 2), FCS_OK);
	so_settle();
	a = user("a", "o p 0 use");
	b = user("b", "o p 0 use");
	so_say(a, "o p 2 clear x=1");
	so_expect(a, "[o 3 +x SharedObject.NoWriteAccess clear a=1 no=2 x=1]");
	so_expect(b, "[o 3 x=1]");
	ck_assert_int_eq(sharedobj_set(so, "no", 2, NULL, 0), FCS_OK);
	so_settle();
	(void)so_got(a);
	(void)so_got(b);
	fake_trace[0] = '\0';
	so_say(a, "o p 2 clear");
	so_expect(a, "[o 5 clear]");
	so_expect(b, "[o 5 clear]");
	fake_expect("guard(a,a,nil) guard(a,x,nil) sync(a,o "
		    "delete:a@5/0/9/a delete:x@5/0/9/a )");
	so_stop();
}

UNIT(no_write_access_is_answered_with_what_is_stored)
{
	static const char *const nowhere[] = { "elsewhere" };
	struct so_client *a;
	struct so_client *b;

	start(NULL);
	a = user("a", "o p 0 use x=1");
	b = user("b", "o p 0 use");
	ck_assert_int_eq(
	    client_set_access(b->client, true, nowhere, 1), FCS_OK);
	so_say(b, "o p 2 x=2 y=3 !hi clear");
	so_expect(b,
	    "[o 2 SharedObject.NoWriteAccess SharedObject.NoWriteAccess clear x=1 SharedObject.NoWriteAccess x=1 SharedObject.NoWriteAccess -y]");
	so_say(b, "o p 2 x=2 y=3 !hi");
	so_expect(b,
	    "[o 2 SharedObject.NoWriteAccess SharedObject.NoWriteAccess x=1 SharedObject.NoWriteAccess -y]");
	so_expect(a, "");
	so_stop();
}

UNIT(no_read_access_is_no_use)
{
	static const char *const nowhere[] = { "elsewhere" };
	struct so_client *a;

	start(NULL);
	a = so_connect("a", 0);
	ck_assert_int_eq(
	    client_set_access(a->client, false, nowhere, 1), FCS_OK);
	so_say(a, "o t 0 use");
	so_expect(a, "[o 0 SharedObject.NoReadAccess]");
	so_settle();
	ck_assert_ptr_null(sharedobj_find(so_inst, "o"));
	so_stop();
}

UNIT(script_decides_about_a_use)
{
	struct script_answer no = { .verdict = SCRIPT_REJECT };
	struct script_answer yes = { .verdict = SCRIPT_OK };
	struct so_client *a;
	struct so_client *b;

	start(NULL);
	a = so_connect("a", 0);
	b = so_connect("b", 0);
	asks_use = true;
	fake.park = true;
	so_say(a, "o t 0 use x=1");
	so_say(a, "o t 0 y=1");
	so_say(b, "o t 0 use");
	so_settle();
	ck_assert_str_eq(so_got(a), "");
	ck_assert_uint_eq(fake_parked(), 2);
	ck_assert(fake_answer(&yes));
	ck_assert(fake_answer(&no));
	so_expect(a, "[o 1 used clear] [o 2 +x] [o 3 +y]");
	so_expect(b, "[o 0 SharedObject.NoReadAccess]");
	so_stop();
}

UNIT(client_may_leave_while_the_script_decides)
{
	struct script_answer yes = { .verdict = SCRIPT_OK };
	struct so_client *a;

	start(NULL);
	a = so_connect("a", 0);
	asks_use = true;
	fake.park = true;
	so_say(a, "o t 0 use");
	so_settle();
	ck_assert_uint_eq(fake_parked(), 1);
	so_disconnect(a);
	so_turn();
	so_turn();
	ck_assert(fake_answer(&yes));
	so_settle();
	ck_assert_ptr_null(sharedobj_find(so_inst, "o"));
	so_stop();
}

UNIT(script_may_refuse_a_message)
{
	struct so_client *a;

	start(NULL);
	a = user("a", "o t 0 use");
	asks_message = true;
	fake.answer.verdict = SCRIPT_REJECT;
	so_say(a, "o t 0 x=1 !hi");
	so_expect(a, "[o 2 +x SharedObject.NoWriteAccess]");
	fake.answer.verdict = SCRIPT_OK;
	so_say(a, "o t 0 !hi");
	so_expect(a, "[o 2 !hi]");
	so_stop();
}

/* ---- events ---- */

UNIT(script_is_told_of_users_changes_and_messages)
{
	struct so_client *a;

	start(NULL);
	a = so_connect("a", 0);
	fake_trace[0] = '\0';
	so_say(a, "o p 0 use");
	so_settle();
	fake_expect("use(a,o)");
	so_say(a, "o p 1 x=1 y=2");
	so_settle();
	fake_expect("sync(a,o change:x@2/9/0/a change:y@2/9/0/a )");
	ck_assert_int_eq(client_set_user(a->client, "ann", 3), FCS_OK);
	so_say(a, "o p 2 x=null !hi");
	so_settle();
	fake_expect("sync(a,o delete:x@3/0/9/ann ) message(a,o,hi,0)");
	so_say(a, "o p 2 release");
	so_settle();
	fake_expect("release(a,o)");
	so_say(a, "o p 2 use");
	so_settle();
	fake_trace[0] = '\0';
	so_disconnect(a);
	so_settle();
	fake_expect("release(a,o)");
	so_stop();
}

UNIT(sync_comes_after_the_commit)
{
	struct so_client *a;

	start(NULL);
	a = user("a", "o p 0 use");
	so_hold(true);
	so_say(a, "o p 1 x=1");
	so_settle();
	fake_expect("");
	so_hold(false);
	so_settle();
	fake_expect("sync(a,o change:x@2/9/0/a )");
	so_stop();
}

static char watched[256];

static void
on_watch(void *arg, const struct sharedobj_change *c, uint32_t count)
{
	size_t n = strlen(watched);

	(void)arg;
	for (uint32_t i = 0; i < count; i++)
		n += (size_t)snprintf(watched + n, sizeof(watched) - n,
		    "%u:%.*s:%zu:%s ", (unsigned)c[i].version,
		    (int)c[i].slot.len, c[i].slot.ptr, c[i].len,
		    c[i].user == NULL ? "-" : c[i].user);
}

UNIT(watcher_sees_every_batch)
{
	struct so_client *a;
	struct sharedobj *so;
	uint64_t id;

	start(NULL);
	id = sharedobj_watch(so_inst, "o", on_watch, NULL);
	ck_assert_uint_ne(id, 0);
	a = user("a", "o p 0 use x=1 y=2");
	so = opened("o", true);
	ck_assert_int_eq(sharedobj_set(so, "x", 1, NULL, 0), FCS_OK);
	so_settle();
	ck_assert_str_eq(watched, "2:x:9:a 2:y:9:a 3:x:0:- ");
	sharedobj_unwatch(so_inst, id);
	so_say(a, "o p 0 x=1");
	so_settle();
	ck_assert_str_eq(watched, "2:x:9:a 2:y:9:a 3:x:0:- ");
	so_stop();
}

static void
count_stored(void *arg, const struct store_object_info *info)
{
	ck_assert_str_eq(info->name, "o");
	ck_assert_uint_eq(info->slots, 2);
	++*(int *)arg;
}

static void
count_slot(void *arg, const struct sharedobj_slot *slot)
{
	ck_assert_str_eq(slot->user, "a");
	++*(int *)arg;
}

UNIT(administration_sees_stored_objects)
{
	struct sharedobj *so;
	struct sharedobj_slot slot;
	int n = 0;

	start(NULL);
	(void)user("a", "o p 0 use x=1 y=2");
	so_restart();
	so_settle();
	sharedobj_each_stored(so_inst, count_stored, &n);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(sharedobj_peek(so_inst, "none", &so), FCS_ENOENT);
	ck_assert_int_eq(sharedobj_peek(so_inst, "o", &so), FCS_OK);
	n = 0;
	sharedobj_each_slot(so, count_slot, &n);
	ck_assert_int_eq(n, 2);
	ck_assert(sharedobj_slot(so, "x", 1, &slot));
	ck_assert_uint_eq(slot.version, 2);
	ck_assert(!sharedobj_slot(so, "z", 1, &slot));
	n = 0;
	sharedobj_each_stored(so_inst, count_stored, &n);
	ck_assert_int_eq(n, 0);
	so_settle();
	so_stop();
}

static int
count_line(void *arg, const struct store_change_info *c)
{
	ck_assert_str_eq(c->user, "a");
	ck_assert_uint_eq(c->version, 2);
	++*(int *)arg;
	return FCS_OK;
}

UNIT(history_is_kept_where_declared)
{
	static const struct store_range all = { .limit = 9 };
	struct so_client *a;
	int n = 0;

	start(NULL);
	declared.history_changes = 0;
	a = user("a", "quiet p 0 use x=1");
	declared.history_changes = -1;
	so_say(a, "o p 0 use x=1 y=2");
	so_settle();
	so_restart(); /* the store is ours in between */
	ck_assert_int_eq(so_store->ops->history(
			     so_store, "i", "quiet", &all, count_line, &n),
	    FCS_OK);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(
	    so_store->ops->history(so_store, "i", "o", &all, count_line, &n),
	    FCS_OK);
	ck_assert_int_eq(n, 2);
	so_stop();
}

UNIT_MAIN
