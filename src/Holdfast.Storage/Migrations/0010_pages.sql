-- A code that a hosted page made names who has signed in.
ALTER TABLE sso_codes ADD COLUMN person_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE sso_codes ADD COLUMN user_id TEXT;
ALTER TABLE sso_codes ADD COLUMN credential_id TEXT;
ALTER TABLE sso_codes ADD COLUMN organization_id TEXT;
ALTER TABLE sso_codes ADD COLUMN method TEXT;

-- How hosted pages look: a row for an environment, and one for an organization that has its own.
CREATE TABLE branding (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  created_at BIGINT,
  named_stamp TEXT NOT NULL DEFAULT '',
  name TEXT,
  image_stamp TEXT NOT NULL DEFAULT '',
  logo TEXT,
  logo_type TEXT,
  color_stamp TEXT NOT NULL DEFAULT '',
  accent TEXT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);
