-- The change feed: which sessions, users and groups are not what they were, in
-- the order of their commits. Servers answer from memory and drop what is named
-- here. Triggers write it, so no way of changing a row can forget to.
CREATE SEQUENCE changes_seq;
CREATE TABLE changes (
    seq     bigint CONSTRAINT changes_pkey PRIMARY KEY,
    kind    text NOT NULL,
    subject text NOT NULL DEFAULT '', -- the primary key of what changed; '' = any of the kind
    digest  bytea,                    -- of a session: what servers know it by
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX changes_at_idx ON changes (at);

-- append_change takes the next number under a lock that is held until the
-- commit is done, so that numbers become visible in their order: whoever has
-- seen one has seen all before it. It is called at the end of a transaction only
-- (by deferred triggers): everything else that a transaction waits for, it has by
-- then. The notice tells the committing connection the number.
CREATE FUNCTION append_change(changed text, which text, known_by bytea DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7305436421);
    INSERT INTO changes (seq, kind, subject, digest) VALUES (nextval('changes_seq'), changed, which, known_by) RETURNING seq INTO number;
    PERFORM pg_notify('portcullis_changes', '');
    RAISE NOTICE USING ERRCODE = 'PC001', MESSAGE = number::text;
END
$$;

-- What is due to end is looked for now and then, among those that have not.
DROP INDEX sessions_expires_at_idx;
CREATE INDEX sessions_due_idx ON sessions (expires_at) WHERE ended_at IS NULL;

CREATE FUNCTION session_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_change('session', OLD.id::text, OLD.digest);
    RETURN NULL;
END
$$;
-- Not told: rows that a job ends because a raised generation ended them already
-- (the user's change told of that) or their time was over, and rows that nobody
-- could use any more.
CREATE CONSTRAINT TRIGGER sessions_feed AFTER UPDATE ON sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND (NEW.ended_at IS NOT NULL AND NEW.end_reason NOT IN ('generation', 'Session expired', 'Session not used for too long')
        OR (OLD.generation, OLD.expires_at, OLD.idle_timeout, OLD.network_binding, OLD.geoip_binding, OLD.binding_log_only, OLD.binding_private, OLD.device_id)
            IS DISTINCT FROM (NEW.generation, NEW.expires_at, NEW.idle_timeout, NEW.network_binding, NEW.geoip_binding, NEW.binding_log_only, NEW.binding_private, NEW.device_id)
        OR (NEW.network_binding <> 'no_binding' OR NEW.geoip_binding <> 'no_binding') AND OLD.ip IS DISTINCT FROM NEW.ip))
    EXECUTE FUNCTION session_changed();
CREATE CONSTRAINT TRIGGER sessions_removed_feed AFTER DELETE ON sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND OLD.expires_at > now()) EXECUTE FUNCTION session_changed();

CREATE FUNCTION user_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_change('user', OLD.id::text);
    RETURN NULL;
END
$$;
-- When somebody signed in last is not told: nobody may do more or less by it.
CREATE CONSTRAINT TRIGGER users_feed AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.uuid, OLD.username, OLD.name, OLD.email, OLD.path, OLD.type, OLD.is_active, OLD.password, OLD.attributes, OLD.session_generation, OLD.token_generation)
        IS DISTINCT FROM (NEW.uuid, NEW.username, NEW.name, NEW.email, NEW.path, NEW.type, NEW.is_active, NEW.password, NEW.attributes, NEW.session_generation, NEW.token_generation))
    EXECUTE FUNCTION user_changed();
CREATE CONSTRAINT TRIGGER users_removed_feed AFTER DELETE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION user_changed();

CREATE FUNCTION membership_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_change('user', CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END::text);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER group_users_feed AFTER INSERT OR UPDATE OR DELETE ON group_users DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION membership_changed();

-- A group, or what it belongs to, may concern everybody.
CREATE FUNCTION group_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_change('group', '');
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER groups_feed AFTER UPDATE ON groups DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.name, OLD.is_superuser) IS DISTINCT FROM (NEW.name, NEW.is_superuser)) EXECUTE FUNCTION group_changed();
CREATE CONSTRAINT TRIGGER groups_removed_feed AFTER DELETE ON groups DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION group_changed();
CREATE CONSTRAINT TRIGGER group_parents_feed AFTER INSERT OR UPDATE OR DELETE ON group_parents DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION group_changed();

-- The servers at work and how far in the feed each is. Nothing of it outlives a
-- crash of the database, and each of them writes here twice a second.
CREATE UNLOGGED TABLE replicas (
    id      uuid CONSTRAINT replicas_pkey PRIMARY KEY,
    applied bigint NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
