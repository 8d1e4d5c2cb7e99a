DROP INDEX sessions_idle_idx;
DROP INDEX sessions_open_idx;
CREATE INDEX sessions_open_idx ON sessions (user_id, generation) INCLUDE (expires_at) WHERE ended_at IS NULL;
ALTER TABLE sessions
    DROP COLUMN device_id,
    DROP COLUMN binding_private,
    DROP COLUMN binding_log_only,
    DROP COLUMN geoip_binding,
    DROP COLUMN network_binding,
    DROP COLUMN idle_timeout;
DROP TABLE known_devices;
