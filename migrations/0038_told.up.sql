-- Servers are told what changed, not only that something did: one that is in step
-- up to there applies it at once, without asking (feed.Feed). The first change of a
-- transaction is told whole, where it fits into a notification; of further ones, as
-- of very large ones, only that there are some, once, however many they are.
CREATE OR REPLACE FUNCTION append_change(changed text, which text, known_by bytea DEFAULT NULL, said jsonb DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    told text := '';
BEGIN
    PERFORM pg_advisory_xact_lock(7305436421);
    INSERT INTO changes (seq, kind, subject, digest, payload) VALUES (nextval('changes_seq'), changed, which, known_by, said) RETURNING seq INTO number;
    IF coalesce(current_setting('portcullis.told', true), '') = '' THEN
        PERFORM set_config('portcullis.told', '1', true);
        told := jsonb_build_object('seq', number, 'kind', changed, 'subject', which, 'digest', encode(known_by, 'hex'), 'payload', said)::text;
        IF octet_length(told) > 7900 THEN
            told := '';
        END IF;
    END IF;
    PERFORM pg_notify('portcullis_changes', told);
    RAISE NOTICE USING ERRCODE = 'PC001', MESSAGE = number::text;
END
$$;

-- Searching locks finds words by their beginnings, in an index: reading all texts of a
-- million locks takes seconds. Whatever is no letter or digit parts words; beyond ASCII
-- everything counts as a letter.
CREATE FUNCTION lock_terms(written text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT left(w, 100) FROM regexp_split_to_table(fold(written), '[\u0001-\u002f\u003a-\u0060\u007b-\u007f]+') w WHERE w <> '');
END
$$;
CREATE FUNCTION lock_words(target jsonb, message text, created_by text, id uuid) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN array_to_tsvector(lock_terms(concat_ws(' ', target::text, message, created_by, id::text)));
END
$$;
-- NULL where there is no word in it.
CREATE FUNCTION lock_query(wanted text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT string_agg(quote_literal(w) || ':*', ' & ') FROM unnest(lock_terms(wanted)) w)::tsquery;
END
$$;
CREATE INDEX locks_words_idx ON locks USING gin (lock_words(target, message, created_by, id));

-- What locks followed is told when the transaction ends: by then the act has written
-- its own event, which says who did it.
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
        UPDATE locks SET target = jsonb_set(target, ARRAY[kind], to_jsonb(becomes)) WHERE id = moved.id;
    END LOOP;
    IF FOUND THEN
        PERFORM set_config('portcullis.followed', (coalesce(nullif(current_setting('portcullis.followed', true), ''), '[]')::jsonb
            || jsonb_build_object('kind', kind, 'from', was, 'to', becomes))::text, true);
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION lock_followed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    step jsonb;
    kind text;
    act record;
BEGIN
    FOR step IN SELECT * FROM jsonb_array_elements(coalesce(nullif(current_setting('portcullis.followed', true), ''), '[]')::jsonb) LOOP
        kind := step ->> 'kind';
        IF NEW.target ->> kind = step ->> 'to' AND fold(OLD.target ->> kind) = fold(step ->> 'from') AND OLD.target - kind = NEW.target - kind THEN
            SELECT coalesce(e."user" -> 'authenticated_as', e."user") AS who, e.client_ip, e.brand INTO act FROM events e
             WHERE e.created_at >= transaction_timestamp() AND e.xmin = pg_current_xact_id()::xid ORDER BY e.created_at DESC LIMIT 1;
            INSERT INTO events (id, action, app, "user", client_ip, brand, context) VALUES (gen_random_uuid(), 'model_updated', 'portcullis.lock',
                coalesce(act.who, '{}'), act.client_ip, coalesce(act.brand, '{}'), jsonb_build_object(
                'action_id', 'lock.updated', 'name', NEW.id, 'target', NEW.target, 'message', NEW.message, 'expires', NEW.expires_at,
                'created_at', NEW.created_at, 'created_by', NEW.created_by, 'followed', step,
                'model', jsonb_build_object('app', 'portcullis_lock', 'model_name', 'lock', 'pk', NEW.id, 'name', kind || ':' || (NEW.target -> kind)::text)));
            RETURN NULL;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER locks_followed AFTER UPDATE ON locks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.target <> NEW.target) EXECUTE FUNCTION lock_followed();
