/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/engine_status.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "script/vmdecl.h"

#define WARN_PAUSE_MS 1000

void
engine_status_send(
    struct instance *inst, enum status code, const char *description)
{
	struct arena *a = arena_new(0);
	struct script_args args;
	struct value *info;

	info = a == NULL ? NULL : status_info(a, code, description, NULL, NULL);
	if (info != NULL) {
		memset(&args, 0, sizeof(args));
		args.values = &info;
		args.count = 1;
		instance_event(inst, SCRIPT_STATUS, &args);
	}
	arena_free(a);
}

void
engine_status_callback(void (*fn)(struct vm *, void *),
    const struct engine_call *c, const char *what, char *out, size_t cap)
{
	if (fn == engine_call_event)
		snprintf(out, cap, "on(:%s)",
		    vmdecl_event_text((enum script_event)c->kind));
	else if (fn == engine_call_ask && c->kind == SCRIPT_CONNECT)
		snprintf(out, cap, "on(:connect)");
	else if (fn == engine_call_call)
		snprintf(out, cap, "expose(:%.100s)",
		    c->args->name == NULL ? "" : c->args->name);
	else if (fn == engine_call_ask)
		snprintf(out, cap, "allow(:%s)",
		    vmdecl_question_text((enum script_question)c->kind));
	else
		snprintf(out, cap, "%s", what);
}

void
engine_status_busy(struct instance *inst, int64_t *last_ms, uint64_t busy_us,
    uint32_t ms, const char *what)
{
	char text[200];
	int64_t now;

	if (busy_us <= (uint64_t)ms * 500)
		return;
	now = clock_ms();
	if (*last_ms != 0 && now - *last_ms < WARN_PAUSE_MS)
		return;
	*last_ms = now;
	log_warn("script.slow", "inst=%s callback=%s us=%llu limit_ms=%u",
	    instance_full_name(inst), what, (unsigned long long)busy_us, ms);
	snprintf(text, sizeof(text), "%s ran for %llu of %u ms", what,
	    (unsigned long long)(busy_us / 1000), ms);
	engine_status_send(inst, STATUS_APP_SCRIPTWARNING, text);
}
