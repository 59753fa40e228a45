/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared objects: undo by user, looks at the history, flush, durability, the
 * lock of a script. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/unit/core/so_lib.h"

/* ---- the script: remembers how its Pendings were settled ---- */

static struct script_shared declared;
static struct str answers;

static bool
script_shared(struct script *s, const char *object, struct script_shared *out)
{
	(void)s;
	(void)object;
	*out = declared;
	return true;
}

static void
script_resolve(struct script *s, uint64_t pending, bool ok,
    const struct value *value, const char *error)
{
	(void)s;
	str_addf(&answers, "%s%llu:", answers.len == 0 ? "" : " ",
	    (unsigned long long)pending);
	if (!ok) {
		str_addf(&answers, "!%s", error);
	} else if (value == NULL) {
		str_addf(&answers, "nil");
	} else if (value->type == VALUE_NUMBER) {
		str_addf(&answers, "%g", value->number);
	} else if (value->type == VALUE_BOOL) {
		str_addf(&answers, "%s", value->boolean ? "true" : "false");
	} else {
		for (uint32_t i = 0; i < value->item_count; i++)
			str_addf(&answers, "%s%.*s", i == 0 ? "" : ",",
			    (int)value->items[i]->str.len,
			    value->items[i]->str.ptr);
	}
}

static void
start(enum script_durability durability)
{
	memset(&declared, 0, sizeof(declared));
	declared.persistent = 1;
	declared.durability = durability;
	declared.history_changes = declared.history_age_s =
	    declared.resync_depth = declared.max_slots = declared.max_value =
		declared.max_bytes = declared.max_users = -1;
	so_start(NULL, true);
	so_ops.shared = script_shared;
	so_ops.resolve = script_resolve;
	so_disconnect(so_connect("first", 0));
	so_settle();
	str_init(&answers);
}

static void
stop(void)
{
	str_fini(&answers);
	so_stop();
}

static struct sharedobj *
object(void)
{
	struct sharedobj *so = sharedobj_find(so_inst, "o");

	if (so == NULL || !sharedobj_is_ready(so))
		ck_assert_int_eq(
		    sharedobj_open(so_inst, "o", true, &so), FCS_OK);
	return so;
}

static const char *
answered(void)
{
	static char text[256];

	so_settle();
	(void)snprintf(text, sizeof(text), "%s", str_text(&answers));
	str_reset(&answers);
	return text;
}

static void
undo(const char *user, bool redo, uint64_t pending)
{
	struct store_undo what = { .user = user, .redo = redo };

	ck_assert_int_eq(sharedobj_undo(object(), &what, pending), FCS_OK);
}

/* A client that uses "o" and has heard what there was to hear. */
static struct so_client *
user(const char *id)
{
	struct so_client *c = so_connect(id, 0);

	so_say(c, "o p 0 use");
	so_settle();
	(void)so_got(c);
	return c;
}

static void
say(struct so_client *c, const char *words)
{
	so_say(c, words);
	so_settle();
	(void)so_got(c);
}

/* ---- undo ---- */

UNIT(undo_of_one_user_leaves_the_others_alone)
{
	struct so_client *a, *b;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	b = user("bob");
	say(a, "o p 1 x=1 y=1");
	say(b, "o p 2 y=2");
	say(a, "o p 3 z=1");
	(void)so_got(b);
	undo("ann", false, 1);
	ck_assert_str_eq(answered(), "1:z");
	so_expect(a, "[o 5 -z]");
	so_expect(b, "[o 5 -z]");
	undo("ann", false, 2);
	ck_assert_str_eq(answered(), "2:x"); /* y is bob's now */
	so_expect(b, "[o 6 -x]");
	undo("ann", false, 3);
	ck_assert_str_eq(answered(), "3:");
	ck_assert_uint_eq(sharedobj_version(object()), 6);
	undo("ann", true, 4);
	ck_assert_str_eq(answered(), "4:x");
	undo("ann", true, 5);
	ck_assert_str_eq(answered(), "5:z");
	ck_assert_double_eq(so_value(object(), "x"), 1);
	ck_assert_double_eq(so_value(object(), "y"), 2);
	ck_assert_double_eq(so_value(object(), "z"), 1);
	stop();
}

