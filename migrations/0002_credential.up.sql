-- Signed-in browsers. A row whose ended_at is set is a tombstone: nothing may
-- write to it again, so a request in flight cannot bring a session back.
CREATE TABLE sessions (
    id           uuid CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id      integer NOT NULL CONSTRAINT sessions_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    digest       bytea NOT NULL
                 CONSTRAINT sessions_digest_key UNIQUE
                 CONSTRAINT sessions_digest_length CHECK (octet_length(digest) = 32),
    generation   bigint NOT NULL,
    auth_method  text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz NOT NULL,
    ip           inet,
    user_agent   text NOT NULL DEFAULT '',
    data         bytea NOT NULL DEFAULT '',
    ended_at     timestamptz,
    end_reason   text NOT NULL DEFAULT ''
) WITH (fillfactor = 85);

CREATE INDEX sessions_user_idx ON sessions (user_id, created_at, id);
CREATE INDEX sessions_open_idx ON sessions (user_id, generation) INCLUDE (expires_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_created_at_idx ON sessions (created_at, id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
CREATE INDEX sessions_ended_at_idx ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Bearer secrets, kept as digests only.
CREATE TABLE tokens (
    id           uuid CONSTRAINT tokens_pkey PRIMARY KEY,
    identifier   text NOT NULL
                 CONSTRAINT tokens_identifier_key UNIQUE
                 CONSTRAINT tokens_identifier_blank CHECK (identifier <> '')
                 CONSTRAINT tokens_identifier_length CHECK (char_length(identifier) <= 255),
    intent       text NOT NULL
                 CONSTRAINT tokens_intent_choice CHECK (intent IN ('api', 'app_password', 'recovery', 'verification')),
    user_id      integer NOT NULL CONSTRAINT tokens_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    digest       bytea NOT NULL
                 CONSTRAINT tokens_digest_key UNIQUE
                 CONSTRAINT tokens_digest_length CHECK (octet_length(digest) = 32),
    generation   bigint NOT NULL,
    description  text NOT NULL DEFAULT '',
    expiring     boolean NOT NULL DEFAULT true,
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz,
    managed      text CONSTRAINT tokens_managed_key UNIQUE,
    flow_slug    text NOT NULL DEFAULT '',
    revoked_at   timestamptz,
    CONSTRAINT tokens_expiry CHECK (NOT expiring OR expires_at IS NOT NULL)
) WITH (fillfactor = 85);

CREATE INDEX tokens_user_idx ON tokens (user_id, intent, created_at);
CREATE INDEX tokens_open_idx ON tokens (user_id, generation) INCLUDE (intent, expiring, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX tokens_created_at_idx ON tokens (created_at, id);
CREATE INDEX tokens_expires_at_idx ON tokens (expires_at) WHERE expiring;
CREATE INDEX tokens_revoked_at_idx ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;
