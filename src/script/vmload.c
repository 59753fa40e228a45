/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files are read in native sections into the VM's own memory, so that nothing
 * is lost when the VM is left while it compiles or runs them. The main script
 * runs outside any fiber: `def` fails inside one on this mruby.
 */
#include "script/vmload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/compile.h>
#include <mruby/error.h>
#include <mruby/hash.h>
#include <mruby/proc.h>
#include <mruby/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "script/bind.h"

#define STAMP_DEPTH 4

/* name is beside main.rb unless it begins with a slash (script.path). */
static bool
join(char *out, size_t cap, const char *dir, const char *name)
{
	int n;

	n = name[0] == '/' ? snprintf(out, cap, "%s", name)
			   : snprintf(out, cap, "%s/%s", dir, name);
	return n >= 0 && (size_t)n < cap;
}

int
vmload_find(const char *dir, const char *app, char *out, size_t cap)
{
	static const char *const places[] = { "main.rb", "%s.rb",
		"scripts/main.rb", "scripts/%s.rb" };
	char path[4096];
	struct stat st;
	size_t i;
	int n;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		n = strchr(places[i], '%') == NULL
			? snprintf(out, cap, "%s", places[i])
			: snprintf(out, cap, i == 1 ? "%s.rb" : "scripts/%s.rb",
			      app);
		if (n < 0 || (size_t)n >= cap)
			continue;
		if (!join(path, sizeof(path), dir, out))
			continue;
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return FCS_OK;
	}
	return FCS_ENOENT;
}

static uint64_t
mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len-- > 0)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

/* Folders of an application in which nothing is loaded. */
static bool
is_left_out(const char *name)
{
	static const char *const names[] = { "data", "media", "test", "www" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool
is_part(const char *name, int depth)
{
	size_t n = strlen(name);

	return (n > 3 && strcmp(name + n - 3, ".rb") == 0) ||
	       (depth == 0 && strcmp(name, "app.yaml") == 0);
}

/* Files come in any order: they are added up. */
static uint64_t
stamp_folder(const char *dir, int depth)
{
	char path[4096];
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0, h;
	DIR *d = opendir(dir);

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    (e->d_type == DT_REG && !is_part(e->d_name, depth)) ||
		    (depth == 0 && is_left_out(e->d_name)) ||
		    !join(path, sizeof(path), dir, e->d_name) ||
		    stat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < STAMP_DEPTH)
			sum += stamp_folder(path, depth + 1);
		if (!S_ISREG(st.st_mode) || !is_part(e->d_name, depth))
			continue;
		h = mix(0xcbf29ce484222325ull, path, strlen(path));
		h = mix(h, &st.st_mtim, sizeof(st.st_mtim));
		h = mix(h, &st.st_size, sizeof(st.st_size));
		sum += mix(h, &st.st_ino, sizeof(st.st_ino));
	}
	if (d != NULL)
		closedir(d);
	return sum;
}

uint64_t
vmload_stamp(const char *dir, const char *app)
{
	(void)app;
	return stamp_folder(dir, 0);
}

