/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * absent - recordings and shared objects that refuse everything, for the tests
 * of a session without them. Weak: the real ones win where they are linked.
 */
#include "core/playback.h"
#include "core/record.h"
#include "core/sharedobj.h"

#define WEAK __attribute__((weak))

WEAK int
sharedobj_message(struct instance *i, struct client *c, const struct message *m,
    struct err *why)
{
	(void)i;
	(void)c;
	(void)m;
	return err_set(why, FCS_EUNSUPPORTED, "no shared objects");
}

WEAK uint64_t
record_start(struct live *l, const char *name, enum record_mode mode,
    const struct record_ops *ops, void *arg, int *result)
{
	(void)l;
	(void)name;
	(void)mode;
	(void)ops;
	(void)arg;
	*result = FCS_EUNSUPPORTED;
	return 0;
}

WEAK void
record_forget(struct instance *i, uint64_t id)
{
	(void)i;
	(void)id;
}

WEAK void
record_stop(struct instance *i, uint64_t id)
{
	(void)i;
	(void)id;
}

WEAK bool
record_is_growing(struct instance *i, const char *name)
{
	(void)i;
	(void)name;
	return false;
}

WEAK struct playback *
playback_open(struct instance *i, const char *name, uint32_t start_ms,
    int64_t length_ms, const struct playback_ops *ops, void *arg)
{
	(void)i;
	(void)name;
	(void)start_ms;
	(void)length_ms;
	(void)ops;
	(void)arg;
	return NULL;
}

WEAK void
playback_length(struct instance *i, const char *name,
    void (*answer)(struct instance *, uint64_t, uint64_t, int64_t),
    uint64_t owner, uint64_t extra)
{
	(void)name;
	answer(i, owner, extra, -1);
}

WEAK void
playback_start(struct playback *p)
{
	(void)p;
}

WEAK void
playback_close(struct playback *p)
{
	(void)p;
}

WEAK void
playback_seek(struct playback *p, uint32_t ms)
{
	(void)p;
	(void)ms;
}

WEAK void
playback_pause(struct playback *p, bool pause, uint32_t ms)
{
	(void)p;
	(void)pause;
	(void)ms;
}

WEAK void
playback_set_buffer(struct playback *p, uint32_t ms)
{
	(void)p;
	(void)ms;
}

WEAK void
playback_set_wants(struct playback *p, bool audio, bool video)
{
	(void)p;
	(void)audio;
	(void)video;
}

WEAK void
playback_drained(struct playback *p)
{
	(void)p;
}

WEAK const struct playback_info *
playback_info(const struct playback *p)
{
	(void)p;
	return NULL;
}
