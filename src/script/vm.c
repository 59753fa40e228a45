/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state is put together by hand: the core of mruby and the gems listed
 * here, one by one. What is not listed (io, socket, eval, objectspace, print,
 * time) is not there to be found; see dependencies.md 1.8. Time is our own
 * (mrblib/10_time.rb), because localtime() and gmtime() take a lock.
 */
#include "script/vm.h"

#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/compile.h>
#include <mruby/error.h>
#include <mruby/hash.h>
#include <mruby/irep.h>
#include <mruby/string.h>
#include <mruby/variable.h>
#include <mruby/version.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "script/bind.h"
#include "script/vmlib.h"
#include "script/vmload.h"
#include "script/vmlog.h"
#include "script/vmtimer.h"
#include "script/vmwait.h"

#if MRUBY_RELEASE_NO >= 30200 && MRUBY_RELEASE_NO < 30300
#error mruby 3.2 cannot resume a fiber from a Ruby method called by C
#endif

#define GEMS(X)                                                                \
	X(compar_ext)                                                          \
	X(enum_ext)                                                            \
	X(string_ext)                                                          \
	X(numeric_ext)                                                         \
	X(array_ext)                                                           \
	X(hash_ext)                                                            \
	X(range_ext)                                                           \
	X(proc_ext)                                                            \
	X(symbol_ext)                                                          \
	X(object_ext)                                                          \
	X(fiber)                                                               \
	X(enumerator)                                                          \
	X(enum_lazy)                                                           \
	X(toplevel_ext)                                                        \
	X(kernel_ext)                                                          \
	X(class_ext)                                                           \
	X(pack)                                                                \
	X(sprintf)                                                             \
	X(struct)                                                              \
	X(random)                                                              \
	X(math)                                                                \
	X(metaprog)                                                            \
	X(method)

#define X(gem) void GENERATED_TMP_mrb_mruby_##gem##_gem_init(mrb_state *);
GEMS(X)
#undef X

#define STEP_RATIO     200 /* mruby's default */
#define LIBRARY_MEMORY ((uint64_t)8 << 20)
#define WHOLE_CYCLE    100000000 /* so many objects a VM never has */

struct call {
	struct vm *vm;
	void (*fn)(struct vm *, void *arg);
	void *arg;
	struct err *why;
	int result;
};

/*
 * mruby collects by the number of objects, we count bytes: past gc_at the next
 * new object, which is a safe place, starts a collection, and it runs to its
 * end in one step. After it the mark moves up towards the ceiling, so that a
 * script whose data is that large does not collect all the time.
 */
static void
collect_soon(struct vm *vm, mrb_gc *gc)
{
	size_t used = vmarena_used(vm->mem), at;

	if (vm->collecting && gc->threshold != 0) { /* it has run */
		vm->collecting = false;
		gc->step_ratio = STEP_RATIO;
		at = used < vm->cap ? used + (vm->cap - used) / 2 : vm->cap;
		vm->gc_at = at < vm->cap / 2 ? vm->cap / 2 : at;
	}
	if (!vm->collecting && used > vm->gc_at) {
		vm->collecting = true;
		gc->step_ratio = WHOLE_CYCLE;
		gc->threshold = 0;
	}
}

static void *
allocate(mrb_state *mrb, void *p, size_t n, void *ud)
{
	struct vm *vm = ud;

	/* vm->mrb is set when the state is complete. */
	if (n != 0 && vm->mrb != NULL &&
	    (vm->collecting || vmarena_used(vm->mem) > vm->gc_at))
		collect_soon(vm, &mrb->gc);
	return vmarena_realloc(vm->mem, p, n);
}

static void
over(void *arg)
{
	(void)arg;
	/* the VM of tests is not run by the guard: nothing to go back to */
	if (!vmguard_is_inside()) {
		log_error("script.memory", "why=%s", "the VM of tests is full");
		abort();
	}
	vmguard_leave(VMGUARD_MEMORY);
}

static mrb_value
call_body(mrb_state *mrb, void *p)
{
	struct call *c = p;

	(void)mrb;
	c->fn(c->vm, c->arg);
	return mrb_nil_value();
}

