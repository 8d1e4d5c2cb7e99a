-- How attempts to sign in went: a score for each pair of account and address.
-- A row counts until it expires; the purge job removes it then.
CREATE TABLE reputations (
    id         uuid CONSTRAINT reputations_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    identifier text NOT NULL DEFAULT '', -- the username; '' = no account was met
    ip         inet,                     -- NULL = unknown
    score      integer NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT reputations_identifier_key UNIQUE NULLS NOT DISTINCT (identifier, ip)
);
CREATE INDEX reputations_ip_idx ON reputations (ip) WHERE ip IS NOT NULL;
