-- What must stand in DNS for a domain to be proven, and since when it is looked for.
ALTER TABLE organization_domains ADD COLUMN proof_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE organization_domains ADD COLUMN verification_prefix TEXT;
ALTER TABLE organization_domains ADD COLUMN verification_token TEXT;
ALTER TABLE organization_domains ADD COLUMN pending_since BIGINT;

-- Which organization an event tells of.
ALTER TABLE events ADD COLUMN about_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN organization_id TEXT;

CREATE INDEX organization_domains_by_state ON organization_domains (state, id);
CREATE INDEX events_by_environment ON events (environment_id, created_at, id);
CREATE INDEX events_by_organization ON events (organization_id, created_at, id);
