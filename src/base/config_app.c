/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings of one application, put together from their layers. */
#include "base/config_int.h"

#include <stdlib.h>
#include <string.h>

void
config_app_free(struct config_app *a)
{
	if (a == NULL)
		return;
	config_set_fini(&a->set);
	free(a->name);
	free(a);
}

/* Values of an override whose layer is in first..last. */
static int
apply(struct config_app *a, const struct config *c, const char *name,
    enum config_layer first, enum config_layer last)
{
	const struct config_override *o = c->apps;
	struct config_value v = { 0 };
	int rc;

	while (o != NULL && strcmp(o->name, name) != 0)
		o = o->next;
	for (size_t i = 0; o != NULL && i < APP_TOTAL; i++) {
		const struct config_value *from = &o->set.values[i];

		if (from->text == NULL || from->layer < first ||
		    from->layer > last)
			continue;
		rc = config_value_copy(from, &v);
		if (rc != FCS_OK)
			return rc;
		config_set_put(&a->set, i, &v);
	}
	return FCS_OK;
}

static int
read_app_yaml(
    struct config_app *a, const char *dir, struct config_problems *problems)
{
	struct config_value locked = { 0 };
	struct str path;
	bool found;
	int rc;

	str_init(&path);
	str_addf(&path, "%s/app.yaml", dir);
	rc = config_value_copy(&a->set.values[APP_LOCKED], &locked);
	if (rc == FCS_OK)
		rc = path.err;
	if (rc == FCS_OK)
		rc = config_read_file(str_text(&path), &a->set, NULL,
		    CONFIG_BY_APP, &locked, problems, &found);
	config_value_fini(&locked);
	str_fini(&path);
	return rc;
}

int
config_app_load(const struct config *c, const char *name, const char *dir,
    struct config_app **out, struct config_problems *problems)
{
	struct config_app *a = calloc(1, sizeof(*a));
	int rc = FCS_ENOMEM;

	memset(problems, 0, sizeof(*problems));
	*out = NULL;
	if (a == NULL)
		return rc;
	a->name = strdup(name);
	if (a->name != NULL)
		rc = config_set_init(&a->set, &config_app_table);
	if (rc == FCS_OK)
		rc = config_set_defaults(&a->set);
	if (rc == FCS_OK)
		rc = apply(a, c, "*", CONFIG_BY_DEFAULT, CONFIG_BY_CONFD);
	if (rc == FCS_OK)
		rc = apply(a, c, name, CONFIG_BY_DEFAULT, CONFIG_BY_CONFD);
	if (rc == FCS_OK && dir != NULL)
		rc = read_app_yaml(a, dir, problems);
	if (rc == FCS_OK)
		rc = apply(a, c, "*", CONFIG_BY_ENV, CONFIG_BY_OPTION);
	if (rc == FCS_OK)
		rc = apply(a, c, name, CONFIG_BY_ENV, CONFIG_BY_OPTION);
	if (rc == FCS_OK && problems->oom)
		rc = FCS_ENOMEM;
	if (rc == FCS_OK && problems->n > 0)
		rc = FCS_ECONFIG;
	if (rc != FCS_OK) {
		config_app_free(a);
		return rc;
	}
	*out = a;
	return FCS_OK;
}

const char *
config_app_name(const struct config_app *a)
{
	return a->name;
}

const struct config_value *
config_app_value(const struct config_app *a, enum config_app_key key)
{
	fcs_assert(key < APP_TOTAL);
	return &a->set.values[key];
}

bool
config_app_bool(const struct config_app *a, enum config_app_key key)
{
	fcs_assert(config_app_row(key)->type == CONFIG_BOOL);
	return config_app_value(a, key)->num != 0;
}

int64_t
config_app_int(const struct config_app *a, enum config_app_key key)
{
	enum config_type t = config_app_row(key)->type;

	fcs_assert(t == CONFIG_INT || t == CONFIG_SIZE ||
		   t == CONFIG_DURATION || t == CONFIG_ENUM);
	return config_app_value(a, key)->num;
}

const char *
config_app_text(const struct config_app *a, enum config_app_key key)
{
	return config_app_value(a, key)->text;
}

size_t
config_app_count(const struct config_app *a, enum config_app_key key)
{
	return config_app_value(a, key)->count;
}

const char *
config_app_item(const struct config_app *a, enum config_app_key key, size_t i)
{
	fcs_assert(i < config_app_count(a, key));
	return config_app_value(a, key)->items[i];
}

const char *
config_app_map(
    const struct config_app *a, enum config_app_key key, const char *name)
{
	const struct config_value *v = config_app_value(a, key);

	fcs_assert(config_app_row(key)->type == CONFIG_MAP);
	for (size_t i = 0; i + 1 < v->count; i += 2)
		if (strcmp(v->items[i], name) == 0)
			return v->items[i + 1];
	return NULL;
}
