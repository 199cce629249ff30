-- Second factors, passkeys and recovery codes; what a session was proven by besides; and whether a second factor is asked for (decision 0016).
CREATE TABLE factors (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  user_id TEXT,
  type TEXT,
  secret_sealed TEXT,
  details TEXT,
  proof TEXT,
  proven_by TEXT,
  replaces TEXT,
  created_at BIGINT,
  used_stamp TEXT NOT NULL DEFAULT '',
  sign_count BIGINT,
  used_at BIGINT
);

CREATE TABLE sign_in_policies (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  mfa_stamp TEXT NOT NULL DEFAULT '',
  mfa TEXT,
  mfa_after_sso BIGINT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

ALTER TABLE sessions ADD COLUMN beside_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN factor_id TEXT;

ALTER TABLE sso_codes ADD COLUMN beside_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE sso_codes ADD COLUMN factor_id TEXT;

CREATE INDEX factors_by_user ON factors (environment_id, user_id, created_at, id);
