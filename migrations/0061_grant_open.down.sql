ALTER TABLE oauth_grants DROP COLUMN open_until;
