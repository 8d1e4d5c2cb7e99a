-- How attempts to prove secrets went. guesses are the attempts of the present
-- window as JSON, in the order they were claimed; there are never more than the
-- installation allows. No row refers to users: whoever holds one holds no account.
CREATE TABLE standings (
    subject      uuid CONSTRAINT standings_pkey PRIMARY KEY,
    user_id      integer,                   -- NULL = nobody's
    guesses      jsonb NOT NULL DEFAULT '[]',
    locked_until timestamptz,
    lockouts     integer NOT NULL DEFAULT 0, -- in a row
    locked_at    timestamptz,                -- when the last of them began
    touched_at   timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70);
CREATE INDEX standings_user_id_idx ON standings (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX standings_touched_at_idx ON standings (touched_at);

CREATE TABLE lockouts (
    id           uuid CONSTRAINT lockouts_pkey PRIMARY KEY,
    subject      uuid NOT NULL,
    identifier   text NOT NULL,
    user_id      integer, -- NULL = nobody's, or deleted since
    device_id    uuid,
    locked_at    timestamptz NOT NULL,
    locked_until timestamptz NOT NULL,
    reason       text NOT NULL,
    trigger_ip   inet,    -- NULL = unknown
    attempts     integer NOT NULL,
    refused      integer NOT NULL DEFAULT 0,
    ended_at     timestamptz, -- NULL = in force, or over and not noticed yet
    end_reason   text NOT NULL DEFAULT '',
    ended_by     text NOT NULL DEFAULT ''
);
-- A subject has one lockout at a time, whoever counts.
CREATE UNIQUE INDEX lockouts_subject_key ON lockouts (subject) WHERE ended_at IS NULL;
-- Lists go by when they began, and lists of those in force skip nothing else.
CREATE INDEX lockouts_locked_at_idx ON lockouts (locked_at, id);
CREATE INDEX lockouts_active_idx ON lockouts (locked_at, id) WHERE ended_at IS NULL;
CREATE INDEX lockouts_due_idx ON lockouts (locked_until) WHERE ended_at IS NULL;
CREATE INDEX lockouts_ended_at_idx ON lockouts (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX lockouts_user_id_idx ON lockouts (user_id, locked_at) WHERE user_id IS NOT NULL;
CREATE INDEX lockouts_identifier_idx ON lockouts (identifier text_pattern_ops);
CREATE INDEX lockouts_trigger_ip_idx ON lockouts (trigger_ip) WHERE trigger_ip IS NOT NULL;

-- Servers refuse from memory whom they know to be locked out. That a lockout is
-- over, each knows by the clock.
CREATE FUNCTION lockout_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_change('lockout', NEW.subject::text, NULL,
        CASE WHEN NEW.ended_at IS NULL THEN jsonb_build_object('until', NEW.locked_until) END);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER lockouts_feed AFTER INSERT ON lockouts DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.ended_at IS NULL) EXECUTE FUNCTION lockout_changed();
CREATE CONSTRAINT TRIGGER lockouts_ended_feed AFTER UPDATE ON lockouts DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND NEW.end_reason <> 'expired') EXECUTE FUNCTION lockout_changed();

CREATE FUNCTION user_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM standings WHERE user_id = OLD.id;
    UPDATE lockouts SET ended_at = clock_timestamp(), end_reason = 'deleted' WHERE user_id = OLD.id AND ended_at IS NULL;
    UPDATE lockouts SET user_id = NULL WHERE user_id = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_lockouts AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION user_forgotten();

-- What bounds attempts is known by heart too.
DROP TRIGGER settings_feed ON settings;
DROP TRIGGER settings_removed_feed ON settings;
CREATE CONSTRAINT TRIGGER settings_feed AFTER INSERT OR UPDATE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.name IN ('cluster_auth_preference', 'break_glass') OR NEW.name LIKE 'security.%') EXECUTE FUNCTION setting_changed();
CREATE CONSTRAINT TRIGGER settings_removed_feed AFTER DELETE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.name IN ('cluster_auth_preference', 'break_glass') OR OLD.name LIKE 'security.%') EXECUTE FUNCTION setting_changed();
