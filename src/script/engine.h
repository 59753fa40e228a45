/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine - the script engine as core sees it: core/script.h filled with mruby.
 * Layer: script (5). Thread: loop.
 *
 * One struct script per instance. Its VM is entered by one function only
 * (enter(), engine.c); what the script said meanwhile (answers, timers, work)
 * is delivered when it has left. A VM that passed its limit is dropped at
 * once: open questions are answered SCRIPT_LOST, instance_script_lost() is
 * called, the handle stays until close.
 */
#ifndef SCRIPT_ENGINE_H
#define SCRIPT_ENGINE_H

#include "core/script.h"

extern const struct script_ops engine_ops;

#endif
