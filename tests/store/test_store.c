/* SPDX-License-Identifier: BSD-2-Clause */
/* The store contract, the same cases for every implementation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/store/store_lib.h"

static void
in_memory(void (*body)(struct store *))
{
	struct store *s;

	ck_assert_int_eq(sodb_mem_open(&s), FCS_OK);
	body(s);
	s->ops->close(s);
}

static void
in_sqlite(void (*body)(struct store *))
{
	struct store *s;
	struct err why;

	err_clear(&why);
	ck_assert_msg(
	    sodb_open(unit_tmpdir(), STORE_SYNC_NORMAL, &s, &why) == FCS_OK,
	    "%s", why.text);
	body(s);
	ck_assert_msg(s->ops->verify(s, &why) == FCS_OK, "%s", why.text);
	s->ops->close(s);
}

#define STORES(name)                                                           \
	static void name(struct store *s);                                     \
	UNIT(name##_in_sqlite)                                                 \
	{                                                                      \
		in_sqlite(name);                                               \
	}                                                                      \
	UNIT(name##_in_memory)                                                 \
	{                                                                      \
		in_memory(name);                                               \
	}                                                                      \
	static void name(struct store *s)

#define WRITES(object, version, changes)                                       \
	ck_assert_int_eq(store_lib_write(s, object, version, changes), FCS_OK)
#define READS(object, after, text)                                             \
	ck_assert_str_eq(store_lib_read(s, object, after), text)

STORES(object_never_written_has_the_first_version)
{
	READS("o", 0, "unknown");
	ck_assert_uint_eq(store_lib_version(s, "o"), STORE_FIRST_VERSION);
	ck_assert_uint_eq(store_lib_floor(s, "o"), 0);
	ck_assert_str_eq(store_lib_history(s, "o", 0, 10), "unknown");
}

STORES(batches_raise_the_version_by_one)
{
	WRITES("o", 2, "a=1 b=2");
	WRITES("o", 3, "b=3");
	READS("o", 0, "a=1@2 b=3@3");
	ck_assert_uint_eq(store_lib_version(s, "o"), 3);
}

STORES(batch_of_another_version_is_stale)
{
	ck_assert_int_eq(store_lib_write(s, "o", 1, "a=1"), FCS_ESTALE);
	ck_assert_int_eq(store_lib_write(s, "o", 3, "a=1"), FCS_ESTALE);
	READS("o", 0, "unknown");
	WRITES("o", 2, "a=1");
	ck_assert_int_eq(store_lib_write(s, "o", 2, "a=2"), FCS_ESTALE);
	ck_assert_int_eq(store_lib_write(s, "o", 4, "a=2"), FCS_ESTALE);
	READS("o", 0, "a=1@2");
}

STORES(stale_batch_leaves_the_rest_of_its_group)
{
	struct store_change a = { "a", 1, (const uint8_t *)"1", 1, NULL };
	struct store_batch b[4] = {
		{ .inst = "i", .object = "o", .version = 2 },
		{ .inst = "i", .object = "o", .version = 2 },
		{ .inst = "i", .object = "o", .version = 3 },
		{ .inst = "i", .object = "p", .version = 2 },
	};
	struct store_batch *list[4];
	struct err why;

	for (int i = 0; i < 4; i++) {
		b[i].changes = &a;
		b[i].count = 1;
		b[i].user = "ann";
		list[i] = &b[i];
	}
	ck_assert_int_eq(s->ops->commit(s, list, 4, &why), FCS_OK);
	ck_assert_int_eq(b[0].result, FCS_OK);
	ck_assert_int_eq(b[1].result, FCS_ESTALE);
	ck_assert_int_eq(b[2].result, FCS_OK);
	ck_assert_int_eq(b[3].result, FCS_OK);
	READS("o", 0, "a=1@3");
	READS("p", 0, "a=1@2");
}

STORES(deleted_slot_stays_as_a_tombstone)
{
	WRITES("o", 2, "a=1 b=2");
	WRITES("o", 3, "a");
	READS("o", 0, "a@3 b=2@2");
	READS("o", 2, "a@3");
	WRITES("o", 4, "never");
	READS("o", 3, "never@4");
}

STORES(only_what_is_newer_is_read)
{
	WRITES("o", 2, "a=1 b=1 c=1");
	WRITES("o", 3, "b=2");
	WRITES("o", 4, "c");
	READS("o", 2, "b=2@3 c@4");
	READS("o", 3, "c@4");
	READS("o", 4, "");
	READS("o", 99, "");
}

STORES(slots_come_in_order_of_first_writing)
{
	WRITES("o", 2, "z=1 m=1 a=1");
	WRITES("o", 3, "z=2 b=1");
	READS("o", 0, "z=2@3 m=1@2 a=1@2 b=1@3");
	WRITES("o", 4, "z");
	WRITES("o", 5, "z=3");
	READS("o", 0, "m=1@2 a=1@2 b=1@3 z=3@5");
}

STORES(names_and_values_are_any_bytes)
{
	uint8_t all[256];
	const char *slot = "a b/\"'%_\xc3\xa4\xf0\x9f\x98\x80";
	struct store_change c = { slot, 0, all, sizeof(all), NULL };
	struct store_batch b = { .inst = "i/x",
		.object = "o'--",
		.version = 2,
		.user = "ann",
		.changes = &c,
		.count = 1 };
	struct store_batch *list[] = { &b };
	struct err why;

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	c.slot_len = strlen(slot);
	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_int_eq(b.result, FCS_OK);
	b.version = 3;
	b.inst = "i";
	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_int_eq(b.result, FCS_ESTALE);
	WRITES("o", 2, "empty=");
	READS("o", 0, "empty=@2");
	WRITES("o", 3, "empty");
	READS("o", 0, "empty@3");
}

static int
compare_all(void *arg, const struct store_slot *slot)
{
	ck_assert_uint_eq(slot->len, 256);
	for (int i = 0; i < 256; i++)
		ck_assert_uint_eq(slot->value[i], (unsigned)i);
	ck_assert_ptr_null(slot->user);
	++*(int *)arg;
	return FCS_OK;
}

STORES(value_with_every_byte_comes_back)
{
	uint8_t all[256];
	struct store_change c = { "s", 1, all, sizeof(all), NULL };
	struct store_batch b = { .inst = "i",
		.object = "o",
		.version = 2,
		.changes = &c,
		.count = 1 };
	struct store_batch *list[] = { &b };
	struct err why;
	uint64_t version;
	uint64_t floor;
	int rows = 0;

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_int_eq(
	    s->ops->load(s, "i", "o", 0, compare_all, &rows, &version, &floor),
	    FCS_OK);
	ck_assert_int_eq(rows, 1);
}

static int
stop_at_once(void *arg, const struct store_slot *slot)
{
	(void)slot;
	++*(int *)arg;
	return FCS_EREJECT;
}

STORES(callback_ends_the_walk_with_its_code)
{
	uint64_t version;
	uint64_t floor;
	int rows = 0;

	WRITES("o", 2, "a=1 b=1");
	ck_assert_int_eq(
	    s->ops->load(s, "i", "o", 0, stop_at_once, &rows, &version, &floor),
	    FCS_EREJECT);
	ck_assert_int_eq(rows, 1);
	READS("o", 0, "a=1@2 b=1@2");
}

static int
add_object(void *arg, const struct store_object_info *info)
{
	str_addf(arg, "%s/%s:%llu:%llu:%llu ", info->inst, info->name,
	    (unsigned long long)info->version, (unsigned long long)info->slots,
	    (unsigned long long)info->bytes);
	return FCS_OK;
}

STORES(objects_are_listed_with_their_sizes)
{
	struct store_change c = { "k", 1, (const uint8_t *)"v", 1, NULL };
	struct store_batch b = { .inst = "h",
		.object = "x",
		.version = 2,
		.changes = &c,
		.count = 1 };
	struct store_batch *list[] = { &b };
	struct str text;
	struct err why;

	str_init(&text);
	WRITES("o", 2, "a=1 bb=22");
	WRITES("o", 3, "a=333");
	WRITES("o", 4, "bb");
	WRITES("n", 2, "c");
	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_int_eq(s->ops->list(s, NULL, add_object, &text), FCS_OK);
	ck_assert_str_eq(str_text(&text), "h/x:2:1:2 i/n:2:0:0 i/o:4:1:4 ");
	str_reset(&text);
	ck_assert_int_eq(s->ops->list(s, "h", add_object, &text), FCS_OK);
	ck_assert_str_eq(str_text(&text), "h/x:2:1:2 ");
	str_reset(&text);
	ck_assert_int_eq(s->ops->list(s, "none", add_object, &text), FCS_OK);
	ck_assert_str_eq(str_text(&text), "");
	str_fini(&text);
}

STORES(history_tells_old_and_new)
{
	WRITES("o", 2, "a=1 b=1");
	WRITES("o", 3, "a=2");
	WRITES("o", 4, "a b=3");
	ck_assert_str_eq(store_lib_history(s, "o", 0, 100),
	    "2:a:-:1 2:b:-:1 3:a:1:2 4:a:2:- 4:b:1:3");
	ck_assert_str_eq(store_lib_history(s, "o", 3, 100), "4:a:2:- 4:b:1:3");
	ck_assert_str_eq(store_lib_history(s, "o", 0, 2), "2:a:-:1 2:b:-:1");
}

STORES(history_is_trimmed_by_whole_batches)
{
	bool more;

	WRITES("o", 2, "a=1 b=1");
	WRITES("o", 3, "a=2 b=2");
	WRITES("o", 4, "a=3");
	ck_assert_int_eq(
	    s->ops->trim(s, "i", "o", 2, INT64_MIN, &more), FCS_OK);
	ck_assert_str_eq(
	    store_lib_history(s, "o", 0, 100), "3:a:1:2 3:b:1:2 4:a:2:3");
	ck_assert_int_eq(s->ops->trim(s, "i", "o", 100, 4000, &more), FCS_OK);
	ck_assert_str_eq(store_lib_history(s, "o", 0, 100), "4:a:2:3");
	ck_assert_int_eq(
	    s->ops->trim(s, "i", "o", 0, INT64_MIN, &more), FCS_OK);
	ck_assert_str_eq(store_lib_history(s, "o", 0, 100), "");
	ck_assert_int_eq(
	    s->ops->trim(s, "i", "p", 0, INT64_MIN, &more), FCS_ENOENT);
	READS("o", 0, "a=3@4 b=2@3");
}

static int
count_lines(void *arg, const struct store_change_info *c)
{
	(void)c;
	++*(int *)arg;
	return FCS_OK;
}

static int
add_user(void *arg, const struct store_slot *slot)
{
	strcat(arg, slot->user);
	strcat(arg, " ");
	return FCS_OK;
}

STORES(history_is_read_in_ranges_and_by_slot)
{
	struct store_range r = { .after = 2, .upto = 4, .limit = 9 };
	int n = 0;

	WRITES("o", 2, "a=1 b=1");
	WRITES("o", 3, "a=2");
	WRITES("o", 4, "b=2");
	WRITES("o", 5, "a=3");
	ck_assert_int_eq(
	    s->ops->history(s, "i", "o", &r, count_lines, &n), FCS_OK);
	ck_assert_int_eq(n, 2);
	r.after = 0;
	r.upto = 0;
	r.slot = "a";
	r.slot_len = 1;
	n = 0;
	ck_assert_int_eq(
	    s->ops->history(s, "i", "o", &r, count_lines, &n), FCS_OK);
	ck_assert_int_eq(n, 3);
	r.limit = 0;
	n = 0;
	ck_assert_int_eq(
	    s->ops->history(s, "i", "o", &r, count_lines, &n), FCS_OK);
	ck_assert_int_eq(n, 0);
}

STORES(history_rebuilds_what_was_there)
{
	bool more;

	ck_assert_str_eq(store_lib_rewind(s, "o", 1), "FCS_ENOENT");
	WRITES("o", 2, "a=1 b=1");
	WRITES("o", 3, "a=2 c=1");
	WRITES("o", 4, "a b=2");
	ck_assert_str_eq(store_lib_rewind(s, "o", 4), "");
	ck_assert_str_eq(store_lib_rewind(s, "o", 3), "a=2 b=1");
	ck_assert_str_eq(store_lib_rewind(s, "o", 2), "a=1 b=1 c");
	ck_assert_str_eq(store_lib_rewind(s, "o", 1), "a b c");
	ck_assert_str_eq(store_lib_rewind(s, "o", 5), "FCS_ERANGE");
	ck_assert_str_eq(store_lib_rewind(s, "o", 0), "FCS_ERANGE");
	/* keeps 4 and 3: 2 is the oldest that can be told */
	ck_assert_int_eq(
	    s->ops->trim(s, "i", "o", 3, INT64_MIN, &more), FCS_OK);
	ck_assert(!more);
	ck_assert_str_eq(store_lib_rewind(s, "o", 2), "a=1 b=1 c");
	ck_assert_str_eq(store_lib_rewind(s, "o", 1), "FCS_ERANGE");
}