static mrb_value
describe_body(mrb_state *mrb, void *p)
{
	mrb_value exc = *(mrb_value *)p;
	mrb_value lines, line, text;
	mrb_int i;

	text = mrb_str_new_lit(mrb, "");
	lines = mrb_funcall_id(mrb, exc, mrb_intern_lit(mrb, "backtrace"), 0);
	for (i = 0; mrb_array_p(lines) && i < RARRAY_LEN(lines); i++) {
		line = RARRAY_PTR(lines)[i];
		if (!mrb_string_p(line) ||
		    strncmp(RSTRING_PTR(line), "mrblib/", 7) == 0)
			continue;
		/* "main.rb:5:in on": up to the second colon */
		text = mrb_str_dup(mrb, line);
		i = mrb_str_index(mrb, text, ":in ", 4, 0);
		if (i > 0)
			text = mrb_str_substr(mrb, text, 0, i);
		mrb_str_cat_lit(mrb, text, ": ");
		break;
	}
	line = mrb_funcall_id(mrb, exc, mrb_intern_lit(mrb, "message"), 0);
	if (mrb_string_p(line))
		mrb_str_cat_str(mrb, text, line);
	line = mrb_str_new_cstr(mrb, mrb_obj_classname(mrb, exc));
	if (strcmp(RSTRING_PTR(line), "ArgumentError") != 0) {
		mrb_str_cat_lit(mrb, text, " (");
		mrb_str_cat_str(mrb, text, line);
		mrb_str_cat_lit(mrb, text, ")");
	}
	return text;
}

const char *
vm_exception_text(struct vm *vm, mrb_value exc)
{
	mrb_bool failed = FALSE;
	mrb_value text;

	text = mrb_protect_error(vm->mrb, describe_body, &exc, &failed);
	if (failed || !mrb_string_p(text))
		return "exception without a message";
	return mrb_str_to_cstr(vm->mrb, text);
}

static void
enter(void *p)
{
	struct call *c = p;
	mrb_state *mrb = c->vm->mrb;
	int ai = mrb_gc_arena_save(mrb);
	mrb_bool failed = FALSE;
	mrb_value exc;
	const char *text;

	exc = mrb_protect_error(mrb, call_body, c, &failed);
	if (failed) {
		c->result = FCS_ESCRIPT;
		text = vm_exception_text(c->vm, exc);
		vmguard_native_begin();
		err_set(c->why, FCS_ESCRIPT, "%s", text);
		vmguard_native_end();
	}
	mrb_gc_arena_restore(mrb, ai);
}

int
vm_run(struct vm *vm, uint32_t ms, const char *what,
    void (*fn)(struct vm *, void *arg), void *arg, struct err *why)
{
	struct call c = { vm, fn, arg, why, FCS_OK };
	enum vmguard_end end;

	if (vm->lost)
		return err_set(why, FCS_EKILLED, "the script is gone");
	end = vmguard_run(ms, what, enter, &c);
	if (end == VMGUARD_DONE)
		return c.result;
	vm->lost = true;
	if (end == VMGUARD_TIME)
		return err_set(
		    why, FCS_EKILLED, "%s ran longer than %u ms", what, ms);
	return err_set(
	    why, FCS_EKILLED, "%s needed more than %zu bytes", what, vm->cap);
}

static void
open_state(void *p)
{
	struct vm *vm = p;

	vm->mrb = mrb_open_core(allocate, vm);
}

static struct RClass *
fcs_class(struct vm *vm, const char *name)
{
	return mrb_class_get_under(vm->mrb, vm->fcs, name);
}

static void
know_classes(struct vm *vm)
{
	mrb_state *mrb = vm->mrb;

	vm->class[VM_ECMA] = fcs_class(vm, "EcmaArray");
	vm->class[VM_TYPED] = fcs_class(vm, "Typed");
	vm->class[VM_XML] = fcs_class(vm, "Xml");
	vm->class[VM_XMLDOC] = fcs_class(vm, "XmlDocument");
	vm->class[VM_BYTES] = fcs_class(vm, "Bytes");
	vm->class[VM_VECTOR] = fcs_class(vm, "Vector");
	vm->class[VM_DICTIONARY] = fcs_class(vm, "Dictionary");
	vm->class[VM_TIME] = mrb_class_get(mrb, "Time");
	vm->class[VM_PENDING] = fcs_class(vm, "Pending");
	vm->error[VM_EVALUE] = fcs_class(vm, "ValueError");
	vm->error[VM_ESTORE] = fcs_class(vm, "StoreError");
	vm->error[VM_ELIMIT] = fcs_class(vm, "LimitError");
	vm->error[VM_EGONE] = fcs_class(vm, "ClientGone");
	vm->error[VM_EUNSUPPORTED] = fcs_class(vm, "NotSupported");
	vm->error[VM_ESTREAM] = fcs_class(vm, "StreamError");
	vm->undefined = mrb_const_get(
	    mrb, mrb_obj_value(vm->fcs), mrb_intern_lit(mrb, "Undefined"));
	vm->core = mrb_const_get(
	    mrb, mrb_obj_value(vm->fcs), mrb_intern_lit(mrb, "Core"));
	vm->sym_call = mrb_intern_lit(mrb, "call");
	vm->sym_us = mrb_intern_lit(mrb, "@us");
	vm->sym_type = mrb_intern_lit(mrb, "@type");
	vm->sym_weak = mrb_intern_lit(mrb, "@weak");
	vm->sym_kind = mrb_intern_lit(mrb, "@kind");
	vm->sym_fixed = mrb_intern_lit(mrb, "@fixed");
	vm->vectors = mrb_hash_new(mrb);
	mrb_gc_register(mrb, vm->vectors);
	vm->seal_keep = mrb_ary_new(mrb);
	mrb_gc_register(mrb, vm->seal_keep);
}

