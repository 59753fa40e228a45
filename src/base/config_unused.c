/* SPDX-License-Identifier: BSD-2-Clause */
/* What was set and has no effect: found from the values, not while reading,
 * so that every layer is covered by one walk. */
#include <stdio.h>

#include "base/config_int.h"

#define KEY_MAX 160 /* app.<name>.<key> */

static void
each(const struct config_set *set, const char *prefix, enum config_layer from,
    enum config_layer to, config_unused_fn fn, void *arg)
{
	char key[KEY_MAX];

	for (size_t i = 0; i < set->table->n; i++) {
		const struct config_value *v = &set->values[i];

		if (v->text == NULL || v->layer < from || v->layer > to ||
		    !config_table_is_unused(set->table, i))
			continue;
		(void)snprintf(
		    key, sizeof(key), "%s%s", prefix, set->table->rows[i].path);
		fn(arg, key, v);
	}
}

void
config_unused(const struct config *c, config_unused_fn fn, void *arg)
{
	char prefix[KEY_MAX];

	each(&c->set, "", CONFIG_BY_FILE, CONFIG_BY_OPTION, fn, arg);
	for (const struct config_override *o = c->apps; o != NULL;
	     o = o->next) {
		(void)snprintf(prefix, sizeof(prefix), "app.%s.", o->name);
		each(
		    &o->set, prefix, CONFIG_BY_FILE, CONFIG_BY_OPTION, fn, arg);
	}
}

void
config_app_unused(const struct config_app *a, config_unused_fn fn, void *arg)
{
	each(&a->set, "", CONFIG_BY_APP, CONFIG_BY_APP, fn, arg);
}

const char *
config_place(const struct config_value *v, char out[CONFIG_PLACE_MAX])
{
	if (v->file != NULL)
		(void)snprintf(out, CONFIG_PLACE_MAX, "%s:%d:%d", v->file,
		    v->line, v->col);
	else
		(void)snprintf(out, CONFIG_PLACE_MAX, "%s",
		    v->layer == CONFIG_BY_ENV      ? "environment"
		    : v->layer == CONFIG_BY_OPTION ? "-o"
						   : "default");
	return out;
}