STORES(history_begins_anew_behind_a_batch_without)
{
	struct store_change c = { "a", 1, (const uint8_t *)"2", 1, NULL };
	struct store_batch b = { .inst = "i",
		.object = "o",
		.version = 3,
		.changes = &c,
		.count = 1,
		.no_history = true };
	struct store_batch *list[] = { &b };
	struct err why;

	WRITES("o", 2, "a=1");
	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_str_eq(store_lib_rewind(s, "o", 2), "FCS_ERANGE");
	ck_assert_str_eq(store_lib_rewind(s, "o", 3), "");
	WRITES("o", 4, "a=3");
	ck_assert_str_eq(store_lib_rewind(s, "o", 3), "a=2");
}

STORES(moment_is_the_newest_version_of_that_time)
{
	uint64_t version;
	bool more;

	ck_assert_int_eq(s->ops->moment(s, "i", "o", 99, &version), FCS_ENOENT);
	for (uint64_t v = 2; v < 6; v++)
		WRITES("o", v, "a=1"); /* at v seconds */
	ck_assert_int_eq(s->ops->moment(s, "i", "o", 3000, &version), FCS_OK);
	ck_assert_uint_eq(version, 3);
	ck_assert_int_eq(s->ops->moment(s, "i", "o", 3999, &version), FCS_OK);
	ck_assert_uint_eq(version, 3);
	ck_assert_int_eq(
	    s->ops->moment(s, "i", "o", INT64_MAX, &version), FCS_OK);
	ck_assert_uint_eq(version, 5);
	ck_assert_int_eq(
	    s->ops->moment(s, "i", "o", 1999, &version), FCS_ERANGE);
	ck_assert_int_eq(
	    s->ops->trim(s, "i", "o", 1, INT64_MIN, &more), FCS_OK);
	ck_assert_int_eq(
	    s->ops->moment(s, "i", "o", 4000, &version), FCS_ERANGE);
}

