/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm - one mruby state with its memory, and what the bindings need beside it.
 *
 * Layer: script (5). Owner: struct script (engine.c). Thread: loop.
 * Every use of mrb happens inside vm_run(): it may end by a jump, and then the
 * state is never touched again (vm->lost). Because of the jump nothing that
 * was allocated outside may be held in local variables while the VM runs:
 * what a binding needs is kept in the fields marked scratch, which vm_close()
 * frees. A native section (vmguard.h) brackets all use of malloc, core, log.
 */
#ifndef SCRIPT_VM_H
#define SCRIPT_VM_H

#include <mruby.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/value.h"
#include "core/instance.h"
#include "core/script.h"
#include "core/sharedobj.h"
#include "script/vmarena.h"
#include "script/vmdecl.h"
#include "script/vmguard.h"

enum vm_class { /* FCS::... and what 9.1 and 9.2 name */
	VM_ECMA,
	VM_TYPED,
	VM_XML,
	VM_XMLDOC,
	VM_BYTES,
	VM_VECTOR,
	VM_DICTIONARY,
	VM_TIME,
	VM_PENDING, /* never a value */
	VM_CLASSES
};

enum vm_error { /* FCS::... raised by bindings */
	VM_EVALUE,
	VM_ESTORE,
	VM_ELIMIT,
	VM_EGONE,
	VM_ESTREAM,
	VM_EUNSUPPORTED,
	VM_ERRORS
};

struct vm_timer;
struct vmwait;

/* An answer the script gave while it ran, delivered when it has left. All of
 * it lies in vm.answer_mem. */
struct vm_answer {
	struct vm_answer *next;
	uint64_t ticket;
	enum script_verdict verdict;
	char *text, *replace;
	struct value *value;
	double start;
};

#define VM_FLOATS 1024 /* entries; see conv.c */
#define VM_ARENAS 8    /* conversions within conversions, see conv_seal.c */

struct vm {
	mrb_state *mrb;
	struct vmarena *mem;
	struct instance *inst;
	char *dir; /* of the application */
	uint32_t time_ms, start_ms;
	size_t cap;   /* script.memory */
	size_t gc_at; /* bytes in use that ask for a collection */
	bool collecting;
	bool lost;    /* left by a jump: close is all that is allowed */
	bool loading; /* main.rb runs */
	bool undefined_keep;

	/* the Ruby half */
	mrb_value core;
	struct RClass *fcs, *native;
	struct RClass *class[VM_CLASSES];
	struct RClass *error[VM_ERRORS];
	mrb_sym sym_call; /* of Core */
	mrb_sym sym_us, sym_type, sym_weak, sym_kind, sym_fixed;
	mrb_value undefined;
	mrb_value vectors; /* "kind/fixed/type" => class */
	mrb_value types;   /* AMF alias => class of the script */
	bool has_types;
	mrb_value seal_keep; /* conv_seal.c: keeps what sealed refers to */
	struct conv_sealed *sealed;
	uint32_t sealed_cap, sealed_count;
	char why[200]; /* of a conversion that failed */

	/* scratch, see above */
	struct arena *args; /* arenas[arena_level] */
	struct arena *arenas[VM_ARENAS];
	uint32_t arena_level;
	struct buf out;
	char *text;
	uint32_t converted; /* values of the last conversion, see conv.h */
	uint64_t floats[VM_FLOATS];

	/* what the script left for the host */
	struct vm_answer *answers, **answers_tail;
	struct arena *answer_mem;
	int delivering;   /* depth: answer_mem is in use */
	bool close_after; /* the delivery: the VM is lost */
	bool has_work;
	bool gc_wanted; /* collect when there is no work */
	uint64_t parked;
	struct vmdecl decl;
	struct vm_timer *timers;
	void (*on_timer)(struct vm *, uint64_t id);
	void *owner;   /* struct script */
	char **loaded; /* names of files, once each */
	uint32_t loaded_count;
	struct vm_tx { /* transactions begun and not ended */
		char *name;
		struct vm_tx *next;
	} * tx;
	struct vm_hold *holds; /* shared objects the script holds, by name */
	struct vmwait *waits;  /* what is under way outside */
	uint64_t errors;
	int64_t opened_us;
	int64_t log_since_ms; /* vmlog.c */
	uint32_t log_lines;
	uint64_t log_dropped;
	struct timer *log_timer;
};

/*
 * A fresh state with the Ruby half loaded and Core booted. FCS_OK; FCS_ENOMEM;
 * FCS_ELIMIT the limits do not even hold that; FCS_ESCRIPT (why).
 */
int vm_open(struct instance *, const struct script_options *, struct vm **out,
    struct err *why) FCS_MUSTUSE;
void vm_close(struct vm *); /* NULL is allowed */

/*
 * Run fn in the VM for at most ms. An exception that leaves fn is put into
 * *why (may be NULL): FCS_ESCRIPT. FCS_EKILLED: the VM is lost (why tells
 * whether by time or memory).
 */
int vm_run(struct vm *, uint32_t ms, const char *what,
    void (*fn)(struct vm *, void *arg), void *arg, struct err *why) FCS_MUSTUSE;

static inline struct vm *
vm_of(mrb_state *mrb)
{
	return (struct vm *)mrb->ud;
}

/* "file:line: message (Class)" of an exception; borrowed from VM memory. */
const char *vm_exception_text(struct vm *, mrb_value exc);

/* Raise FCS::<error>; only in the VM. */
void vm_raise(mrb_state *, enum vm_error, const char *fmt, ...)
    FCS_PRINTF(3, 4) FCS_NORETURN;
/* The exception for a code of core: ValueError, LimitError, StoreError. */
void vm_raise_code(mrb_state *, int code, const char *what) FCS_NORETURN;

/* A new String (VM memory); NULL text = nil. */
mrb_value vm_text(mrb_state *, const char *);

#endif
