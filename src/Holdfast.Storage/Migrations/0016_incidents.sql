-- What broke, as each node found it: one row for each finding, and what is told of it, one row each.
CREATE TABLE incidents (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  node TEXT,
  region TEXT,
  opened_at BIGINT,
  expires_at BIGINT,
  cause_stamp TEXT NOT NULL DEFAULT '',
  dependency TEXT,
  how TEXT,
  since BIGINT,
  says TEXT,
  products TEXT,
  ending_stamp TEXT NOT NULL DEFAULT '',
  closed_at BIGINT,
  impact_stamp TEXT NOT NULL DEFAULT '',
  impact TEXT
);
CREATE INDEX incidents_by_time ON incidents (opened_at);
CREATE INDEX incidents_by_expiry ON incidents (expires_at);

CREATE TABLE incident_entries (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  incident_id TEXT,
  kind TEXT,
  node TEXT,
  author TEXT,
  says TEXT,
  created_at BIGINT,
  expires_at BIGINT
);
CREATE INDEX incident_entries_by_incident ON incident_entries (incident_id, created_at);
CREATE INDEX incident_entries_by_expiry ON incident_entries (expires_at);