#define BATCH(version, user, kind, target, changes)                            \
	ck_assert_int_eq(                                                      \
	    store_lib_batch(s, "o", version, user, kind, target, changes),     \
	    FCS_OK)
#define UNDOES(user, text)                                                     \
	ck_assert_str_eq(store_lib_undo(s, "o", user, false, NULL), text)
#define REDOES(user, text)                                                     \
	ck_assert_str_eq(store_lib_undo(s, "o", user, true, NULL), text)

STORES(undo_takes_back_the_newest_batch_of_the_user)
{
	BATCH(2, "ann", STORE_CHANGE, 0, "a=1 b=1");
	BATCH(3, "bob", STORE_CHANGE, 0, "c=1");
	BATCH(4, "ann", STORE_CHANGE, 0, "a=2 d=1");
	UNDOES("ann", "4:a=1 d");
	UNDOES("bob", "3:c");
	UNDOES("eve", "0:");
	REDOES("ann", "0:");
	BATCH(5, "ann", STORE_UNDO, 4, "a=1 d");
	UNDOES("ann", "2:a b");
	REDOES("ann", "5:a=2 d=1");
	BATCH(6, "ann", STORE_UNDO, 2, "a b");
	UNDOES("ann", "0:");
	REDOES("ann", "6:a=1 b=1");
	BATCH(7, "ann", STORE_REDO, 6, "a=1 b=1");
	REDOES("ann", "5:a=2 d=1");
	UNDOES("ann", "2:a b");
	BATCH(8, "ann", STORE_REDO, 5, "a=2 d=1");
	REDOES("ann", "0:");
	UNDOES("ann", "4:a=1 d");
}

