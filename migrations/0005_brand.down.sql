DROP TABLE settings;
DROP TABLE brands;
