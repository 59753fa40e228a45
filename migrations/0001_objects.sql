-- SPDX-License-Identifier: BSD-2-Clause
-- 0001: persistent shared objects, their slots and their history.
--
-- An object is known by (inst, name). Its version is raised by one with every
-- batch; a slot carries the version that last wrote it. A deleted slot stays as
-- a tombstone (value NULL) until purged, so that a client that was away can be
-- told about it; below floor that is no longer possible.
CREATE TABLE object (
	id      INTEGER PRIMARY KEY,
	inst    TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	version INTEGER NOT NULL,
	floor   INTEGER NOT NULL,
	slots   INTEGER NOT NULL, -- live ones
	bytes   INTEGER NOT NULL, -- of their names and values
	UNIQUE (inst, name)
) STRICT;

-- born: place in the order of first writing, version << 20 | index in batch
CREATE TABLE slot (
	object  INTEGER NOT NULL,
	name    TEXT    NOT NULL,
	version INTEGER NOT NULL,
	born    INTEGER NOT NULL,
	value   BLOB,
	user    TEXT,
	PRIMARY KEY (object, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX slot_version ON slot (object, version);

-- n: index within the batch of that version
CREATE TABLE history (
	object  INTEGER NOT NULL,
	version INTEGER NOT NULL,
	n       INTEGER NOT NULL,
	at_ms   INTEGER NOT NULL,
	slot    TEXT    NOT NULL,
	value   BLOB,
	old     BLOB,
	user    TEXT,
	PRIMARY KEY (object, version, n)
) STRICT, WITHOUT ROWID;
