-- The audit log grows and is read, nothing else. It refers to nobody by
-- foreign key: deleting a user must not touch what is known of the user.
CREATE TABLE events (
    id         uuid CONSTRAINT events_pkey PRIMARY KEY,
    action     text NOT NULL CONSTRAINT events_action_blank CHECK (action <> ''),
    app        text NOT NULL DEFAULT '',
    "user"     jsonb NOT NULL DEFAULT '{}',
    context    jsonb NOT NULL DEFAULT '{}',
    client_ip  inet,
    brand      jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz
);
CREATE INDEX events_created_at_idx ON events (created_at, id);
CREATE INDEX events_action_idx ON events (action, created_at, id);
CREATE INDEX events_user_idx ON events ((("user" ->> 'pk')::integer), created_at, id);
CREATE INDEX events_authenticated_as_idx ON events ((("user" -> 'authenticated_as' ->> 'pk')::integer), created_at, id)
    WHERE "user" ? 'authenticated_as';
CREATE INDEX events_username_idx ON events (("user" ->> 'username'), created_at, id);
CREATE INDEX events_action_id_idx ON events ((context ->> 'action_id'), created_at, id) WHERE context ? 'action_id';
CREATE INDEX events_client_ip_idx ON events (client_ip, created_at, id) WHERE client_ip IS NOT NULL;

-- Nobody changes or removes an event, not even the owner of the table by
-- mistake. The server's role lacks the privileges as well (see 0007); the
-- trigger is what remains where no role could be made. Retention, when it
-- comes, is a function of the table's owner that replaces this trigger
-- function by one which lets exactly that function through.
CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change();

-- The record of an account contained. Deleting a user keeps it.
CREATE TABLE lockdowns (
    id                    uuid CONSTRAINT lockdowns_pkey PRIMARY KEY,
    batch_id              uuid NOT NULL,
    user_id               integer CONSTRAINT lockdowns_user_fkey REFERENCES users (id) ON DELETE SET NULL,
    username              text NOT NULL,
    actor_id              integer CONSTRAINT lockdowns_actor_fkey REFERENCES users (id) ON DELETE SET NULL,
    actor_name            text NOT NULL,
    reason                text NOT NULL DEFAULT '',
    deactivate_user       boolean NOT NULL,
    set_unusable_password boolean NOT NULL,
    delete_sessions       boolean NOT NULL,
    revoke_tokens         boolean NOT NULL,
    ended                 jsonb NOT NULL DEFAULT '{}',
    self_service          boolean NOT NULL DEFAULT false,
    was_active            boolean NOT NULL,
    had_password          boolean NOT NULL,
    started_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    restored_at           timestamptz,
    restored_by_id        integer CONSTRAINT lockdowns_restored_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    restored_by_name      text NOT NULL DEFAULT '',
    idempotency_key       text,
    request_digest        bytea,
    CONSTRAINT lockdowns_idempotency_key UNIQUE (actor_id, idempotency_key, user_id)
);
CREATE INDEX lockdowns_started_at_idx ON lockdowns (started_at, id);
CREATE INDEX lockdowns_user_idx ON lockdowns (user_id, started_at, id);
CREATE INDEX lockdowns_open_idx ON lockdowns (user_id) WHERE restored_at IS NULL;
CREATE INDEX lockdowns_batch_idx ON lockdowns (batch_id);
CREATE INDEX lockdowns_restored_by_idx ON lockdowns (restored_by_id) WHERE restored_by_id IS NOT NULL;
CREATE INDEX lockdowns_key_idx ON lockdowns (idempotency_key) WHERE idempotency_key IS NOT NULL;
