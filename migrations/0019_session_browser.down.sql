ALTER TABLE sessions DROP COLUMN until_closed;
