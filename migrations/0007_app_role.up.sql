-- portcullis_app is the role the running server takes (SET ROLE) after it has
-- connected: everything except changing or removing events.
--
-- Roles belong to the whole cluster, so another database may make it at the
-- same moment: whoever comes second goes on. Where the migrating user may not
-- make roles (a managed database) there is none, the server stays who it is,
-- and the trigger on events alone protects the log. Privileges are granted
-- only if this installation's own user can take the role; otherwise it belongs
-- to another installation on the cluster, which must not read this one.
DO $$
DECLARE
    place text := quote_ident(current_schema());
BEGIN
    BEGIN
        CREATE ROLE portcullis_app NOLOGIN NOINHERIT;
    EXCEPTION
        WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
    END;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'portcullis_app') THEN
        RETURN;
    END IF;
    IF NOT pg_has_role(current_user, 'portcullis_app', 'MEMBER') THEN
        BEGIN
            EXECUTE format('GRANT portcullis_app TO %I', current_user);
        EXCEPTION
            WHEN unique_violation OR insufficient_privilege OR internal_error OR invalid_grant_operation THEN NULL;
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'portcullis_app', 'MEMBER') THEN
        RETURN;
    END IF;

    EXECUTE format('GRANT USAGE ON SCHEMA %s TO portcullis_app', place);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO portcullis_app', place);
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %s TO portcullis_app', place);
    -- Tables that come later, River's among them.
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %s GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO portcullis_app', place);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %s GRANT USAGE, SELECT ON SEQUENCES TO portcullis_app', place);
    REVOKE UPDATE, DELETE, TRUNCATE ON events FROM portcullis_app;
    IF to_regclass('schema_migrations') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON schema_migrations FROM portcullis_app;
    END IF;
END
$$;
