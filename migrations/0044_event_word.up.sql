-- Searching the audit log reads words in an index. One row has those of a stretch of the
-- chain (event_seals), so that what most events have is written down once for all of
-- them. Whoever seals writes the blocks, after the event and apart from its transaction:
-- who writes events pays nothing. The words are made by the server (internal/idp/word.go).
-- See internal/postgres/event_search.go and adr/0016.
CREATE TABLE event_blocks (
    first_seq bigint CONSTRAINT event_blocks_pkey PRIMARY KEY,
    last_seq  bigint NOT NULL CHECK (last_seq >= first_seq),
    min_at    timestamptz NOT NULL, -- when the oldest of its events was created
    max_at    timestamptz NOT NULL, -- and the newest
    words     tsvector NOT NULL
) WITH (toast_tuple_target = 128); -- all but the words is read often
-- Nobody asks how frequent words are, and finding out reads them all.
ALTER TABLE event_blocks ALTER COLUMN words SET STATISTICS 0;
CREATE INDEX event_blocks_words_idx ON event_blocks USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 256);

-- Events that are in no entry of the chain although they say that they are older than
-- what is: they are searched one by one, until they are in a block.
CREATE TABLE event_strays (
    event_id uuid CONSTRAINT event_strays_pkey PRIMARY KEY
);

-- What retention removes is not found any more: the blocks go with their events. Of one
-- that goes in part, what is left is written again. Whoever writes blocks waits, or would
-- write down what is being removed.
CREATE FUNCTION purge_event_blocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7305436423);
    DELETE FROM event_blocks WHERE first_seq <= NEW.last_seq;
    RETURN NULL;
END
$$;
CREATE TRIGGER event_purges_blocks AFTER INSERT ON event_purges FOR EACH ROW EXECUTE FUNCTION purge_event_blocks();
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'portcullis_app') AND pg_has_role(current_user, 'portcullis_app', 'MEMBER') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON event_blocks FROM portcullis_app;
    END IF;
END
$$;
