/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sol2json - a .sol file as JSON, in the shape of the files that lie beside the
 * samples of rust-flash-lso: one key per type of value, an `id` for each complex AMF3 value, references by number.
 *
 *	sol2json FILE     print the JSON
 *	sol2json -e FILE  write the file again, encoded, to standard output
 *	sol2json -p FILE  store each slot as a shared object would and read it
 *
 * Exit: 0; 1 the file cannot be decoded or encoded (reason on stderr); 2 usage.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "codec/sol.h"

struct seen {
	const struct value *node;
	unsigned index;
	UT_hash_handle hh;
};

static struct seen *table;
static bool is_amf3;
static FILE *out;

static void put_value(const struct value *);

static void
putc_out(int c)
{
	fputc(c, out);
}

static void
put_string(struct value_str s)
{
	size_t n;

	putc_out('"');
	for (size_t i = 0; i < s.len; i += n) {
		uint32_t cp = utf8_next(s.ptr + i, s.len - i, &n);

		if (cp == UTF8_BAD)
			fprintf(out, "\\ufffd");
		else if (cp == '"' || cp == '\\' || cp < 0x20)
			fprintf(out, "\\u%04x", cp);
		else
			fwrite(s.ptr + i, 1, n, out);
	}
	putc_out('"');
}

static void
put_number(double d)
{
	if (isnan(d) || isinf(d))
		fprintf(out, "null");
	else
		fprintf(out, "%.17g", d);
}

static void
put_list(struct value *const *items, uint32_t count)
{
	putc_out('[');
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			putc_out(',');
		put_value(items[i]);
	}
	putc_out(']');
}

static void
put_element(const char *name, const struct value *v)
{
	fprintf(out, "{\"name\":\"%s\",\"value\":", name);
	put_value(v);
	putc_out('}');
}

static void
put_elements(const struct value *v)
{
	putc_out('[');
	for (uint32_t i = 0; i < v->prop_count; i++) {
		fprintf(out, "%s{\"name\":", i > 0 ? "," : "");
		put_string(v->props[i].key);
		fprintf(out, ",\"value\":");
		put_value(v->props[i].val);
		putc_out('}');
	}
	putc_out(']');
}

/* attributes: 1 dynamic, 2 externalizable. */
static void
put_class(const struct value *v)
{
	fprintf(out, "{\"name\":");
	put_string(v->class_name);
	fprintf(out, ",\"attributes\":%d,\"static_properties\":[",
	    (v->dynamic ? 1 : 0) | (v->externalizable ? 2 : 0));
	for (uint32_t i = 0; i < v->sealed_count; i++) {
		if (i > 0)
			putc_out(',');
		put_string(v->props[i].key);
	}
	fprintf(out, "]}");
}

static void
put_object(const struct value *v, int id)
{
	bool is_proxy =
	    value_str_eq(v->class_name, "flex.messaging.io.ObjectProxy");

	if (v->externalizable) {
		fprintf(out, "{\"Custom\":[[");
		put_element(is_proxy ? "object" : "data", v->items[0]);
		fprintf(out, "],[],");
		put_class(v);
		fprintf(out, "]}");
		return;
	}
	fprintf(out, "{\"Object\":{\"id\":%d,\"data\":{\"elements\":", id);
	put_elements(v);
	fprintf(out, ",\"class_definition\":");
	if (!is_amf3 && v->class_name.len == 0)
		fprintf(out, "null");
	else
		put_class(v);
	fprintf(out, "}}}");
}

static void
put_numbers(const char *type, const struct value *v)
{
	fprintf(out, "{\"%s\":[[", type);
	for (uint32_t i = 0; i < v->item_count; i++) {
		if (i > 0)
			putc_out(',');
		put_number(v->items[i]->number);
	}
	fprintf(out, "],%s]}", v->boolean ? "true" : "false");
}

/* The names come first on the wire, so they are numbered first, though the
 * dense part is printed first. */
static void
put_ecma(const struct value *v, int id)
{
	FILE *saved = out;
	char *names = NULL;
	size_t len;

	out = open_memstream(&names, &len);
	if (out == NULL)
		exit(1);
	put_elements(v);
	fclose(out);
	out = saved;
	fprintf(out, "{\"ECMAArray\":[%d,", id);
	put_list(v->items, v->item_count);
	fprintf(out, ",%s,%.0f]}", names, is_amf3 ? v->prop_count : v->number);
	free(names);
}

static void
put_dictionary(const struct value *v, int id)
{
	fprintf(out, "{\"Dictionary\":[%d,[", id);
	for (uint32_t i = 0; i + 1 < v->item_count; i += 2) {
		if (i > 0)
			putc_out(',');
		put_list(v->items + i, 2);
	}
	fprintf(out, "],%s]}", v->boolean ? "true" : "false");
}

static void
put_bytes(const struct value *v)
{
	fprintf(out, "{\"ByteArray\":[");
	for (uint32_t i = 0; i < v->str.len; i++)
		fprintf(out, "%s%u", i > 0 ? "," : "", (uint8_t)v->str.ptr[i]);
	fprintf(out, "]}");
}

