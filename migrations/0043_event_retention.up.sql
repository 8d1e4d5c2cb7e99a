-- Retention: events older than a setting says go, from the oldest on, and their entries
-- of the chain with them. What went is on record: each round leaves a row here, which
-- the server seals as it seals entries, with the seal of the last entry that went. From
-- that one on the chain is verified. See internal/audit and adr/0013.
CREATE TABLE event_purges (
    n         bigint CONSTRAINT event_purges_pkey PRIMARY KEY, -- from 1, without gaps
    first_seq bigint NOT NULL,
    last_seq  bigint NOT NULL,
    anchor    bytea NOT NULL,       -- the seal of entry last_seq
    made_by   text NOT NULL,        -- the method of that entry
    until     timestamptz NOT NULL, -- when the newest event was created that went
    days      integer NOT NULL,     -- the retention then
    purged_at timestamptz NOT NULL,
    method    text NOT NULL,
    key_mark  text NOT NULL DEFAULT '',
    seal      bytea NOT NULL,       -- over the one before and everything above
    xact      xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX event_purges_xact_idx ON event_purges (xact);
CREATE TRIGGER event_purges_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_purges
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_seal_change();

-- How many days events are kept, 0 = for ever. A value that cannot be read is an error:
-- nothing is purged then. The default is that of the server (internal/audit).
CREATE FUNCTION event_retention() RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
    said text := (SELECT value #>> '{}' FROM settings WHERE name = 'events.retention');
BEGIN
    IF said IS NULL THEN
        RETURN 365;
    END IF;
    IF said !~ '^days=[0-9]{1,5}$' THEN
        RAISE EXCEPTION 'the setting events.retention cannot be read: %', left(said, 100) USING ERRCODE = 'data_exception';
    END IF;
    RETURN substr(said, 6)::integer;
END
$$;

-- Nothing younger than a week goes, whatever the setting and whoever asks. An event that
-- has an end of its own goes by that.
CREATE FUNCTION event_due(created_at timestamptz, expires_at timestamptz, days integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT days > 0 AND created_at < clock_timestamp() - interval '7 days'
       AND coalesce(expires_at, created_at + make_interval(days => days)) < clock_timestamp()
$$;

-- Deleting is let through in a transaction that has left its record, and for the rows
-- that record names. The server's role can write no record: the function below does.
CREATE OR REPLACE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM event_purges WHERE xact = pg_current_xact_id()) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'events are append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE OR REPLACE FUNCTION refuse_seal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'event_seals' AND EXISTS (SELECT FROM event_purges WHERE xact = pg_current_xact_id()) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the seals of events are append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE FUNCTION refuse_unpurged_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.created_at < clock_timestamp() - interval '7 days' AND EXISTS (
        SELECT FROM event_purges p JOIN event_seals s ON s.seq BETWEEN p.first_seq AND p.last_seq
         WHERE p.xact = pg_current_xact_id() AND s.event_id = OLD.id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'events are append-only: event % is not to be purged', OLD.id
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER events_unpurged BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_unpurged_event();
CREATE FUNCTION refuse_unpurged_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM event_purges p WHERE p.xact = pg_current_xact_id() AND OLD.seq BETWEEN p.first_seq AND p.last_seq) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the seals of events are append-only: entry % is not to be purged', OLD.seq
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER event_seals_unpurged BEFORE DELETE ON event_seals FOR EACH ROW EXECUTE FUNCTION refuse_unpurged_seal();

-- The one way that events go. It runs with the rights of its owner, and believes its
-- caller nothing that it can look up: the setting, the floor, that the record goes on
-- where the last one ends, that every entry is there with its event, and which seal the
-- last one has. The newest entries stay, since the chain goes on behind them. What it
-- cannot judge is the seal of the record, which takes the server's secret: a record
-- with a wrong one is found by whoever verifies.
CREATE FUNCTION purge_events(number bigint, from_seq bigint, to_seq bigint, last_seal bytea, last_method text, newest timestamptz, kept integer,
    at timestamptz, record_method text, record_key text, record_seal bytea) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
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
    IF number <> coalesce(last_n, 0) + 1 OR from_seq <> coalesce(last_to, 0) + 1 OR to_seq < from_seq OR to_seq - from_seq >= most THEN
        RAISE EXCEPTION 'purging events: record % of entries % to % does not go on where the last one ends', number, from_seq, to_seq USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF to_seq >= coalesce((SELECT seq FROM event_seals WHERE mark <> '' ORDER BY seq DESC LIMIT 1), 0) THEN
        RAISE EXCEPTION 'purging events: entry % is one of the newest', to_seq USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT count(*), count(*) FILTER (WHERE event_due(e.created_at, e.expires_at, kept)), max(e.created_at) INTO entries, due, latest
      FROM event_seals s JOIN events e ON e.id = s.event_id WHERE s.seq BETWEEN from_seq AND to_seq;
    IF entries <> to_seq - from_seq + 1 OR due <> entries OR latest <> newest THEN
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
    door constant text := 'purge_events(bigint, bigint, bigint, bytea, text, timestamptz, integer, timestamptz, text, text, bytea)';
BEGIN
    -- Nobody who calls it can slip tables of their own under it.
    EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', door, current_schema());
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', door);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'portcullis_app') AND pg_has_role(current_user, 'portcullis_app', 'MEMBER') THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO portcullis_app', door);
        REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON event_purges FROM portcullis_app;
    END IF;