UNIT(undo_works_after_a_restart)
{
	struct so_client *a;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	say(a, "o p 1 x=1");
	say(a, "o p 2 x=2");
	undo("ann", false, 1);
	ck_assert_str_eq(answered(), "1:x");
	so_restart();
	so_disconnect(so_connect("first", 0));
	so_settle();
	undo("ann", false, 2);
	ck_assert_str_eq(answered(), "2:x");
	ck_assert_double_eq(so_value(object(), "x"), -1);
	undo("ann", true, 3);
	undo("ann", true, 4);
	ck_assert_str_eq(answered(), "3:x 4:x");
	ck_assert_double_eq(so_value(object(), "x"), 2);
	stop();
}

UNIT(two_undos_at_once_take_back_two_batches)
{
	struct so_client *a;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	say(a, "o p 1 x=1");
	say(a, "o p 2 x=2");
	say(a, "o p 3 x=3");
	undo("ann", false, 1);
	undo("ann", false, 2);
	ck_assert_str_eq(answered(), "1:x 2:x");
	ck_assert_double_eq(so_value(object(), "x"), 1);
	so_expect(a, "[o 5 x=2] [o 6 x=1]");
	stop();
}

UNIT(slot_written_while_the_store_is_asked_stays)
{
	struct so_client *a, *b;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	b = user("bob");
	say(a, "o p 1 x=1 y=1");
	(void)so_got(b);
	so_hold(true);
	say(b, "o p 2 z=1"); /* keeps the store busy */
	undo("ann", false, 1);
	so_turn();
	so_say(b, "o p 2 x=7");
	so_turn();
	so_hold(false);
	ck_assert_str_eq(answered(), "1:y");
	ck_assert_double_eq(so_value(object(), "x"), 7);
	ck_assert_double_eq(so_value(object(), "y"), -1);
	stop();
}

UNIT(undo_is_told_when_it_is_stored)
{
	struct so_client *a;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	say(a, "o p 1 x=1");
	undo("ann", false, 1);
	so_fail(FCS_EIO); /* the reading works */
	ck_assert_str_eq(answered(), "1:x");
	ck_assert_uint_gt(instance_barrier(so_inst) + 1, 0);
	so_settle();
	/* the image is what the store has */
	ck_assert_double_eq(so_value(object(), "x"), 1);
	so_expect(a, "[o 2 clear x=1]");
	undo("ann", false, 2);
	ck_assert_str_eq(answered(), "2:!FCS_EREADONLY");
	stop();
}

/* ---- looks ---- */

struct seen {
	struct str text;
};

static void
on_line(void *arg, const struct sharedobj_change *c)
{
	struct seen *s = arg;

	str_addf(&s->text, "%s%.*s%s", s->text.len == 0 ? "" : " ",
	    (int)c->slot.len, c->slot.ptr, c->value == NULL ? "-" : "");
	if (c->version != 0)
		str_addf(&s->text, "@%llu/%s", (unsigned long long)c->version,
		    c->user == NULL ? "" : c->user);
}

static const char *
taken(uint64_t id)
{
	static char text[512];
	struct seen s;
	int rc;

	str_init(&s.text);
	do {
		rc = sharedobj_look_take(so_inst, id, 2, 1000, on_line, &s);
		ck_assert_msg(rc == FCS_OK || rc == FCS_EAGAIN, "%d", rc);
	} while (rc == FCS_EAGAIN);
	sharedobj_look_drop(so_inst, id);
	ck_assert_int_eq(
	    sharedobj_look_take(so_inst, id, 1, 1, on_line, &s), FCS_ENOENT);
	(void)snprintf(text, sizeof(text), "%s", str_text(&s.text));
	str_fini(&s.text);
	return text;
}

