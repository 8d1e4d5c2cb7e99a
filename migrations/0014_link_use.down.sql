-- Every link serves once again: what is left of the others, too.
ALTER TABLE links DROP COLUMN single_use;
ALTER TABLE tokens DROP COLUMN single_use;
