/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The traffic of clients (core/client.h), by id; what they stream and use.
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
#include <stdio.h>
#include <string.h>

#include "script/bind.h"

#define FIGURES 20

/* NULL when it is forgotten; one that is gone may still be there. */
static struct client *
find(struct vm *vm, const char *id)
{
	return instance_client(vm->inst, id);
}

/* client_stats(id) => [bytes_in, bytes_out, msg_in, msg_out, msg_dropped,
 * ping_rtt (-1 unknown), messages queued (audio video so data), bytes queued
 * (the same), messages dropped (audio video), bytes dropped (the same), bytes
 * a second in, out] or nil */
static mrb_value
f_stats(mrb_state *mrb, mrb_value self)
{
	struct client_figures f;
	mrb_value v[FIGURES];
	struct client *c;
	const char *id;
	int i, n = 6;

	(void)self;
	mrb_get_args(mrb, "z", &id);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	if (c != NULL)
		client_figures(c, &f);
	vmguard_native_end();
	if (c == NULL)
		return mrb_nil_value();
	v[0] = mrb_int_value(mrb, (mrb_int)f.bytes_in);
	v[1] = mrb_int_value(mrb, (mrb_int)f.bytes_out);
	v[2] = mrb_int_value(mrb, (mrb_int)f.msg_in);
	v[3] = mrb_int_value(mrb, (mrb_int)f.msg_out);
	v[4] = mrb_int_value(mrb, (mrb_int)f.msg_dropped);
	v[5] = mrb_int_value(mrb, f.rtt_ms);
	for (i = 0; i < CLIENT_KINDS; i++)
		v[n++] = mrb_int_value(mrb, (mrb_int)f.queue[i].messages);
	for (i = 0; i < CLIENT_KINDS; i++)
		v[n++] = mrb_int_value(mrb, (mrb_int)f.queue[i].bytes);
	for (i = CLIENT_AUDIO; i <= CLIENT_VIDEO; i++)
		v[n++] = mrb_int_value(mrb, (mrb_int)f.dropped[i].messages);
	for (i = CLIENT_AUDIO; i <= CLIENT_VIDEO; i++)
		v[n++] = mrb_int_value(mrb, (mrb_int)f.dropped[i].bytes);
	v[n++] = mrb_int_value(mrb, (mrb_int)f.in_bps);
	v[n] = mrb_int_value(mrb, (mrb_int)f.out_bps);
	return mrb_ary_new_from_values(mrb, FIGURES, v);
}

/* client_ping(id, pending), client_measure(id, pending) => true: the answer
 * comes; false: there is none to come; nil: the client is gone */
static mrb_value
ask(mrb_state *mrb, int (*fn)(struct client *, uint64_t))
{
	struct client *c;
	const char *id;
	mrb_int pending;
	int rc;

	mrb_get_args(mrb, "zi", &id, &pending);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	rc = c == NULL ? FCS_ECLOSED : fn(c, (uint64_t)pending);
	vmguard_native_end();
	if (rc == FCS_ECLOSED)
		return mrb_nil_value();
	if (rc != FCS_OK && rc != FCS_ENOENT)
		vm_raise_code(mrb, rc, "client");
	return mrb_bool_value(rc == FCS_OK);
}

static mrb_value
f_ping(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return ask(mrb, client_ping);
}

static mrb_value
f_measure(mrb_state *mrb, mrb_value self)
{
	(void)self;
	return ask(mrb, client_measure);
}

/* client_rate(id, out) => bytes a second, 0 = no limit, nil = forgotten */
static mrb_value
f_rate(mrb_state *mrb, mrb_value self)
{
	struct client *c;
	const char *id;
	mrb_bool out;
	uint64_t rate = 0;

	(void)self;
	mrb_get_args(mrb, "zb", &id, &out);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	if (c != NULL)
		rate = client_rate(c, out);
	vmguard_native_end();
	return c == NULL ? mrb_nil_value() : mrb_int_value(mrb, (mrb_int)rate);
}

/* client_set_rate(id, out, bytes a second, 0 = as the application says) */
static mrb_value
f_set_rate(mrb_state *mrb, mrb_value self)
{
	struct client *c;
	const char *id;
	mrb_bool out;
	mrb_int bps;
	int rc = FCS_OK;

	(void)self;
	mrb_get_args(mrb, "zbi", &id, &out, &bps);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	if (bps < 0)
		rc = FCS_EINVAL;
	else if (c != NULL)
		rc = client_set_rate(c, out, (uint64_t)bps);
	vmguard_native_end();
	if (rc == FCS_EINVAL)
		mrb_raisef(mrb, E_ARGUMENT_ERROR,
		    "bandwidth: at least %d bytes/s, or nil", CLIENT_RATE_MIN);
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, "bandwidth");
	return mrb_nil_value();
}

/* client_reconnect(id, url or nil) => bool */
static mrb_value
f_reconnect(mrb_state *mrb, mrb_value self)
{
	struct client *c;
	const char *id, *url;
	int rc;

	(void)self;
	mrb_get_args(mrb, "zz!", &id, &url);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	rc = c == NULL ? FCS_ECLOSED : client_reconnect(c, url);
	vmguard_native_end();
	return mrb_bool_value(rc == FCS_OK);
}

/* client_samples(id, video, paths) */
static mrb_value
f_samples(mrb_state *mrb, mrb_value self)
{
	const char *id, *paths[BIND_PATHS_MAX];
	mrb_bool video;
	mrb_value list;
	struct client *c;
	uint32_t count;
	int rc = FCS_OK;

	(void)self;
	mrb_get_args(mrb, "zbA", &id, &video, &list);
	count = bind_core_paths(mrb, list, paths);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	if (c != NULL)
		rc = client_set_samples(c, video, paths, count);
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, "sample access");
	return mrb_nil_value();
}

