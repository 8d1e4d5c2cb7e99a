-- That all of an account is over is written down as one row, however many applications
-- are to be told: what ends an account must not take the longer the more it holds.
-- Whoever reads or sends notices settles what is owed first, so nobody sees less.
CREATE TABLE logout_owed (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT logout_owed_pkey PRIMARY KEY,
    user_id     integer NOT NULL,
    username    text NOT NULL,
    sessions_of bigint NOT NULL,
    tokens_of   bigint NOT NULL,
    cause       text NOT NULL,
    lockdown_id uuid,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    xact        xid8 NOT NULL DEFAULT pg_current_xact_id()
);

DROP FUNCTION tell_applications(integer, text, uuid, bigint, bigint, text);
-- One notice for each application that was granted something in the session; session
-- NULL = in any session of the generation, or apart from sessions, as it was at that
-- moment: what ended since ended for this. An application without an address is written
-- down too: nobody can tell it.
CREATE FUNCTION tell_applications(the_user integer, the_name text, the_session uuid, sessions_of bigint, tokens_of bigint, why text,
                                  lockdown uuid, moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN -- and not in SQL: that would be planned anew every time
    INSERT INTO logout_notices (provider_id, application_id, application_name, client_id, uri, user_id, username, issuer, subject, session_id, cause, state,
                                ended_at, exposed_until, tokens_until, lockdown_id, created_at)
    SELECT DISTINCT ON (g.provider_id) g.provider_id, a.id, a.name, p.client_id, p.logout_uri,
           CASE WHEN why = 'deletion' THEN NULL ELSE the_user END, the_name, g.issuer, g.subject, the_session, why,
           CASE WHEN p.logout_uri <> '' AND p.logout_method = 'backchannel' THEN 'pending' ELSE 'no_address' END,
           CASE WHEN p.logout_uri <> '' AND p.logout_method = 'backchannel' THEN NULL ELSE moment END,
           CASE WHEN a.cookie_lifetime > 0 THEN moment + make_interval(secs => a.cookie_lifetime) END,
           max(g.signed_until) OVER (PARTITION BY g.provider_id), lockdown, moment
      FROM oauth_grants g
      JOIN oauth_providers p ON p.id = g.provider_id
      JOIN applications a ON a.id = g.application_id
      LEFT JOIN sessions s ON s.id = g.session_id
     WHERE g.user_id = the_user AND g.kind <> 'client_credentials'
       AND CASE WHEN the_session IS NOT NULL THEN g.session_id = the_session
                WHEN g.session_id IS NULL THEN coalesce(g.ended_at >= moment, true) AND g.generation = tokens_of
                ELSE coalesce(s.ended_at >= moment, s.id IS NOT NULL) AND s.generation = sessions_of
                     OR g.offline AND coalesce(g.ended_at >= moment, true) AND g.generation = tokens_of END
     ORDER BY g.provider_id, g.created_at DESC;
END
$$;

-- settle_logouts writes the notices of one account, of the one that has waited longest
-- or of the one that is named, and says whether there may be more to settle. It takes
-- the account's row before what is owed, as whoever deletes an account does.
CREATE FUNCTION settle_logouts(only_user integer DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    whose integer := only_user;
    owed  logout_owed;
BEGIN
    IF whose IS NULL THEN
        SELECT o.user_id INTO whose FROM logout_owed o ORDER BY o.id LIMIT 1;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        PERFORM FROM users WHERE id = whose FOR KEY SHARE;
    END IF;
    FOR owed IN DELETE FROM logout_owed o WHERE o.user_id = whose RETURNING o.* LOOP
        PERFORM tell_applications(owed.user_id, owed.username, NULL, owed.sessions_of, owed.tokens_of, owed.cause,
            (SELECT id FROM lockdowns WHERE id = owed.lockdown_id), owed.at);
    END LOOP;
    RETURN EXISTS (SELECT FROM logout_owed);
END
$$;

CREATE OR REPLACE FUNCTION account_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM settle_logouts(OLD.id);
        PERFORM tell_applications(OLD.id, OLD.username, NULL, OLD.session_generation, OLD.token_generation, 'deletion', NULL, clock_timestamp());
        RETURN OLD;
    END IF;
    IF EXISTS (SELECT FROM oauth_grants WHERE user_id = OLD.id) THEN
        INSERT INTO logout_owed (user_id, username, sessions_of, tokens_of, cause)
        VALUES (OLD.id, NEW.username, OLD.session_generation, OLD.token_generation,
            CASE WHEN OLD.is_active AND NOT NEW.is_active THEN 'deactivation' ELSE 'account' END);
        PERFORM pg_notify('portcullis_logouts', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION session_over() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    account users;
BEGIN
    SELECT * INTO account FROM users WHERE id = OLD.user_id;
    IF account.session_generation = OLD.generation THEN
        PERFORM tell_applications(account.id, account.username, OLD.id, NULL, NULL, coalesce(nullif(NEW.end_reason, ''), 'session'), NULL, clock_timestamp());
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION lockdown_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE logout_owed SET lockdown_id = NEW.id, cause = 'lockdown' WHERE user_id = NEW.user_id AND xact = pg_current_xact_id();
    RETURN NULL;
END
$$;
ALTER TABLE logout_notices DROP COLUMN xact;

-- What is owed names applications by their grants, which go with the application.
CREATE FUNCTION settle_all_logouts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WHILE settle_logouts() LOOP
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER applications_deleted BEFORE DELETE ON applications FOR EACH STATEMENT EXECUTE FUNCTION settle_all_logouts();
CREATE TRIGGER oauth_providers_deleted BEFORE DELETE ON oauth_providers FOR EACH STATEMENT EXECUTE FUNCTION settle_all_logouts();
