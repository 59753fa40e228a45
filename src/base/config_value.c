/* SPDX-License-Identifier: BSD-2-Clause */
/* Text to value, by the type of the row; the same for every layer. */
#include "base/config_int.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
config_value_fini(struct config_value *v)
{
	free(v->text);
	free(v->file);
	for (size_t i = 0; i < v->count; i++)
		free(v->items[i]);
	free(v->items);
	memset(v, 0, sizeof(*v));
}

int
config_value_copy(const struct config_value *from, struct config_value *to)
{
	struct config_value v = *from;

	v.text = from->text != NULL ? strdup(from->text) : NULL;
	v.file = from->file != NULL ? strdup(from->file) : NULL;
	v.items = NULL;
	v.count = 0;
	if ((from->text != NULL && v.text == NULL) ||
	    (from->file != NULL && v.file == NULL))
		goto fail;
	if (from->count > 0) {
		v.items = calloc(from->count, sizeof(*v.items));
		if (v.items == NULL)
			goto fail;
		for (; v.count < from->count; v.count++) {
			v.items[v.count] = strdup(from->items[v.count]);
			if (v.items[v.count] == NULL)
				goto fail;
		}
	}
	*to = v;
	return FCS_OK;
fail:
	config_value_fini(&v);
	return FCS_ENOMEM;
}

static int
add_item(struct config_value *v, const char *p, size_t n)
{
	char **items = reallocarray(v->items, v->count + 1, sizeof(*items));

	if (items == NULL)
		return FCS_ENOMEM;
	v->items = items;
	items[v->count] = strndup(p, n);
	if (items[v->count] == NULL)
		return FCS_ENOMEM;
	v->count++;
	return FCS_OK;
}

/* "a, b" or "[a, b]" to items; an empty text has none. */
static int
split(struct config_value *v, const char *text)
{
	size_t len = strlen(text);
	int rc;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']' &&
	    memchr(text, ']', len - 1) == NULL) {
		text++;
		len -= 2;
	}
	while (len > 0) {
		const char *comma = memchr(text, ',', len);
		size_t n = comma != NULL ? (size_t)(comma - text) : len;
		const char *p = text;
		size_t m = n;

		for (; m > 0 && *p == ' '; m--)
			p++;
		while (m > 0 && p[m - 1] == ' ')
			m--;
		rc = m > 0 ? add_item(v, p, m) : FCS_OK;
		if (rc != FCS_OK)
			return rc;
		n += comma != NULL;
		text += n;
		len -= n;
	}
	return FCS_OK;
}

static int
check_addr(const char *text, struct err *e)
{
	const char *colon = strrchr(text, ':');
	char host[64];
	unsigned char bin[16];
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;
	int64_t port;

	if (colon == NULL || n >= sizeof(host))
		goto bad;
	memcpy(host, text, n);
	host[n] = '\0';
	if (colon[1] < '0' || colon[1] > '9' ||
	    str_parse_int(colon + 1, &port) != FCS_OK)
		goto bad;
	if (port > 65535)
		return err_set(
		    e, FCS_ECONFIG, "port %lld is over 65535", (long long)port);
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, bin) == 1)
			return FCS_OK;
	} else if (n == 0 || inet_pton(AF_INET, host, bin) == 1) {
		return FCS_OK;
	}
bad:
	return err_set(e, FCS_ECONFIG,
	    "\"%.60s\" is no address (want 127.0.0.1:1935, [::1]:1935 or "
	    ":1935)",
	    text);
}

static int
check_range(const struct config_row *row, int64_t v, struct err *e)
{
	char least[STR_NUMBER_MAX];
	char most[STR_NUMBER_MAX];

	if (v >= row->least && v <= row->most)
		return FCS_OK;
	switch (row->type) {
	case CONFIG_DURATION:
		str_format_duration(row->least < 0 ? 0 : row->least, least);
		str_format_duration(row->most, most);
		break;
	case CONFIG_SIZE:
		str_format_size(row->least, least);
		str_format_size(row->most, most);
		break;
	default:
		(void)snprintf(
		    least, sizeof(least), "%lld", (long long)row->least);
		(void)snprintf(
		    most, sizeof(most), "%lld", (long long)row->most);
		break;
	}
	return err_set(e, FCS_ECONFIG, "out of range (%s to %s)", least, most);
}

static int
set_number(
    const struct config_row *row, const char *text, int64_t *out, struct err *e)
{
	const char *want;
	bool b;
	int rc;

	switch (row->type) {
	case CONFIG_BOOL:
		rc = str_parse_bool(text, &b);
		if (rc == FCS_OK)
			*out = b;
		want = "true or false";
		break;
	case CONFIG_INT:
		rc = str_parse_int(text, out);
		want = "a whole number";
		break;
	case CONFIG_SIZE:
		rc = str_parse_size(text, out);
		want = "a size such as 65536, 64K or 4M";
		break;
	case CONFIG_DURATION:
		if (row->least < 0 && strcmp(text, "forever") == 0) {
			*out = -1;
			return FCS_OK;
		}
		rc = str_parse_duration(text, out);
		want = "a duration such as 500ms, 30s, 20m, 2h or 7d";
		break;
	default:
		*out = config_choice(row->choices, text);
		if (*out >= 0)
			return FCS_OK;
		return err_set(e, FCS_ECONFIG, "\"%.40s\" is none of %s", text,
		    row->choices);
	}
	if (rc == FCS_ERANGE)
		return err_set(e, FCS_ECONFIG, "\"%.40s\" is too large", text);
	if (rc != FCS_OK)
		return err_set(
		    e, FCS_ECONFIG, "\"%.40s\" is not %s", text, want);
	return row->type == CONFIG_BOOL ? FCS_OK : check_range(row, *out, e);
}

