-- A delivery that somebody has sent once more is another one for its receiver, which
-- may drop what it has heard already: it is told how often that was.
ALTER TABLE deliveries ADD COLUMN redeliveries integer NOT NULL DEFAULT 0;

-- What somebody has seen, or deleted, changes their bells everywhere. However many rows
-- a transaction changes, it tells of each person once.
CREATE OR REPLACE FUNCTION notification_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whose constant integer := coalesce(NEW.user_id, OLD.user_id);
    rung constant text := coalesce(nullif(current_setting('portcullis.rung', true), ''), ',');
BEGIN
    IF position(',' || whose || ',' IN rung) > 0 OR TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM users WHERE id = whose) THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('portcullis.rung', rung || whose || ',', true);
    PERFORM append_change('notification', whose::text);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER notifications_seen_feed AFTER UPDATE ON notifications DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.seen <> NEW.seen) EXECUTE FUNCTION notification_changed();
CREATE CONSTRAINT TRIGGER notifications_removed_feed AFTER DELETE ON notifications DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NOT OLD.seen) EXECUTE FUNCTION notification_changed();

-- Where somebody has removed events or entries, the owner of the server's shell may have
-- retention go on past them: "past" says so, and nothing but that every entry is there
-- with its event is not asked for then. See internal/audit and adr/0013.
DROP FUNCTION purge_events(bigint, bigint, bigint, bytea, text, timestamptz, integer, timestamptz, text, text, bytea);
CREATE FUNCTION purge_events(number bigint, from_seq bigint, to_seq bigint, last_seal bytea, last_method text, newest timestamptz, kept integer,
    at timestamptz, record_method text, record_key text, record_seal bytea, past boolean) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    most constant integer := 5000; -- at once
    last_n bigint;
    last_to bigint;
    entries bigint;
    due bigint;
    latest timestamptz;
    gone bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7305436422); -- one at a time, and nobody seals meanwhile
    IF event_retention() <= 0 OR event_retention() <> kept THEN
        RAISE EXCEPTION 'purging events: they are kept for % days (0 = for ever), not %', event_retention(), kept USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT n, last_seq INTO last_n, last_to FROM event_purges ORDER BY n DESC LIMIT 1;
    IF number <> coalesce(last_n, 0) + 1 OR from_seq <> coalesce(last_to, 0) + 1 OR to_seq < from_seq OR NOT past AND to_seq - from_seq >= most THEN
        RAISE EXCEPTION 'purging events: record % of entries % to % does not go on where the last one ends', number, from_seq, to_seq USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF to_seq >= coalesce((SELECT seq FROM event_seals WHERE mark <> '' ORDER BY seq DESC LIMIT 1), 0) THEN
        RAISE EXCEPTION 'purging events: entry % is one of the newest', to_seq USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT count(*), count(*) FILTER (WHERE event_due(e.created_at, e.expires_at, kept)), max(e.created_at) INTO entries, due, latest
      FROM event_seals s JOIN events e ON e.id = s.event_id WHERE s.seq BETWEEN from_seq AND to_seq;
    IF NOT past AND entries <> to_seq - from_seq + 1 OR entries > most OR due <> entries OR latest <> newest OR latest IS NULL AND NOT past THEN
        RAISE EXCEPTION 'purging events: of entries % to % only % are there and only % are old enough', from_seq, to_seq, entries, due USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (SELECT FROM event_seals WHERE seq = to_seq AND seal = last_seal AND method = last_method) OR abs(extract(epoch FROM at - clock_timestamp())) > 60 THEN
        RAISE EXCEPTION 'purging events: the record does not say what entry % and the clock say', to_seq USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO event_purges (n, first_seq, last_seq, anchor, made_by, until, days, purged_at, method, key_mark, seal)
    VALUES (number, from_seq, to_seq, last_seal, last_method, newest, kept, at, record_method, record_key, record_seal);
    DELETE FROM events e USING event_seals s WHERE s.seq BETWEEN from_seq AND to_seq AND e.id = s.event_id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone <> entries THEN
        RAISE EXCEPTION 'purging events: % of % went', gone, entries;
    END IF;
    DELETE FROM event_seals WHERE seq BETWEEN from_seq AND to_seq;
END
$$;
DO $$
DECLARE
    door constant text := 'purge_events(bigint, bigint, bigint, bytea, text, timestamptz, integer, timestamptz, text, text, bytea, boolean)';
BEGIN
    EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', door, current_schema());
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', door);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'portcullis_app') AND pg_has_role(current_user, 'portcullis_app', 'MEMBER') THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO portcullis_app', door);
    END IF;
END
$$;