static void
put_complex(const struct value *v, int id)
{
	switch (v->type) {
	case VALUE_OBJECT:
		put_object(v, id);
		break;
	case VALUE_ECMA:
		put_ecma(v, id);
		break;
	case VALUE_ARRAY:
		fprintf(out, "{\"StrictArray\":[%d,", id);
		put_list(v->items, v->item_count);
		fprintf(out, "]}");
		break;
	case VALUE_DATE:
		fprintf(out, "{\"Date\":[");
		put_number(v->number);
		if (is_amf3)
			fprintf(out, ",null]}");
		else
			fprintf(out, ",%u]}", (uint16_t)v->zone);
		break;
	case VALUE_XML:
	case VALUE_XMLDOC:
		fprintf(out, "{\"XML\":[");
		put_string(v->str);
		fprintf(out, ",%s]}",
		    is_amf3 && v->type == VALUE_XMLDOC ? "false" : "true");
		break;
	case VALUE_BYTES:
		put_bytes(v);
		break;
	case VALUE_VECTOR_INT:
		put_numbers("VectorInt", v);
		break;
	case VALUE_VECTOR_UINT:
		put_numbers("VectorUInt", v);
		break;
	case VALUE_VECTOR_DOUBLE:
		put_numbers("VectorDouble", v);
		break;
	case VALUE_VECTOR_OBJECT:
		fprintf(out, "{\"VectorObject\":[%d,", id);
		put_list(v->items, v->item_count);
		putc_out(',');
		put_string(v->class_name);
		fprintf(out, ",%s]}", v->boolean ? "true" : "false");
		break;
	default:
		put_dictionary(v, id);
		break;
	}
}

/* The number of a node; false when it was here before. */
static bool
is_new(const struct value *v, unsigned *index)
{
	struct seen *s;

	HASH_FIND_PTR(table, &v, s);
	if (s != NULL) {
		*index = s->index;
		return false;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		exit(1);
	s->node = v;
	*index = s->index = HASH_COUNT(table);
	HASH_ADD_PTR(table, node, s);
	return true;
}

/* Has an index in the reference table of its format. */
static bool
is_counted(const struct value *v)
{
	return value_is_complex(v) ||
	       (is_amf3 && v->amf3 &&
		   (v->type == VALUE_DATE || v->type == VALUE_XML ||
		       v->type == VALUE_XMLDOC));
}

static void
put_value(const struct value *v)
{
	unsigned index = 0;

	switch (v->type) {
	case VALUE_UNDEFINED:
		fprintf(out, "\"Undefined\"");
		return;
	case VALUE_NULL:
		fprintf(out, "\"Null\"");
		return;
	case VALUE_UNSUPPORTED:
		fprintf(out, "\"Unsupported\"");
		return;
	case VALUE_BOOL:
		fprintf(out, "{\"Bool\":%s}", v->boolean ? "true" : "false");
		return;
	case VALUE_NUMBER:
		fprintf(out, "{\"Number\":");
		put_number(v->number);
		putc_out('}');
		return;
	case VALUE_INTEGER:
		fprintf(out, "{\"Integer\":%.0f}", v->number);
		return;
	case VALUE_STRING:
		fprintf(out, "{\"String\":");
		put_string(v->str);
		putc_out('}');
		return;
	default:
		break;
	}
	if (is_counted(v) && !is_new(v, &index))
		fprintf(out, "{\"%s\":%u}",
		    is_amf3 ? "Amf3ObjectReference" : "Reference", index);
	else
		put_complex(v, is_amf3 ? (int)index : -1);
}

static uint8_t *
read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(SOL_SIZE_MAX);

	if (f == NULL || data == NULL) {
		perror(path);
		exit(1);
	}
	*len = fread(data, 1, SOL_SIZE_MAX, f);
	fclose(f);
	return data;
}

static int
encode(const struct sol *s)
{
	struct buf b;
	int rc;

	buf_init(&b, 0);
	rc = sol_write(&b, s);
	fwrite(buf_data(&b), 1, buf_len(&b), out);
	buf_fini(&b);
	return rc;
}

/* Each slot through the stored form; equal values in, equal values out. */
static int
pack(const struct sol *s)
{
	struct value *back;
	struct arena *a;
	struct buf b;
	int rc = FCS_OK;

	for (uint32_t i = 0; rc == FCS_OK && i < s->data->prop_count; i++) {
		const struct value *v = s->data->props[i].val;

		a = arena_new(0);
		buf_init(&b, 0);
		rc = value_pack(&b, v);
		if (rc == FCS_OK)
			rc = value_unpack(a, buf_data(&b), buf_len(&b), &back);
		if (rc == FCS_OK && !value_equal(v, back))
			rc = FCS_ECORRUPT;
		buf_fini(&b);
		arena_free(a);
	}
	return rc;
}

static int
print(const struct sol *s, size_t len)
{
	unsigned index;

	is_amf3 = s->amf3;
	if (!s->amf3)
		is_new(s->data, &index); /* reference 0 */
	fprintf(out, "{\"header\":{\"length\":%zu,\"name\":", len - 6);
	put_string(s->name);
	fprintf(out,
	    ",\"format_version\":\"%s\"},\"body\":", s->amf3 ? "AMF3" : "AMF0");
	put_elements(s->data);
	fprintf(out, "}\n");
	return FCS_OK;
}

int
main(int argc, char **argv)
{
	const char *mode = argc == 3 ? argv[1] : "";
	struct arena *a = arena_new(0);
	struct sol s;
	uint8_t *data;
	size_t len;
	int rc;

	out = stdout;
	if (argc < 2 || argc > 3 ||
	    (argc == 3 && strcmp(mode, "-e") != 0 && strcmp(mode, "-p") != 0)) {
		fprintf(stderr, "usage: sol2json [-e | -p] file\n");
		return 2;
	}
	data = read_file(argv[argc - 1], &len);
	rc = sol_read(a, data, len, &s);
	free(data);
	if (rc == FCS_OK)
		rc = mode[0] == '\0'  ? print(&s, len)
		     : mode[1] == 'e' ? encode(&s)
				      : pack(&s);
	if (rc != FCS_OK)
		fprintf(stderr, "%s: %s\n", argv[argc - 1], err_text(rc));
	arena_free(a);
	return rc == FCS_OK && fflush(out) == 0 && !ferror(out) ? 0 : 1;
}