UNIT(history_tells_who_wrote)
{
	struct sharedobj_range r = { .limit = 10 };
	struct so_client *a;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	say(a, "o p 1 x=1 y=1");
	say(a, "o p 2 -x");
	ck_assert_int_eq(so_set(object(), "z", 1), FCS_OK);
	ck_assert_int_eq(sharedobj_history(object(), &r, 1), FCS_OK);
	ck_assert_str_eq(answered(), "1:1");
	ck_assert_str_eq(taken(1), "x@2/ann y@2/ann x-@3/ann z@4/");
	stop();
}

UNIT(version_is_told_while_the_object_goes_on)
{
	struct sharedobj_point p = { .version = 2 };
	struct so_client *a;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	say(a, "o p 1 x=1 y=1");
	say(a, "o p 2 x=2");
	so_hold(true);
	so_say(a, "o p 3 v=1");
	so_turn();
	ck_assert_int_eq(sharedobj_at(object(), &p, 1), FCS_OK);
	p.version = 4;
	ck_assert_int_eq(sharedobj_at(object(), &p, 2), FCS_OK);
	so_turn();
	so_say(a, "o p 3 y=9 w=1 -x"); /* the store has not seen these */
	so_turn();
	so_hold(false);
	ck_assert_str_eq(answered(), "1:1 2:2");
	ck_assert_str_eq(taken(1), "x y");
	/* it started when x was removed already: exactly 4 all the same */
	ck_assert_str_eq(taken(2), "v y x");
	stop();
}

UNIT(looks_nobody_takes_are_dropped)
{
	struct sharedobj_range r = { .limit = 10 };
	struct seen s;

	start(SCRIPT_ON_DISK);
	ck_assert_int_eq(so_set(object(), "z", 1), FCS_OK);
	for (uint64_t i = 1; i <= SHAREDOBJ_LOOKS + 1; i++) {
		ck_assert_int_eq(sharedobj_history(object(), &r, i), FCS_OK);
		(void)answered();
	}
	str_init(&s.text);
	ck_assert_int_eq(
	    sharedobj_look_take(so_inst, 1, 9, 99, on_line, &s), FCS_ENOENT);
	ck_assert_int_eq(
	    sharedobj_look_take(so_inst, 2, 9, 99, on_line, &s), FCS_OK);
	str_fini(&s.text);
	stop();
}

UNIT(tasks_have_a_limit)
{
	struct sharedobj_range r = { .limit = 1 };
	uint64_t i;

	start(SCRIPT_ON_DISK);
	(void)object();
	so_settle();
	so_hold(true);
	ck_assert_int_eq(so_set(object(), "z", 1), FCS_OK);
	so_turn();
	for (i = 1; i <= SHAREDOBJ_TASKS; i++)
		ck_assert_int_eq(sharedobj_history(object(), &r, i), FCS_OK);
	ck_assert_int_eq(sharedobj_history(object(), &r, i), FCS_ELIMIT);
	so_hold(false);
	(void)answered();
	ck_assert_int_eq(sharedobj_history(object(), &r, i), FCS_OK);
	(void)answered();
	stop();
}

UNIT(instance_may_end_while_tasks_are_under_way)
{
	struct sharedobj_point p = { .version = 1 };

	start(SCRIPT_ON_DISK);
	ck_assert_int_eq(so_set(object(), "z", 1), FCS_OK);
	ck_assert_int_eq(sharedobj_at(object(), &p, 1), FCS_OK);
	ck_assert_int_eq(sharedobj_rollback(object(), &p, 2), FCS_OK);
	undo(NULL, false, 3);
	ck_assert_int_eq(sharedobj_flush(object(), 4), FCS_OK);
	so_turn();
	stop();
}

/* ---- durability ---- */