STORES(redo_ends_when_the_user_writes)
{
	BATCH(2, "ann", STORE_CHANGE, 0, "a=1");
	BATCH(3, "ann", STORE_UNDO, 2, "a");
	BATCH(4, "bob", STORE_CHANGE, 0, "b=1");
	REDOES("ann", "3:a=1");
	BATCH(5, "ann", STORE_CHANGE, 0, "c=1");
	REDOES("ann", "0:");
	UNDOES("ann", "5:c");
	BATCH(6, "ann", STORE_UNDO, 5, "c");
	UNDOES("ann", "0:"); /* 2 stays undone */
	REDOES("ann", "6:c=1");
}

STORES(undo_leaves_alone_what_others_wrote_since)
{
	BATCH(2, "ann", STORE_CHANGE, 0, "a=1 b=1 c=1");
	BATCH(3, "bob", STORE_CHANGE, 0, "b=2");
	UNDOES("ann", "2:a c");
	BATCH(4, "ann", STORE_CHANGE, 0, "b=3");
	UNDOES("ann", "4:b=2");
	BATCH(5, "ann", STORE_UNDO, 4, "b=2");
	/* ann wrote b last, but bob had been there since 2 */
	UNDOES("ann", "2:a c");
	BATCH(6, NULL, STORE_CHANGE, 0, "a=9"); /* the server is somebody */
	UNDOES("ann", "2:c");
	UNDOES(NULL, "6:a=1");
	BATCH(7, "bob", STORE_CHANGE, 0, "c");
	UNDOES("ann", "2:");
	BATCH(8, "ann", STORE_UNDO, 2, "");
	UNDOES("ann", "0:");
	BATCH(9, "bob", STORE_CHANGE, 0, "b=7");
	REDOES("ann", "8:");
}

