/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/store/store_lib.h"

#include "base/str.h"

#define CHANGES 4096

static struct str text;

int
store_lib_try(struct store *s, const char *object, uint64_t version,
    const char *changes, struct err *why)
{
	static struct store_change c[CHANGES];
	struct store_batch b = { .inst = "i",
		.object = object,
		.version = version,
		.user = "ann",
		.at_ms = (int64_t)version * 1000,
		.changes = c };
	struct store_batch *list[] = { &b };
	const char *p = changes;
	int rc;

	while (*p != '\0') {
		size_t len = strcspn(p, " ");
		const char *eq = memchr(p, '=', len);

		ck_assert_uint_lt(b.count, CHANGES);
		c[b.count].slot = p;
		c[b.count].slot_len = eq == NULL ? len : (size_t)(eq - p);
		c[b.count].value = eq == NULL ? NULL : (const uint8_t *)eq + 1;
		c[b.count].len = eq == NULL ? 0 : (size_t)(p + len - eq - 1);
		b.count++;
		p += len + (p[len] == ' ');
	}
	rc = s->ops->commit(s, list, 1, why);
	return rc != FCS_OK ? rc : b.result;
}

int
store_lib_write(
    struct store *s, const char *object, uint64_t version, const char *changes)
{
	struct err why;

	err_clear(&why);
	return store_lib_try(s, object, version, changes, &why);
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
	int rc;

	str_reset(&text);
	rc = s->ops->history(s, "i", object, after, limit, add_line, NULL);
	ck_assert_msg(rc == FCS_OK || rc == FCS_ENOENT, "%s", err_name(rc));
	return rc == FCS_ENOENT ? "unknown" : str_text(&text);
}