UNIT(flush_waits_for_the_commit_and_tells_when_it_fails)
{
	start(SCRIPT_ON_DISK);
	ck_assert_int_eq(so_set(object(), "x", 1), FCS_OK);
	ck_assert(sharedobj_is_dirty(object()));
	so_hold(true);
	ck_assert_int_eq(sharedobj_flush(object(), 1), FCS_OK);
	so_turn();
	so_turn();
	ck_assert_uint_eq(answers.len, 0);
	so_hold(false);
	ck_assert_str_eq(answered(), "1:true");
	ck_assert(!sharedobj_is_dirty(object()));
	ck_assert_uint_eq(so_syncs, 0);
	so_fail(FCS_EIO);
	ck_assert_int_eq(so_set(object(), "x", 2), FCS_OK);
	ck_assert_int_eq(sharedobj_flush(object(), 2), FCS_OK);
	ck_assert_str_eq(answered(), "2:!FCS_EIO");
	stop();
}

UNIT(object_given_to_the_system_is_synced_by_flush)
{
	struct so_client *a;

	start(SCRIPT_TO_OS);
	a = user("ann");
	so_say(a, "o p 1 x=1");
	so_expect(a, "[o 2 +x]");
	ck_assert_int_eq(sharedobj_flush(object(), 1), FCS_OK);
	ck_assert_str_eq(answered(), "1:true");
	ck_assert_uint_eq(so_syncs, 1);
	stop();
}

UNIT(object_in_memory_is_written_by_flush)
{
	struct so_client *a;

	start(SCRIPT_IN_MEMORY);
	a = user("ann");
	so_hold(true); /* nothing waits for the store */
	so_say(a, "o p 1 x=1");
	so_turn();
	so_turn();
	ck_assert_str_eq(so_got(a), "[o 2 +x]");
	so_say(a, "o p 2 x=2 y=1");
	so_turn();
	ck_assert_str_eq(so_got(a), "[o 3 +x +y]");
	ck_assert(sharedobj_is_dirty(object()));
	so_hold(false);
	ck_assert_int_eq(sharedobj_flush(object(), 1), FCS_OK);
	ck_assert_str_eq(answered(), "1:true");
	ck_assert(!sharedobj_is_dirty(object()));
	say(a, "o p 3 -y");
	say(a, "o p 3 z=1");
	ck_assert_int_eq(sharedobj_flush(object(), 2), FCS_OK);
	ck_assert_str_eq(answered(), "2:true");
	so_restart();
	so_disconnect(so_connect("first", 0));
	so_settle();
	ck_assert_double_eq(so_value(object(), "x"), 2);
	ck_assert_double_eq(so_value(object(), "y"), -1);
	ck_assert_double_eq(so_value(object(), "z"), 1);
	ck_assert_uint_eq(sharedobj_version(object()), 5);
	stop();
}

UNIT(object_in_memory_is_written_when_nobody_uses_it)
{
	struct so_client *a;

	start(SCRIPT_IN_MEMORY);
	a = user("ann");
	say(a, "o p 1 x=1");
	so_say(a, "o p 0 release");
	so_settle();
	ck_assert(!sharedobj_is_dirty(object()));
	stop();
}

UNIT(object_in_memory_is_written_when_the_instance_stops)
{
	struct so_client *a;
	struct sharedobj *so;

	start(SCRIPT_IN_MEMORY);
	a = user("ann");
	ck_assert_int_eq(sharedobj_open(so_inst, "o", true, &so), FCS_OK);
	say(a, "o p 1 x=5");
	so_disconnect(a);
	so_settle();
	ck_assert(sharedobj_is_dirty(object())); /* the script has it, too */
	instance_stop(so_inst, "shutdown");
	for (int i = 0; i < 50; i++) /* it is gone in the end: not so_settle */
		loop_turn(so_loop, 2);
	so_restart();
	so_disconnect(so_connect("first", 0));
	so_settle();
	ck_assert_double_eq(so_value(object(), "x"), 5);
	stop();
}

