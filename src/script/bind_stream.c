/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live streams by name.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
#include <string.h>

#include "base/refbuf.h"
#include "codec/amf0.h"
#include "core/live.h"
#include "core/play.h"
#include "script/bind.h"
#include "script/conv.h"

/* stream_info(name) => [live, publisher (id, "" = server, nil), type,
 * viewers, bits a second, ms] */
static mrb_value
f_info(mrb_state *mrb, mrb_value self)
{
	const char *name;
	char client[256] = "", type[16] = "";
	const struct live_publisher *p;
	const struct live_stats *st;
	struct live *l;
	uint32_t viewers = 0, rate = 0, ms = 0;
	bool live = false;
	mrb_value v[6];

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	l = live_find(vm_of(mrb)->inst, name, false);
	if (l != NULL) {
		live = live_is_published(l);
		p = live ? live_publisher(l) : NULL;
		if (p != NULL) {
			snprintf(client, sizeof(client), "%s",
			    p->client == NULL ? "" : p->client);
			snprintf(type, sizeof(type), "%s",
			    p->type == NULL ? "" : p->type);
		}
		st = live_stats(l);
		viewers = st->viewers;
		rate = st->bitrate_bps;
		ms = st->last_ts_ms;
	}
	vmguard_native_end();
	v[0] = mrb_bool_value(live);
	v[1] = live ? mrb_str_new_cstr(mrb, client) : mrb_nil_value();
	v[2] = live ? mrb_str_new_cstr(mrb, type) : mrb_nil_value();
	v[3] = mrb_int_value(mrb, viewers);
	v[4] = mrb_int_value(mrb, rate);
	v[5] = mrb_int_value(mrb, ms);
	return mrb_ary_new_from_values(mrb, 6, v);
}

/* Native: the last value of the kept onMetaData message, or NULL. */
static struct value *
metadata(struct vm *vm, const char *name)
{
	struct live *l = live_find(vm->inst, name, false);
	struct refbuf *data = l == NULL ? NULL : live_metadata(l);
	struct amf0_reader r;
	struct value *v = NULL;

	if (data == NULL)
		return NULL;
	arena_reset(vm->args);
	amf0_reader_init(&r, vm->args, data->data, data->len);
	while (!amf0_reader_at_end(&r))
		if (amf0_read(&r, &v) != FCS_OK)
			return NULL;
	return v;
}

static mrb_value
f_metadata(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name, *why = NULL;
	struct value *v;
	mrb_value r;

	(void)self;
	mrb_get_args(mrb, "z", &name);
	vmguard_native_begin();
	v = metadata(vm, name);
	vmguard_native_end();
	r = conv_to_ruby(vm, v, true, &why);
	if (mrb_undef_p(r))
		vm_raise(mrb, VM_EVALUE, "metadata: %s", why);
	return r;
}

/* stream_tell(name, handler, args) => bool */
static mrb_value
f_tell(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const char *name, *handler, *why = NULL;
	mrb_int handler_len;
	mrb_value args;
	struct live *l;
	int rc;

	(void)self;
	mrb_get_args(mrb, "zsA", &name, &handler, &handler_len, &args);
	conv_seal(vm, args);
	/* to_amf of the script ran: the texts may be others now */
	mrb_get_args(mrb, "zsA", &name, &handler, &handler_len, &args);
	vmguard_native_begin();
	rc = conv_message(
	    vm, handler, (size_t)handler_len, args, AMF0_PLAIN, &why);
	l = live_find(vm->inst, name, false);
	if (rc == FCS_OK)
		rc = l == NULL
			 ? FCS_ENOENT
			 : live_tell(l, buf_data(&vm->out), buf_len(&vm->out));
	vmguard_native_end();
	if (why != NULL)
		vm_raise(mrb, VM_EVALUE, "%s: %s", handler, why);
	return mrb_bool_value(rc == FCS_OK);
}

static mrb_value
f_close(mrb_state *mrb, mrb_value self)
{
	const char *name, *why;
	struct live *l;
	bool live;

	(void)self;
	mrb_get_args(mrb, "zz!", &name, &why);
	vmguard_native_begin();
	l = live_find(vm_of(mrb)->inst, name, false);
	live = l != NULL && live_is_published(l);
	if (live)
		live_close(l, why);
	vmguard_native_end();
	return mrb_bool_value(live);
}

/* play_refuse(client, name, why) => how many plays ended */
static mrb_value
f_refuse(mrb_state *mrb, mrb_value self)
{
	const char *client, *name, *why;
	uint32_t n;

	(void)self;
	mrb_get_args(mrb, "zzz", &client, &name, &why);
	vmguard_native_begin();
	n = play_refuse(
	    vm_of(mrb)->inst, client, name, STATUS_PLAY_FAILED, why);
	vmguard_native_end();
	return mrb_int_value(mrb, n);
}

void
bind_stream_init(struct vm *vm)
{
	BIND(vm, "stream_info", f_info, MRB_ARGS_REQ(1));
	BIND(vm, "stream_metadata", f_metadata, MRB_ARGS_REQ(1));
	BIND(vm, "stream_tell", f_tell, MRB_ARGS_REQ(3));
	BIND(vm, "play_refuse", f_refuse, MRB_ARGS_REQ(3));
	BIND(vm, "stream_close", f_close, MRB_ARGS_REQ(2));
}