/* What a script must not reach: the switches of the collector, and a way
 * between fibers this mruby gets wrong. */
static void
close_doors(mrb_state *mrb)
{
	struct RClass *fiber = mrb_class_get(mrb, "Fiber");
	mrb_value gc = mrb_obj_value(mrb_module_get(mrb, "GC"));

	/* Shorter worst pauses below 100,000 objects, dependencies.md 1.4. */
	mrb_funcall_id(mrb, gc, mrb_intern_lit(mrb, "generational_mode="), 1,
	    mrb_false_value());
	mrb_const_remove(
	    mrb, mrb_obj_value(mrb->object_class), mrb_intern_lit(mrb, "GC"));
	mrb_undef_method(mrb, fiber, "transfer");
}

/* All that is the same in every VM, before a line of Ruby: always the same
 * steps, see vmlib.h. */
static void
furnish(struct vm *vm)
{
	mrb_state *mrb = vm->mrb;

#define X(gem) GENERATED_TMP_mrb_mruby_##gem##_gem_init(mrb);
	GEMS(X)
#undef X
	close_doors(mrb);
	vm->fcs = mrb_define_module(mrb, "FCS");
	vm->native = mrb_define_module_under(mrb, vm->fcs, "Native");
	bind_app_init(vm);
	bind_core_init(vm);
	bind_client_init(vm);
	bind_sharedobj_init(vm);
	bind_peer_init(vm);
	bind_sohistory_init(vm);
	bind_stream_init(vm);
	bind_text_init(vm);
	bind_files_init(vm);
	bind_http_init(vm);
	bind_traffic_init(vm);
	bind_json_init(vm);
	bind_recording_init(vm);
	bind_secret_init(vm);
}

static void
set_up(struct vm *vm, void *arg)
{
	(void)arg;
	furnish(vm);
	vmlib_run(vm->mrb);
	know_classes(vm);
}

static void
set_up_library(struct vm *vm, void *arg)
{
	furnish(vm);
	*(int *)arg = vmlib_read(vm->mrb);
}

static void
put_setting(mrb_state *mrb, mrb_value h, const char *key, mrb_value v)
{
	mrb_hash_set(mrb, h, mrb_str_new_cstr(mrb, key), v);
}

static void
boot(struct vm *vm, void *arg)
{
	const struct script_options *o = arg;
	mrb_state *mrb = vm->mrb;
	mrb_value h = mrb_hash_new(mrb), name;
	const char *config = o->config_json;

	name = mrb_str_new_cstr(mrb, o->app_name);
	put_setting(mrb, h, "app", name);
	name = mrb_str_dup(mrb, name);
	mrb_str_cat_lit(mrb, name, "/");
	mrb_str_cat_cstr(mrb, name, o->inst_name);
	put_setting(mrb, h, "name", name);
	put_setting(mrb, h, "inst", mrb_str_new_cstr(mrb, o->inst_name));
	put_setting(mrb, h, "server",
	    mrb_str_new_lit(mrb, "fcs/" FCS_VERSION " Linux"));
	if (config == NULL || config[0] == '\0')
		config = "{}";
	put_setting(mrb, h, "config",
	    bind_json_parse(vm, config, strlen(config), true));
	put_setting(mrb, h, "handlers",
	    mrb_int_value(mrb, o->handlers != 0 ? o->handlers : 1000));
	put_setting(mrb, h, "lock_timeout",
	    mrb_float_value(mrb,
		o->lock_timeout_ms != 0 ? o->lock_timeout_ms / 1000.0 : 5.0));
	put_setting(mrb, h, "timers",
	    mrb_int_value(mrb, o->timers != 0 ? o->timers : 1000));
	put_setting(mrb, h, "first_id",
	    mrb_int_value(mrb, (mrb_int)o->generation << 32));
	mrb_funcall_id(mrb, vm->core, mrb_intern_lit(mrb, "boot"), 1, h);
}

