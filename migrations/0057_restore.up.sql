-- How far the restore of an account has come is part of the record of its lockdown:
-- since when somebody else may have acted as it, what was done, and when nothing was left.
ALTER TABLE lockdowns
    ADD COLUMN suspected_at   timestamptz, -- NULL = nobody said
    ADD COLUMN closed_at      timestamptz, -- NULL = there are steps left
    ADD COLUMN closed_by_name text NOT NULL DEFAULT '';

CREATE TABLE restore_acts (
    id          uuid CONSTRAINT restore_acts_pkey PRIMARY KEY,
    lockdown_id uuid NOT NULL CONSTRAINT restore_acts_lockdown_fkey REFERENCES lockdowns (id) ON DELETE CASCADE,
    step        text NOT NULL CONSTRAINT restore_acts_step CHECK (step IN ('activate', 'password', 'factors', 'changes', 'renew', 'tell')),
    deed        text NOT NULL,
    note        text NOT NULL DEFAULT '',
    facts       jsonb NOT NULL DEFAULT '{}', -- what identifies it, without secrets
    actor_id    integer CONSTRAINT restore_acts_actor_fkey REFERENCES users (id) ON DELETE SET NULL,
    actor_name  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX restore_acts_lockdown_idx ON restore_acts (lockdown_id, created_at, id);
CREATE INDEX restore_acts_actor_idx ON restore_acts (actor_id) WHERE actor_id IS NOT NULL;

-- What was done stays written.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'portcullis_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON restore_acts FROM portcullis_app;
    END IF;
END
$$;
