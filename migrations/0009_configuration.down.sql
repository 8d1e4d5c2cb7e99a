DO $$
DECLARE
    changed text;
BEGIN
    FOREACH changed IN ARRAY ARRAY['flows', 'flow_bindings', 'stages', 'prompts', 'policies', 'policy_bindings', 'brands'] LOOP
        EXECUTE format('DROP TRIGGER %1$s_configuration ON %1$I', changed);
    END LOOP;
END
$$;
DROP FUNCTION configuration_changed();
DROP TABLE configuration;
