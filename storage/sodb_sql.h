/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sodb_sql - every statement of the object store, by name. They are prepared
 * once at open. Layer: storage (3).
 */
#ifndef STORAGE_SODB_SQL_H
#define STORAGE_SODB_SQL_H

/* clang-format off: the indentation is SQL's */
#define SODB_STATEMENTS(X)                                                     \
	X(BEGIN, "BEGIN IMMEDIATE")                                            \
	X(COMMIT, "COMMIT")                                                    \
	X(ROLLBACK, "ROLLBACK")                                                \
	X(OBJECT_FIND,                                                         \
	    "SELECT id, version, floor, slots, bytes, since, changes"          \
	    " FROM object WHERE inst = ?1 AND name = ?2")                      \
	X(OBJECT_ADD,                                                          \
	    "INSERT INTO object (inst, name, version, floor, slots, bytes)"    \
	    " VALUES (?1, ?2, ?3, 0, 0, 0)")                                   \
	X(OBJECT_SET,                                                          \
	    "UPDATE object SET version = ?2, floor = ?3, slots = ?4,"          \
	    " bytes = ?5, since = ?6, changes = ?7 WHERE id = ?1")             \
	X(OBJECT_LIST,                                                         \
	    "SELECT inst, name, version, floor, slots, bytes, since, changes"  \
	    " FROM object"                                                     \
	    " WHERE ?1 IS NULL OR inst = ?1 ORDER BY inst, name")              \
	X(SLOT_GET, "SELECT value FROM slot WHERE object = ?1 AND name = ?2")  \
	X(SLOT_PUT,                                                            \
	    "INSERT INTO slot (object, name, version, born, value, user)"      \
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"                                 \
	    " ON CONFLICT (object, name) DO UPDATE SET"                        \
	    " version = excluded.version,"                                     \
	    " born = CASE WHEN value IS NULL THEN excluded.born"               \
	    " ELSE born END,"                                                  \
	    " value = excluded.value, user = excluded.user")                   \
	X(SLOT_ALL, "SELECT name, value, version, user FROM slot"              \
		    " WHERE object = ?1 AND version > ?2 ORDER BY born")       \
	X(SLOT_NEWER, "SELECT name, value, version, user FROM slot"            \
		      " INDEXED BY slot_version"                               \
		      " WHERE object = ?1 AND version > ?2 ORDER BY born")     \
	X(SLOT_PURGE, "DELETE FROM slot INDEXED BY slot_version"               \
		      " WHERE object = ?1 AND version < ?2 AND value IS NULL") \
	X(HISTORY_ADD, "INSERT INTO history"                                   \
		       " (object, version, n, at_ms, slot, value, old, user)"  \
		       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")             \
	X(HISTORY_GET,                                                         \
	    "SELECT version, at_ms, user, slot, value, old FROM history"       \
	    " WHERE object = ?1 AND version > ?2 AND version <= ?3"            \
	    " AND (?4 IS NULL OR slot = ?4) ORDER BY version, n LIMIT ?5")     \
	X(HISTORY_DROP,                                                        \
	    "DELETE FROM history WHERE object = ?1 AND version <= ?2")         \
	X(SLOT_WHO, "SELECT version, user FROM slot"                           \
		    " WHERE object = ?1 AND name = ?2")                        \
	X(BATCH_ADD, "INSERT INTO batch"                                       \
		     " (object, version, at_ms, user, kind, target, changes)"  \
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                   \
	X(BATCH_OLDEST, "SELECT version, at_ms, changes FROM batch"            \
			" WHERE object = ?1 ORDER BY version")                 \
	X(BATCH_USER, "SELECT version, kind, target FROM batch"                \
		      " INDEXED BY batch_user"                                 \
		      " WHERE object = ?1 AND user IS ?2"                      \
		      " ORDER BY version DESC")                                \
	X(BATCH_TIME, "SELECT version FROM batch"                              \
		      " WHERE object = ?1 AND at_ms <= ?2"                     \
		      " ORDER BY version DESC LIMIT 1")                        \
	X(BATCH_DROP, "DELETE FROM batch WHERE object = ?1 AND version <= ?2")
/* clang-format on */

enum sodb_statement {
#define X(name, sql) SODB_##name,
	SODB_STATEMENTS(X)
#undef X
	SODB_STATEMENT_COUNT
};

#endif