STORES(undo_of_one_slot_counts_for_that_slot)
{
	BATCH(2, "ann", STORE_CHANGE, 0, "a=1 b=1");
	BATCH(3, "ann", STORE_CHANGE, 0, "a=2 c=1");
	ck_assert_str_eq(store_lib_undo(s, "o", "ann", false, "b"), "2:b");
	ck_assert_str_eq(store_lib_undo(s, "o", "ann", false, "a"), "3:a=1");
	ck_assert_str_eq(store_lib_undo(s, "o", "ann", false, "z"), "0:");
	BATCH(4, "ann", STORE_UNDO_SLOT, 3, "a=1");
	ck_assert_str_eq(store_lib_undo(s, "o", "ann", false, "a"), "2:a");
	UNDOES("ann", "3:c");
	REDOES("ann", "4:a=2");
	BATCH(5, "ann", STORE_REDO, 4, "a=2");
	UNDOES("ann", "3:a=1 c");
	BATCH(6, "ann", STORE_UNDO_SLOT, 3, "a=1");
	BATCH(7, "ann", STORE_UNDO_SLOT, 3, "c");
	UNDOES("ann", "2:a b"); /* nothing of 3 is left */
}

STORES(undo_survives_trimming_and_purging)
{
	uint64_t dropped;
	bool more;

	BATCH(2, "ann", STORE_CHANGE, 0, "a=1");
	BATCH(3, "ann", STORE_CHANGE, 0, "a");
	ck_assert_int_eq(s->ops->purge(s, "i", "o", 9, &dropped), FCS_OK);
	UNDOES("ann", "3:a=1"); /* the tombstone is gone */
	ck_assert_int_eq(
	    s->ops->trim(s, "i", "o", 1, INT64_MIN, &more), FCS_OK);
	UNDOES("ann", "3:a=1");
	ck_assert_int_eq(
	    s->ops->trim(s, "i", "o", 0, INT64_MIN, &more), FCS_OK);
	UNDOES("ann", "0:");
}

