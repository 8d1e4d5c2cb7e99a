DROP TRIGGER events_live ON events;
DROP FUNCTION event_appended();
ALTER TABLE replicas DROP COLUMN watching;
ALTER TABLE events DROP COLUMN xact;
