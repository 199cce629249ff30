-- The tables that are merged: one column `id`, and for each column group its stamp and its columns (Schema.cs).
-- This is the part of SQL that SQLite and PostgreSQL share.

CREATE TABLE environments (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  name TEXT,
  client_id TEXT,
  id_key_sealed TEXT,
  created_at BIGINT
);

CREATE TABLE nodes (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  name TEXT,
  region TEXT,
  zone TEXT,
  born_at BIGINT
);

CREATE TABLE api_keys (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  name TEXT,
  hash TEXT,
  obfuscated_value TEXT,
  created_at BIGINT
);

CREATE TABLE signing_keys (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  private_key_sealed TEXT,
  public_jwk TEXT,
  created_at BIGINT,
  use_stamp TEXT NOT NULL DEFAULT '',
  activated_at BIGINT
);

CREATE TABLE redirect_uris (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  uri TEXT,
  created_at BIGINT,
  presence_stamp TEXT NOT NULL DEFAULT '',
  present BIGINT,
  is_default BIGINT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

CREATE TABLE organizations (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  created_at BIGINT,
  named_stamp TEXT NOT NULL DEFAULT '',
  name TEXT,
  outside_stamp TEXT NOT NULL DEFAULT '',
  allow_profiles_outside_organization BIGINT,
  meta_stamp TEXT NOT NULL DEFAULT '',
  metadata TEXT,
  external_stamp TEXT NOT NULL DEFAULT '',
  external_id TEXT,
  billing_stamp TEXT NOT NULL DEFAULT '',
  stripe_customer_id TEXT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

CREATE TABLE organization_domains (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  organization_id TEXT,
  domain TEXT,
  created_at BIGINT,
  status_stamp TEXT NOT NULL DEFAULT '',
  state TEXT,
  verification_strategy TEXT,
  presence_stamp TEXT NOT NULL DEFAULT '',
  present BIGINT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

CREATE TABLE claims (
  id TEXT NOT NULL PRIMARY KEY,
  claim_stamp TEXT NOT NULL DEFAULT '',
  holder TEXT,
  term BIGINT,
  verified BIGINT,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  kind TEXT,
  value TEXT
);

CREATE TABLE connections (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  organization_id TEXT,
  connection_type TEXT,
  created_at BIGINT,
  named_stamp TEXT NOT NULL DEFAULT '',
  name TEXT,
  setup_stamp TEXT NOT NULL DEFAULT '',
  settings_sealed TEXT,
  places_stamp TEXT NOT NULL DEFAULT '',
  domains TEXT,
  status_stamp TEXT NOT NULL DEFAULT '',
  state TEXT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

CREATE TABLE provider_documents (
  id TEXT NOT NULL PRIMARY KEY,
  document_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  source TEXT,
  metadata TEXT,
  keys TEXT,
  read_at BIGINT
);

CREATE TABLE profiles (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  connection_id TEXT,
  organization_id TEXT,
  connection_type TEXT,
  idp_id TEXT,
  created_at BIGINT,
  attributes_stamp TEXT NOT NULL DEFAULT '',
  email TEXT,
  first_name TEXT,
  last_name TEXT,
  groups TEXT,
  raw_attributes TEXT,
  touched_stamp TEXT NOT NULL DEFAULT '',
  updated_at BIGINT
);

CREATE TABLE sso_codes (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  authority TEXT,
  client_id TEXT,
  connection_id TEXT,
  profile_id TEXT,
  redirect_uri TEXT,
  code_challenge TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

CREATE TABLE spends (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  kind TEXT,
  request TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

CREATE TABLE denies (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  subject TEXT,
  reason TEXT,
  created_at BIGINT
);

CREATE TABLE lifts (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  deny_id TEXT,
  created_at BIGINT
);

CREATE TABLE events (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  event TEXT,
  data TEXT,
  created_at BIGINT
);

CREATE TABLE idempotency_keys (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  status BIGINT,
  body_sealed TEXT,
  created_at BIGINT,
  expires_at BIGINT
);

CREATE INDEX api_keys_by_hash ON api_keys (hash);
CREATE INDEX environments_by_client ON environments (client_id);
CREATE INDEX redirect_uris_by_uri ON redirect_uris (environment_id, uri);
CREATE INDEX signing_keys_by_environment ON signing_keys (environment_id);
CREATE INDEX organizations_by_environment ON organizations (environment_id, created_at, id);
CREATE INDEX organization_domains_by_organization ON organization_domains (organization_id);
CREATE INDEX organization_domains_by_domain ON organization_domains (environment_id, domain);
CREATE INDEX connections_by_environment ON connections (environment_id, created_at, id);
CREATE INDEX connections_by_organization ON connections (organization_id);
CREATE INDEX profiles_by_connection ON profiles (connection_id);
CREATE INDEX claims_by_value ON claims (environment_id, kind, value);
CREATE INDEX denies_by_subject ON denies (subject);
CREATE INDEX lifts_by_deny ON lifts (deny_id);
CREATE INDEX sso_codes_by_expiry ON sso_codes (expires_at);
CREATE INDEX spends_by_expiry ON spends (expires_at);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