static int
check_items(
    const struct config_row *row, const struct config_value *v, struct err *e)
{
	int rc = FCS_OK;

	for (size_t i = 0; i < v->count && rc == FCS_OK; i++) {
		if (row->type == CONFIG_ADDRS)
			rc = check_addr(v->items[i], e);
		else if (row->choices != NULL &&
			 config_choice(row->choices, v->items[i]) < 0)
			rc = err_set(e, FCS_ECONFIG, "\"%.40s\" is none of %s",
			    v->items[i], row->choices);
	}
	return rc;
}

/* The items as one text, for showing. */
static char *
join(const struct config_value *v, bool is_map)
{
	struct str s;

	str_init(&s);
	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			str_add(&s, is_map && i % 2 == 1 ? "=" : ", ");
		str_add(&s, v->items[i]);
	}
	return str_take(&s);
}

/* "name=value" items of a map given as text become pairs. */
static int
split_pairs(struct config_value *v, struct err *e)
{
	struct config_value pairs = { 0 };
	int rc = FCS_OK;

	for (size_t i = 0; i < v->count && rc == FCS_OK; i++) {
		const char *eq = strchr(v->items[i], '=');

		if (eq == NULL || eq == v->items[i])
			rc = err_set(e, FCS_ECONFIG,
			    "\"%.40s\" is not name=value", v->items[i]);
		else if (add_item(&pairs, v->items[i],
			     (size_t)(eq - v->items[i])) != FCS_OK ||
			 add_item(&pairs, eq + 1, strlen(eq + 1)) != FCS_OK)
			rc = FCS_ENOMEM;
	}
	if (rc != FCS_OK) {
		config_value_fini(&pairs);
		return rc;
	}
	config_value_fini(v);
	*v = pairs;
	return FCS_OK;
}

static int
check_free(const char *text, struct err *e)
{
	json_error_t why;
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	bool is_map = json_is_object(j);

	json_decref(j);
	if (j == NULL)
		return err_set(e, FCS_ECONFIG, "not JSON: %.100s", why.text);
	if (!is_map)
		return err_set(e, FCS_ECONFIG, "not a map");
	return FCS_OK;
}

int
config_value_set(const struct config_row *row, const char *text,
    const char *const *items, size_t n, bool is_list, struct config_value *out,
    struct err *e)
{
	struct config_value v = { 0 };
	bool holds_items = row->type == CONFIG_LIST ||
			   row->type == CONFIG_ADDRS || row->type == CONFIG_MAP;
	int rc = FCS_OK;

	if (is_list && !holds_items)
		return err_set(e, FCS_ECONFIG, "one value is wanted here");
	if (holds_items) {
		for (size_t i = 0; i < n && is_list && rc == FCS_OK; i++)
			rc = add_item(&v, items[i], strlen(items[i]));
		if (!is_list)
			rc = split(&v, text);
		if (rc == FCS_OK && !is_list && row->type == CONFIG_MAP)
			rc = split_pairs(&v, e);
		if (rc == FCS_OK)
			rc = check_items(row, &v, e);
		if (rc == FCS_OK)
			v.text = join(&v, row->type == CONFIG_MAP);
	} else {
		if (row->type == CONFIG_FREE)
			rc = check_free(text, e);
		else if (row->type != CONFIG_TEXT)
			rc = set_number(row, text, &v.num, e);
		if (rc == FCS_OK)
			v.text = strdup(text);
	}
	if (rc == FCS_OK && v.text == NULL)
		rc = FCS_ENOMEM;
	if (rc != FCS_OK) {
		config_value_fini(&v);
		if (rc == FCS_ENOMEM)
			(void)err_set(e, rc, "%s", err_text(rc));
		return rc;
	}
	*out = v;
	return FCS_OK;
}

int
config_set_init(struct config_set *s, const struct config_table *t)
{
	s->table = t;
	s->values = calloc(t->n, sizeof(*s->values));
	return s->values != NULL ? FCS_OK : FCS_ENOMEM;
}

void
config_set_fini(struct config_set *s)
{
	if (s->values == NULL)
		return;
	for (size_t i = 0; i < s->table->n; i++)
		config_value_fini(&s->values[i]);
	free(s->values);
	s->values = NULL;
}

void
config_set_put(struct config_set *s, size_t row, struct config_value *v)
{
	config_value_fini(&s->values[row]);
	s->values[row] = *v;
	memset(v, 0, sizeof(*v));
}

int
config_set_text(struct config_set *s, size_t row, const char *text,
    enum config_layer layer, struct err *e)
{
	struct config_value v = { 0 };
	int rc =
	    config_value_set(&s->table->rows[row], text, NULL, 0, false, &v, e);

	if (rc != FCS_OK)
		return rc;
	v.layer = layer;
	config_set_put(s, row, &v);
	return FCS_OK;
}

int
config_set_defaults(struct config_set *s)
{
	char number[STR_NUMBER_MAX];
	struct err e;
	int rc;

	for (size_t i = 0; i < s->table->n; i++) {
		rc = config_set_text(s, i,
		    config_table_default(s->table, i, number),
		    CONFIG_BY_DEFAULT, &e);
		/* a default that does not fit its own row is our bug */
		fcs_assert(rc == FCS_OK || rc == FCS_ENOMEM);
		if (rc != FCS_OK)
			return rc;
	}
	return FCS_OK;
}