UNIT(object_in_memory_stays_when_it_cannot_be_written)
{
	struct so_client *a;

	start(SCRIPT_IN_MEMORY);
	a = user("ann");
	say(a, "o p 1 x=5");
	so_fail(FCS_ENOSPC);
	ck_assert_int_eq(sharedobj_flush(object(), 1), FCS_OK);
	ck_assert_str_eq(answered(), "1:!FCS_ENOSPC");
	so_disconnect(a);
	so_settle();
	ck_assert_double_eq(so_value(object(), "x"), 5);
	ck_assert(sharedobj_is_dirty(object()));
	a = user("bob");
	so_say(a, "o p 2 y=1"); /* it goes on */
	so_expect(a, "[o 3 +y]");
	so_fail(FCS_OK);
	while (
	    commit_is_read_only(application_env(instance_app(so_inst))->commit))
		loop_turn(so_loop, 5);
	ck_assert_int_eq(sharedobj_flush(object(), 2), FCS_OK);
	ck_assert_str_eq(answered(), "2:true");
	ck_assert(!sharedobj_is_dirty(object()));
	stop();
}

UNIT(returning_client_gets_everything_of_an_object_in_memory)
{
	struct so_client *a, *b;

	start(SCRIPT_IN_MEMORY);
	a = user("ann");
	say(a, "o p 1 x=1");
	b = so_connect("bob", 0);
	so_say(b, "o p 2 use");
	so_expect(b, "[o 2 used clear x=1]");
	stop();
}

UNIT(durability_may_change_while_the_object_is_used)
{
	struct so_client *a;

	start(SCRIPT_IN_MEMORY);
	a = user("ann");
	say(a, "o p 1 x=1");
	ck_assert(sharedobj_is_dirty(object()));
	declared.durability = SCRIPT_ON_DISK;
	sharedobj_declare(object());
	say(a, "o p 2 y=1"); /* meets the object half-way */
	say(a, "o p 3 z=1");
	ck_assert(!sharedobj_is_dirty(object()));
	so_hold(true);
	declared.durability = SCRIPT_IN_MEMORY;
	so_say(a, "o p 4 v=1");
	so_turn();
	sharedobj_declare(object()); /* a batch is on its way */
	so_hold(false);
	so_settle();
	say(a, "o p 5 w=1");
	ck_assert(sharedobj_is_dirty(object()));
	ck_assert_int_eq(sharedobj_flush(object(), 1), FCS_OK);
	ck_assert_str_eq(answered(), "1:true");
	so_restart();
	so_disconnect(so_connect("first", 0));
	so_settle();
	ck_assert_uint_eq(sharedobj_size(object()), 5);
	ck_assert_uint_eq(sharedobj_version(object()), 6);
	stop();
}

UNIT(history_of_an_object_in_memory_has_the_flushes)
{
	struct sharedobj_range r = { .limit = 10 };
	struct sharedobj_point p = { .version = 3 };
	struct so_client *a;

	start(SCRIPT_IN_MEMORY);
	a = user("ann");
	say(a, "o p 1 x=1");
	say(a, "o p 2 y=1");
	ck_assert_int_eq(sharedobj_history(object(), &r, 1), FCS_OK);
	ck_assert_str_eq(answered(), "1:1"); /* written first */
	ck_assert_str_eq(taken(1), "x@3/ann y@3/ann");
	say(a, "o p 3 x=2");
	ck_assert_int_eq(sharedobj_rollback(object(), &p, 2), FCS_OK);
	ck_assert_str_eq(answered(), "2:5");
	ck_assert_double_eq(so_value(object(), "x"), 1);
	so_expect(a, "[o 5 x=1]");
	undo(NULL, false, 3);
	ck_assert_str_eq(answered(), "3:x");
	ck_assert_double_eq(so_value(object(), "x"), 2);
	stop();
}

/* ---- the lock ---- */

UNIT(changes_of_clients_wait_while_it_is_locked)
{
	struct so_client *a, *b;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	b = user("bob");
	sharedobj_lock(object(), true);
	so_say(a, "o p 1 x=1");
	so_say(a, "o p 1 !hi");
	so_say(b, "o p 1 !ho"); /* a send is no change */
	ck_assert_int_eq(so_set(object(), "s", 1), FCS_OK);
	so_expect(a, "[o 1 !ho] [o 2 s=1]");
	so_expect(b, "[o 1 !ho] [o 2 s=1]");
	sharedobj_lock(object(), false);
	so_expect(a, "[o 3 +x] [o 3 !hi]");
	so_expect(b, "[o 3 x=1] [o 3 !hi]");
	stop();
}

