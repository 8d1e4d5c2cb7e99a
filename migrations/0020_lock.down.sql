DROP TRIGGER settings_removed_feed ON settings;
DROP TRIGGER settings_feed ON settings;
DROP FUNCTION setting_changed();
DROP TABLE role_groups, role_users, roles, locks;
DROP FUNCTION role_changed();
DROP FUNCTION lock_changed();
DROP FUNCTION append_change(text, text, bytea, jsonb);
CREATE FUNCTION append_change(changed text, which text, known_by bytea DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7305436421);
    INSERT INTO changes (seq, kind, subject, digest) VALUES (nextval('changes_seq'), changed, which, known_by) RETURNING seq INTO number;
    PERFORM pg_notify('portcullis_changes', '');
    RAISE NOTICE USING ERRCODE = 'PC001', MESSAGE = number::text;
END
$$;
ALTER TABLE changes DROP COLUMN payload;