/* An empty state; what there is of it is *out even when it fails. */
static int
open_empty(struct instance *inst, const struct script_options *o,
    struct vm **out, struct err *why)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	enum vmguard_end end;

	*out = vm;
	if (vm == NULL)
		return err_set(why, FCS_ENOMEM, "no memory for a script");
	vm->inst = inst;
	vm->answers_tail = &vm->answers;
	vm->time_ms = o->time_ms;
	vm->start_ms = o->start_ms;
	vm->cap = (size_t)o->memory;
	vm->gc_at = vm->cap / 2;
	vm->undefined_keep = o->undefined_keep;
	vm->opened_us = clock_us();
	buf_init(&vm->out, 0);
	vm->dir = strdup(o->dir);
	vm->args = vm->arenas[0] = arena_new(0);
	vm->answer_mem = arena_new(0);
	vm->mem = vmarena_new((size_t)o->memory, over, vm);
	if (vm->dir == NULL || vm->args == NULL || vm->answer_mem == NULL ||
	    vm->mem == NULL)
		return err_set(why, FCS_ENOMEM, "no memory for a script");
	/* Loading gets some headroom: running short there helps nobody. */
	vmarena_set_cap(vm->mem, vmarena_reserve(vm->mem));
	if (o->native_ms != 0)
		vmguard_set_native_limit(o->native_ms);
	end = vmguard_run(o->start_ms, "opening the VM", open_state, vm);
	if (end != VMGUARD_DONE || vm->mrb == NULL)
		return err_set(why, FCS_ELIMIT, "the VM could not be opened");
	vm->mrb->ud = vm;
	return FCS_OK;
}

/* Once: what fails here is tried again with the next VM. */
static void
open_library(struct instance *inst, const struct script_options *o)
{
	struct script_options mine = *o;
	struct vm *vm;
	int rc, read = FCS_ENOMEM;

	mine.memory = LIBRARY_MEMORY;
	rc = open_empty(inst, &mine, &vm, NULL);
	if (rc == FCS_OK)
		rc = vm_run(vm, o->start_ms, "reading the library",
		    set_up_library, &read, NULL);
	if (rc == FCS_OK && read == FCS_OK && vmlib_share(vm) == FCS_OK)
		return;
	vm_close(vm);
}

int
vm_open(struct instance *inst, const struct script_options *o, struct vm **out,
    struct err *why)
{
	struct vm *vm;
	int rc;

	if (!vmlib_is_read())
		open_library(inst, o);
	rc = open_empty(inst, o, &vm, why);
	if (rc != FCS_OK)
		goto fail;
	rc = vm_run(vm, o->start_ms, "setting up the VM", set_up, NULL, why);
	if (rc == FCS_OK)
		rc = vm_run(vm, o->start_ms, "setting up the VM", boot,
		    (void *)(uintptr_t)o, why);
	if (rc != FCS_OK)
		goto fail;
	vmarena_set_cap(vm->mem, (size_t)o->memory);
	*out = vm;
	return FCS_OK;
fail:
	vm_close(vm);
	return rc;
}

void
vm_close(struct vm *vm)
{
	struct vm_tx *tx;
	uint32_t i;

	if (vm == NULL)
		return;
	/* mrb_close() is not needed: everything lies in the arena. */
	vmwait_abandon_all(vm);
	vmtimer_free_all(vm);
	if (vm->log_timer != NULL)
		vmlog_fini(vm);
	while ((tx = vm->tx) != NULL) {
		vm->tx = tx->next;
		free(tx->name);
		free(tx);
	}
	for (i = 0; i < vm->loaded_count; i++)
		free(vm->loaded[i]);
	free(vm->loaded);
	vmdecl_fini(&vm->decl);
	vmarena_free(vm->mem);
	for (i = 0; i < VM_ARENAS; i++)
		arena_free(vm->arenas[i]);
	arena_free(vm->answer_mem);
	buf_fini(&vm->out);
	free(vm->text);
	free(vm->dir);
	free(vm);
}

void
vm_raise(mrb_state *mrb, enum vm_error which, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mrb_exc_raise(mrb, mrb_exc_new_str(mrb, vm_of(mrb)->error[which],
			       mrb_str_new_cstr(mrb, text)));
}

void
vm_raise_code(mrb_state *mrb, int code, const char *what)
{
	enum vm_error which = VM_ESTORE;

	if (code == FCS_ELIMIT || code == FCS_EBUSY)
		which = VM_ELIMIT;
	else if (code == FCS_EDEPTH || code == FCS_EFORMAT ||
		 code == FCS_ERANGE)
		which = VM_EVALUE;
	vm_raise(mrb, which, "%s: %s", what, err_text(code));
}

mrb_value
vm_text(mrb_state *mrb, const char *text)
{
	return text == NULL ? mrb_nil_value() : mrb_str_new_cstr(mrb, text);
}