END
$$;

-- How long events are kept is known by heart too.
DROP TRIGGER settings_feed ON settings;
DROP TRIGGER settings_removed_feed ON settings;
CREATE CONSTRAINT TRIGGER settings_feed AFTER INSERT OR UPDATE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.name IN ('cluster_auth_preference', 'break_glass', 'events.retention') OR NEW.name LIKE 'security.%') EXECUTE FUNCTION setting_changed();
CREATE CONSTRAINT TRIGGER settings_removed_feed AFTER DELETE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.name IN ('cluster_auth_preference', 'break_glass', 'events.retention') OR OLD.name LIKE 'security.%') EXECUTE FUNCTION setting_changed();

-- The list of events is asked for by more than had an index: without one, a page of
-- what few events have reads all of some millions. What only some events have is in
-- partial ones, so most events are in none of those. What is asked for together stands
-- behind the order of the list: it is compared in the index, where reading the events
-- themselves would take a hundred times longer. Of texts that anybody may choose the
-- beginning is indexed: an index takes no very long ones, and no act may fail for that.
DROP INDEX events_user_idx, events_authenticated_as_idx, events_username_idx, events_client_ip_idx;
CREATE INDEX events_user_idx ON events ((("user" ->> 'pk')::integer), created_at, id, action);
CREATE INDEX events_authenticated_as_idx ON events ((("user" -> 'authenticated_as' ->> 'pk')::integer), created_at, id, action)
    WHERE "user" ? 'authenticated_as';
CREATE INDEX events_username_idx ON events (("user" ->> 'username'), created_at, id, action, client_ip);
CREATE INDEX events_client_ip_idx ON events (client_ip, created_at, id, action, ("user" ->> 'username')) WHERE client_ip IS NOT NULL;
CREATE INDEX events_action_id_username_idx ON events ((context ->> 'action_id'), ("user" ->> 'username'), created_at, id) WHERE context ? 'action_id';
CREATE INDEX events_brand_idx ON events (left(brand ->> 'name', 100), created_at, id);
CREATE INDEX events_model_app_idx ON events (left(context -> 'model' ->> 'app', 100), created_at, id) WHERE context ? 'model';
CREATE INDEX events_model_name_idx ON events (left(context -> 'model' ->> 'model_name', 100), created_at, id) WHERE context ? 'model';
CREATE INDEX events_model_pk_idx ON events (left(context -> 'model' ->> 'pk', 100), created_at, id) WHERE context ? 'model';
CREATE INDEX events_authorized_idx ON events (left(context -> 'authorized_application' ->> 'pk', 100), created_at, id) WHERE context ? 'authorized_application';