/* ---- random histories: both stores against each other and a model ---- */

#define STEPS 400
#define SLOTS 5

struct model { /* what each slot held at a version; 0 = absent */
	int value[STEPS + 3][SLOTS];
	uint64_t version;
};

/* A change of a batch: "b=12" or "b", into the model, too. */
static void
model_words(struct model *m, const char *words)
{
	int *now = m->value[m->version + 1];

	memcpy(now, m->value[m->version], sizeof(m->value[0]));
	for (const char *p = words; *p != '\0'; p += strcspn(p, " ")) {
		p += *p == ' ';
		now[p[0] - 'a'] = p[1] == '=' ? atoi(p + 2) : 0;
	}
	m->version++;
}

static void
write_both(struct store *const both[2], struct model *m, const char *user,
    enum store_kind kind, uint64_t target, const char *words)
{
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(store_lib_batch(both[i], "o", m->version + 1,
				     user, kind, target, words),
		    FCS_OK);
	model_words(m, words);
}

/* What the store says of a version is what the model has. */
static void
check_version(struct store *s, const struct model *m, uint64_t version)
{
	int now[SLOTS];

	memcpy(now, m->value[m->version], sizeof(now));
	for (const char *p = store_lib_rewind(s, "o", version); *p != '\0';
	     p += strcspn(p, " ")) {
		p += *p == ' ';
		now[p[0] - 'a'] = p[1] == '=' ? atoi(p + 2) : 0;
	}
	ck_assert_int_eq(memcmp(now, m->value[version], sizeof(now)), 0);
}

static void
step(struct store *const both[2], struct model *m, int serial)
{
	static const char *const users[] = { "ann", "bob", "eve", NULL };
	const char *user = users[rand() % 4];
	bool redo = rand() % 3 == 0;
	char one[2] = { (char)('a' + rand() % SLOTS), '\0' };
	const char *slot = !redo && rand() % 4 == 0 ? one : NULL;
	char words[128] = "";
	char *colon;
	int what = rand() % 10;

	if (what >= 5) {
		for (int i = 0; i < SLOTS; i++)
			if (rand() % 3 == 0 || (i == SLOTS - 1 && !*words))
				(void)snprintf(words + strlen(words),
				    sizeof(words) - strlen(words),
				    rand() % 4 == 0 ? "%s%c" : "%s%c=%d",
				    *words ? " " : "", 'a' + i, serial);
		write_both(both, m, user, STORE_CHANGE, 0, words);
		return;
	}
	(void)snprintf(words, sizeof(words), "%s",
	    store_lib_undo(both[0], "o", user, redo, slot));
	ck_assert_str_eq(words, store_lib_undo(both[1], "o", user, redo, slot));
	colon = strchr(words, ':');
	if (atoi(words) != 0 && (slot == NULL || colon[1] != '\0'))
		write_both(both, m, user,
		    redo           ? STORE_REDO
		    : slot != NULL ? STORE_UNDO_SLOT
				   : STORE_UNDO,
		    (uint64_t)atoi(words), colon + 1);
}

UNIT_TIMEOUT(random_histories_are_told_alike_and_truly, 60)
{
	static struct model m;
	struct store *both[2];
	struct err why;

	ck_assert_int_eq(sodb_mem_open(&both[0]), FCS_OK);
	ck_assert_int_eq(
	    sodb_open(unit_tmpdir(), STORE_SYNC_NORMAL, &both[1], &why),
	    FCS_OK);
	srand(20261121);
	m.version = 1;
	write_both(both, &m, "ann", STORE_CHANGE, 0, "a=1 b=1 c=1 d=1 e=1");
	for (int i = 2; i < STEPS; i++) {
		step(both, &m, i);
		check_version(
		    both[i % 2], &m, 1 + (uint64_t)rand() % m.version);
	}
	for (int i = 0; i < 2; i++)
		check_version(both[i], &m, 1);
	both[0]->ops->close(both[0]);
	both[1]->ops->close(both[1]);
}

