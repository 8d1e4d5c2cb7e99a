DROP TRIGGER logout_notices_written ON logout_notices;
DROP FUNCTION logout_written();
