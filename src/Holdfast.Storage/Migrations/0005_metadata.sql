-- What was read at the metadata addresses of SAML connections: what was taken, what waits for an administrator, and whether reading works.
CREATE TABLE saml_metadata (
  id TEXT NOT NULL PRIMARY KEY,
  taken_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  source TEXT,
  document TEXT,
  taken_at BIGINT,
  pending_stamp TEXT NOT NULL DEFAULT '',
  pending_source TEXT,
  pending_document TEXT,
  pending_why TEXT,
  pending_since BIGINT,
  reading_stamp TEXT NOT NULL DEFAULT '',
  reading_source TEXT,
  fault TEXT,
  fault_since BIGINT
);
