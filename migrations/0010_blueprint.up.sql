-- Blueprints that are kept applied: a file of the server's disk (path), or text
-- of their own (content).
CREATE TABLE blueprints (
    id             uuid CONSTRAINT blueprints_pkey PRIMARY KEY,
    name           text NOT NULL CONSTRAINT blueprints_name_blank CHECK (name <> ''),
    path           text NOT NULL DEFAULT '', -- below one of the directories, with slashes
    content        text NOT NULL DEFAULT '',
    context        jsonb NOT NULL DEFAULT '{}'
                   CONSTRAINT blueprints_context_object CHECK (jsonb_typeof(context) = 'object'),
    enabled        boolean NOT NULL DEFAULT true,
    shipped        boolean NOT NULL DEFAULT false, -- what was last looked at came with the product itself
    status         text NOT NULL DEFAULT 'unknown'
                   CONSTRAINT blueprints_status_choice CHECK (status IN ('successful', 'warning', 'error', 'orphaned', 'unknown')),
    applied_at     timestamptz,              -- NULL = never
    applied_hash   text NOT NULL DEFAULT '', -- SHA-512 in hexadecimal of what was applied
    tried_at       timestamptz,              -- the last attempt, whatever came of it
    tried_hash     text NOT NULL DEFAULT '',
    managed_models text[] NOT NULL DEFAULT '{}',
    metadata       jsonb NOT NULL DEFAULT '{}',
    problems       jsonb NOT NULL DEFAULT '[]', -- of the last attempt
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT blueprints_name_key UNIQUE (name),
    CONSTRAINT blueprints_one_source CHECK ((path = '') <> (content = ''))
);
CREATE INDEX blueprints_path_idx ON blueprints (path) WHERE path <> '';
