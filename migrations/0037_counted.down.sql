ALTER TABLE lockdowns DROP COLUMN sessions_of, DROP COLUMN tokens_of;
ALTER TABLE session_ends DROP COLUMN counted;
DROP INDEX tokens_open_idx;
CREATE INDEX tokens_open_idx ON tokens (user_id, generation) INCLUDE (intent, expiring, expires_at) WHERE revoked_at IS NULL;
