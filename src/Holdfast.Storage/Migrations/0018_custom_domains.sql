-- Names under which an environment's hosted pages and API are served.

CREATE TABLE custom_domains (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  domain TEXT,
  created_at BIGINT
);

CREATE INDEX custom_domains_by_domain ON custom_domains (domain);
