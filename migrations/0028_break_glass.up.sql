-- Servers know by heart for whom the glass was broken.
DROP TRIGGER settings_feed ON settings;
DROP TRIGGER settings_removed_feed ON settings;
CREATE CONSTRAINT TRIGGER settings_feed AFTER INSERT OR UPDATE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.name IN ('cluster_auth_preference', 'break_glass')) EXECUTE FUNCTION setting_changed();
CREATE CONSTRAINT TRIGGER settings_removed_feed AFTER DELETE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.name IN ('cluster_auth_preference', 'break_glass')) EXECUTE FUNCTION setting_changed();

-- Who is renamed does not escape the locks on the old name: they follow, in the
-- transaction of the act, whichever way the name was changed. Locks of the past
-- stay as they were. Arguments: the kind of key, the column.
CREATE INDEX locks_user_idx ON locks (fold(target ->> 'user')) WHERE lifted_at IS NULL AND target ? 'user';
CREATE FUNCTION locks_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kind text := TG_ARGV[0];
    was text := to_jsonb(OLD) ->> TG_ARGV[1];
    becomes text := to_jsonb(NEW) ->> TG_ARGV[1];
    moved locks;
BEGIN
    FOR moved IN
        SELECT * FROM locks WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
            AND CASE WHEN kind = 'user' THEN target ? 'user' AND fold(target ->> 'user') = fold(was) ELSE target @> jsonb_build_object(kind, was) END
        ORDER BY id FOR UPDATE
    LOOP
        UPDATE locks SET target = jsonb_set(target, ARRAY[kind], to_jsonb(becomes)) WHERE id = moved.id RETURNING * INTO moved;
        INSERT INTO events (id, action, app, context) VALUES (gen_random_uuid(), 'model_updated', 'portcullis.lock', jsonb_build_object(
            'action_id', 'lock.updated', 'name', moved.id, 'target', moved.target, 'message', moved.message, 'expires', moved.expires_at,
            'created_at', moved.created_at, 'created_by', moved.created_by, 'followed', jsonb_build_object('kind', kind, 'from', was, 'to', becomes),
            'model', jsonb_build_object('app', 'portcullis_lock', 'model_name', 'lock', 'pk', moved.id, 'name', kind || ':' || to_jsonb(becomes)::text)));
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_locks AFTER UPDATE OF username ON users FOR EACH ROW
    WHEN (fold(OLD.username) <> fold(NEW.username)) EXECUTE FUNCTION locks_follow('user', 'username');
CREATE TRIGGER groups_locks AFTER UPDATE OF name ON groups FOR EACH ROW
    WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION locks_follow('group', 'name');
CREATE TRIGGER roles_locks AFTER UPDATE OF name ON roles FOR EACH ROW
    WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION locks_follow('role', 'name');
CREATE TRIGGER tokens_locks AFTER UPDATE OF identifier ON tokens FOR EACH ROW
    WHEN (OLD.identifier <> NEW.identifier) EXECUTE FUNCTION locks_follow('token', 'identifier');
