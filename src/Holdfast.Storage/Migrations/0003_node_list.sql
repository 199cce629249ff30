-- The key that a node signs with, beside its life.
ALTER TABLE nodes ADD COLUMN key_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE nodes ADD COLUMN public_key TEXT;

-- The names of the cluster's nodes: one row. While `names_before` and `names` differ, both lists count.
CREATE TABLE node_list (
  id TEXT NOT NULL PRIMARY KEY,
  list_stamp TEXT NOT NULL DEFAULT '',
  number BIGINT,
  names_before TEXT,
  names TEXT
);
