-- What an act ends it counts up to a limit, so that it takes no longer the more
-- there is (idp.CountLimit). The sweep that follows counts the rest.
--
-- Tokens are counted by intent, so the index has them in that order.
DROP INDEX tokens_open_idx;
CREATE INDEX tokens_open_idx ON tokens (user_id, generation, intent) INCLUDE (expiring, expires_at) WHERE revoked_at IS NULL;

-- Whether the sessions of that generation were counted; of former acts they all were.
ALTER TABLE session_ends ADD COLUMN counted boolean NOT NULL DEFAULT true;
ALTER TABLE session_ends ALTER COLUMN counted SET DEFAULT false;

-- Which generations a lockdown ended whose counts are still lower bounds.
ALTER TABLE lockdowns ADD COLUMN sessions_of bigint, ADD COLUMN tokens_of bigint;
