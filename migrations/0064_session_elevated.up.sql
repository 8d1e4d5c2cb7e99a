-- Whether a session was ever given a group for a while, so that reading one that was
-- not, as nearly all are, asks no other table.
ALTER TABLE sessions ADD COLUMN elevated boolean NOT NULL DEFAULT false;
UPDATE sessions SET elevated = true WHERE id IN (SELECT session_id FROM session_elevations);
