DROP TRIGGER lockdowns_recorded ON lockdowns;
DROP TRIGGER sessions_over ON sessions;
DROP TRIGGER users_deleted ON users;
DROP TRIGGER users_closed ON users;
DROP FUNCTION lockdown_recorded(), session_over(), account_closed(), tell_applications(integer, text, uuid, bigint, bigint, text);
DROP TABLE logout_notices, signing_keys, oauth_devices, oauth_requests, oauth_codes, oauth_tokens, oauth_grants;
