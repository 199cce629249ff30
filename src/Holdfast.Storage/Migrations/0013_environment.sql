-- What an environment is configured with, and what sign-ins leave beside their session.

CREATE TABLE cors_origins (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  origin TEXT,
  created_at BIGINT
);

CREATE TABLE jwt_templates (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  created_at BIGINT,
  content_stamp TEXT NOT NULL DEFAULT '',
  content TEXT,
  updated_at BIGINT
);

CREATE TABLE sign_in_settings (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  age_stamp TEXT NOT NULL DEFAULT '',
  max_staleness BIGINT,
  token_stamp TEXT NOT NULL DEFAULT '',
  access_token_lifetime BIGINT,
  session_stamp TEXT NOT NULL DEFAULT '',
  session_lifetime BIGINT,
  cookie_stamp TEXT NOT NULL DEFAULT '',
  cookie_domain TEXT
);

CREATE TABLE device_answers (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  user_id TEXT,
  organization_id TEXT,
  credential_id TEXT,
  factor_id TEXT,
  method TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

CREATE TABLE signing_key_copies (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  key_id TEXT,
  node TEXT,
  created_at BIGINT
);

CREATE TABLE action_endpoints (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  type TEXT,
  secret_sealed TEXT,
  created_at BIGINT,
  place_stamp TEXT NOT NULL DEFAULT '',
  endpoint_url TEXT,
  policy_stamp TEXT NOT NULL DEFAULT '',
  status TEXT,
  when_unreachable TEXT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

ALTER TABLE sessions ADD COLUMN client_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN ip_address TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;
ALTER TABLE sessions ADD COLUMN impersonator TEXT;

CREATE INDEX cors_origins_by_origin ON cors_origins (origin, environment_id);
CREATE INDEX cors_origins_by_environment ON cors_origins (environment_id, created_at, id);
CREATE INDEX device_answers_by_expiry ON device_answers (expires_at);
CREATE INDEX signing_key_copies_by_key ON signing_key_copies (key_id);
CREATE INDEX action_endpoints_by_environment ON action_endpoints (environment_id, type, created_at, id);
