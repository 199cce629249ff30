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

CREATE INDEX memberships_by_environment ON memberships (environment_id, created_at, id);
