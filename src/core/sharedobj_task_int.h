/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sharedobj_task_int - the inside of a task, for sharedobj_task.c and the files
 * that do its parts: sharedobj_ask (on the commit thread), sharedobj_save (an
 * object kept in memory), sharedobj_answer (what comes of it).
 */
#ifndef CORE_SHAREDOBJ_TASK_INT_H
#define CORE_SHAREDOBJ_TASK_INT_H

#include "core/sharedobj_int.h"

enum task_kind {
	TASK_FLUSH,
	TASK_HISTORY,
	TASK_AT,
	TASK_UNDO,
	TASK_ROLLBACK
};

struct found { /* a slot the store told of */
	UT_hash_handle hh;
	struct refbuf *slot;
	struct refbuf *value; /* NULL: absent */
};

struct save { /* an object kept in memory on its way to the store */
	struct commit_job job;
	struct store_batch batch;
	struct store_change *rows;
	struct refbuf **held; /* what rows point to */
	uint32_t held_count;
};

struct so_task {
	struct so_task *prev, *next; /* so->tasks */
	struct commit_job job;
	struct so_set *set;   /* a reference */
	struct sharedobj *so; /* NULL: gone */
	enum task_kind kind;
	uint64_t pending; /* 0: nobody waits */
	bool running;
	uint32_t failures; /* of the object when it started */
	uint64_t version;  /* of the object when it started */
	int64_t now_ms;
	struct save *save;
	int save_result;

	/* what is asked */
	struct sharedobj_point from, upto;
	bool has_upto;
	bool whole; /* all of it or nothing */
	struct store_range range;
	struct store_undo undo;
	char *user, *slot;

	/* commit thread */
	struct so_look *look;
	struct found *found; /* hash by slot */
	size_t found_bytes;
	uint64_t target;

	char *object;
	char inst[]; /* instance, NUL, object */
};

/* ---- sharedobj_ask.c, commit thread ---- */
int sharedobj_ask_run(struct store *, void *task);
int sharedobj_ask_nothing(struct store *, void *task);
/* A slot the store tells of. FCS_ENOMEM; FCS_ELIMIT. */
int sharedobj_ask_found(void *task, const struct store_slot *);

/* ---- sharedobj_save.c ---- */
/* What memory has more than the store goes there as one batch. FCS_ENOMEM. */
int sharedobj_save_submit(struct so_task *) FCS_MUSTUSE;

/* ---- sharedobj_answer.c ---- */
/* Do what was asked with what was found, and settle the Pending. */
void sharedobj_answer_task(struct so_task *, int result);

#endif
