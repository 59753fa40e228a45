/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * application - see application.h: the table of instances by name, the counts
 * over all of them, and stopping them together.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/name.h"
#include "core/instance_int.h"

struct address {
	UT_hash_handle hh;
	uint32_t clients;
	char ip[];
};

struct application {
	struct application_env env;
	struct application_module modules[MODULE_COUNT];
	struct instance *instances; /* hash by name */
	struct address *addresses;  /* hash by ip */
	uint32_t clients;
	bool stopping;
	bool sweeping; /* inside application_stop's walk */
	void (*stopped)(void *arg);
	void *stopped_arg;
};

struct application *
application_new(const struct application_env *env)
{
	struct application *a = calloc(1, sizeof(*a));

	if (a != NULL)
		a->env = *env;
	return a;
}

void
application_free(struct application *a)
{
	struct instance *i, *next;
	struct address *ad, *next_ad;

	if (a == NULL)
		return;
	HASH_ITER(hh, a->instances, i, next)
	{
		HASH_DELETE(hh, a->instances, i);
		instance_free(i);
	}
	HASH_ITER(hh, a->addresses, ad, next_ad)
	{
		HASH_DELETE(hh, a->addresses, ad);
		free(ad);
	}
	free(a);
}

const struct application_env *
application_env(const struct application *a)
{
	return &a->env;
}

static void
enable(void *arg, struct instance *i)
{
	(void)arg;
	instance_enable_changed(i);
}

void
application_set_settings(struct application *a, const struct config *config,
    const struct limits *limits, const struct config_app *settings)
{
	a->env.config = config;
	a->env.limits = limits;
	a->env.settings = settings;
	application_each(a, enable, NULL);
}

const struct limits *
application_limits(struct application *a)
{
	return a->env.limits;
}

int64_t
application_setting(struct application *a, enum config_app_key key)
{
	return config_app_int(a->env.settings, key);
}

void
application_set_module(struct application *a, enum application_module_id id,
    const struct application_module *m)
{
	a->modules[id] = *m;
}

const struct application_module *
application_module(struct application *a, enum application_module_id id)
{
	return &a->modules[id];
}

static bool
is_welcome(struct application *a, const char *name)
{
	size_t i, n = config_app_count(a->env.settings, APP_INSTANCES);

	for (i = 0; i < n; i++)
		if (str_glob(config_app_item(a->env.settings, APP_INSTANCES, i),
			name))
			return true;
	return false;
}

struct instance *
application_instance(
    struct application *a, const char *name, bool create, struct err *why)
{
	struct instance *i;
	int64_t most = limits_get(a->env.limits, LIMIT_INSTANCES);

	HASH_FIND_STR(a->instances, name, i);
	if (i != NULL || !create) {
		if (i == NULL)
			(void)err_set(why, FCS_ENOENT, "no such instance");
		return i;
	}
	if (name_check(NAME_INSTANCE, name, strlen(name), why) != FCS_OK)
		return NULL;
	if (!is_welcome(a, name)) {
		(void)err_set(
		    why, FCS_ENOENT, "instance name not in `instances`");
		return NULL;
	}
	if (a->stopping) {
		(void)err_set(why, FCS_ECLOSED, "application is stopping");
		return NULL;
	}
	if ((int64_t)HASH_COUNT(a->instances) >= most) {
		limits_refuse(LIMIT_INSTANCES);
		(void)err_set(why, FCS_ELIMIT, "too many instances");
		return NULL;
	}
	if ((i = instance_new(a, name, why)) == NULL)
		return NULL;
	HASH_ADD_KEYPTR(hh, a->instances, i->name, strlen(i->name), i);
	if (!hash_added(i)) {
		instance_free(i);
		(void)err_set(why, FCS_ENOMEM, "out of memory");
		return NULL;
	}
	return i;
}

void
application_each(
    struct application *a, void (*fn)(void *arg, struct instance *), void *arg)
{
	struct instance *i, *next;

	HASH_ITER(hh, a->instances, i, next)
	fn(arg, i);
}

uint32_t
application_count(const struct application *a)
{
	return HASH_COUNT(a->instances);
}

/* ---- clients of all instances ---- */

int
application_enter(struct application *a, const char *ip, struct err *why)
{
	int64_t most = config_app_int(a->env.settings, APP_MAX_CLIENTS);
	int64_t most_ip =
	    config_app_int(a->env.settings, APP_MAX_CLIENTS_PER_IP);
	struct address *ad;

	if ((int64_t)a->clients >= most)
		return err_set(why, FCS_ELIMIT, "server full");
	if (ip == NULL) {
		a->clients++;
		return FCS_OK;
	}
	HASH_FIND_STR(a->addresses, ip, ad);
	if (ad == NULL) {
		ad = calloc(1, sizeof(*ad) + strlen(ip) + 1);
		if (ad == NULL)
			return err_set(why, FCS_ENOMEM, "server full");
		memcpy(ad->ip, ip, strlen(ip) + 1);
		HASH_ADD_STR(a->addresses, ip, ad);
		if (!hash_added(ad)) {
			free(ad);
			return err_set(why, FCS_ENOMEM, "server full");
		}
	}
	if ((int64_t)ad->clients >= most_ip)
		return err_set(why, FCS_ELIMIT,
		    "server full: too many connections from this address");
	ad->clients++;
	a->clients++;
	return FCS_OK;
}

void
application_leave(struct application *a, const char *ip)
{
	struct address *ad;

	a->clients--;
	if (ip == NULL)
		return;
	HASH_FIND_STR(a->addresses, ip, ad);
	if (ad == NULL || --ad->clients > 0)
		return;
	HASH_DELETE(hh, a->addresses, ad);
	free(ad);
}

/* ---- stopping ---- */

static void
check_stopped(struct application *a)
{
	void (*fn)(void *) = a->stopped;

	if (!a->stopping || a->sweeping || a->instances != NULL || fn == NULL)
		return;
	a->stopped = NULL;
	fn(a->stopped_arg);
}

void
application_forget(struct application *a, struct instance *i)
{
	HASH_DELETE(hh, a->instances, i);
	check_stopped(a);
}

bool
application_is_stopping(const struct application *a)
{
	return a->stopping;
}

void
application_stop(struct application *a, const char *reason,
    void (*done)(void *arg), void *arg)
{
	struct instance *i, *next;

	a->stopping = true;
	a->stopped = done;
	a->stopped_arg = arg;
	a->sweeping = true;
	HASH_ITER(hh, a->instances, i, next)
	instance_stop(i, reason);
	a->sweeping = false;
	check_stopped(a);
}
