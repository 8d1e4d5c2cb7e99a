DROP INDEX events_user_idx, events_authenticated_as_idx, events_username_idx, events_client_ip_idx;
CREATE INDEX events_user_idx ON events ((("user" ->> 'pk')::integer), created_at, id);
CREATE INDEX events_authenticated_as_idx ON events ((("user" -> 'authenticated_as' ->> 'pk')::integer), created_at, id)
    WHERE "user" ? 'authenticated_as';
CREATE INDEX events_username_idx ON events (("user" ->> 'username'), created_at, id);
CREATE INDEX events_client_ip_idx ON events (client_ip, created_at, id) WHERE client_ip IS NOT NULL;
DROP INDEX events_action_id_username_idx, events_brand_idx, events_model_app_idx, events_model_name_idx, events_model_pk_idx,
    events_authorized_idx;
DROP TRIGGER settings_feed ON settings;
DROP TRIGGER settings_removed_feed ON settings;
CREATE CONSTRAINT TRIGGER settings_feed AFTER INSERT OR UPDATE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.name IN ('cluster_auth_preference', 'break_glass') OR NEW.name LIKE 'security.%') EXECUTE FUNCTION setting_changed();
CREATE CONSTRAINT TRIGGER settings_removed_feed AFTER DELETE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.name IN ('cluster_auth_preference', 'break_glass') OR OLD.name LIKE 'security.%') EXECUTE FUNCTION setting_changed();
DELETE FROM settings WHERE name = 'events.retention';
DROP FUNCTION purge_events(bigint, bigint, bigint, bytea, text, timestamptz, integer, timestamptz, text, text, bytea);
DROP TRIGGER event_seals_unpurged ON event_seals;
DROP FUNCTION refuse_unpurged_seal();
DROP TRIGGER events_unpurged ON events;
DROP FUNCTION refuse_unpurged_event();
CREATE OR REPLACE FUNCTION refuse_seal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the seals of events are append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE OR REPLACE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
DROP FUNCTION event_due(timestamptz, timestamptz, integer);
DROP FUNCTION event_retention();
DROP TABLE event_purges;