UNIT(too_many_changes_for_a_lock_are_refused)
{
	struct so_client *a;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	sharedobj_lock(object(), true);
	for (int i = 0; i < 1024; i++)
		so_say(a, "o p 1 x=1");
	so_expect(a, "");
	so_say(a, "o p 1 y=1");
	so_expect(a, "[o 1 SharedObject.NoWriteAccess -y]");
	sharedobj_unlock_all(so_inst);
	so_settle();
	ck_assert_uint_eq(sharedobj_version(object()), 1025);
	so_say(a, "o p 1 y=1");
	so_settle();
	ck_assert_double_eq(so_value(object(), "y"), 1);
	stop();
}

UNIT(lock_ends_with_the_client_that_waited)
{
	struct so_client *a;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	sharedobj_lock(object(), true);
	so_say(a, "o p 1 x=1");
	so_disconnect(a);
	so_settle();
	sharedobj_lock(object(), false);
	so_settle();
	ck_assert_double_eq(so_value(object(), "x"), -1);
	stop();
}

/* ---- large objects ---- */

UNIT(large_object_is_read_while_others_run)
{
	struct sharedobj *so;
	uint8_t *big = calloc(1, 60000);

	start(SCRIPT_ON_DISK);
	big[0] = 0x0c; /* a long string */
	big[3] = 0xea;
	big[4] = 0x5b; /* 59995 bytes behind the head */
	memset(big + 5, 'x', 59995);
	for (int i = 0; i < 6; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "s%d", i);
		ck_assert_int_eq(
		    sharedobj_set(object(), name, strlen(name), big, 60000),
		    FCS_OK);
	}
	so_settle();
	so_restart();
	so_disconnect(so_connect("first", 0));
	so_settle();
	ck_assert_int_eq(
	    sharedobj_open_later(so_inst, "o", true, 7, &so), FCS_EAGAIN);
	ck_assert_str_eq(answered(), "7:nil");
	ck_assert(sharedobj_is_ready(sharedobj_find(so_inst, "o")));
	ck_assert_int_eq(
	    sharedobj_open_later(so_inst, "o", true, 8, &so), FCS_OK);
	ck_assert_int_eq(sharedobj_size(so), 6);
	/* small ones are there at once */
	ck_assert_int_eq(
	    sharedobj_open_later(so_inst, "p", true, 9, &so), FCS_OK);
	free(big);
	stop();
}

UNIT(large_object_that_cannot_be_read_is_told)
{
	struct sharedobj *so;
	uint8_t *big = calloc(1, 60000);

	start(SCRIPT_ON_DISK);
	big[0] = 0x0c;
	big[3] = 0xea;
	big[4] = 0x5b;
	for (int i = 0; i < 6; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "s%d", i);
		ck_assert_int_eq(
		    sharedobj_set(object(), name, strlen(name), big, 60000),
		    FCS_OK);
	}
	so_settle();
	so_restart();
	so_disconnect(so_connect("first", 0));
	so_settle();
	so_fail_load(FCS_EIO);
	ck_assert_int_eq(
	    sharedobj_open_later(so_inst, "o", true, 7, &so), FCS_EAGAIN);
	ck_assert_str_eq(answered(), "7:!FCS_EIO");
	free(big);
	stop();
}

/* ---- first syncs in pieces ---- */

#define MANY  700
#define BYTES 1000

/* "o" with MANY slots s0 ... of a text each: over 512 KiB. */
static void
fill(void)
{
	uint8_t value[3 + BYTES] = { 0x02, BYTES >> 8, BYTES & 0xff };
	char name[16];

	memset(value + 3, 'x', BYTES);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		ck_assert_int_eq(sharedobj_set(object(), name, strlen(name),
				     value, sizeof(value)),
		    FCS_OK);
	}
	so_settle();
}

