/* SPDX-License-Identifier: BSD-2-Clause */
/* command - commands and data messages: a name, and values behind it. Types 17
 * and 15 carry one format byte 0 in front, which some encoders leave out. */
#include "codec/command.h"

#include "codec/amf0.h"
#include "codec/amf_int.h"

/* Reader over the values of msg. */
static int
begin(struct amf0_reader *r, struct arena *a, const struct message *msg)
{
	size_t from = 0;

	if (msg->type == MESSAGE_COMMAND_AMF3 ||
	    msg->type == MESSAGE_DATA_AMF3) {
		if (msg->len == 0)
			return FCS_ESHORT;
		if (msg->payload[0] == 0)
			from = 1;
		else if (msg->payload[0] != AMF0_M_STRING)
			return FCS_EFORMAT;
	}
	amf0_reader_init(r, a, msg->payload + from, msg->len - from);
	return FCS_OK;
}

/* The rest of the values as an array in the arena. */
static int
read_args(struct amf0_reader *r, struct value ***args, uint32_t *count)
{
	struct value list = { .type = VALUE_ARRAY }, *v;
	int rc;

	while (!amf0_reader_at_end(r)) {
		if (list.item_count == COMMAND_ARGS_MAX)
			return FCS_ELIMIT;
		rc = amf0_read(r, &v);
		if (rc == FCS_OK)
			rc = value_push(r->arena, &list, v);
		if (rc != FCS_OK)
			return rc;
	}
	*args = list.items;
	*count = list.item_count;
	return FCS_OK;
}

static int
check_name(const struct value *v)
{
	if (v->type != VALUE_STRING)
		return FCS_EFORMAT;
	if (v->str.len > COMMAND_NAME_MAX)
		return FCS_ELIMIT;
	for (uint32_t i = 0; i < v->str.len; i++)
		if ((uint8_t)v->str.ptr[i] < 0x20 || v->str.ptr[i] == 0x7f)
			return FCS_EFORMAT;
	return FCS_OK;
}

/* A number; null and undefined are how some clients say 0. */
static int
read_txn(const struct value *v, double *out)
{
	switch (v->type) {
	case VALUE_NUMBER:
	case VALUE_INTEGER:
		*out = v->number;
		return FCS_OK;
	case VALUE_NULL:
	case VALUE_UNDEFINED:
		*out = 0;
		return FCS_OK;
	default:
		return FCS_EFORMAT;
	}
}

int
command_read(struct arena *a, const struct message *msg, struct command *out)
{
	struct command c = { .txn = 0 };
	struct amf0_reader r;
	struct value *v;
	int rc;

	rc = begin(&r, a, msg);
	if (rc == FCS_OK)
		rc = amf0_read(&r, &v);
	if (rc == FCS_OK)
		rc = check_name(v);
	if (rc != FCS_OK)
		return rc;
	c.name = v->str;
	if (!amf0_reader_at_end(&r)) {
		rc = amf0_read(&r, &v);
		if (rc == FCS_OK)
			rc = read_txn(v, &c.txn);
		if (rc != FCS_OK)
			return rc;
	}
	if (!amf0_reader_at_end(&r)) {
		rc = amf0_read(&r, &c.object);
		if (rc != FCS_OK)
			return rc;
	}
	rc = read_args(&r, &c.args, &c.arg_count);
	if (rc == FCS_OK)
		*out = c;
	return rc;
}

static int
write_arg(struct amf0_writer *w, const struct value *v)
{
	if (v == NULL) {
		amf0_put_null(w->out);
		return buf_status(w->out);
	}
	return amf0_write(w, v);
}

int
command_write(struct buf *out, bool amf3, const char *name, double txn,
    const struct value *object, struct value *const *args, uint32_t arg_count)
{
	size_t start = buf_len(out);
	struct amf0_writer w;
	int rc;

	amf0_writer_init(&w, out, amf3 ? AMF0_SWITCHED : AMF0_PLAIN);
	if (amf3)
		buf_u8(out, 0);
	amf0_put_string(out, name, strlen(name));
	amf0_put_number(out, txn);
	rc = write_arg(&w, object);
	for (uint32_t i = 0; rc == FCS_OK && i < arg_count; i++)
		rc = write_arg(&w, args[i]);
	if (rc != FCS_OK)
		buf_truncate(out, start);
	amf0_writer_fini(&w);
	return rc;
}

int
command_read_data(
    struct arena *a, const struct message *msg, struct command_data *out)
{
	struct command_data d = { .arg_count = 0 };
	struct amf0_reader r;
	int rc;

	rc = begin(&r, a, msg);
	if (rc == FCS_OK)
		rc = read_args(&r, &d.args, &d.arg_count);
	if (rc != FCS_OK)
		return rc;
	if (d.arg_count > 0 && d.args[0]->type == VALUE_STRING) {
		d.name = d.args[0]->str;
		d.args++;
		d.arg_count--;
	}
	*out = d;
	return FCS_OK;
}
