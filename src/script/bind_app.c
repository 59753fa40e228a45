/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instance as a whole (mrblib/84_app_admin.rb).
 */
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/string.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/live.h"
#include "script/bind.h"

#define STATS        10
#define HOSTNAME_MAX 256

static void
add_traffic(void *arg, struct client *c)
{
	uint64_t *sum = arg, in = 0, out = 0;
	int rtt;

	client_traffic(c, &in, &out, &rtt);
	sum[0] += in;
	sum[1] += out;
}

/* app_stats => the numbers of App#stats in its order */
static mrb_value
f_stats(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const struct instance_stats *st;
	struct script_stats ss = { 0 };
	const struct script_ops *ops;
	uint64_t n[STATS];
	mrb_value list;
	int i;

	(void)self;
	vmguard_native_begin();
	st = instance_stats(vm->inst);
	n[0] = st->bytes_in;
	n[1] = st->bytes_out;
	instance_each_client(vm->inst, add_traffic, n);
	n[2] = st->msg_in;
	n[3] = st->msg_out;
	n[4] = st->msg_dropped;
	n[5] = st->connects;
	n[6] = st->disconnects;
	n[7] = instance_client_count(vm->inst);
	ops = application_env(instance_app(vm->inst))->script;
	if (instance_script(vm->inst) != NULL) /* not while main.rb runs */
		ops->stats(instance_script(vm->inst), &ss);
	n[8] = ss.busy_us / 1000;
	n[9] = vmarena_used(vm->mem);
	vmguard_native_end();
	list = mrb_ary_new_capa(mrb, STATS);
	for (i = 0; i < STATS; i++)
		mrb_ary_push(mrb, list, mrb_int_value(mrb, (mrb_int)n[i]));
	return list;
}

static mrb_value
f_hostname(mrb_state *mrb, mrb_value self)
{
	const struct application_env *env;
	const char *set = "";
	char name[HOSTNAME_MAX] = "";

	(void)self;
	vmguard_native_begin();
	env = application_env(instance_app(vm_of(mrb)->inst));
	if (env->config != NULL)
		set = config_text(env->config, CFG_HOSTNAME);
	if (set[0] == '\0' && gethostname(name, sizeof(name) - 1) == 0)
		set = name;
	vmguard_native_end();
	return mrb_str_new_cstr(mrb, set);
}

/* shutdown(text for the clients) */
static mrb_value
f_shutdown(mrb_state *mrb, mrb_value self)
{
	const char *why;

	(void)self;
	mrb_get_args(mrb, "z", &why);
	vmguard_native_begin();
	instance_shutdown(vm_of(mrb)->inst, why);
	vmguard_native_end();
	return mrb_nil_value();
}

static mrb_value
f_gc(mrb_state *mrb, mrb_value self)
{
	(void)self;
	vm_of(mrb)->gc_wanted = true;
	vm_of(mrb)->has_work = true;
	return mrb_nil_value();
}

static void
add_live(void *arg, struct live *l)
{
	if (live_is_published(l))
		buf_append(arg, live_name(l), strlen(live_name(l)) + 1);
}

static mrb_value
f_stream_names(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	int rc;

	(void)self;
	vmguard_native_begin();
	buf_reset(&vm->out, SIZE_MAX);
	live_each(vm->inst, add_live, &vm->out);
	rc = buf_status(&vm->out);
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise_code(mrb, rc, "streams");
	return bind_core_texts(mrb, &vm->out);
}

/* clear_objects(path) => whether all were cleared */
static mrb_value
f_clear_objects(mrb_state *mrb, mrb_value self)
{
	const char *path;
	bool all;

	(void)self;
	mrb_get_args(mrb, "z", &path);
	vmguard_native_begin();
	all = sharedobj_clear_path(vm_of(mrb)->inst, path);
	vmguard_native_end();
	return mrb_bool_value(all);
}

void
bind_app_init(struct vm *vm)
{
	BIND(vm, "app_stats", f_stats, MRB_ARGS_NONE());
	BIND(vm, "hostname", f_hostname, MRB_ARGS_NONE());
	BIND(vm, "shutdown", f_shutdown, MRB_ARGS_REQ(1));
	BIND(vm, "gc", f_gc, MRB_ARGS_NONE());
	BIND(vm, "stream_names", f_stream_names, MRB_ARGS_NONE());
	BIND(vm, "clear_objects", f_clear_objects, MRB_ARGS_REQ(1));
}
