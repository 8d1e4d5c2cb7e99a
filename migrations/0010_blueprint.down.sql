DELETE FROM settings WHERE name = 'blueprints.discovered';
DROP TABLE blueprints;