static mrb_value
f_virtual_key(mrb_state *mrb, mrb_value self)
{
	struct client *c;
	const char *id, *key;
	mrb_int len;
	int rc = FCS_OK;

	(void)self;
	mrb_get_args(mrb, "zs", &id, &key, &len);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	if (c != NULL)
		rc = client_set_virtual_key(c, key, (size_t)len);
	vmguard_native_end();
	if (rc == FCS_ENOMEM)
		vm_raise_code(mrb, rc, "virtual_key");
	if (rc != FCS_OK)
		mrb_raise(mrb, E_ARGUMENT_ERROR,
		    "virtual_key: at most 255 bytes, without * and :");
	return mrb_nil_value();
}

/* client_key(id) => the virtual key, nil = forgotten */
static mrb_value
f_key(mrb_state *mrb, mrb_value self)
{
	char key[256] = "";
	struct client *c;
	const char *id;

	(void)self;
	mrb_get_args(mrb, "z", &id);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	if (c != NULL)
		snprintf(key, sizeof(key), "%s", client_virtual_key(c));
	vmguard_native_end();
	return c == NULL ? mrb_nil_value() : mrb_str_new_cstr(mrb, key);
}

/* client_refuse(id, stream, why) => whether it published that */
static mrb_value
f_refuse(mrb_state *mrb, mrb_value self)
{
	const char *id, *name, *why;
	mrb_bool done;
	struct client *c;

	(void)self;
	mrb_get_args(mrb, "zzz", &id, &name, &why);
	vmguard_native_begin();
	c = find(vm_of(mrb), id);
	done = c != NULL && client_refuse_publish(c, name, why);
	vmguard_native_end();
	return mrb_bool_value(done);
}

/* ---- names: gathered in vm->out, each with its NUL ---- */

static void
add_name(void *arg, const char *name)
{
	buf_append(arg, name, strlen(name) + 1);
}

static void
add_stream(void *arg, const char *name, bool publishes)
{
	(void)publishes;
	add_name(arg, name);
}

static void
add_object(void *arg, struct sharedobj *so)
{
	add_name(arg, sharedobj_name(so));
}

enum names {
	OF_READ = CLIENT_READ,
	OF_WRITE = CLIENT_WRITE,
	OF_SAMPLE_AUDIO = CLIENT_SAMPLE_AUDIO,
	OF_SAMPLE_VIDEO = CLIENT_SAMPLE_VIDEO,
	OF_STREAMS,
	OF_OBJECTS
};

static void
gather(struct client *c, enum names what, struct buf *out)
{
	switch (what) {
	case OF_STREAMS:
		client_each_stream(c, add_stream, out);
		break;
	case OF_OBJECTS:
		sharedobj_each_used(c, add_object, out);
		break;
	case OF_READ:
	case OF_WRITE:
	case OF_SAMPLE_AUDIO:
	case OF_SAMPLE_VIDEO:
		client_each_path(c, (enum client_right)what, add_name, out);
		break;
	}
}

/* nil: the client is forgotten */
static mrb_value
names(mrb_state *mrb, const char *id, enum names what)
{
	struct vm *vm = vm_of(mrb);
	struct client *c;
	int rc;

	vmguard_native_begin();
	buf_reset(&vm->out, SIZE_MAX);
	c = find(vm, id);
	if (c != NULL)
		gather(c, what, &vm->out);
	rc = buf_status(&vm->out);
	vmguard_native_end();
	if (c == NULL)
		return mrb_nil_value();
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, "names");
	return bind_core_texts(mrb, &vm->out);
}

static mrb_value
f_streams(mrb_state *mrb, mrb_value self)
{
	const char *id;

	(void)self;
	mrb_get_args(mrb, "z", &id);
	return names(mrb, id, OF_STREAMS);
}

static mrb_value
f_objects(mrb_state *mrb, mrb_value self)
{
	const char *id;

	(void)self;
	mrb_get_args(mrb, "z", &id);
	return names(mrb, id, OF_OBJECTS);
}

/* client_paths(id, 0 read, 1 write, 2 samples of sound, 3 of pictures) */
static mrb_value
f_paths(mrb_state *mrb, mrb_value self)
{
	const char *id;
	mrb_int right;

	(void)self;
	mrb_get_args(mrb, "zi", &id, &right);
	if (right < OF_READ || right > OF_SAMPLE_VIDEO)
		mrb_raise(mrb, E_ARGUMENT_ERROR, "there is no such list");
	return names(mrb, id, (enum names)right);
}

void
bind_traffic_init(struct vm *vm)
{
	BIND(vm, "client_stats", f_stats, MRB_ARGS_REQ(1));
	BIND(vm, "client_ping", f_ping, MRB_ARGS_REQ(2));
	BIND(vm, "client_measure", f_measure, MRB_ARGS_REQ(2));
	BIND(vm, "client_rate", f_rate, MRB_ARGS_REQ(2));
	BIND(vm, "client_set_rate", f_set_rate, MRB_ARGS_REQ(3));
	BIND(vm, "client_reconnect", f_reconnect, MRB_ARGS_REQ(2));
	BIND(vm, "client_samples", f_samples, MRB_ARGS_REQ(3));
	BIND(vm, "client_virtual_key", f_virtual_key, MRB_ARGS_REQ(2));
	BIND(vm, "client_key", f_key, MRB_ARGS_REQ(1));
	BIND(vm, "client_refuse", f_refuse, MRB_ARGS_REQ(3));
	BIND(vm, "client_streams", f_streams, MRB_ARGS_REQ(1));
	BIND(vm, "client_paths", f_paths, MRB_ARGS_REQ(2));
	BIND(vm, "client_objects", f_objects, MRB_ARGS_REQ(1));
}
