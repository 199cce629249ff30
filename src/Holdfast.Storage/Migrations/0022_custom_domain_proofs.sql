-- A custom domain is served once a record in DNS has proven it.
ALTER TABLE custom_domains ADD COLUMN status_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE custom_domains ADD COLUMN state TEXT;
ALTER TABLE custom_domains ADD COLUMN pending_since BIGINT;
ALTER TABLE custom_domains ADD COLUMN touched_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE custom_domains ADD COLUMN updated_at BIGINT;
