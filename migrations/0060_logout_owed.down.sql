DROP TRIGGER applications_deleted ON applications;
DROP TRIGGER oauth_providers_deleted ON oauth_providers;
DROP FUNCTION settle_all_logouts();
DO $$ BEGIN WHILE settle_logouts() LOOP END LOOP; END $$;
DROP FUNCTION settle_logouts(integer);
DROP FUNCTION tell_applications(integer, text, uuid, bigint, bigint, text, uuid, timestamptz);
DROP TABLE logout_owed;
ALTER TABLE logout_notices ADD COLUMN xact xid8;
UPDATE logout_notices SET xact = pg_current_xact_id();
ALTER TABLE logout_notices ALTER COLUMN xact SET DEFAULT pg_current_xact_id(), ALTER COLUMN xact SET NOT NULL;
CREATE FUNCTION tell_applications(the_user integer, the_name text, the_session uuid, sessions_of bigint, tokens_of bigint, why text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO logout_notices (provider_id, application_id, application_name, client_id, uri, user_id, username, issuer, subject, session_id, cause, state,
                                ended_at, exposed_until, tokens_until)
    SELECT DISTINCT ON (g.provider_id) g.provider_id, a.id, a.name, p.client_id, p.logout_uri,
           CASE WHEN why = 'deletion' THEN NULL ELSE the_user END, the_name, g.issuer, g.subject, the_session, why,
           CASE WHEN p.logout_uri <> '' AND p.logout_method = 'backchannel' THEN 'pending' ELSE 'no_address' END,
           CASE WHEN p.logout_uri <> '' AND p.logout_method = 'backchannel' THEN NULL ELSE clock_timestamp() END,
           CASE WHEN a.cookie_lifetime > 0 THEN clock_timestamp() + make_interval(secs => a.cookie_lifetime) END,
           max(g.signed_until) OVER (PARTITION BY g.provider_id)
      FROM oauth_grants g
      JOIN oauth_providers p ON p.id = g.provider_id
      JOIN applications a ON a.id = g.application_id
      LEFT JOIN sessions s ON s.id = g.session_id
     WHERE g.user_id = the_user AND g.kind <> 'client_credentials'
       AND CASE WHEN the_session IS NOT NULL THEN g.session_id = the_session
                WHEN g.session_id IS NULL THEN g.ended_at IS NULL AND g.generation = tokens_of
                ELSE s.ended_at IS NULL AND s.generation = sessions_of OR g.offline AND g.ended_at IS NULL AND g.generation = tokens_of END
     ORDER BY g.provider_id, g.created_at DESC
$$;

CREATE OR REPLACE FUNCTION account_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM tell_applications(OLD.id, OLD.username, NULL, OLD.session_generation, OLD.token_generation, 'deletion');
        RETURN OLD;
    END IF;
    PERFORM tell_applications(OLD.id, NEW.username, NULL, OLD.session_generation, OLD.token_generation,
        CASE WHEN OLD.is_active AND NOT NEW.is_active THEN 'deactivation' ELSE 'account' END);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION session_over() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    account users;
BEGIN
    SELECT * INTO account FROM users WHERE id = OLD.user_id;
    IF account.session_generation = OLD.generation THEN
        PERFORM tell_applications(account.id, account.username, OLD.id, NULL, NULL, coalesce(nullif(NEW.end_reason, ''), 'session'));
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION lockdown_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE logout_notices SET lockdown_id = NEW.id, cause = 'lockdown' WHERE user_id = NEW.user_id AND lockdown_id IS NULL AND xact = pg_current_xact_id();
    RETURN NULL;
END
$$;
