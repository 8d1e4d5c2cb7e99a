DROP TABLE restore_acts;
ALTER TABLE lockdowns DROP COLUMN suspected_at, DROP COLUMN closed_at, DROP COLUMN closed_by_name;
