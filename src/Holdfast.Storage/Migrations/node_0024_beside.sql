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

-- Sessions of which a life's journal told though another life had begun them: their stamp does not say who spoke.
CREATE TABLE carried (
  session_id TEXT NOT NULL,
  life TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (session_id, life)
) WITHOUT ROWID;
CREATE INDEX carried_by_life ON carried (life, at);
CREATE INDEX carried_at ON carried (at);
