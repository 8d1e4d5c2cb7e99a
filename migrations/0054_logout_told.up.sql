-- Servers send what is to be told as soon as it is committed.
CREATE FUNCTION logout_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM written WHERE state = 'pending') THEN
        PERFORM pg_notify('portcullis_logouts', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER logout_notices_written AFTER INSERT ON logout_notices
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION logout_written();
