-- A node's own tables, beside its replica of the others.
CREATE TABLE node_state (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

-- Facts decided here. Shipped up to node_state.shipped; kept for a day after that.
CREATE TABLE journal (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  at BIGINT NOT NULL,
  share INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  version TEXT NOT NULL
);

-- The change log's last rows as this node applied them: to show position and hash, and to offer again what a primary lost.
CREATE TABLE log_tail (
  sequence INTEGER PRIMARY KEY,
  epoch BIGINT NOT NULL,
  hash TEXT NOT NULL,
  at BIGINT NOT NULL,
  version TEXT NOT NULL
);

-- Versions to offer to the primary again, in order, after it lost its tail.
CREATE TABLE offer_again (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  version TEXT NOT NULL
);

-- Versions from a clock too far ahead, or of tables that a younger release knows: they wait.
CREATE TABLE aside (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  version TEXT NOT NULL
);
