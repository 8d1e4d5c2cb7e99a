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
