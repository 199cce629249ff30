-- Feature flags, and for whom each is on.
CREATE TABLE flags (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  slug TEXT,
  created_at BIGINT,
  named_stamp TEXT NOT NULL DEFAULT '',
  name TEXT,
  described_stamp TEXT NOT NULL DEFAULT '',
  description TEXT,
  tagged_stamp TEXT NOT NULL DEFAULT '',
  tags TEXT,
  owned_stamp TEXT NOT NULL DEFAULT '',
  owner TEXT,
  switch_stamp TEXT NOT NULL DEFAULT '',
  enabled BIGINT,
  otherwise_stamp TEXT NOT NULL DEFAULT '',
  default_value BIGINT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

CREATE TABLE flag_targets (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  flag_id TEXT,
  kind TEXT,
  resource_id TEXT,
  created_at BIGINT,
  presence_stamp TEXT NOT NULL DEFAULT '',
  present BIGINT,
  enabled BIGINT
);

CREATE INDEX flags_by_environment ON flags (environment_id, created_at, id);
CREATE INDEX flag_targets_by_flag ON flag_targets (flag_id, created_at, id);
CREATE INDEX flag_targets_by_resource ON flag_targets (environment_id, resource_id, kind);

-- What an event says beside its object: who did it, and what it was before.
ALTER TABLE events ADD COLUMN context_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN context TEXT;
