-- Second factors. What a ceremony needs of a passkey is in credential, which holds
-- public keys only; secrets of authenticator apps are sealed; recovery codes are
-- digests in a table of their own.
CREATE TABLE factors (
    id            uuid CONSTRAINT factors_pkey PRIMARY KEY, -- what a lock on it names
    num           integer GENERATED ALWAYS AS IDENTITY CONSTRAINT factors_num_key UNIQUE, -- as the API shows it
    user_id       integer NOT NULL CONSTRAINT factors_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    kind          text NOT NULL CONSTRAINT factors_kind CHECK (kind IN ('totp', 'static', 'webauthn')),
    name          text NOT NULL CONSTRAINT factors_name CHECK (name <> ''),
    secret        text NOT NULL DEFAULT '',
    digits        integer NOT NULL DEFAULT 0,
    last_step     bigint NOT NULL DEFAULT 0, -- no code of this step or of one before it is taken again
    credential_id bytea CONSTRAINT factors_credential_id_key UNIQUE,
    credential    jsonb,
    aaguid        uuid,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at  timestamptz
);
CREATE INDEX factors_user_idx ON factors (user_id, created_at, id);

CREATE TABLE factor_codes (
    factor_id uuid NOT NULL CONSTRAINT factor_codes_factor_fkey REFERENCES factors (id) ON DELETE CASCADE,
    digest    bytea NOT NULL CONSTRAINT factor_codes_digest_length CHECK (octet_length(digest) = 32),
    used_at   timestamptz,
    CONSTRAINT factor_codes_pkey PRIMARY KEY (factor_id, digest)
);

-- In which browser a factor was proved last, for stages that do not ask again for a
-- while. A raised session generation forgets all of an account's.
CREATE TABLE factor_proofs (
    factor_id  uuid NOT NULL CONSTRAINT factor_proofs_factor_fkey REFERENCES factors (id) ON DELETE CASCADE,
    browser    bytea NOT NULL CONSTRAINT factor_proofs_browser_length CHECK (octet_length(browser) = 32),
    generation bigint NOT NULL,
    proved_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT factor_proofs_pkey PRIMARY KEY (factor_id, browser)
);
CREATE INDEX factor_proofs_proved_at_idx ON factor_proofs (proved_at);

-- Which factor a session was begun with, and when whoever is in it last proved to be
-- who they are.
ALTER TABLE sessions ADD COLUMN factor_id uuid, ADD COLUMN proved_at timestamptz;
UPDATE sessions SET proved_at = created_at;
ALTER TABLE sessions ALTER COLUMN proved_at SET DEFAULT clock_timestamp(), ALTER COLUMN proved_at SET NOT NULL;
CREATE CONSTRAINT TRIGGER sessions_proved_feed AFTER UPDATE OF proved_at, factor_id ON sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.ended_at IS NULL AND (OLD.proved_at, OLD.factor_id) IS DISTINCT FROM (NEW.proved_at, NEW.factor_id))
    EXECUTE FUNCTION session_changed();

-- What has to be renewed before somebody is signed in again.
ALTER TABLE users ADD COLUMN renew_password boolean NOT NULL DEFAULT false, ADD COLUMN renew_factor boolean NOT NULL DEFAULT false;

DROP TRIGGER users_feed ON users;
CREATE CONSTRAINT TRIGGER users_feed AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.uuid, OLD.username, OLD.name, OLD.email, OLD.path, OLD.type, OLD.is_active, OLD.password, OLD.attributes, OLD.session_generation, OLD.token_generation, OLD.renew_password, OLD.renew_factor)
        IS DISTINCT FROM (NEW.uuid, NEW.username, NEW.name, NEW.email, NEW.path, NEW.type, NEW.is_active, NEW.password, NEW.attributes, NEW.session_generation, NEW.token_generation, NEW.renew_password, NEW.renew_factor))
    EXECUTE FUNCTION user_changed();

-- Tokens that may do what asks people to prove once more who they are. Those there
-- are could do so before.
ALTER TABLE tokens ADD COLUMN step_up_exempt boolean NOT NULL DEFAULT true;
ALTER TABLE tokens ALTER COLUMN step_up_exempt SET DEFAULT false;
