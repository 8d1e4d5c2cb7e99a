DROP TRIGGER locks_followed ON locks;
DROP FUNCTION lock_followed();
CREATE OR REPLACE FUNCTION locks_follow() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP INDEX locks_words_idx;
DROP FUNCTION lock_words(jsonb, text, text, uuid);
DROP FUNCTION lock_query(text);
DROP FUNCTION lock_terms(text);
CREATE OR REPLACE FUNCTION append_change(changed text, which text, known_by bytea DEFAULT NULL, said jsonb DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7305436421);
    INSERT INTO changes (seq, kind, subject, digest, payload) VALUES (nextval('changes_seq'), changed, which, known_by, said) RETURNING seq INTO number;
    PERFORM pg_notify('portcullis_changes', '');
    RAISE NOTICE USING ERRCODE = 'PC001', MESSAGE = number::text;
END
$$;
