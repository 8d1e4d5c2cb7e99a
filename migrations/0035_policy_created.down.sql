ALTER TABLE policies DROP COLUMN created_at;
