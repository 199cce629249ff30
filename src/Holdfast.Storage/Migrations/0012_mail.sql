-- Mail that is wanted, and what became of it.
CREATE TABLE mails (
  id TEXT NOT NULL PRIMARY KEY,
  made_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  authority TEXT,
  kind TEXT,
  recipient TEXT,
  locale TEXT,
  about TEXT,
  values_sealed TEXT,
  created_at BIGINT,
  send_before BIGINT,
  expires_at BIGINT,
  end_stamp TEXT NOT NULL DEFAULT '',
  ended_at BIGINT,
  outcome TEXT
);

-- The few that wait are found without reading those that are done.
CREATE INDEX mails_waiting ON mails (created_at) WHERE outcome IS NULL;
CREATE INDEX mails_by_time ON mails (created_at, id);
CREATE INDEX mails_by_expiry ON mails (expires_at);

-- What an environment wants of its mail; its id is the environment's.
CREATE TABLE mail_settings (
  id TEXT NOT NULL PRIMARY KEY,
  said_stamp TEXT NOT NULL DEFAULT '',
  environment_id TEXT,
  sender_name TEXT,
  switches TEXT
);

-- The next person of an environment, for an address that nobody has: it costs as much time.
CREATE INDEX credentials_by_environment ON credentials (environment_id, user_id);
