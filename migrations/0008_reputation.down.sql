DROP TABLE reputations;
