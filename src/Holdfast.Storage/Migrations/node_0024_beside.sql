-- What was heard of a row and does not stand in it: what was replaced, and what a quarantine has taken back. `life` is whose stamp it bears, `at` when it came here to stand.
CREATE TABLE beside (
  table_name TEXT NOT NULL,
  row_id TEXT NOT NULL,
  group_name TEXT NOT NULL,
  stamp TEXT NOT NULL,
  version TEXT NOT NULL,
  life TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (table_name, row_id, group_name, stamp, version)
) WITHOUT ROWID;
CREATE INDEX beside_by_life ON beside (life, stamp);
CREATE INDEX beside_at ON beside (at);

-- What a life's journal told for the first time under a stamp that is not its own, or is not later than what it had told: such a stamp does not say who spoke, or when. `at` is when.
CREATE TABLE doubtful (
  table_name TEXT NOT NULL,
  row_id TEXT NOT NULL,
  group_name TEXT NOT NULL,
  stamp TEXT NOT NULL,
  life TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (table_name, row_id, group_name, stamp, life)
) WITHOUT ROWID;
CREATE INDEX doubtful_by_life ON doubtful (life, at);
CREATE INDEX doubtful_at ON doubtful (at);

-- The latest stamp of its own that a life's journal has told.
ALTER TABLE peer_journals ADD COLUMN stamp TEXT NOT NULL DEFAULT '';
