/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration as JSON, for a role that is executed anew: the file on
 * disk may have changed since, or be out of reach of the role's user.
 * Only values that differ from the defaults travel; the reader checks them by
 * the same rules as any other layer.
 */
#include "base/config_int.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *
pack_value(const struct config_row *row, const struct config_value *v)
{
	bool holds_items = row->type == CONFIG_LIST ||
			   row->type == CONFIG_ADDRS || row->type == CONFIG_MAP;
	json_t *j = json_object();
	json_t *list;

	if (json_object_set_new(j, "layer", json_integer(v->layer)) != 0)
		goto fail;
	if (v->file != NULL &&
	    (json_object_set_new(j, "file", json_string(v->file)) != 0 ||
		json_object_set_new(j, "line", json_integer(v->line)) != 0 ||
		json_object_set_new(j, "col", json_integer(v->col)) != 0))
		goto fail;
	if (!holds_items) {
		if (json_object_set_new(j, "text", json_string(v->text)) != 0)
			goto fail;
		return j;
	}
	list = json_array();
	if (json_object_set_new(j, "items", list) != 0)
		goto fail;
	for (size_t i = 0; i < v->count; i++)
		if (json_array_append_new(list, json_string(v->items[i])) != 0)
			goto fail;
	return j;
fail:
	json_decref(j);
	return NULL;
}

/* all: also values by default (those of --dev differ from the table's). */
static json_t *
pack_set(const struct config_set *s, bool all)
{
	json_t *j = json_object();

	for (size_t i = 0; i < s->table->n; i++) {
		const struct config_value *v = &s->values[i];

		if (v->text == NULL || (!all && v->layer == CONFIG_BY_DEFAULT))
			continue;
		if (json_object_set_new(j, s->table->rows[i].path,
			pack_value(&s->table->rows[i], v)) != 0) {
			json_decref(j);
			return NULL;
		}
	}
	return j;
}

int
config_serialise(const struct config *c, struct str *out)
{
	json_t *j = json_object();
	json_t *apps = json_object();
	char *text = NULL;
	int rc = FCS_ENOMEM;

	if (json_object_set_new(j, "dev", json_boolean(c->dev)) != 0 ||
	    json_object_set_new(j, "server", pack_set(&c->set, c->dev)) != 0 ||
	    json_object_set_new(j, "apps", apps) != 0)
		goto out;
	for (const struct config_override *o = c->apps; o != NULL; o = o->next)
		if (json_object_set_new(apps, o->name, pack_set(&o->set, true)))
			goto out;
	text = json_dumps(j, JSON_COMPACT);
	if (text == NULL)
		goto out;
	str_add(out, text);
	rc = out->err;
out:
	free(text);
	json_decref(j);
	return rc;
}

static int
unpack_value(struct config_set *s, size_t row, const json_t *j, struct err *e)
{
	const json_t *items = json_object_get(j, "items");
	const char *text = json_string_value(json_object_get(j, "text"));
	const char *file = json_string_value(json_object_get(j, "file"));
	size_t n = json_array_size(items);
	const char **list = NULL;
	struct config_value v = { 0 };
	json_int_t layer = json_integer_value(json_object_get(j, "layer"));
	int rc;

	if ((text == NULL) == (items == NULL) || layer < CONFIG_BY_DEFAULT ||
	    layer > CONFIG_BY_OPTION)
		return err_set(e, FCS_EFORMAT, "malformed value");
	if (n > 0) {
		list = calloc(n, sizeof(const char *));
		if (list == NULL)
			return FCS_ENOMEM;
		for (size_t i = 0; i < n; i++) {
			list[i] = json_string_value(json_array_get(items, i));
			if (list[i] == NULL) {
				free(list);
				return err_set(
				    e, FCS_EFORMAT, "malformed list");
			}
		}
	}
	rc = config_value_set(
	    &s->table->rows[row], text, list, n, items != NULL, &v, e);
	free(list);
	if (rc != FCS_OK)
		return rc;
	if (file != NULL) {
		v.file = strdup(file);
		v.line = (int)json_integer_value(json_object_get(j, "line"));
		v.col = (int)json_integer_value(json_object_get(j, "col"));
		if (v.file == NULL) {
			config_value_fini(&v);
			return FCS_ENOMEM;
		}
	}
	v.layer = (enum config_layer)layer;
	config_set_put(s, row, &v);
	return FCS_OK;
}

static int
unpack_set(struct config_set *s, json_t *j, struct err *e)
{
	const char *path;
	json_t *value;
	int row;
	int rc;

	if (!json_is_object(j))
		return err_set(e, FCS_EFORMAT, "malformed table");
	json_object_foreach(j, path, value)
	{
		row = config_table_find(s->table, path);
		if (row < 0)
			return err_set(
			    e, FCS_EFORMAT, "unknown key %.60s", path);
		rc = unpack_value(s, (size_t)row, value, e);
		if (rc != FCS_OK)
			return rc;
	}
	return FCS_OK;
}

int
config_parse_serialised(
    const char *p, size_t len, struct config **out, struct err *e)
{
	struct config *c = config_new();
	json_t *j = json_loadb(p, len, JSON_REJECT_DUPLICATES, NULL);
	const char *name;
	json_t *value;
	struct config_override *o;
	int rc;

	*out = NULL;
	if (c == NULL) {
		json_decref(j);
		return err_set(e, FCS_ENOMEM, "out of memory");
	}
	if (!json_is_object(j)) {
		rc = err_set(e, FCS_EFORMAT, "not JSON");
		goto out;
	}
	c->dev = json_is_true(json_object_get(j, "dev"));
	rc = unpack_set(&c->set, json_object_get(j, "server"), e);
	json_object_foreach(json_object_get(j, "apps"), name, value)
	{
		if (rc != FCS_OK)
			break;
		o = config_override_get(c, name);
		rc = o != NULL ? unpack_set(&o->set, value, e) : FCS_ENOMEM;
	}
	if (rc == FCS_OK)
		rc = config_finish(c);
out:
	json_decref(j);
	if (rc != FCS_OK) {
		config_free(c);
		return rc == FCS_ECONFIG ? FCS_EFORMAT : rc;
	}
	*out = c;
	return FCS_OK;
}
