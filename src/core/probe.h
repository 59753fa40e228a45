/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe - how the tests of an application reach into it: what a script would
 * ask of the world is asked of the probe, and script_ops->ask(SCRIPT_PROBE)
 * calls any method of the instance. Layer: core (4). Filled by src/apptest; in
 * a server there is none. Thread: loop.
 */
#ifndef CORE_PROBE_H
#define CORE_PROBE_H

#include "core/instance.h"

struct probe {
	/*
	 * The script asks (mrblib/test/probe.rb): what, with args (borrowed).
	 * The answer in *out, from the arena; NULL = nil. Never enters a VM:
	 *	secret	name => text
	 *	http	pending, method, url, [name, value ...], body => nil, or
	 *		why not at once; answered by instance_resolve() with
	 *		[status, [name, value ...], body]
	 *	problem	text => nil; only_check: a wrong declaration
	 */
	void (*ask)(void *arg, struct instance *, const char *what,
	    struct value *const *args, uint32_t count, struct arena *,
	    struct value **out);
	void *arg;
	bool only_check; /* note wrong declarations, go on */
};

#endif
