-- The chain over the audit log: one entry for each event, made after the event was
-- committed, so that nobody who writes one waits. Each seal covers the seal before
-- and the whole row of the event. See internal/audit and adr/0012.
CREATE TABLE event_seals (
    seq       bigint CONSTRAINT event_seals_pkey PRIMARY KEY,
    event_id  uuid NOT NULL CONSTRAINT event_seals_event_key UNIQUE, -- no reference: the chain says what is gone
    origin    text NOT NULL, -- commit, history (from before the chain) or late
    method    text NOT NULL, -- hmac-sha256 or sha256
    key_mark  text NOT NULL DEFAULT '', -- which secret; '' = none
    sealed_at timestamptz NOT NULL,
    mark      text NOT NULL DEFAULT '', -- up to where events are read, in the last entry of each round
    seal      bytea NOT NULL
);

-- Nobody changes or removes a seal; the server's role lacks the privileges as well.
CREATE FUNCTION refuse_seal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the seals of events are append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER event_seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_seal_change();
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'portcullis_app') AND pg_has_role(current_user, 'portcullis_app', 'MEMBER') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON event_seals FROM portcullis_app;
    END IF;
END
$$;
