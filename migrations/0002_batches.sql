-- SPDX-License-Identifier: BSD-2-Clause
-- 0002: what a batch was (a change, or the undoing of one), and a history that
-- is trimmed from its old end without counting it.
--
-- since: the oldest version that can be put together from the history;
-- changes: its number of lines.
ALTER TABLE object ADD COLUMN since INTEGER NOT NULL DEFAULT 1;
ALTER TABLE object ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
UPDATE object SET
	changes = (SELECT count(*) FROM history WHERE object = id),
	since = coalesce(
	    (SELECT min(version) - 1 FROM history WHERE object = id), version);

-- One row per batch that has a history. kind: 0 change, 1 undo, 2 undo of one
-- slot, 3 redo, 4 rollback; target: the version undone, of a redo that of the
-- undo; changes: lines in history.
CREATE TABLE batch (
	object  INTEGER NOT NULL,
	version INTEGER NOT NULL,
	at_ms   INTEGER NOT NULL,
	user    TEXT,
	kind    INTEGER NOT NULL,
	target  INTEGER NOT NULL,
	changes INTEGER NOT NULL,
	PRIMARY KEY (object, version)
) STRICT, WITHOUT ROWID;

INSERT INTO batch
	SELECT object, version, min(at_ms), min(user), 0, 0, count(*)
	FROM history GROUP BY object, version;

CREATE INDEX batch_user ON batch (object, user, version);
