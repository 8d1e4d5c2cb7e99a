ALTER TABLE tokens DROP COLUMN step_up_exempt;
DROP TRIGGER users_feed ON users;
CREATE CONSTRAINT TRIGGER users_feed AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.uuid, OLD.username, OLD.name, OLD.email, OLD.path, OLD.type, OLD.is_active, OLD.password, OLD.attributes, OLD.session_generation, OLD.token_generation)
        IS DISTINCT FROM (NEW.uuid, NEW.username, NEW.name, NEW.email, NEW.path, NEW.type, NEW.is_active, NEW.password, NEW.attributes, NEW.session_generation, NEW.token_generation))
    EXECUTE FUNCTION user_changed();
ALTER TABLE users DROP COLUMN renew_password, DROP COLUMN renew_factor;
DROP TRIGGER sessions_proved_feed ON sessions;
ALTER TABLE sessions DROP COLUMN factor_id, DROP COLUMN proved_at;
DROP TABLE factor_proofs;
DROP TABLE factor_codes;
DROP TABLE factors;
