-- People, what proves them, and their sessions (decision 0009).

CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  created_at BIGINT,
  address_stamp TEXT NOT NULL DEFAULT '',
  email TEXT,
  named_stamp TEXT NOT NULL DEFAULT '',
  first_name TEXT,
  last_name TEXT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

CREATE TABLE memberships (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  user_id TEXT,
  organization_id TEXT,
  created_at BIGINT,
  presence_stamp TEXT NOT NULL DEFAULT '',
  present BIGINT
);

CREATE TABLE pending_sign_ups (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  email TEXT,
  password_hash TEXT,
  first_name TEXT,
  last_name TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

CREATE TABLE pending_items (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  kind TEXT,
  authority TEXT,
  subject TEXT,
  secret_hash TEXT,
  data TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

CREATE TABLE credentials (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  user_id TEXT,
  kind TEXT,
  secret TEXT,
  proof TEXT,
  proven_by TEXT,
  replaces TEXT,
  created_at BIGINT
);

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  user_id TEXT,
  organization_id TEXT,
  method TEXT,
  credential_id TEXT,
  birth TEXT,
  birth_position TEXT,
  key_id TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

CREATE TABLE session_spends (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  session_id TEXT,
  generation BIGINT,
  node TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

CREATE INDEX users_by_environment ON users (environment_id, created_at, id);
CREATE INDEX claims_by_holder ON claims (holder);
CREATE INDEX memberships_by_user ON memberships (user_id);
CREATE INDEX memberships_by_organization ON memberships (organization_id);
CREATE INDEX credentials_by_user ON credentials (user_id);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX session_spends_by_session ON session_spends (session_id);
CREATE INDEX pending_sign_ups_by_expiry ON pending_sign_ups (expires_at);
CREATE INDEX pending_items_by_expiry ON pending_items (expires_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX session_spends_by_expiry ON session_spends (expires_at);
