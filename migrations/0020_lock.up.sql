-- Locks are standing rules. Lifted ones and those past their time stay as
-- history until they are purged.
CREATE TABLE locks (
    id         uuid CONSTRAINT locks_pkey PRIMARY KEY,
    target     jsonb NOT NULL CONSTRAINT locks_target_empty CHECK (jsonb_typeof(target) = 'object' AND target <> '{}'),
    message    text NOT NULL DEFAULT '',
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    lifted_at  timestamptz,
    lifted_by  text NOT NULL DEFAULT ''
);
CREATE INDEX locks_created_at_idx ON locks (created_at DESC, id DESC);
CREATE INDEX locks_open_idx ON locks (created_at DESC, id DESC) WHERE lifted_at IS NULL;
CREATE INDEX locks_target_idx ON locks USING gin (target jsonb_path_ops);
CREATE INDEX locks_end_idx ON locks ((coalesce(lifted_at, expires_at))) WHERE lifted_at IS NOT NULL OR expires_at IS NOT NULL;

CREATE TABLE roles (
    id          uuid CONSTRAINT roles_pkey PRIMARY KEY,
    name        text NOT NULL CONSTRAINT roles_name_key UNIQUE CONSTRAINT roles_name_blank CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    spec        jsonb NOT NULL DEFAULT '{}',
    managed     text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE role_users (
    role_id uuid NOT NULL CONSTRAINT role_users_role_fkey REFERENCES roles (id) ON DELETE CASCADE,
    user_id integer NOT NULL CONSTRAINT role_users_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT role_users_pkey PRIMARY KEY (user_id, role_id)
);
CREATE INDEX role_users_role_idx ON role_users (role_id);
CREATE TABLE role_groups (
    role_id  uuid NOT NULL CONSTRAINT role_groups_role_fkey REFERENCES roles (id) ON DELETE CASCADE,
    group_id uuid NOT NULL CONSTRAINT role_groups_group_fkey REFERENCES groups (id) ON DELETE CASCADE,
    CONSTRAINT role_groups_pkey PRIMARY KEY (group_id, role_id)
);
CREATE INDEX role_groups_role_idx ON role_groups (role_id);

-- What is said of a lock, a role or a setting goes with the change: servers hold
-- them whole, and would have to ask for them otherwise.
ALTER TABLE changes ADD COLUMN payload jsonb;
DROP FUNCTION append_change(text, text, bytea);
CREATE FUNCTION append_change(changed text, which text, known_by bytea DEFAULT NULL, said jsonb DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7305436421);
    INSERT INTO changes (seq, kind, subject, digest, payload) VALUES (nextval('changes_seq'), changed, which, known_by, said) RETURNING seq INTO number;
    PERFORM pg_notify('portcullis_changes', '');
    RAISE NOTICE USING ERRCODE = 'PC001', MESSAGE = number::text;
END
$$;

CREATE FUNCTION lock_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM append_change('lock', OLD.id::text);
    ELSIF NEW.lifted_at IS NULL THEN
        PERFORM append_change('lock', NEW.id::text, NULL, to_jsonb(NEW));
    ELSE
        PERFORM append_change('lock', NEW.id::text);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER locks_feed AFTER INSERT OR UPDATE ON locks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION lock_changed();
-- Purging history is not told: nobody holds it.
CREATE CONSTRAINT TRIGGER locks_removed_feed AFTER DELETE ON locks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.lifted_at IS NULL AND (OLD.expires_at IS NULL OR OLD.expires_at > now())) EXECUTE FUNCTION lock_changed();

-- What a role is called, and that it is gone, concerns everybody who has it.
CREATE FUNCTION role_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM append_change('role', OLD.id::text);
        PERFORM append_change('group', '');
        RETURN NULL;
    END IF;
    PERFORM append_change('role', NEW.id::text, NULL, to_jsonb(NEW));
    IF TG_OP = 'UPDATE' AND OLD.name <> NEW.name THEN
        PERFORM append_change('group', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER roles_feed AFTER INSERT OR UPDATE OR DELETE ON roles DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION role_changed();
CREATE CONSTRAINT TRIGGER role_users_feed AFTER INSERT OR UPDATE OR DELETE ON role_users DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION membership_changed();
CREATE CONSTRAINT TRIGGER role_groups_feed AFTER INSERT OR UPDATE OR DELETE ON role_groups DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION group_changed();

-- Settings that servers know by heart.
CREATE FUNCTION setting_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM append_change('setting', OLD.name);
    ELSE
        PERFORM append_change('setting', NEW.name, NULL, NEW.value);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER settings_feed AFTER INSERT OR UPDATE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.name = 'cluster_auth_preference') EXECUTE FUNCTION setting_changed();
CREATE CONSTRAINT TRIGGER settings_removed_feed AFTER DELETE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.name = 'cluster_auth_preference') EXECUTE FUNCTION setting_changed();
