-- What administrators know of people, and of their memberships.
ALTER TABLE users ADD COLUMN whole_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN name TEXT;
ALTER TABLE users ADD COLUMN proven_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN verified_email TEXT;
ALTER TABLE users ADD COLUMN external_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN external_id TEXT;
ALTER TABLE users ADD COLUMN meta_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN metadata TEXT;
ALTER TABLE users ADD COLUMN tongue_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN locale TEXT;
ALTER TABLE users ADD COLUMN seen_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN last_sign_in_at BIGINT;

ALTER TABLE memberships ADD COLUMN role_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE memberships ADD COLUMN role_slugs TEXT;
ALTER TABLE memberships ADD COLUMN touched_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE memberships ADD COLUMN updated_at BIGINT;

-- Invitations are kept when they are over: a list shows them.
CREATE TABLE invitations (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  email TEXT,
  organization_id TEXT,
  role_slug TEXT,
  inviter_user_id TEXT,
  token_hash TEXT,
  token_sealed TEXT,
  created_at BIGINT,
  expires_at BIGINT,
  acceptance_stamp TEXT NOT NULL DEFAULT '',
  accepted_at BIGINT,
  mail_stamp TEXT NOT NULL DEFAULT '',
  mail_wanted_at BIGINT,
  locale TEXT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

CREATE INDEX invitations_by_environment ON invitations (environment_id, created_at, id);
CREATE INDEX invitations_by_email ON invitations (environment_id, email, created_at, id);
CREATE INDEX invitations_by_organization ON invitations (environment_id, organization_id, created_at, id);
CREATE INDEX invitations_by_token ON invitations (token_hash);
