-- The session that a code began: it ends when the code is shown again.

ALTER TABLE spends ADD COLUMN began_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE spends ADD COLUMN session_id TEXT;
