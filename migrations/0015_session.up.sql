-- Browsers that an account has signed in with before: one row for each pair of
-- browser and account, found by the digest of the browser's own cookie.
--
-- generation is the user's session generation, so that whatever ends an
-- account's sessions makes its browsers unknown, however many there are.
CREATE TABLE known_devices (
    id           uuid CONSTRAINT known_devices_pkey PRIMARY KEY,
    user_id      integer NOT NULL CONSTRAINT known_devices_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    digest       bytea NOT NULL
                 CONSTRAINT known_devices_digest_length CHECK (octet_length(digest) = 32),
    generation   bigint NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz NOT NULL,
    ip           inet,
    user_agent   text NOT NULL DEFAULT '',
    revoked_at   timestamptz,
    CONSTRAINT known_devices_digest_key UNIQUE (digest, user_id)
);
CREATE INDEX known_devices_user_idx ON known_devices (user_id, created_at, id);
CREATE INDEX known_devices_expires_at_idx ON known_devices (expires_at);
CREATE INDEX known_devices_revoked_at_idx ON known_devices (revoked_at) WHERE revoked_at IS NOT NULL;

-- What the stage said when the session began, and which browser it is in.
ALTER TABLE sessions
    ADD COLUMN idle_timeout bigint NOT NULL DEFAULT 0 -- seconds; 0 = none
        CONSTRAINT sessions_idle_timeout_positive CHECK (idle_timeout >= 0),
    ADD COLUMN network_binding text NOT NULL DEFAULT 'no_binding'
        CONSTRAINT sessions_network_binding_choice
        CHECK (network_binding IN ('no_binding', 'bind_asn', 'bind_asn_network', 'bind_asn_network_ip')),
    ADD COLUMN geoip_binding text NOT NULL DEFAULT 'no_binding'
        CONSTRAINT sessions_geoip_binding_choice
        CHECK (geoip_binding IN ('no_binding', 'bind_continent', 'bind_continent_country', 'bind_continent_country_city')),
    ADD COLUMN binding_log_only boolean NOT NULL DEFAULT false,
    ADD COLUMN binding_private boolean NOT NULL DEFAULT false, -- moving between private addresses breaks it too
    ADD COLUMN device_id uuid
        CONSTRAINT sessions_device_fkey REFERENCES known_devices (id) ON DELETE SET NULL;
CREATE INDEX sessions_device_idx ON sessions (device_id) WHERE device_id IS NOT NULL;

-- Counting what an account holds must not look at rows: most sessions are
-- counted by the one index, the few that idleness ends are found by the other.
DROP INDEX sessions_open_idx;
CREATE INDEX sessions_open_idx ON sessions (user_id, generation) INCLUDE (expires_at, idle_timeout) WHERE ended_at IS NULL;
CREATE INDEX sessions_idle_idx ON sessions (user_id, generation) WHERE ended_at IS NULL AND idle_timeout > 0;
