-- Links that somebody asked to be sent by mail. There is no key here: it is made
-- when the mail is sent, and tokens keep its digest. state is what the flow goes
-- on with, without passwords.
CREATE TABLE links (
    id                 uuid CONSTRAINT links_pkey PRIMARY KEY,
    user_id            integer CONSTRAINT links_user_fkey REFERENCES users (id) ON DELETE CASCADE, -- NULL = nobody: never sent
    run_id             uuid NOT NULL,
    flow_id            uuid NOT NULL CONSTRAINT links_flow_fkey REFERENCES flows (id) ON DELETE CASCADE,
    stage_id           uuid NOT NULL CONSTRAINT links_stage_fkey REFERENCES stages (id) ON DELETE CASCADE,
    brand_id           uuid CONSTRAINT links_brand_fkey REFERENCES brands (id) ON DELETE SET NULL,
    token_id           uuid
                       CONSTRAINT links_token_key UNIQUE
                       CONSTRAINT links_token_fkey REFERENCES tokens (id) ON DELETE SET NULL,
    intent             text NOT NULL CONSTRAINT links_intent_choice CHECK (intent IN ('recovery', 'verification')),
    session_generation bigint NOT NULL DEFAULT 0,
    token_generation   bigint NOT NULL DEFAULT 0,
    confirms           boolean NOT NULL DEFAULT false,
    state              jsonb NOT NULL DEFAULT '{}',
    address            text NOT NULL DEFAULT '',
    lifetime           bigint NOT NULL CONSTRAINT links_lifetime_positive CHECK (lifetime > 0), -- seconds
    client_ip          inet,
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at         timestamptz NOT NULL,
    sent_at            timestamptz
);
CREATE INDEX links_user_idx ON links (user_id, created_at);
CREATE INDEX links_run_idx ON links (run_id, created_at);
CREATE INDEX links_expires_at_idx ON links (expires_at);
CREATE INDEX links_flow_idx ON links (flow_id);
CREATE INDEX links_stage_idx ON links (stage_id);
CREATE INDEX links_brand_idx ON links (brand_id);
