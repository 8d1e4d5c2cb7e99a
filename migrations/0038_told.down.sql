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
