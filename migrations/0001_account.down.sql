DROP VIEW superusers;
DROP FUNCTION user_groups(integer);
DROP TABLE group_users;
DROP TABLE group_parents;
DROP TABLE groups;
DROP TABLE users;
DROP FUNCTION fold(text);
DROP COLLATION folding;
