-- Requests of devices are single-use items, found by the code that a person types in, whatever environment they are of.
CREATE INDEX pending_items_by_kind ON pending_items (kind, subject, expires_at);
