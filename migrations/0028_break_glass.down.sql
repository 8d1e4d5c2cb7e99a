DROP TRIGGER tokens_locks ON tokens;
DROP TRIGGER roles_locks ON roles;
DROP TRIGGER groups_locks ON groups;
DROP TRIGGER users_locks ON users;
DROP FUNCTION locks_follow();
DROP INDEX locks_user_idx;
DROP TRIGGER settings_removed_feed ON settings;
DROP TRIGGER settings_feed ON settings;
CREATE CONSTRAINT TRIGGER settings_feed AFTER INSERT OR UPDATE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.name = 'cluster_auth_preference') EXECUTE FUNCTION setting_changed();
CREATE CONSTRAINT TRIGGER settings_removed_feed AFTER DELETE ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.name = 'cluster_auth_preference') EXECUTE FUNCTION setting_changed();
