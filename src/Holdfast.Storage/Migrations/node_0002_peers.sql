-- Lives of this file: the journal's rows after `after_position`, up to the next life's, are facts of this incarnation.
CREATE TABLE lives (
  incarnation TEXT NOT NULL PRIMARY KEY,
  after_position BIGINT NOT NULL
);

-- How far other incarnations' journals have been read. `shipped` is what the primary has of them, `shipped_at` a sequence of the change log that has it all;
-- `offered` is how far this node itself has offered them; up to `gap_ends_at`, a sequence, the log has what this node did not get to read.
CREATE TABLE peer_journals (
  origin TEXT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  mark TEXT NOT NULL,
  shipped BIGINT NOT NULL,
  shipped_at BIGINT NOT NULL,
  offered BIGINT NOT NULL,
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
