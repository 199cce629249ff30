-- Lives of this file: the journal's rows after `after_position`, up to the next life's, are facts of this incarnation.
CREATE TABLE lives (
  incarnation TEXT NOT NULL PRIMARY KEY,
  after_position BIGINT NOT NULL
);

-- How far other incarnations' journals have been read. The primary has them up to `confirmed`: this node offered it, or has read the row of the change log of which
-- it was told. `shipped` is what was told last, and (`shipped_at`, `shipped_hash`) that row; up to `gap_ends_at`, a sequence, the log has what this node did not
-- get to read.
CREATE TABLE peer_journals (
  origin TEXT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  mark TEXT NOT NULL,
  shipped BIGINT NOT NULL,
  shipped_at BIGINT NOT NULL,
  shipped_hash TEXT NOT NULL,
  confirmed BIGINT NOT NULL,
  gap_ends_at BIGINT NOT NULL
);

-- Facts of other nodes, kept for those who do not reach their authors, and to be offered to the primary should their author be gone. `at` is when they came.
CREATE TABLE received (
  origin TEXT NOT NULL,
  position BIGINT NOT NULL,
  at BIGINT NOT NULL,
  bytes INTEGER NOT NULL,
  version TEXT NOT NULL,
  PRIMARY KEY (origin, position)
);
CREATE INDEX received_at ON received (at);
