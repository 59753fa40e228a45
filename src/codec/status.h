/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status - the NetConnection/NetStream/SharedObject status codes: one table of
 * code text and level. Layer: codec (2). fcs-features.md 2.
 */
#ifndef CODEC_STATUS_H
#define CODEC_STATUS_H

#include "codec/value.h"

/* X(symbol, code, level) */
#define STATUS_LIST(X)                                                         \
	X(CONNECT_SUCCESS, "NetConnection.Connect.Success", "status")          \
	X(CONNECT_REJECTED, "NetConnection.Connect.Rejected", "error")         \
	X(CONNECT_FAILED, "NetConnection.Connect.Failed", "error")             \
	X(CONNECT_INVALIDAPP, "NetConnection.Connect.InvalidApp", "error")     \
	X(CONNECT_APPSHUTDOWN, "NetConnection.Connect.AppShutdown", "error")   \
	X(CONNECT_CLOSED, "NetConnection.Connect.Closed", "status")            \
	X(CONNECT_IDLETIMEOUT, "NetConnection.Connect.IdleTimeout", "status")  \
	X(CONNECT_RECONNECTREQUEST, "NetConnection.Connect.ReconnectRequest",  \
	    "status")                                                          \
	X(CALL_FAILED, "NetConnection.Call.Failed", "error")                   \
	X(PUBLISH_START, "NetStream.Publish.Start", "status")                  \
	X(PUBLISH_BADNAME, "NetStream.Publish.BadName", "error")               \
	X(PUBLISH_IDLE, "NetStream.Publish.Idle", "status")                    \
	X(UNPUBLISH_SUCCESS, "NetStream.Unpublish.Success", "status")          \
	X(RECORD_START, "NetStream.Record.Start", "status")                    \
	X(RECORD_STOP, "NetStream.Record.Stop", "status")                      \
	X(RECORD_NOACCESS, "NetStream.Record.NoAccess", "error")               \
	X(RECORD_FAILED, "NetStream.Record.Failed", "error")                   \
	X(CLEAR_SUCCESS, "NetStream.Clear.Success", "status")                  \
	X(CLEAR_FAILED, "NetStream.Clear.Failed", "error")                     \
	X(PLAY_RESET, "NetStream.Play.Reset", "status")                        \
	X(PLAY_START, "NetStream.Play.Start", "status")                        \
	X(PLAY_STOP, "NetStream.Play.Stop", "status")                          \
	X(PLAY_STREAMNOTFOUND, "NetStream.Play.StreamNotFound", "error")       \
	X(PLAY_FAILED, "NetStream.Play.Failed", "error")                       \
	X(PLAY_FILEINVALID, "NetStream.Play.FileStructureInvalid", "error")    \
	X(PLAY_INSUFFICIENTBW, "NetStream.Play.InsufficientBW", "warning")     \
	X(PLAY_PUBLISHNOTIFY, "NetStream.Play.PublishNotify", "status")        \
	X(PLAY_UNPUBLISHNOTIFY, "NetStream.Play.UnpublishNotify", "status")    \
	X(PLAY_COMPLETE, "NetStream.Play.Complete", "status")                  \
	X(PLAY_SWITCH, "NetStream.Play.Switch", "status")                      \
	X(PAUSE_NOTIFY, "NetStream.Pause.Notify", "status")                    \
	X(UNPAUSE_NOTIFY, "NetStream.Unpause.Notify", "status")                \
	X(SEEK_NOTIFY, "NetStream.Seek.Notify", "status")                      \
	X(SEEK_FAILED, "NetStream.Seek.Failed", "error")                       \
	X(SEEK_INVALIDTIME, "NetStream.Seek.InvalidTime", "error")             \
	X(STREAM_FAILED, "NetStream.Failed", "error")                          \
	X(DATA_START, "NetStream.Data.Start", "status")                        \
	X(SO_BADPERSISTENCE, "SharedObject.BadPersistence", "error")           \
	X(SO_NOREADACCESS, "SharedObject.NoReadAccess", "error")               \
	X(SO_NOWRITEACCESS, "SharedObject.NoWriteAccess", "error")             \
	X(SO_CREATIONFAILED, "SharedObject.ObjectCreationFailed", "error")     \
	X(APP_SCRIPTERROR, "Application.Script.Error", "error")                \
	X(APP_SCRIPTWARNING, "Application.Script.Warning", "warning")          \
	X(APP_LOWMEMORY, "Application.Resource.LowMemory", "warning")          \
	X(APP_SHUTDOWN, "Application.Shutdown", "status")                      \
	X(APP_GC, "Application.GC", "status")

enum status {
#define STATUS_ENUM(sym, code, level) STATUS_##sym,
	STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
	STATUS_COUNT
};

const char *status_code(enum status);
const char *status_level(enum status);

/* An info object {level, code[, description][, details][, clientid]} in the
 * arena; NULL texts are left out. NULL: arena full. */
struct value *status_info(struct arena *, enum status, const char *description,
    const char *details, const char *clientid);

#endif
