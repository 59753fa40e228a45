/* SPDX-License-Identifier: BSD-2-Clause */
/* sol - see sol.h for the format. */
#include "codec/sol.h"

#include <string.h>

#include "codec/amf0.h"
#include "codec/amf3.h"
#include "codec/amf_int.h"

#define MAGIC_AT  6
#define MAGIC_LEN 10

static const uint8_t magic[MAGIC_LEN] = { 'T', 'C', 'S', 'O', 0, 4, 0, 0, 0,
	0 };

/* The zero behind every value; the last may be missing. */
static int
take_zero(const uint8_t *data, size_t len, size_t *pos)
{
	if (*pos == len)
		return FCS_OK;
	return data[(*pos)++] == 0 ? FCS_OK : FCS_EFORMAT;
}

static int
read_amf0(struct arena *a, const uint8_t *data, size_t len, struct value *root)
{
	struct amf0_reader r;
	struct value_str key;
	struct value *v;
	int rc;

	amf0_reader_init(&r, a, data, len);
	r.elements_max = SOL_ELEMENTS_MAX;
	rc = amf0_reader_add(&r, root);
	while (rc == FCS_OK && r.pos < len) {
		if (len - r.pos < 2)
			return FCS_ESHORT;
		key.len = amf_get16(data + r.pos);
		key.ptr = (const char *)data + r.pos + 2;
		if (len - r.pos - 2 < key.len)
			return FCS_ESHORT;
		r.pos += 2 + key.len;
		rc = amf0_read(&r, &v);
		if (rc == FCS_OK)
			rc = value_set_len(a, root, key.ptr, key.len, v);
		if (rc == FCS_OK)
			rc = take_zero(data, len, &r.pos);
	}
	return rc;
}

static int
read_amf3(struct arena *a, const uint8_t *data, size_t len, struct value *root)
{
	struct amf3_reader r;
	struct value_str key;
	struct value *v;
	int rc = FCS_OK;

	amf3_reader_init(&r, a, data, len);
	r.elements_max = SOL_ELEMENTS_MAX;
	while (rc == FCS_OK && r.pos < len) {
		rc = amf3_reader_string(&r, &key);
		if (rc == FCS_OK)
			rc = amf3_reader_value(&r, 0, &v);
		if (rc == FCS_OK)
			rc = amf_add_prop(a, root, key, v);
		if (rc == FCS_OK)
			rc = take_zero(data, len, &r.pos);
	}
	return rc;
}

int
sol_read(struct arena *a, const uint8_t *data, size_t len, struct sol *out)
{
	struct sol s;
	struct value_str name;
	const uint8_t *p = data + MAGIC_AT + MAGIC_LEN;
	size_t left;
	int rc;

	if (len < MAGIC_AT + MAGIC_LEN + 2)
		return FCS_ESHORT;
	if (data[0] != 0 || data[1] != 0xBF ||
	    memcmp(data + MAGIC_AT, magic, MAGIC_LEN) != 0)
		return FCS_EFORMAT;
	if (len > SOL_SIZE_MAX)
		return FCS_ELIMIT;
	if (amf_get32(data + 2) > len - MAGIC_AT)
		return FCS_ESHORT;
	len = MAGIC_AT + amf_get32(data + 2);
	if (len < MAGIC_AT + MAGIC_LEN + 2)
		return FCS_EFORMAT;
	left = len - MAGIC_AT - MAGIC_LEN - 2;
	name.len = amf_get16(p);
	name.ptr = (const char *)p + 2;
	if (left < (size_t)name.len + 4)
		return FCS_ESHORT;
	p += 2 + name.len;
	left -= name.len + 4u;
	if (amf_get32(p) != 0 && amf_get32(p) != 3)
		return FCS_EFORMAT;
	s.amf3 = amf_get32(p) == 3;
	s.data = value_new(a, VALUE_OBJECT);
	if (s.data == NULL)
		return FCS_ENOMEM;
	rc = amf_keep_str(a, name, &s.name);
	if (rc == FCS_OK && s.amf3)
		rc = read_amf3(a, p + 4, left, s.data);
	else if (rc == FCS_OK)
		rc = read_amf0(a, p + 4, left, s.data);
	if (rc == FCS_OK)
		*out = s;
	return rc;
}

static int
write_amf0(struct buf *out, const struct value *root)
{
	struct amf0_writer w;
	int rc;

	amf0_writer_init(&w, out, AMF0_CANONICAL);
	rc = amf0_writer_add(&w, root);
	for (uint32_t i = 0; rc == FCS_OK && i < root->prop_count; i++) {
		amf0_put_utf8(
		    out, root->props[i].key.ptr, root->props[i].key.len);
		rc = amf0_write(&w, root->props[i].val);
		buf_u8(out, 0);
	}
	amf0_writer_fini(&w);
	return rc;
}

static int
write_amf3(struct buf *out, const struct value *root)
{
	struct amf3_writer *w = amf3_writer_new(out);
	int rc = FCS_OK;

	if (w == NULL)
		return FCS_ENOMEM;
	for (uint32_t i = 0; rc == FCS_OK && i < root->prop_count; i++) {
		rc = amf3_writer_string(w, root->props[i].key);
		if (rc == FCS_OK)
			rc = amf3_writer_value(w, root->props[i].val);
		buf_u8(out, 0);
	}
	amf3_writer_free(w);
	return rc;
}

int
sol_write(struct buf *out, const struct sol *s)
{
	size_t start = buf_len(out);
	uint8_t size[4];
	uint32_t n;
	int rc;

	buf_be16(out, 0x00BF);
	buf_be32(out, 0);
	buf_append(out, magic, MAGIC_LEN);
	amf0_put_utf8(out, s->name.ptr, s->name.len);
	buf_be32(out, s->amf3 ? 3 : 0);
	rc = s->amf3 ? write_amf3(out, s->data) : write_amf0(out, s->data);
	if (rc == FCS_OK)
		rc = buf_status(out);
	if (rc != FCS_OK) {
		buf_truncate(out, start);
		return rc;
	}
	n = (uint32_t)(buf_len(out) - start - MAGIC_AT);
	for (unsigned i = 0; i < 4; i++)
		size[i] = (uint8_t)(n >> (24 - 8 * i));
	buf_patch(out, start + 2, size, sizeof(size));
	return FCS_OK;
}
