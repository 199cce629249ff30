-- Our keys towards identity providers, by SAML.
CREATE TABLE saml_keys (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  purpose TEXT,
  private_key_sealed TEXT,
  certificate TEXT,
  created_at BIGINT,
  use_stamp TEXT NOT NULL DEFAULT '',
  activated_at BIGINT
);

-- What an identity provider calls the session that a code came from, so that both sides can end it.
CREATE TABLE saml_sessions (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  connection_id TEXT,
  profile_id TEXT,
  name_hash TEXT,
  session_sealed TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

-- Sign-ins that succeeded. One that was refused stays with the node that refused it.
CREATE TABLE sso_attempts (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  connection_id TEXT,
  profile_id TEXT,
  said TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

CREATE INDEX saml_keys_by_environment ON saml_keys (environment_id);
CREATE INDEX saml_sessions_by_name ON saml_sessions (connection_id, name_hash, created_at);
CREATE INDEX saml_sessions_by_profile ON saml_sessions (profile_id, created_at);
CREATE INDEX saml_sessions_by_expiry ON saml_sessions (expires_at);
CREATE INDEX sso_attempts_by_connection ON sso_attempts (connection_id, id);
CREATE INDEX sso_attempts_by_expiry ON sso_attempts (expires_at);
