-- Requests for access: somebody wants to be in a group for a while. What is granted is
-- carried by sessions, never by the account.
CREATE TABLE access_requests (
    id          uuid CONSTRAINT access_requests_pkey PRIMARY KEY, -- what a lock on it names
    user_id     integer NOT NULL CONSTRAINT access_requests_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    group_id    uuid CONSTRAINT access_requests_group_fkey REFERENCES groups (id) ON DELETE SET NULL, -- NULL = it is gone, and with it what was granted
    group_name  text NOT NULL, -- as it was called when it was asked for
    reason      text NOT NULL CONSTRAINT access_requests_reason CHECK (reason <> ''),
    duration    integer NOT NULL CONSTRAINT access_requests_duration CHECK (duration > 0), -- seconds
    state       text NOT NULL DEFAULT 'pending'
                CONSTRAINT access_requests_state CHECK (state IN ('pending', 'granted', 'denied', 'withdrawn', 'ended', 'expired')),
    session_id  uuid, -- the session it was asked in
    generation  bigint NOT NULL, -- users.session_generation: what ends all sessions ends it
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_at  timestamptz,
    decided_by  text NOT NULL DEFAULT '',
    decided_id  integer CONSTRAINT access_requests_decided_fkey REFERENCES users (id) ON DELETE SET NULL,
    note        text NOT NULL DEFAULT '',
    expires_at  timestamptz NOT NULL -- when a pending one lapses, or a granted one is over
);
CREATE INDEX access_requests_user_idx ON access_requests (user_id, created_at);
CREATE INDEX access_requests_group_idx ON access_requests (group_id);
CREATE INDEX access_requests_decided_idx ON access_requests (decided_id);
CREATE INDEX access_requests_created_idx ON access_requests (created_at, id);
CREATE INDEX access_requests_open_idx ON access_requests (expires_at) WHERE state IN ('pending', 'granted');

-- Which sessions carry what was granted.
CREATE TABLE session_elevations (
    session_id uuid NOT NULL CONSTRAINT session_elevations_session_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    request_id uuid NOT NULL CONSTRAINT session_elevations_request_fkey REFERENCES access_requests (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT session_elevations_pkey PRIMARY KEY (session_id, request_id)
);
CREATE INDEX session_elevations_request_idx ON session_elevations (request_id);

-- A group and what it belongs to, from a group on upwards.
CREATE FUNCTION group_ancestors(below uuid)
    RETURNS TABLE (id uuid, name text, is_superuser boolean)
    LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
    WITH RECURSIVE above (id) AS (
        SELECT below
        UNION
        SELECT gp.parent_id FROM group_parents gp JOIN above a ON a.id = gp.group_id
    )
    SELECT g.id, g.name, g.is_superuser FROM groups g JOIN above a ON a.id = g.id;
END;

-- Every server hears of a session that has other groups than it had. That the time of
-- one is over, each finds out by the clock.
CREATE FUNCTION elevation_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.session_id ELSE NEW.session_id END;
BEGIN
    PERFORM append_change('session', s.id::text, s.digest) FROM sessions s WHERE s.id = changed;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER session_elevations_feed AFTER INSERT OR DELETE ON session_elevations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION elevation_changed();

CREATE FUNCTION access_request_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_change('session', s.id::text, s.digest)
       FROM session_elevations e JOIN sessions s ON s.id = e.session_id WHERE e.request_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER access_requests_feed AFTER UPDATE ON access_requests DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.state, OLD.expires_at, OLD.group_id, OLD.generation) IS DISTINCT FROM (NEW.state, NEW.expires_at, NEW.group_id, NEW.generation)
        AND OLD.state = 'granted' AND NEW.state <> 'expired')
    EXECUTE FUNCTION access_request_changed();
