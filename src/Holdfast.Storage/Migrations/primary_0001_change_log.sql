-- The primary's own tables. `cluster` has one row.
CREATE TABLE cluster (
  id TEXT NOT NULL PRIMARY KEY,
  born_at BIGINT NOT NULL
);

-- The one feed: replicas, events and webhooks read it. `hash` chains over the row before.
CREATE TABLE change_log (
  sequence BIGINT NOT NULL PRIMARY KEY,
  epoch BIGINT NOT NULL,
  hash TEXT NOT NULL,
  version TEXT NOT NULL
);
