CREATE INDEX pending_items_by_subject ON pending_items (environment_id, kind, subject, created_at);
