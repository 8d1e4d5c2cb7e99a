-- configuration says which state flows, stages, policies and brands are in, so
-- that servers may keep them in memory and ask for one value instead. It takes
-- another value in every transaction that changes one of them. A value never
-- comes back: a restored backup brings the content along that it stood for.
CREATE TABLE configuration (
    one        boolean CONSTRAINT configuration_pkey PRIMARY KEY DEFAULT true, -- there is one row
    revision   uuid NOT NULL DEFAULT gen_random_uuid(),
    changed_by xid8 NOT NULL DEFAULT pg_current_xact_id() -- spares a transaction with many changes all but one update
);
INSERT INTO configuration DEFAULT VALUES;

CREATE FUNCTION configuration_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE configuration SET revision = gen_random_uuid(), changed_by = pg_current_xact_id()
     WHERE changed_by <> pg_current_xact_id();
    RETURN NULL;
END
$$;

-- Deferred to the commit: whoever changes something waits for this row last, so
-- that two who change different things cannot wait for each other.
DO $$
DECLARE
    changed text;
BEGIN
    FOREACH changed IN ARRAY ARRAY['flows', 'flow_bindings', 'stages', 'prompts', 'policies', 'policy_bindings', 'brands'] LOOP
        EXECUTE format('CREATE CONSTRAINT TRIGGER %1$s_configuration AFTER INSERT OR UPDATE OR DELETE ON %1$I
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed()', changed);
    END LOOP;
END
$$;
