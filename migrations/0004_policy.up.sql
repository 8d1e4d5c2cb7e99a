CREATE TABLE policies (
    id                uuid CONSTRAINT policies_pkey PRIMARY KEY,
    name              text NOT NULL
                      CONSTRAINT policies_name_key UNIQUE
                      CONSTRAINT policies_name_blank CHECK (name <> ''),
    kind              text NOT NULL CONSTRAINT policies_kind_blank CHECK (kind <> ''),
    settings          jsonb NOT NULL DEFAULT '{}'
                      CONSTRAINT policies_settings_object CHECK (jsonb_typeof(settings) = 'object'),
    execution_logging boolean NOT NULL DEFAULT false,
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- target is the id of a flow or of a flow binding, hence no foreign key: the
-- triggers below take the bindings along when either goes.
CREATE TABLE policy_bindings (
    id             uuid CONSTRAINT policy_bindings_pkey PRIMARY KEY,
    target         uuid NOT NULL,
    policy_id      uuid CONSTRAINT policy_bindings_policy_fkey REFERENCES policies (id) ON DELETE CASCADE,
    group_id       uuid CONSTRAINT policy_bindings_group_fkey REFERENCES groups (id) ON DELETE CASCADE,
    user_id        integer CONSTRAINT policy_bindings_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    negate         boolean NOT NULL DEFAULT false,
    enabled        boolean NOT NULL DEFAULT true,
    ordinal        integer NOT NULL,
    timeout_ms     bigint NOT NULL DEFAULT 30000
                   CONSTRAINT policy_bindings_timeout_positive CHECK (timeout_ms >= 0),
    failure_result boolean NOT NULL DEFAULT false,
    CONSTRAINT policy_bindings_one_subject CHECK (num_nonnulls(policy_id, group_id, user_id) = 1),
    CONSTRAINT policy_bindings_order_key UNIQUE (policy_id, target, ordinal)
);
CREATE INDEX policy_bindings_target_idx ON policy_bindings (target, ordinal, id);
CREATE INDEX policy_bindings_group_idx ON policy_bindings (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX policy_bindings_user_idx ON policy_bindings (user_id) WHERE user_id IS NOT NULL;

CREATE FUNCTION drop_policy_bindings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM policy_bindings WHERE target = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER flows_drop_policy_bindings AFTER DELETE ON flows
    FOR EACH ROW EXECUTE FUNCTION drop_policy_bindings();
CREATE TRIGGER flow_bindings_drop_policy_bindings AFTER DELETE ON flow_bindings
    FOR EACH ROW EXECUTE FUNCTION drop_policy_bindings();
