-- When a policy was made, for lists by that time. Of those that are there
-- already, only the last change is known; the keys that the server chose begin
-- with the time they were made (UUID version 7).
ALTER TABLE policies ADD COLUMN created_at timestamptz NOT NULL DEFAULT clock_timestamp();
UPDATE policies SET created_at = CASE
    WHEN substr(id::text, 15, 1) = '7'
    THEN least(updated_at, to_timestamp(('x' || lpad(substr(replace(id::text, '-', ''), 1, 12), 16, '0'))::bit(64)::bigint / 1000.0))
    ELSE updated_at END;
