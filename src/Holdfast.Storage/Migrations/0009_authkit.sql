CREATE INDEX pending_items_by_subject ON pending_items (environment_id, kind, subject, created_at);
-- So that what was spent twice is found without reading every generation's row.
CREATE INDEX session_spends_by_generation ON session_spends (session_id, generation, created_at);
DROP INDEX session_spends_by_session;
