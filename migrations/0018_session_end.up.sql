-- Why a generation of sessions ended: what raises a user's session generation
-- touches none of their rows, and says here why. The rows of that generation show
-- it, swept or not.
CREATE TABLE session_ends (
    user_id    integer NOT NULL CONSTRAINT session_ends_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    generation bigint NOT NULL, -- the one that ended
    reason     text NOT NULL,
    ended_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT session_ends_pkey PRIMARY KEY (user_id, generation)
);
CREATE INDEX session_ends_ended_at_idx ON session_ends (ended_at);
