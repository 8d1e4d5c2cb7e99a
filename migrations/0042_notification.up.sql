-- Who is told of which events, and how. What is bound to a rule are policies, by the
-- rule's own id, as to flows.
CREATE TABLE webhook_mappings (
    id         uuid CONSTRAINT webhook_mappings_pkey PRIMARY KEY,
    name       text NOT NULL CONSTRAINT webhook_mappings_name_key UNIQUE,
    expression text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE transports (
    id                   uuid CONSTRAINT transports_pkey PRIMARY KEY,
    name                 text NOT NULL CONSTRAINT transports_name_key UNIQUE,
    mode                 text NOT NULL,
    webhook_url          text NOT NULL DEFAULT '',
    webhook_secret       text NOT NULL DEFAULT '', -- sealed
    webhook_mapping_body    uuid CONSTRAINT transports_body_fkey REFERENCES webhook_mappings (id) ON DELETE SET NULL,
    webhook_mapping_headers uuid CONSTRAINT transports_headers_fkey REFERENCES webhook_mappings (id) ON DELETE SET NULL,
    email_subject_prefix text NOT NULL DEFAULT '',
    email_template       text NOT NULL DEFAULT '',
    send_once            boolean NOT NULL DEFAULT false,
    created_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at           timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE notification_rules (
    id                        uuid CONSTRAINT notification_rules_pkey PRIMARY KEY,
    name                      text NOT NULL CONSTRAINT notification_rules_name_key UNIQUE,
    enabled                   boolean NOT NULL DEFAULT true,
    severity                  text NOT NULL,
    destination_group         uuid CONSTRAINT notification_rules_group_fkey REFERENCES groups (id) ON DELETE SET NULL,
    destination_event_user    boolean NOT NULL DEFAULT false,
    destination_affected_user boolean NOT NULL DEFAULT false,
    transports                uuid[] NOT NULL DEFAULT '{}',
    fault                     text NOT NULL DEFAULT '', -- why it could not be judged the last time
    created_at                timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at                timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX notification_rules_group_idx ON notification_rules (destination_group) WHERE destination_group IS NOT NULL;
CREATE TRIGGER notification_rules_drop_policy_bindings AFTER DELETE ON notification_rules
    FOR EACH ROW EXECUTE FUNCTION drop_policy_bindings();

CREATE FUNCTION transport_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notification_rules SET transports = array_remove(transports, OLD.id) WHERE OLD.id = ANY (transports);
    RETURN NULL;
END
$$;
CREATE TRIGGER transports_forgotten AFTER DELETE ON transports FOR EACH ROW EXECUTE FUNCTION transport_forgotten();

-- What people were told in the console. An event may be gone before its notification.
CREATE TABLE notifications (
    id         uuid CONSTRAINT notifications_pkey PRIMARY KEY,
    user_id    integer NOT NULL CONSTRAINT notifications_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    event_id   uuid,
    severity   text NOT NULL,
    body       text NOT NULL,
    seen       boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX notifications_user_idx ON notifications (user_id, created_at, id);
CREATE INDEX notifications_unseen_idx ON notifications (user_id) WHERE NOT seen;
CREATE INDEX notifications_event_idx ON notifications (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX notifications_created_at_idx ON notifications (created_at);

-- Bells ring on every server.
CREATE FUNCTION notification_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_change('notification', coalesce(NEW.user_id, OLD.user_id)::text);
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER notifications_feed AFTER INSERT ON notifications DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION notification_changed();

-- What is to be sent. A lane is a rule and a transport: its deliveries are sent one
-- after the other, by position.
CREATE SEQUENCE delivery_positions;
CREATE TABLE deliveries (
    id             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT deliveries_pkey PRIMARY KEY,
    position       bigint NOT NULL DEFAULT nextval('delivery_positions'),
    lane           text NOT NULL,
    event_id       uuid NOT NULL,
    rule_id        uuid CONSTRAINT deliveries_rule_fkey REFERENCES notification_rules (id) ON DELETE SET NULL,
    rule_name      text NOT NULL,
    severity       text NOT NULL,
    transport_id   uuid CONSTRAINT deliveries_transport_fkey REFERENCES transports (id) ON DELETE SET NULL,
    transport_name text NOT NULL,
    mode           text NOT NULL,
    user_id        integer CONSTRAINT deliveries_user_fkey REFERENCES users (id) ON DELETE SET NULL,
    recipient      text NOT NULL DEFAULT '',
    state          text NOT NULL DEFAULT 'pending',
    tries          integer NOT NULL DEFAULT 0,
    answer         text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at        timestamptz, -- of the next try; NULL = at once
    taken_until    timestamptz, -- a server is at it until then, unless it has died
    ended_at       timestamptz
);
CREATE INDEX deliveries_lane_idx ON deliveries (lane, position) WHERE state = 'pending';
CREATE INDEX deliveries_event_idx ON deliveries (event_id);
CREATE INDEX deliveries_rule_idx ON deliveries (rule_id, id) WHERE rule_id IS NOT NULL;
CREATE INDEX deliveries_transport_idx ON deliveries (transport_id, id) WHERE transport_id IS NOT NULL;
CREATE INDEX deliveries_user_idx ON deliveries (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX deliveries_state_idx ON deliveries (state, id);
CREATE INDEX deliveries_ended_at_idx ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- Up to which entry of the audit log's chain events were compared with the rules: each
-- is in it once, in the order of the commits. What was before, nobody is told of.
CREATE TABLE notification_progress (
    single boolean CONSTRAINT notification_progress_pkey PRIMARY KEY DEFAULT true,
    seq    bigint NOT NULL
);
INSERT INTO notification_progress (seq) SELECT coalesce(max(seq), 0) FROM event_seals;