static uint32_t
count(const char *text, const char *part)
{
	uint32_t n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

/* Turn until the client is not being brought up to date any more. */
static const char *
all_of(struct so_client *c)
{
	for (int i = 0; i < 1000; i++) {
		loop_turn(so_loop, 1);
		if (sharedobj_set_of(so_inst)->paces == NULL)
			break;
	}
	ck_assert_ptr_null(sharedobj_set_of(so_inst)->paces);
	so_settle();
	return so_got(c);
}

UNIT_TIMEOUT(large_object_is_sent_in_pieces_and_changes_follow, 30)
{
	struct so_client *a, *b;
	const char *got;

	start(SCRIPT_ON_DISK);
	a = user("ann");
	fill();
	(void)so_got(a);
	b = so_connect("bob", 0);
	so_say(b, "o p 0 use");
	so_turn();
	so_turn();
	so_say(a, "o p 2 s699=7 s0=8 -s698 new=1");
	so_settle();
	got = all_of(b);
	ck_assert_uint_ge(b->messages, 8);
	ck_assert_ptr_nonnull(strstr(got, "[o 2 used clear s0=\"x"));
	ck_assert_uint_eq(count(got, "used"), 1);
	ck_assert_uint_eq(count(got, "clear"), 1);
	ck_assert_uint_eq(count(got, " s350=\"x"), 1);
	/* behind the last piece, in one message */
	got = strrchr(got, '[');
	ck_assert_str_eq(got, "[o 3 s699=7 s0=8 -s698 new=1]");
	stop();
}

UNIT_TIMEOUT(large_difference_is_sent_in_pieces, 30)
{
	struct so_client *b;
	const char *got;

	start(SCRIPT_ON_DISK);
	ck_assert_int_eq(so_set(object(), "old", 1), FCS_OK);
	so_settle();
	fill();
	b = so_connect("bob", 0);
	so_say(b, "o p 2 use");
	so_turn();
	got = all_of(b);
	ck_assert_uint_eq(count(got, "clear"), 0);
	ck_assert_uint_eq(count(got, "old"), 0);
	ck_assert_ptr_nonnull(strstr(got, " s699=\"x"));
	ck_assert_uint_ge(b->messages, 8);
	/* ten changes are one message, however large the object */
	(void)so_got(b);
	so_say(b, "o p 0 release");
	so_settle();
	so_say(b, "o p 3 use");
	so_expect(b, "[o 3 used]");
	stop();
}

UNIT_TIMEOUT(client_may_leave_while_it_is_brought_up_to_date, 30)
{
	struct so_client *a, *b, *c;

	start(SCRIPT_ON_DISK);
	fill();
	a = so_connect("ann", 0);
	b = so_connect("bob", 0);
	c = so_connect("eve", 0);
	so_say(a, "o p 0 use");
	so_say(b, "o p 0 use");
	so_say(c, "o p 0 use");
	so_turn();
	so_turn();
	ck_assert_ptr_nonnull(sharedobj_set_of(so_inst)->paces);
	so_disconnect(a);
	so_say(b, "o p 0 release");
	so_say(c, "o p 0 use"); /* and once more, from the beginning */
	(void)all_of(c);
	ck_assert_uint_eq(sharedobj_subscribers(object()), 1);
	stop();
}

UNIT_TIMEOUT(failed_commit_sends_a_large_object_anew, 30)
{
	struct so_client *b;
	const char *got;

	start(SCRIPT_ON_DISK);
	fill();
	b = so_connect("bob", 0);
	so_say(b, "o p 0 use");
	so_turn();
	so_turn();
	so_fail(FCS_ENOSPC);
	ck_assert_int_eq(so_set(object(), "bad", 1), FCS_OK);
	so_settle();
	so_fail(FCS_OK);
	got = all_of(b);
	ck_assert_uint_eq(count(got, "bad"), 0);
	ck_assert_uint_ge(count(got, "clear"), 1);
	got = strstr(got, "clear"); /* all of it behind the last clear */
	while (strstr(got + 1, "clear") != NULL)
		got = strstr(got + 1, "clear");
	ck_assert_ptr_nonnull(strstr(got, " s0=\"x"));
	ck_assert_ptr_nonnull(strstr(got, " s699=\"x"));
	stop();
}

UNIT_MAIN