STORES(batch_may_stand_for_several_versions)
{
	struct store_change c[] = { { "a", 1, (const uint8_t *)"1", 1, "bob" },
		{ "b", 1, (const uint8_t *)"2", 1, NULL } };
	struct store_batch b = { .inst = "i",
		.object = "o",
		.version = 9,
		.base = 4,
		.user = "ann",
		.at_ms = 9000,
		.changes = c,
		.count = 2 };
	struct store_batch *list[] = { &b };
	struct err why;
	uint64_t version;
	uint64_t floor;
	char users[16] = "";

	WRITES("o", 2, "a=0");
	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_int_eq(b.result, FCS_ESTALE);
	b.base = 2;
	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_int_eq(b.result, FCS_OK);
	ck_assert_uint_eq(store_lib_version(s, "o"), 9);
	ck_assert_int_eq(
	    s->ops->load(s, "i", "o", 0, add_user, users, &version, &floor),
	    FCS_OK);
	ck_assert_str_eq(users, "bob ann ");
	b.base = 9;
	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_int_eq(b.result, FCS_ESTALE); /* it raises the version */
	ck_assert_str_eq(store_lib_rewind(s, "o", 2), "a=0 b");
}

STORES(relaxed_batches_are_there_and_can_be_made_durable)
{
	struct store_change c = { "a", 1, (const uint8_t *)"1", 1, NULL };
	struct store_batch b = { .inst = "i",
		.object = "o",
		.version = 2,
		.user = "ann",
		.changes = &c,
		.count = 1,
		.relaxed = true };
	struct store_batch *list[] = { &b };
	struct err why;

	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	READS("o", 0, "a=1@2");
	ck_assert_int_eq(s->ops->sync(s, &why), FCS_OK);
	READS("o", 0, "a=1@2");
}

STORES(batch_without_history_leaves_none)
{
	struct store_change c = { "a", 1, (const uint8_t *)"1", 1, NULL };
	struct store_batch b = { .inst = "i",
		.object = "o",
		.version = 2,
		.user = "ann",
		.changes = &c,
		.count = 1,
		.no_history = true };
	struct store_batch *list[] = { &b };
	struct err why;

	ck_assert_int_eq(s->ops->commit(s, list, 1, &why), FCS_OK);
	ck_assert_str_eq(store_lib_history(s, "o", 0, 100), "");
	READS("o", 0, "a=1@2");
}

STORES(purge_drops_tombstones_and_raises_the_floor)
{
	uint64_t dropped;

	WRITES("o", 2, "a=1 b=1 c=1");
	WRITES("o", 3, "a");
	WRITES("o", 4, "b");
	ck_assert_int_eq(s->ops->purge(s, "i", "o", 3, &dropped), FCS_OK);
	ck_assert_uint_eq(dropped, 0);
	ck_assert_uint_eq(store_lib_floor(s, "o"), 0);
	ck_assert_int_eq(s->ops->purge(s, "i", "o", 4, &dropped), FCS_OK);
	ck_assert_uint_eq(dropped, 1);
	ck_assert_uint_eq(store_lib_floor(s, "o"), 3);
	READS("o", 0, "b@4 c=1@2");
	ck_assert_int_eq(s->ops->purge(s, "i", "o", 99, &dropped), FCS_OK);
	ck_assert_uint_eq(dropped, 1);
	ck_assert_uint_eq(store_lib_floor(s, "o"), 98);
	ck_assert_int_eq(
	    s->ops->purge(s, "i", "none", 9, &dropped), FCS_ENOENT);
	WRITES("o", 5, "a=2");
	READS("o", 0, "c=1@2 a=2@5");
}

STORES(batch_without_changes_is_a_version)
{
	WRITES("o", 2, "");
	ck_assert_uint_eq(store_lib_version(s, "o"), 2);
	READS("o", 0, "");
}

STORES(idle_moves_the_log)
{
	for (uint64_t v = 2; v < 50; v++)
		WRITES("o", v, "a=1 b=2");
	ck_assert_int_eq(s->ops->idle(s), FCS_OK);
	ck_assert_uint_eq(s->ops->log_bytes(s), 0);
	READS("o", 0, "a=1@49 b=2@49");
}

UNIT_MAIN
