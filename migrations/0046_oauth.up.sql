-- What applications were granted. A grant is the family of all its tokens: what ends
-- it, or raises its user's token generation, ends them without touching a row.
CREATE TABLE oauth_grants (
    id             uuid CONSTRAINT oauth_grants_pkey PRIMARY KEY,
    provider_id    uuid NOT NULL CONSTRAINT oauth_grants_provider_fkey REFERENCES oauth_providers (id) ON DELETE CASCADE,
    application_id uuid NOT NULL CONSTRAINT oauth_grants_application_fkey REFERENCES applications (id) ON DELETE CASCADE,
    user_id        integer NOT NULL CONSTRAINT oauth_grants_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    session_id     uuid, -- stays when the session's row has gone: then it is over
    offline        boolean NOT NULL DEFAULT false,
    kind           text NOT NULL,
    scopes         text[] NOT NULL,
    issuer         text NOT NULL, -- as the application knows it
    subject        text NOT NULL,
    auth_time      timestamptz NOT NULL,
    nonce          text NOT NULL DEFAULT '',
    methods        text[] NOT NULL DEFAULT '{}',
    generation     bigint NOT NULL,
    signed_until   timestamptz, -- when the last signed access token expires; NULL = there is none
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at   timestamptz,
    ended_at       timestamptz,
    end_reason     text NOT NULL DEFAULT ''
) WITH (fillfactor = 85);
CREATE INDEX oauth_grants_user_idx ON oauth_grants (user_id, created_at, id);
CREATE INDEX oauth_grants_open_idx ON oauth_grants (user_id, generation) WHERE ended_at IS NULL;
CREATE INDEX oauth_grants_session_idx ON oauth_grants (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX oauth_grants_provider_idx ON oauth_grants (provider_id, created_at, id);
CREATE INDEX oauth_grants_application_idx ON oauth_grants (application_id, user_id);
CREATE INDEX oauth_grants_created_at_idx ON oauth_grants (created_at, id);

CREATE TABLE oauth_tokens (
    id          uuid CONSTRAINT oauth_tokens_pkey PRIMARY KEY,
    num         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT oauth_tokens_num_key UNIQUE, -- as the API shows it
    grant_id    uuid NOT NULL CONSTRAINT oauth_tokens_grant_fkey REFERENCES oauth_grants (id) ON DELETE CASCADE,
    kind        text NOT NULL,
    digest      bytea NOT NULL
                CONSTRAINT oauth_tokens_digest_key UNIQUE
                CONSTRAINT oauth_tokens_digest_length CHECK (octet_length(digest) = 32),
    scopes      text[] NOT NULL,
    signed      boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    replaced_at timestamptz,
    revoked_at  timestamptz
) WITH (fillfactor = 85);
CREATE INDEX oauth_tokens_grant_idx ON oauth_tokens (grant_id, kind, expires_at);
CREATE INDEX oauth_tokens_expires_at_idx ON oauth_tokens (expires_at);
CREATE INDEX oauth_tokens_created_at_idx ON oauth_tokens (created_at, id);

CREATE TABLE oauth_codes (
    digest           bytea CONSTRAINT oauth_codes_pkey PRIMARY KEY
                     CONSTRAINT oauth_codes_digest_length CHECK (octet_length(digest) = 32),
    num              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT oauth_codes_num_key UNIQUE,
    provider_id      uuid NOT NULL CONSTRAINT oauth_codes_provider_fkey REFERENCES oauth_providers (id) ON DELETE CASCADE,
    user_id          integer NOT NULL CONSTRAINT oauth_codes_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    session_id       uuid NOT NULL,
    scopes           text[] NOT NULL,
    nonce            text NOT NULL DEFAULT '',
    redirect_uri     text NOT NULL,
    challenge        text NOT NULL DEFAULT '',
    auth_time        timestamptz NOT NULL,
    methods          text[] NOT NULL DEFAULT '{}',
    generation       bigint NOT NULL,
    token_generation bigint NOT NULL,
    grant_id         uuid CONSTRAINT oauth_codes_grant_fkey REFERENCES oauth_grants (id) ON DELETE SET NULL,
    spent_at         timestamptz,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at       timestamptz NOT NULL
);
CREATE INDEX oauth_codes_user_idx ON oauth_codes (user_id);
CREATE INDEX oauth_codes_provider_idx ON oauth_codes (provider_id);
CREATE INDEX oauth_codes_grant_idx ON oauth_codes (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX oauth_codes_expires_at_idx ON oauth_codes (expires_at);

CREATE TABLE oauth_requests (
    id               uuid CONSTRAINT oauth_requests_pkey PRIMARY KEY,
    digest           bytea CONSTRAINT oauth_requests_digest_key UNIQUE,
    provider_id      uuid NOT NULL CONSTRAINT oauth_requests_provider_fkey REFERENCES oauth_providers (id) ON DELETE CASCADE,
    browser          bytea,
    params           jsonb NOT NULL,
    user_id          integer CONSTRAINT oauth_requests_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    session_id       uuid,
    generation       bigint NOT NULL DEFAULT 0,
    token_generation bigint NOT NULL DEFAULT 0,
    scopes           text[] NOT NULL DEFAULT '{}',
    approved_at      timestamptz,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at       timestamptz NOT NULL
);
CREATE INDEX oauth_requests_provider_idx ON oauth_requests (provider_id);
CREATE INDEX oauth_requests_user_idx ON oauth_requests (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX oauth_requests_expires_at_idx ON oauth_requests (expires_at);

CREATE TABLE oauth_devices (
    id               uuid CONSTRAINT oauth_devices_pkey PRIMARY KEY,
    digest           bytea NOT NULL CONSTRAINT oauth_devices_digest_key UNIQUE,
    user_code        bytea NOT NULL CONSTRAINT oauth_devices_user_code_key UNIQUE,
    provider_id      uuid NOT NULL CONSTRAINT oauth_devices_provider_fkey REFERENCES oauth_providers (id) ON DELETE CASCADE,
    scopes           text[] NOT NULL,
    state            text NOT NULL DEFAULT 'pending',
    user_id          integer CONSTRAINT oauth_devices_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    auth_time        timestamptz,
    methods          text[] NOT NULL DEFAULT '{}',
    generation       bigint NOT NULL DEFAULT 0,
    token_generation bigint NOT NULL DEFAULT 0,
    pause            bigint NOT NULL, -- seconds between two questions
    polled_at        timestamptz,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at       timestamptz NOT NULL
);
CREATE INDEX oauth_devices_provider_idx ON oauth_devices (provider_id);
CREATE INDEX oauth_devices_user_idx ON oauth_devices (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX oauth_devices_expires_at_idx ON oauth_devices (expires_at);

CREATE TABLE signing_keys (
    id         text CONSTRAINT signing_keys_pkey PRIMARY KEY,
    algorithm  text NOT NULL,
    private    text NOT NULL, -- sealed
    public     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    signs_from timestamptz NOT NULL,
    retired_at timestamptz
);

-- What applications are told when a session is over. The database writes it, in the
-- transaction that ends the session: whichever statement that is, none is forgotten.
CREATE TABLE logout_notices (
    id               uuid CONSTRAINT logout_notices_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id      uuid CONSTRAINT logout_notices_provider_fkey REFERENCES oauth_providers (id) ON DELETE SET NULL,
    application_id   uuid CONSTRAINT logout_notices_application_fkey REFERENCES applications (id) ON DELETE SET NULL,
    application_name text NOT NULL,
    client_id        text NOT NULL,
    uri              text NOT NULL DEFAULT '',
    user_id          integer CONSTRAINT logout_notices_user_fkey REFERENCES users (id) ON DELETE SET NULL,
    username         text NOT NULL,
    issuer           text NOT NULL,
    subject          text NOT NULL,
    session_id       uuid,
    cause            text NOT NULL,
    lockdown_id      uuid CONSTRAINT logout_notices_lockdown_fkey REFERENCES lockdowns (id) ON DELETE SET NULL,
    state            text NOT NULL,
    tries            integer NOT NULL DEFAULT 0,
    answer           text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    taken_until      timestamptz,
    ended_at         timestamptz,
    exposed_until    timestamptz,
    tokens_until     timestamptz,
    xact             xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX logout_notices_due_idx ON logout_notices (next_at) WHERE state = 'pending';
CREATE INDEX logout_notices_user_idx ON logout_notices (user_id, created_at, id) WHERE user_id IS NOT NULL;
CREATE INDEX logout_notices_session_idx ON logout_notices (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX logout_notices_provider_idx ON logout_notices (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX logout_notices_application_idx ON logout_notices (application_id, created_at, id) WHERE application_id IS NOT NULL;
CREATE INDEX logout_notices_lockdown_idx ON logout_notices (lockdown_id) WHERE lockdown_id IS NOT NULL;
CREATE INDEX logout_notices_state_idx ON logout_notices (state, created_at, id);
CREATE INDEX logout_notices_created_at_idx ON logout_notices (created_at, id);
CREATE INDEX logout_notices_ended_at_idx ON logout_notices (ended_at) WHERE ended_at IS NOT NULL;

-- One notice for each application that was granted something in the session; session
-- NULL = in any session of the generation, or apart from sessions. An application
-- without an address is written down too: nobody can tell it.
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

CREATE FUNCTION account_closed() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER users_closed AFTER UPDATE OF session_generation, token_generation, is_active ON users FOR EACH ROW
    WHEN (NEW.session_generation > OLD.session_generation OR NEW.token_generation > OLD.token_generation OR OLD.is_active AND NOT NEW.is_active)
    EXECUTE FUNCTION account_closed();
CREATE TRIGGER users_deleted BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION account_closed();

-- A row that the sweep ends belongs to a generation that has ended: that was told.
CREATE FUNCTION session_over() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER sessions_over AFTER UPDATE OF ended_at ON sessions FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION session_over();

-- The record of a lockdown is written after the account is closed, in one transaction.
CREATE FUNCTION lockdown_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE logout_notices SET lockdown_id = NEW.id, cause = 'lockdown' WHERE user_id = NEW.user_id AND lockdown_id IS NULL AND xact = pg_current_xact_id();
    RETURN NULL;
END
$$;
CREATE TRIGGER lockdowns_recorded AFTER INSERT ON lockdowns FOR EACH ROW EXECUTE FUNCTION lockdown_recorded();
