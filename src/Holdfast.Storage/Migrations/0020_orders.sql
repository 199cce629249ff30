-- What an operator has ordered at run time, each with an end; and what was taken back before it.
CREATE TABLE orders (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  kind TEXT,
  target TEXT,
  setting TEXT,
  scope TEXT,
  place TEXT,
  author TEXT,
  reason TEXT,
  created_at BIGINT,
  ends_at BIGINT,
  expires_at BIGINT
);
CREATE INDEX orders_by_end ON orders (ends_at);
CREATE INDEX orders_by_expiry ON orders (expires_at);

CREATE TABLE order_lifts (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  order_id TEXT,
  author TEXT,
  reason TEXT,
  created_at BIGINT,
  expires_at BIGINT
);
CREATE INDEX order_lifts_by_order ON order_lifts (order_id);
CREATE INDEX order_lifts_by_expiry ON order_lifts (expires_at);
