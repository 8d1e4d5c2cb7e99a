DROP TRIGGER settings_feed ON settings;
DROP TRIGGER settings_removed_feed ON settings;
CREATE CONSTRAINT TRIGGER settings_feed AFTER INSERT OR UPDATE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.name IN ('cluster_auth_preference', 'break_glass')) EXECUTE FUNCTION setting_changed();
CREATE CONSTRAINT TRIGGER settings_removed_feed AFTER DELETE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.name IN ('cluster_auth_preference', 'break_glass')) EXECUTE FUNCTION setting_changed();
DELETE FROM settings WHERE name LIKE 'security.%';
DROP TRIGGER users_lockouts ON users;
DROP FUNCTION user_forgotten();
DROP TABLE lockouts;
DROP FUNCTION lockout_changed();
DROP TABLE standings;
DELETE FROM changes WHERE kind = 'lockout';
