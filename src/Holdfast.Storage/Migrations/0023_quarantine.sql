-- Nodes that were stolen: what a life said since a moment does not count, for good or until it is taken back (decision 0034). A row for each life.
CREATE TABLE quarantines (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  quarantine_id TEXT,
  node TEXT,
  life TEXT,
  since BIGINT,
  author TEXT,
  reason TEXT,
  created_at BIGINT
);
CREATE INDEX quarantines_by_quarantine ON quarantines (quarantine_id);

CREATE TABLE quarantine_lifts (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  quarantine_id TEXT,
  author TEXT,
  reason TEXT,
  created_at BIGINT
);
CREATE INDEX quarantine_lifts_by_quarantine ON quarantine_lifts (quarantine_id);

-- What else a quarantined node said, version by version: under stamps that are not its own, or that it set back.
CREATE TABLE quarantine_voids (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  quarantine_id TEXT,
  table_name TEXT,
  row_id TEXT,
  group_name TEXT,
  stamp TEXT,
  created_at BIGINT
);
CREATE INDEX quarantine_voids_by_row ON quarantine_voids (row_id);
CREATE INDEX quarantine_voids_by_quarantine ON quarantine_voids (quarantine_id);
