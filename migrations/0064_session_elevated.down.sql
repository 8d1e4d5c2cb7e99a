ALTER TABLE sessions DROP COLUMN elevated;
