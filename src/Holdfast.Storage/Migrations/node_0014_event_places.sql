-- Where the change log first told of an event: (epoch, sequence) is the order in which events are listed, and what a cursor stands for. What is not here has not been told yet.
CREATE TABLE event_places (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL,
  organization_id TEXT,
  epoch BIGINT NOT NULL,
  sequence BIGINT NOT NULL
);
CREATE INDEX event_places_by_environment ON event_places (environment_id, epoch, sequence);
CREATE INDEX event_places_by_organization ON event_places (organization_id, epoch, sequence);

-- Those of before this order was kept come first, in the order that they had.
INSERT INTO event_places SELECT id, environment_id, organization_id, 0, row_number() OVER (ORDER BY created_at, id) FROM events WHERE environment_id IS NOT NULL;