/* The file into vm->text (native). *len set. */
static int
slurp(struct vm *vm, const char *name, size_t *len, struct err *why)
{
	const struct application_env *env =
	    application_env(instance_app(vm->inst));
	size_t max = env->limits == NULL
			 ? 1u << 20
			 : (size_t)limits_get(env->limits, LIMIT_SCRIPT_FILE);
	char path[4096];
	struct stat st;
	ssize_t n;
	int fd, rc = FCS_OK;

	free(vm->text);
	vm->text = NULL;
	if (!join(path, sizeof(path), vm->dir, name))
		return err_set(
		    why, FCS_ENOENT, "%s: the path is too long", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(why, errno, "%s", name);
	*len = 0;
	if (fstat(fd, &st) != 0)
		rc = err_sys(why, errno, "%s", name);
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		rc = err_set(why, FCS_ELIMIT,
		    "%s: not a file of at most %zu bytes", name, max);
	else if ((vm->text = malloc((size_t)st.st_size + 1)) == NULL)
		rc = err_set(why, FCS_ENOMEM, "%s: out of memory", name);
	while (rc == FCS_OK && *len < (size_t)st.st_size) {
		n = read(fd, vm->text + *len, (size_t)st.st_size - *len);
		if (n < 0)
			rc = err_sys(why, errno, "%s", name);
		else if (n == 0)
			break;
		else
			*len += (size_t)n;
	}
	close(fd);
	return rc;
}

void
vmload_run(mrb_state *mrb, struct mrb_parser_state *parser,
    struct mrbc_context *cxt, const char *name)
{
	struct RProc *proc;

	if (parser->nerr > 0)
		mrb_raisef(mrb, E_ARGUMENT_ERROR, "%s:%d:%d: %s", name,
		    parser->error_buffer[0].lineno,
		    parser->error_buffer[0].column,
		    parser->error_buffer[0].message);
	proc = mrb_generate_code(mrb, parser);
	mrb_parser_free(parser);
	mrbc_context_free(mrb, cxt);
	if (proc == NULL)
		mrb_raisef(
		    mrb, E_ARGUMENT_ERROR, "%s: cannot be compiled", name);
	MRB_PROC_SET_TARGET_CLASS(proc, mrb->object_class);
	mrb_top_run(mrb, proc, mrb_top_self(mrb), 0);
	if (mrb->exc != NULL)
		mrb_exc_raise(mrb, mrb_obj_value(mrb->exc));
}

/* Compile and run one file, in the VM; raises. */
static void
run_file(struct vm *vm, const char *name)
{
	mrb_state *mrb = vm->mrb;
	struct mrb_parser_state *parser;
	mrbc_context *cxt;
	mrb_value source;
	struct err why;
	size_t len = 0;
	int rc;

	err_clear(&why);
	vmguard_native_begin();
	rc = slurp(vm, name, &len, &why);
	vmguard_native_end();
	if (rc != FCS_OK)
		mrb_raisef(mrb, E_ARGUMENT_ERROR, "%s", why.text);
	source = mrb_str_new(mrb, vm->text, len);
	vmguard_native_begin();
	free(vm->text);
	vm->text = NULL;
	vmguard_native_end();
	cxt = mrbc_context_new(mrb);
	cxt->capture_errors = TRUE;
	mrbc_filename(mrb, cxt, name);
	parser = mrb_parse_nstring(
	    mrb, RSTRING_PTR(source), (size_t)RSTRING_LEN(source), cxt);
	if (parser == NULL)
		mrb_raisef(mrb, E_ARGUMENT_ERROR, "%s: cannot be parsed", name);
	vmload_run(mrb, parser, cxt, name);
}

/* "lib/x" or "lib/x.rb": parts of letters that do not lead out of the folder */
static bool
is_inside(const char *name)
{
	const char *p = name;
	size_t n;

	if (*p == '\0' || strchr(p, '\\') != NULL)
		return false;
	for (;;) {
		n = strcspn(p, "/");
		if (n == 0 || p[0] == '.')
			return false;
		if (p[n] == '\0')
			return true;
		p += n + 1;
	}
}

/* Native: true = loaded before; else it is noted. */
static bool
note_loaded(struct vm *vm, const char *name, bool *oom)
{
	char **v;
	uint32_t i;

	*oom = false;
	for (i = 0; i < vm->loaded_count; i++)
		if (strcmp(vm->loaded[i], name) == 0)
			return true;
	v = realloc(vm->loaded, (vm->loaded_count + 1) * sizeof(*v));
	if (v == NULL) {
		*oom = true;
		return false;
	}
	vm->loaded = v;
	v[vm->loaded_count] = strdup(name);
	*oom = v[vm->loaded_count] == NULL;
	vm->loaded_count += !*oom;
	return false;
}

/* The place of a file: beside main.rb, then in script.path. Native. */
static int
place(struct vm *vm, const char *name, char *out, size_t cap)
{
	const struct config_app *settings =
	    application_env(instance_app(vm->inst))->settings;
	char path[4096];
	struct stat st;
	size_t i, count;
	int n;

	n = snprintf(out, cap, "%s", name);
	if (n >= 0 && (size_t)n < cap &&
	    join(path, sizeof(path), vm->dir, out) && stat(path, &st) == 0)
		return FCS_OK;
	count =
	    settings == NULL ? 0 : config_app_count(settings, APP_SCRIPT_PATH);
	for (i = 0; i < count; i++) {
		n = snprintf(out, cap, "%s/%s",
		    config_app_item(settings, APP_SCRIPT_PATH, i), name);
		if (n < 0 || (size_t)n >= cap)
			continue;
		if (join(path, sizeof(path), vm->dir, out) &&
		    stat(path, &st) == 0)
			return FCS_OK;
	}
	return FCS_ENOENT;
}

static mrb_value
f_load(mrb_state *mrb, mrb_value self)
{
	struct vm *vm = vm_of(mrb);
	char name[512], found[1024];
	const char *arg;
	bool before = false, oom = false;
	size_t n;
	int rc;

	(void)self;
	mrb_get_args(mrb, "z", &arg);
	if (!vm->loading)
		mrb_raise(mrb, E_ARGUMENT_ERROR,
		    "load works at the top level of main.rb only");
	n = strlen(arg);
	if (!is_inside(arg) || n > sizeof(name) - 4)
		mrb_raisef(mrb, E_ARGUMENT_ERROR,
		    "load %s: a name like lib/x, inside the application", arg);
	snprintf(name, sizeof(name),
	    n > 3 && strcmp(arg + n - 3, ".rb") == 0 ? "%s" : "%s.rb", arg);
	vmguard_native_begin();
	rc = place(vm, name, found, sizeof(found));
	if (rc == FCS_OK)
		before = note_loaded(vm, found, &oom);
	vmguard_native_end();
	if (rc != FCS_OK)
		mrb_raisef(mrb, E_ARGUMENT_ERROR,
		    "load %s: there is no %s in the application", arg, name);
	if (oom)
		mrb_raise(mrb, E_ARGUMENT_ERROR, "load: out of memory");
	if (before)
		return mrb_false_value();
	run_file(vm, found);
	return mrb_true_value();
}

struct main_call {
	const char *name;
};

static void
main_body(struct vm *vm, void *arg)
{
	struct main_call *m = arg;
	mrb_value ready;

	mrb_define_module_function_id(vm->mrb, vm->native,
	    mrb_intern_lit(vm->mrb, "load"), f_load, MRB_ARGS_REQ(1));
	run_file(vm, m->name);
	ready = mrb_funcall_id(
	    vm->mrb, vm->core, mrb_intern_lit(vm->mrb, "ready"), 0);
	bind_core_take_decls(vm, ready);
}

int
vmload_main(struct vm *vm, const char *name, struct err *why)
{
	struct main_call m = { name };
	int rc;

	vm->loading = true;
	rc = vm_run(vm, vm->start_ms, "loading main.rb", main_body, &m, why);
	vm->loading = false;
	return rc == FCS_ESCRIPT ? FCS_EFORMAT : rc;
}
