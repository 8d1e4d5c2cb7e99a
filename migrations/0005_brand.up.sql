CREATE TABLE brands (
    id                      uuid CONSTRAINT brands_pkey PRIMARY KEY,
    domain                  text NOT NULL CONSTRAINT brands_domain_blank CHECK (domain <> ''),
    is_default              boolean NOT NULL DEFAULT false,
    title                   text NOT NULL DEFAULT '',
    logo                    text NOT NULL DEFAULT '',
    favicon                 text NOT NULL DEFAULT '',
    custom_css              text NOT NULL DEFAULT '',
    default_flow_background text NOT NULL DEFAULT '',
    flow_authentication     uuid CONSTRAINT brands_flow_authentication_fkey REFERENCES flows (id) ON DELETE SET NULL,
    flow_invalidation       uuid CONSTRAINT brands_flow_invalidation_fkey REFERENCES flows (id) ON DELETE SET NULL,
    flow_recovery           uuid CONSTRAINT brands_flow_recovery_fkey REFERENCES flows (id) ON DELETE SET NULL,
    flow_unenrollment       uuid CONSTRAINT brands_flow_unenrollment_fkey REFERENCES flows (id) ON DELETE SET NULL,
    flow_user_settings      uuid CONSTRAINT brands_flow_user_settings_fkey REFERENCES flows (id) ON DELETE SET NULL,
    flow_device_code        uuid CONSTRAINT brands_flow_device_code_fkey REFERENCES flows (id) ON DELETE SET NULL,
    flow_lockdown           uuid CONSTRAINT brands_flow_lockdown_fkey REFERENCES flows (id) ON DELETE SET NULL,
    attributes              jsonb NOT NULL DEFAULT '{}'
                            CONSTRAINT brands_attributes_object CHECK (jsonb_typeof(attributes) = 'object')
);
CREATE UNIQUE INDEX brands_domain_key ON brands (fold(domain));
CREATE UNIQUE INDEX brands_default_key ON brands (is_default) WHERE is_default;

-- Small values of the installation by name.
CREATE TABLE settings (
    name       text CONSTRAINT settings_pkey PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
