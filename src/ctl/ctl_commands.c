/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of fcsctl, one row each; fcsctl(1) lists the same.
 */
#include "ctl/ctl.h"

#define END                                                                    \
	{                                                                      \
		NULL, NULL, CTL_TEXT                                           \
	}

static const struct ctl_column app_columns[] = {
	{ "APP", "app", CTL_TEXT },
	{ "WORKER", "state", CTL_TEXT },
	{ "INSTANCES", "instances", CTL_COUNT },
	{ "CLIENTS", "clients", CTL_COUNT },
	{ "FOLDER", "dir", CTL_TEXT },
	END,
};

static const struct ctl_column inst_columns[] = {
	{ "INSTANCE", "where", CTL_TEXT },
	{ "STATE", "state", CTL_TEXT },
	{ "CLIENTS", "clients", CTL_COUNT },
	{ "CONNECTS", "connects", CTL_COUNT },
	{ "CALLS", "calls", CTL_COUNT },
	{ "STREAMS", "streams", CTL_COUNT },
	{ "OBJECTS", "objects", CTL_COUNT },
	{ "MEMORY", "memory", CTL_BYTES },
	{ "OVERRUNS", "overruns", CTL_COUNT },
	END,
};

static const struct ctl_column client_columns[] = {
	{ "CLIENT", "client", CTL_TEXT },
	{ "INSTANCE", "where", CTL_TEXT },
	{ "USER", "user", CTL_TEXT },
	{ "ADDRESS", "ip", CTL_TEXT },
	{ "PROTOCOL", "protocol", CTL_TEXT },
	{ "PEER", "peer_name", CTL_TEXT },
	{ "CONNECTED", "connected_ms", CTL_AGE },
	{ "IN", "bytes_in", CTL_BYTES },
	{ "OUT", "bytes_out", CTL_BYTES },
	{ "RTT", "rtt_ms", CTL_COUNT },
	{ "AGENT", "agent", CTL_TEXT },
	END,
};

static const struct ctl_column stream_columns[] = {
	{ "STREAM", "name", CTL_TEXT },
	{ "INSTANCE", "where", CTL_TEXT },
	{ "LIVE", "live", CTL_TEXT },
	{ "PUBLISHER", "publisher", CTL_TEXT },
	{ "VIEWERS", "viewers", CTL_COUNT },
	{ "BITRATE", "bitrate_bps", CTL_RATE },
	{ "VIDEO", "video", CTL_TEXT },
	{ "AUDIO", "audio", CTL_TEXT },
	{ "DROPPED", "dropped", CTL_COUNT },
	{ "SINCE", "started_ms", CTL_AGE },
	END,
};

static const struct ctl_column so_columns[] = {
	{ "OBJECT", "name", CTL_TEXT },
	{ "INSTANCE", "where", CTL_TEXT },
	{ "PERSISTENT", "persistent", CTL_TEXT },
	{ "VERSION", "version", CTL_COUNT },
	{ "SLOTS", "slots", CTL_COUNT },
	{ "BYTES", "bytes", CTL_BYTES },
	{ "USERS", "users", CTL_COUNT },
	END,
};

static const struct ctl_column slot_columns[] = {
	{ "SLOT", "slot", CTL_TEXT },
	{ "VERSION", "version", CTL_COUNT },
	{ "USER", "user", CTL_TEXT },
	{ "VALUE", "value", CTL_JSON },
	END,
};

static const struct ctl_column rec_columns[] = {
	{ "RECORDING", "name", CTL_TEXT },
	{ "INSTANCE", "where", CTL_TEXT },
	{ "DURATION", "duration_s", CTL_SECONDS },
	{ "SIZE", "size", CTL_BYTES },
	{ "VIDEO", "video", CTL_TEXT },
	{ "AUDIO", "audio", CTL_TEXT },
	{ "GROWING", "growing", CTL_TEXT },
	END,
};

static const struct ctl_column verify_columns[] = {
	{ "RECORDING", "name", CTL_TEXT },
	{ "INSTANCE", "where", CTL_TEXT },
	{ "RESULT", "result", CTL_TEXT },
	{ "REMARK", "remark", CTL_TEXT },
	END,
};

const struct ctl_command ctl_commands[] = {
	{ "ping", "", "does the server answer? exit 0 or 3", NULL,
	    cmd_server_ping, NULL },
	{ "status", "", "version, listeners, workers", NULL, cmd_server_status,
	    NULL },
	{ "app list", "", "the applications", app_columns, ctl_run_sorted,
	    "app" },
	{ "app reload", "where",
	    "load app.yaml and the code again; exit 1: kept the old (--full)",
	    NULL, cmd_app_reload, NULL },
	{ "console", "where", "Ruby inside a running instance (-e LINE)", NULL,
	    cmd_console, NULL },
	{ "app new", "name", "a folder for a new one (--template chat ...)",
	    NULL, cmd_author_new, NULL },
	{ "app check", "folder?", "look at an application before it runs", NULL,
	    cmd_author_check, NULL },
	{ "app test", "folder? part?", "run its tests, without a server", NULL,
	    cmd_author_test, NULL },
	{ "inst list", "where?", "running instances", inst_columns,
	    ctl_run_sorted, "where" },
	{ "inst start", "where", "start an instance", NULL, ctl_run_quiet,
	    NULL },
	{ "inst stop", "where", "end an instance; exit 6: it refuses (--force)",
	    NULL, ctl_run_quiet, NULL },
	{ "client list", "where?", "connected clients", client_columns, ctl_run,
	    "client" },
	{ "stream list", "where?", "live streams", stream_columns, ctl_run,
	    "name" },
	{ "so list", "where?", "shared objects", so_columns, ctl_run, "name" },
	{ "so get", "where name slot?", "the slots of an object, or one value",
	    slot_columns, cmd_so_get, "slot" },
	{ "so watch", "where name", "follow the changes of an object", NULL,
	    cmd_so_watch, NULL },
	{ "rec list", "where?", "recordings", rec_columns, ctl_run, "name" },
	{ "rec info", "where name", "one recording", NULL, cmd_rec_info, NULL },
	{ "rec reindex", "where name?", "build the index again from the files",
	    verify_columns, ctl_run, "name" },
	{ "rec verify", "where name?",
	    "compare index and files; exit 8: damage", verify_columns, ctl_run,
	    "name" },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};
