-- Who follows the audit log as it grows must miss nothing, and neither the time
-- nor the identifier of an event is in the order of the commits. The transaction
-- that wrote it says whether somebody who looked before could see it. Events from
-- before this column have none: they are history.
ALTER TABLE events ADD COLUMN xact xid8;
ALTER TABLE events ALTER COLUMN xact SET DEFAULT pg_current_xact_id();

-- Whether anybody follows the log at that server.
ALTER TABLE replicas ADD COLUMN watching boolean NOT NULL DEFAULT false;

-- Transactions that notify are committed one after the other, for as long as
-- each of them takes to reach the disk. So they do only where somebody listens.
CREATE FUNCTION event_appended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM replicas WHERE watching AND seen_at > clock_timestamp() - interval '30 seconds') THEN
        PERFORM pg_notify('portcullis_events', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER events_live AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION event_appended();
