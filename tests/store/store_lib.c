/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/store/store_lib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define CHANGES 4096

static struct str text;

static int
commit_words(struct store *s, struct store_batch *b, const char *changes,
    struct err *why)
{
	static struct store_change c[CHANGES];
	struct store_batch *list[] = { b };
	const char *p = changes;
	int rc;

	b->inst = "i";
	b->at_ms = (int64_t)b->version * 1000;
	b->changes = c;
	while (*p != '\0') {
		size_t len = strcspn(p, " ");
		const char *eq = memchr(p, '=', len);

		ck_assert_uint_lt(b->count, CHANGES);
		c[b->count].slot = p;
		c[b->count].slot_len = eq == NULL ? len : (size_t)(eq - p);
		c[b->count].value = eq == NULL ? NULL : (const uint8_t *)eq + 1;
		c[b->count].len = eq == NULL ? 0 : (size_t)(p + len - eq - 1);
		b->count++;
		p += len + (p[len] == ' ');
	}
	rc = s->ops->commit(s, list, 1, why);
	return rc != FCS_OK ? rc : b->result;
}

int
store_lib_try(struct store *s, const char *object, uint64_t version,
    const char *changes, struct err *why)
{
	struct store_batch b = {
		.object = object, .version = version, .user = "ann"
	};

	return commit_words(s, &b, changes, why);
}

int
store_lib_batch(struct store *s, const char *object, uint64_t version,
    const char *user, enum store_kind kind, uint64_t target,
    const char *changes)
{
	struct store_batch b = { .object = object,
		.version = version,
		.user = user,
		.kind = kind,
		.target = target };
	struct err why;

	err_clear(&why);
	return commit_words(s, &b, changes, &why);
}

int
store_lib_write(
    struct store *s, const char *object, uint64_t version, const char *changes)
{
	struct err why;

	err_clear(&why);
	return store_lib_try(s, object, version, changes, &why);
}

int
store_lib_write_many(
    struct store *s, const char *object, uint64_t version, uint32_t count)
{
	struct str list;
	int rc;

	str_init(&list);
	for (uint32_t i = 0; i < count; i++)
		str_addf(&list, "%ss%u=%llu", i == 0 ? "" : " ", i,
		    (unsigned long long)version);
	rc = store_lib_write(s, object, version, str_text(&list));
	str_fini(&list);
	return rc;
}

static int
add_slot(void *arg, const struct store_slot *slot)
{
	(void)arg;
	if (text.len > 0)
		str_addc(&text, ' ');
	str_addn(&text, slot->slot, slot->slot_len);
	if (slot->value != NULL) {
		str_addc(&text, '=');
		str_addn(&text, (const char *)slot->value, slot->len);
	}
	str_addf(&text, "@%llu", (unsigned long long)slot->version);
	ck_assert_str_eq(slot->user, "ann");
	return FCS_OK;
}

const char *
store_lib_read(struct store *s, const char *object, uint64_t after)
{
	uint64_t version;
	uint64_t floor;
	int rc;

	str_reset(&text);
	rc = s->ops->load(
	    s, "i", object, after, add_slot, NULL, &version, &floor);
	ck_assert_msg(rc == FCS_OK || rc == FCS_ENOENT, "%s", err_name(rc));
	return rc == FCS_ENOENT ? "unknown" : str_text(&text);
}

static int
no_slot(void *arg, const struct store_slot *slot)
{
	(void)arg;
	(void)slot;
	return FCS_OK;
}

uint64_t
store_lib_version(struct store *s, const char *object)
{
	uint64_t version = 0;
	uint64_t floor;

	(void)s->ops->load(
	    s, "i", object, UINT32_MAX, no_slot, NULL, &version, &floor);
	return version;
}

uint64_t
store_lib_floor(struct store *s, const char *object)
{
	uint64_t version;
	uint64_t floor = 0;

	(void)s->ops->load(
	    s, "i", object, UINT32_MAX, no_slot, NULL, &version, &floor);
	return floor;
}

static int
add_line(void *arg, const struct store_change_info *c)
{
	(void)arg;
	if (text.len > 0)
		str_addc(&text, ' ');
	str_addf(&text, "%llu:%.*s:", (unsigned long long)c->version,
	    (int)c->slot_len, c->slot);
	if (c->old == NULL)
		str_addc(&text, '-');
	else
		str_addn(&text, (const char *)c->old, c->old_len);
	str_addc(&text, ':');
	if (c->value == NULL)
		str_addc(&text, '-');
	else
		str_addn(&text, (const char *)c->value, c->len);
	ck_assert_str_eq(c->user, "ann");
	ck_assert_int_eq(c->at_ms, (int64_t)c->version * 1000);
	return FCS_OK;
}

const char *
store_lib_history(
    struct store *s, const char *object, uint64_t after, uint32_t limit)
{
	struct store_range r = { .after = after, .limit = limit };
	int rc;

	str_reset(&text);
	rc = s->ops->history(s, "i", object, &r, add_line, NULL);
	ck_assert_msg(rc == FCS_OK || rc == FCS_ENOENT, "%s", err_name(rc));
	return rc == FCS_ENOENT ? "unknown" : str_text(&text);
}

#define WORDS 64
static char words[WORDS][64];
static int word_count;

static int
add_word(void *arg, const struct store_slot *slot)
{
	(void)arg;
	ck_assert_int_lt(word_count, WORDS);
	(void)snprintf(words[word_count++], sizeof(words[0]), "%.*s%s%.*s",
	    (int)slot->slot_len, slot->slot, slot->value == NULL ? "" : "=",
	    (int)slot->len, (const char *)slot->value);
	return FCS_OK;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
put_words(void)
{
	qsort(words, (size_t)word_count, sizeof(words[0]), by_text);
	for (int i = 0; i < word_count; i++)
		str_addf(&text, "%s%s", i == 0 ? "" : " ", words[i]);
}

const char *
store_lib_undo(struct store *s, const char *object, const char *user, bool redo,
    const char *slot)
{
	struct store_undo u = { .user = user,
		.redo = redo,
		.slot = slot,
		.slot_len = slot == NULL ? 0 : strlen(slot) };
	uint64_t target;

	str_reset(&text);
	word_count = 0;
	ck_assert_int_eq(
	    s->ops->undo(s, "i", object, &u, add_word, NULL, &target), FCS_OK);
	str_addf(&text, "%llu:", (unsigned long long)target);
	put_words();
	return str_text(&text);
}

const char *
store_lib_rewind(struct store *s, const char *object, uint64_t version)
{
	int rc;

	str_reset(&text);
	word_count = 0;
	rc = s->ops->rewind(s, "i", object, version, add_word, NULL);
	if (rc != FCS_OK)
		return err_name(rc);
	put_words();
	return str_text(&text);
}
