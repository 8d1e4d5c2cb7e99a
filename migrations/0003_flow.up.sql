CREATE TABLE flows (
    id                 uuid CONSTRAINT flows_pkey PRIMARY KEY,
    name               text NOT NULL CONSTRAINT flows_name_blank CHECK (name <> ''),
    slug               text NOT NULL
                       CONSTRAINT flows_slug_key UNIQUE
                       CONSTRAINT flows_slug_form CHECK (slug ~ '^[-a-zA-Z0-9_]+$'),
    title              text NOT NULL DEFAULT '',
    designation        text NOT NULL,
    authentication     text NOT NULL DEFAULT 'none',
    denied_action      text NOT NULL DEFAULT 'message_continue',
    layout             text NOT NULL DEFAULT 'stacked',
    background         text NOT NULL DEFAULT '',
    compatibility_mode boolean NOT NULL DEFAULT false,
    policy_mode        text NOT NULL DEFAULT 'any'
                       CONSTRAINT flows_policy_mode_choice CHECK (policy_mode IN ('any', 'all')),
    updated_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What a stage does is in settings, the JSON of its kind's settings struct: a
-- new kind of stage needs no migration.
CREATE TABLE stages (
    id         uuid CONSTRAINT stages_pkey PRIMARY KEY,
    name       text NOT NULL
               CONSTRAINT stages_name_key UNIQUE
               CONSTRAINT stages_name_blank CHECK (name <> ''),
    kind       text NOT NULL CONSTRAINT stages_kind_blank CHECK (kind <> ''),
    settings   jsonb NOT NULL DEFAULT '{}'
               CONSTRAINT stages_settings_object CHECK (jsonb_typeof(settings) = 'object'),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX stages_kind_idx ON stages (kind);

CREATE TABLE flow_bindings (
    id                      uuid CONSTRAINT flow_bindings_pkey PRIMARY KEY,
    flow_id                 uuid NOT NULL CONSTRAINT flow_bindings_flow_fkey REFERENCES flows (id) ON DELETE CASCADE,
    stage_id                uuid NOT NULL CONSTRAINT flow_bindings_stage_fkey REFERENCES stages (id) ON DELETE CASCADE,
    ordinal                 integer NOT NULL,
    evaluate_on_plan        boolean NOT NULL DEFAULT false,
    re_evaluate_policies    boolean NOT NULL DEFAULT true,
    invalid_response_action text NOT NULL DEFAULT 'retry'
                            CONSTRAINT flow_bindings_action_choice
                            CHECK (invalid_response_action IN ('retry', 'restart', 'restart_with_context')),
    policy_mode             text NOT NULL DEFAULT 'any'
                            CONSTRAINT flow_bindings_policy_mode_choice CHECK (policy_mode IN ('any', 'all')),
    CONSTRAINT flow_bindings_order_key UNIQUE (flow_id, stage_id, ordinal)
);
CREATE INDEX flow_bindings_stage_idx ON flow_bindings (stage_id);

CREATE TABLE prompts (
    id                       uuid CONSTRAINT prompts_pkey PRIMARY KEY,
    name                     text NOT NULL
                             CONSTRAINT prompts_name_key UNIQUE
                             CONSTRAINT prompts_name_blank CHECK (name <> ''),
    field_key                text NOT NULL CONSTRAINT prompts_field_key_blank CHECK (field_key <> ''),
    label                    text NOT NULL DEFAULT '',
    type                     text NOT NULL,
    required                 boolean NOT NULL DEFAULT true,
    placeholder              text NOT NULL DEFAULT '',
    initial_value            text NOT NULL DEFAULT '',
    ordinal                  integer NOT NULL DEFAULT 0,
    sub_text                 text NOT NULL DEFAULT '',
    placeholder_expression   boolean NOT NULL DEFAULT false,
    initial_value_expression boolean NOT NULL DEFAULT false,
    updated_at               timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Flows under way: one per browser and flow. version rises with every save.
CREATE TABLE runs (
    id         uuid CONSTRAINT runs_pkey PRIMARY KEY,
    browser    bytea NOT NULL CONSTRAINT runs_browser_length CHECK (octet_length(browser) = 32),
    flow_id    uuid NOT NULL CONSTRAINT runs_flow_fkey REFERENCES flows (id) ON DELETE CASCADE,
    version    integer NOT NULL DEFAULT 1,
    state      jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT runs_browser_flow_key UNIQUE (browser, flow_id)
) WITH (fillfactor = 70);
CREATE INDEX runs_expires_at_idx ON runs (expires_at);
CREATE INDEX runs_flow_idx ON runs (flow_id);
