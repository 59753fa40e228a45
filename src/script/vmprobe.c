/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/vmprobe.h"

#include <mruby.h>
#include <mruby/array.h>
#include <mruby/irep.h>

#include "core/probe.h"
#include "mrblib/embedded_check.h"
#include "mrblib/embedded_probe.h"
#include "script/bind.h"
#include "script/conv.h"

/* probe(what, *args) => answer of the test */
static mrb_value
f_probe(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	const struct probe *probe =
	    application_env(instance_app(vm->inst))->probe;
	struct value **args, *out = NULL;
	const char *what, *why = NULL;
	const mrb_value *argv;
	mrb_value list, result;
	uint32_t count;
	mrb_int argc;
	int rc;

	(void)self;
	mrb_get_args(mrb, "z*", &what, &argv, &argc);
	list = mrb_ary_new_from_values(mrb, argc, argv);
	vmguard_native_begin();
	rc = conv_args(vm, list, &args, &count, &why);
	if (rc == FCS_OK && probe != NULL)
		probe->ask(
		    probe->arg, vm->inst, what, args, count, vm->args, &out);
	vmguard_native_end();
	if (rc != FCS_OK)
		vm_raise(mrb, VM_EVALUE, "%s", why);
	result = conv_to_ruby(vm, out, false, &why);
	if (mrb_undef_p(result))
		vm_raise(mrb, VM_EVALUE, "%s: %s", what, why);
	return result;
}

static void
run(mrb_state *mrb, const uint8_t *code)
{
	mrb_load_irep(mrb, code);
	if (mrb->exc != NULL)
		mrb_exc_raise(mrb, mrb_obj_value(mrb->exc));
}

void
vmprobe_load(struct vm *vm, void *unused)
{
	(void)unused;
	BIND(vm, "probe", f_probe, MRB_ARGS_ANY());
	run(vm->mrb, mrblib_probe_code);
	if (application_env(instance_app(vm->inst))->probe->only_check)
		run(vm->mrb, mrblib_check_code);
}
