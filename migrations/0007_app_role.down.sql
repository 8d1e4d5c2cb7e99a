-- The role itself stays: other databases of the cluster may use it.
DO $$
DECLARE
    place text := quote_ident(current_schema());
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'portcullis_app')
        OR NOT pg_has_role(current_user, 'portcullis_app', 'MEMBER') THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %s REVOKE ALL ON SEQUENCES FROM portcullis_app', place);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %s REVOKE ALL ON TABLES FROM portcullis_app', place);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %s FROM portcullis_app', place);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %s FROM portcullis_app', place);
    EXECUTE format('REVOKE USAGE ON SCHEMA %s FROM portcullis_app', place);
END
$$;
